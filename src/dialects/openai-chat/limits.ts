/** Rate limits as this API's headers say them; times to a reset are durations such as `6m0s` or `120ms`. */

import type { HeaderRecord, LimitHeaders, RateLimit, RateLimits } from "../dialect.ts";

export const limitHeaders: LimitHeaders = {
  read: (headers) => ({ ...readLimit(headers, "requests"), ...readLimit(headers, "tokens") }),
  write: ({ requests, tokens }) =>
    Object.fromEntries([...writeLimit("requests", requests), ...writeLimit("tokens", tokens)]),
};

type Counted = keyof RateLimits;

function readLimit(headers: HeaderRecord, counted: Counted): RateLimits {
  const limit = readCount(headers[`x-ratelimit-limit-${counted}`]);
  const remaining = readCount(headers[`x-ratelimit-remaining-${counted}`]);
  const reset = readDuration(headers[`x-ratelimit-reset-${counted}`]);
  const found: RateLimit = {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(reset !== undefined && { reset }),
  };
  return Object.keys(found).length === 0 ? {} : { [counted]: found };
}

function writeLimit(counted: Counted, limit: RateLimit | undefined): [string, string][] {
  if (!limit) return [];
  const values = {
    limit: limit.limit?.toString(),
    remaining: limit.remaining?.toString(),
    reset: limit.reset === undefined ? undefined : writeDuration(limit.reset),
  };
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[`x-ratelimit-${name}-${counted}`, value]]
  );
}

function readCount(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

const UNITS: ReadonlyMap<string, number> = new Map([["d", 86400], ["h", 3600], ["m", 60], ["s", 1], [
  "ms",
  0.001,
]]);

/** Seconds of a duration; a number without a unit is seconds. */
function readDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(d|h|ms|m|s))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(d|h|ms|m|s)/g)) {
    seconds += Number(count) * (UNITS.get(unit ?? "") ?? 0);
  }
  return seconds;
}

/** Milliseconds below a second, whole seconds above, rounded up: nobody comes back too early. */
function writeDuration(seconds: number): string {
  if (seconds <= 0) return "0ms";
  if (seconds < 1) return `${Math.ceil(seconds * 1000)}ms`;
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return [hours > 0 && `${hours}h`, (hours > 0 || minutes > 0) && `${minutes}m`, `${whole % 60}s`]
    .filter((part) => part !== false).join("");
}
