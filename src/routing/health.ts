/**
 * Which targets are worth a try, learned from real traffic alone. A target that keeps failing cools down and is
 * passed over; one real request is the probe that brings it back. Time and chance are handed in.
 */

import type { Target } from "../access/policy.ts";
import { type Failure, type GatewayError, isUpstreams } from "../errors.ts";

/** Milliseconds of a clock that only grows. */
type Instant = number;

export interface Health {
  /** When the target may be tried: an instant at or before `now` if it may at once. */
  readyAt(target: Target, now: Instant): Instant;
  /** The failure for which the target is passed over, or was the last time. */
  reason(target: Target, now: Instant): Failure | undefined;
  /** A request goes to the target: a cooled-down one lets only few through until one of them succeeds. */
  begin(target: Target): void;
  /** The request's end; without an error it was answered. `left`: the client went before anything was known. */
  end(target: Target, now: Instant, result: "answered" | "left" | GatewayError): void;
  /** What was learned of a provider's targets and key is out of date. */
  forget(provider: string): void;
}

export interface HealthOptions {
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told each change of state, for the log; an alarm is what does not pass by itself. */
  readonly onChange: (change: string, alarm: boolean) => void;
}

const WINDOW_SECONDS = 30;
const MIN_REQUESTS = 10;
const MAX_CONSECUTIVE = 5;
const FIRST_COOLING_MS = 5_000;
const MAX_COOLING_MS = 60_000;
const CREDENTIAL_COOLING_MS = 300_000;
const DEFAULT_WAIT_MS = 1_000;
/** How many requests a target gets at once while it comes back, and how many of them must succeed, step by step. */
const PROBES = [1, 3] as const;
/** Then its share grows from the first one to all of them. */
const SLOW_START_MS = 30_000;
const FIRST_SHARE = 0.1;

