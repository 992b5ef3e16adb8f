/** Further tries of the same target: off unless configured, jittered, and within a budget so that they never amplify. */

import type { Target } from "../access/policy.ts";
import type { GatewayError } from "../errors.ts";

export interface RetryBudget {
  /** A request goes to the target: it earns a tenth of a retry. */
  earn(target: string): void;
  /** Takes one retry, if there is one. */
  spend(target: string, now: number): boolean;
  /** Forgets all targets but these. */
  keep(targets: readonly Target[]): void;
}

/** In tenths of a retry: whole numbers add up. */
const COST = 10;
const CAP = 100;
/** An idle system earns nothing; one retry in so many milliseconds is always granted. */
const FLOOR_MS = 10_000;

/** One bucket for each target: at 100 % failure a target sees about 1.1 times the requests. */
export function createRetryBudget(): RetryBudget {
  const buckets = new Map<string, { credit: number; grantedAt: number }>();
  const bucketOf = (target: string) => {
    const known = buckets.get(target);
    if (known) return known;
    const fresh = { credit: 0, grantedAt: -Infinity };
    buckets.set(target, fresh);
    return fresh;
  };
  return {
    earn: (target) => {
      const bucket = bucketOf(target);
      bucket.credit = Math.min(CAP, bucket.credit + 1);
    },
    spend: (target, now) => {
      const bucket = bucketOf(target);
      if (bucket.credit >= COST) {
        bucket.credit -= COST;
        return true;
      }
      if (now - bucket.grantedAt < FLOOR_MS) return false;
      bucket.grantedAt = now;
      return true;
    },
    keep: (targets) => {
      const ids = new Set(targets.map(({ id }) => id));
      for (const id of buckets.keys()) if (!ids.has(id)) buckets.delete(id);
    },
  };
}

/** A provider that asks for more patience than this, in seconds, is left for the next target. */
const MAX_WAIT = 5;

/**
 * Milliseconds to wait before the same target is tried again; undefined if it should not be.
 * @param tries tries so far, at least 1
 * @param random a number in [0, 1)
 */
export function retryDelay(error: GatewayError, tries: number, random: number): number | undefined {
  const again = error.failure === "connect" || error.failure === "invalid" || error.status === 408 ||
    error.status === 409 || error.status === 429 || error.status >= 500;
  // What timed out once has cost enough; a refused key or an exhausted quota stays refused.
  if (!again || error.failure === "timeout" || error.final || error.kind === "quota") return undefined;
  if (error.retryAfter !== undefined) {
    return error.retryAfter <= MAX_WAIT ? error.retryAfter * 1000 : undefined;
  }
  return random * Math.min(2000, 250 * 2 ** (tries - 1));
}
