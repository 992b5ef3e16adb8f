/** What happened in the last half a minute, by the second; and counts by name. */

const WINDOW_SECONDS = 30;

export interface Second {
  readonly second: number;
  requests: number;
  failures: number;
}

/** One request more in the current second; what is too old is forgotten. @returns that second */
export function addRequest(window: Second[], now: number): Second {
  const second = Math.floor(now / 1000);
  let current = window.at(-1);
  if (current?.second !== second) {
    while (window[0] && window[0].second <= second - WINDOW_SECONDS) window.shift();
    current = { second, requests: 0, failures: 0 };
    window.push(current);
  }
  current.requests++;
  return current;
}

export function total(window: readonly Second[]): { requests: number; failures: number } {
  let [requests, failures] = [0, 0];
  for (const one of window) {
    requests += one.requests;
    failures += one.failures;
  }
  return { requests, failures };
}

/** One more of a name: names are those of configured targets. */
export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