interface State {
  /** What happened in each of the last seconds that had requests. */
  window: Second[];
  consecutive: number;
  /** Passed over until then, for its failures. */
  coolUntil: Instant;
  /** Not to be tried before: what the provider asked for. */
  waitUntil: Instant;
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

/** A provider's key that was refused. */
interface Refused {
  readonly until: Instant;
  readonly failure: Failure;
}

interface Second {
  readonly second: number;
  requests: number;
  failures: number;
}

export function createHealth({ random, onChange }: HealthOptions): Health {
  /** By the target's id. */
  const states = new Map<string, State>();
  /** By the provider's name. */
  const keys = new Map<string, Refused>();

  const stateOf = (id: string): State => {
    const known = states.get(id);
    if (known) return known;
    const fresh = freshState();
    states.set(id, fresh);
    return fresh;
  };

  const open = (id: string, state: State, now: Instant, failure: Failure, why: string) => {
    // A sixth of the outage so far: short outages are left soon, long ones are not hammered.
    const outage = now - (state.downSince ??= now);
    const cooling = Math.min(Math.max(outage / 6, FIRST_COOLING_MS), MAX_COOLING_MS) * (1 - random() / 5);
    state.coolUntil = now + cooling;
    state.reason = failure;
    state.probing = 0;
    state.passed = 0;
    state.window = [];
    state.consecutive = 0;
    // What still hangs from before shall not stand in the way of the probe.
    state.running = 0;
    onChange(`${id} is passed over for ${(cooling / 1000).toFixed(1)} s: ${why}`, false);
  };

  const failed = (id: string, state: State, now: Instant, error: GatewayError) => {
    const why = error.detail ?? error.failure;
    if (state.probing !== undefined) {
      // While it cools down, it is asked only as the last that was left, or was before: nothing new is learned.
      if (now >= state.coolUntil) open(id, state, now, error.failure, `probe failed (${why})`);
      return;
    }
    state.consecutive++;
    secondOf(state, now).failures++;
    const { requests, failures } = total(state);
    if (error.detail === "connect-timeout") open(id, state, now, error.failure, "no connection in time");
    else if (state.consecutive >= MAX_CONSECUTIVE) {
      open(id, state, now, error.failure, `${MAX_CONSECUTIVE} failures in a row (${why})`);
    } else if (requests >= MIN_REQUESTS && failures * 2 >= requests) {
      open(id, state, now, error.failure, `${failures} of ${requests} requests failed (${why})`);
    }
  };

  const answered = (id: string, state: State, now: Instant) => {
    state.consecutive = 0;
    if (state.probing === undefined) return void secondOf(state, now);
    state.coolUntil = -Infinity;
    if (++state.passed < (PROBES[state.probing] ?? 1)) return;
    state.passed = 0;
    state.probing = state.probing + 1 < PROBES.length ? state.probing + 1 : undefined;
    if (state.probing === undefined) {
      state.downSince = undefined;
      state.upSince = now;
      onChange(`${id} is up again`, false);
    }
  };

  const refused = (target: Target, now: Instant, error: GatewayError) => {
    const { name } = target.upstream;
    if ((keys.get(name)?.until ?? -Infinity) <= now) {
      onChange(`${name} is passed over for 300 s: its key was refused (${error.failure})`, true);
    }
    keys.set(name, { until: now + CREDENTIAL_COOLING_MS, failure: error.failure });
  };

  /** While it comes back, a growing part of the requests goes to it: what has just recovered is not flooded at once. */
  const sitsOut = ({ upSince }: State, now: Instant): boolean =>
    upSince !== undefined && now - upSince < SLOW_START_MS &&
    random() >= Math.max(FIRST_SHARE, (now - upSince) / SLOW_START_MS);

  return {
    readyAt: (target, now) => {
      const state = states.get(target.id);
      const refusedUntil = keys.get(target.upstream.name)?.until ?? -Infinity;
      if (!state) return refusedUntil;
      const notBefore = Math.max(state.coolUntil, state.waitUntil, refusedUntil);
      const full = state.probing !== undefined && state.running >= (PROBES[state.probing] ?? 1);
      return full || sitsOut(state, now) ? Math.max(notBefore, now + DEFAULT_WAIT_MS) : notBefore;
    },
    reason: (target, now) => {
      const key = keys.get(target.upstream.name);
      return key && key.until > now ? key.failure : states.get(target.id)?.reason;
    },
    begin: (target) => {
      stateOf(target.id).running++;
    },
    end: (target, now, result) => {
      const { id } = target;
      const state = stateOf(id);
      state.running = Math.max(0, state.running - 1);
      if (result === "left") return;
      if (result === "answered") return answered(id, state, now);
      const verdict = judgeHealth(result);
      if (verdict === "busy" || (verdict === "failed" && result.retryAfter !== undefined)) {
        const wait = Math.min((result.retryAfter ?? DEFAULT_WAIT_MS / 1000) * 1000, MAX_COOLING_MS);
        state.waitUntil = Math.max(state.waitUntil, now + wait);
        state.reason = result.failure;
      }
      if (verdict === "failed") failed(id, state, now, result);
      else if (verdict === "credential") refused(target, now, result);
      // A refusal of the request says nothing for or against the target, but that one which was down is there again.
      else if (verdict === "alive" && state.probing !== undefined) answered(id, state, now);
    },
    forget: (provider) => {
      keys.delete(provider);
      for (const id of states.keys()) if (id.startsWith(`${provider}/`)) states.delete(id);
    },
  };
}

function freshState(): State {
  return {
    window: [],
    consecutive: 0,
    coolUntil: -Infinity,
    waitUntil: -Infinity,
    reason: undefined,
    downSince: undefined,
    probing: undefined,
    upSince: undefined,
    passed: 0,
    running: 0,
  };
}

/** The second that it is, one request more in it; what is too old is forgotten. */
function secondOf({ window }: State, now: Instant): Second {
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

function total({ window }: State): { requests: number; failures: number } {
  let [requests, failures] = [0, 0];
  for (const one of window) {
    requests += one.requests;
    failures += one.failures;
  }
  return { requests, failures };
}

type Verdict = "failed" | "busy" | "credential" | "alive" | "ours";

/** Statuses below 500 that are not the caller's fault. */
const FAILED_STATUSES: ReadonlySet<number> = new Set([404, 408, 409]);

/** What an error says of its target. */
function judgeHealth(error: GatewayError): Verdict {
  const { kind, failure } = error;
  // A client that left, our own limits and our own faults say nothing of a provider.
  if (!isUpstreams(error)) return "ours";
  if (kind === "authentication" || kind === "permission" || kind === "quota" || /^40[123]$/.test(failure)) {
    return "credential";
  }
  const busy = kind === "rate-limit" || kind === "overloaded" || failure === "429" || failure === "529";
  // A 503 says more often that a service is down than that it has too much to do.
  if (busy && error.upstream?.status !== 503) return "busy";
  if (failure === "connect" || failure === "timeout" || failure === "invalid") return "failed";
  return error.status >= 500 || FAILED_STATUSES.has(error.status) ? "failed" : "alive";
}
