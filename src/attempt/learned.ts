/**
 * What models were found to refuse, whatever is known of them otherwise: learned from an upstream's 400, so that the
 * next request does without at once. Forgotten after a day, for models change.
 */

export interface Learned {
  /** What the model at the provider refuses. */
  refuses(provider: string, model: string): ReadonlySet<string>;
  add(provider: string, model: string, refuses: string): void;
}

const KEPT_MS = 24 * 60 * 60 * 1000;
const NOTHING: ReadonlySet<string> = new Set();

/** @param clock milliseconds that only grow */
export function createLearned(clock: () => number): Learned {
  const found = new Map<string, Map<string, number>>();
  const keyOf = (provider: string, model: string) => JSON.stringify([provider, model]);
  return {
    refuses: (provider, model) => {
      const entries = found.size === 0 ? undefined : found.get(keyOf(provider, model));
      if (!entries) return NOTHING;
      const now = clock();
      return new Set([...entries].filter(([, until]) => until > now).map(([name]) => name));
    },
    add: (provider, model, refuses) => {
      const key = keyOf(provider, model);
      const entries = found.get(key) ?? new Map<string, number>();
      found.set(key, entries.set(refuses, clock() + KEPT_MS));
    },
  };
}
