/** What is known of the health of one target. */

import type { Failure } from "../errors.ts";
import type { Second } from "./recent.ts";

/** Milliseconds of a clock that only grows. */
export type Instant = number;

export interface State {
  readonly provider: string;
  /** What happened in each of the last seconds that had requests. */
  window: Second[];
  consecutive: number;
  /** The user of all failures in a row, if none of them is clear: they may come of what that user asks for. */
  lone: string | undefined;
  /** The user for whom alone the target is passed over, and until when. */
  shunned: { readonly user: string; readonly until: Instant } | undefined;
  shunTold: Instant;
  /** When the first of the failures in a row, or of the outage, was. */
  failingSince: Instant;
  /** Requests that other targets answered since then, by their ids. */
  moved: Map<string, number>;
  /** Passed over until then, for its failures. */
  coolUntil: Instant;
  /** Not to be tried before: what the provider asked for. */
  waitUntil: Instant;
  waitTold: Instant;
  /** The last failure that led to one of the two. */
  reason: Failure | undefined;
  /** When the outage began; undefined while the target is up. */
  downSince: Instant | undefined;
  /** Index into `PROBES` while the target comes back. */
  probing: number | undefined;
  /** When it came back: from then on it gets its share of the requests again, little by little. */
  upSince: Instant | undefined;
  /** Successes in this step of coming back. */
  passed: number;
  running: number;
}

export function freshState(provider: string): State {
  return {
    provider,
    window: [],
    consecutive: 0,
    lone: undefined,
    shunned: undefined,
    shunTold: -Infinity,
    failingSince: -Infinity,
    moved: new Map(),
    coolUntil: -Infinity,
    waitUntil: -Infinity,
    waitTold: -Infinity,
    reason: undefined,
    downSince: undefined,
    probing: undefined,
    upSince: undefined,
    passed: 0,
    running: 0,
  };
}
