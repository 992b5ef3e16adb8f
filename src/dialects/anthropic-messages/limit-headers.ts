/** Rate-limit headers of the Messages API (https://platform.claude.com/docs/en/api/rate-limits). */

import type { HeaderRecord, LimitHeaders, RateLimit, RateLimits } from "../dialect.ts";

const PREFIX = "anthropic-ratelimit";
const [REQUESTS, TOKENS, INPUT_TOKENS] = [namesOf("requests"), namesOf("tokens"), namesOf("input-tokens")];

/**
 * Resets are times of day on the wire: reading takes them relative to `now`, and writing, which knows no time, leaves
 * them out. `tokens` is the most restrictive of the token limits; where it is missing, that of input tokens.
 */
export const limitHeaders: LimitHeaders = {
  read(headers, now): RateLimits {
    const requests = readLimit(headers, REQUESTS, now);
    const tokens = readLimit(headers, TOKENS, now) ?? readLimit(headers, INPUT_TOKENS, now);
    return { ...(requests && { requests }), ...(tokens && { tokens }) };
  },
  write(limits) {
    return Object.fromEntries([
      ...writeLimit("requests", limits.requests),
      ...writeLimit("tokens", limits.tokens),
    ]);
  },
};

interface Names {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

function namesOf(what: string): Names {
  return {
    limit: `${PREFIX}-${what}-limit`,
    remaining: `${PREFIX}-${what}-remaining`,
    reset: `${PREFIX}-${what}-reset`,
  };
}

function readLimit(headers: HeaderRecord, names: Names, now: number): RateLimit | undefined {
  const limit = readCount(headers[names.limit]);
  const remaining = readCount(headers[names.remaining]);
  const reset = readSeconds(headers[names.reset], now);
  if (limit === undefined && remaining === undefined && reset === undefined) return undefined;
  return {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(reset !== undefined && { reset }),
  };
}

function readCount(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function readSeconds(value: string | undefined, now: number): number | undefined {
  const time = value === undefined ? NaN : Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, (time - now) / 1000);
}

function writeLimit(name: string, { limit, remaining }: RateLimit = {}): [string, string][] {
  return [
    ...(limit === undefined ? [] : [[`${PREFIX}-${name}-limit`, String(limit)]] satisfies [string, string][]),
    ...(remaining === undefined
      ? []
      : [[`${PREFIX}-${name}-remaining`, String(remaining)]] satisfies [string, string][]),
  ];
}
