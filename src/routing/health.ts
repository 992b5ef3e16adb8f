/**
 * Which targets are worth a try, learned from real traffic alone. A target that keeps failing cools down and is
 * passed over; one real request is the probe that brings it back. Time and chance are handed in.
 */

import type { Target } from "../access/policy.ts";
import type { Failure, GatewayError } from "../errors.ts";
import { createCredentials, type Credential } from "./credentials.ts";
import type { DownCause, HealthChange } from "./health-change.ts";
import { addRequest, count, total } from "./recent.ts";
import { freshState, type Instant, type State } from "./state.ts";
import { judgeHealth } from "./verdict.ts";

export interface Health {
  /** When the target may be tried for a user: an instant at or before `now` if it may at once. */
  readyAt(target: Target, now: Instant, user: string): Instant;
  /** The failure for which the target is passed over, or was the last time. */
  reason(target: Target, now: Instant): Failure | undefined;
  /** A request of a user's goes to the target: a cooled-down one lets only few through until one of them succeeds. */
  begin(target: Target, user: string): Trial;
  /** A request for the target was answered by another one. */
  moved(target: Target, to: Target, now: Instant): void;
  /** What was learned of a provider's targets and credential is out of date. */
  forget(provider: string): void;
  /** Forgets all targets but these, and what is not theirs. */
  keep(targets: readonly Target[]): void;
}

/** One request at one target. It tells what was known of the target when it began, not what a reload made of it. */
export interface Trial {
  /**
   * How the request ended; told again when an answer breaks off behind its beginning. `unknown`: the client went before
   * anything was known, or nothing was sent.
   */
  end(now: Instant, result: "answered" | "unknown" | GatewayError): void;
}

export interface HealthOptions {
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told each change of state, for the log. */
  readonly onChange: (change: HealthChange) => void;
}

const MIN_REQUESTS = 10;
const MAX_CONSECUTIVE = 5;
const FIRST_COOLING_MS = 5_000;
const MAX_COOLING_MS = 60_000;
const DEFAULT_WAIT_MS = 1_000;
/** A provider may ask for patience again and again: one line in so much time is enough. */
const TOLD_EVERY_MS = 60_000;
/** How many requests a target gets at once while it comes back, and how many of them must succeed, step by step. */
const PROBES = [1, 3] as const;
/** Then its share grows from the first one to all of them. */
const SLOW_START_MS = 30_000;
const FIRST_SHARE = 0.1;

export function createHealth({ random, onChange }: HealthOptions): Health {
  /** By the target's id. */
  const states = new Map<string, State>();
  const credentials = createCredentials(onChange);

  const stateOf = ({ id, upstream }: Target): State => {
    const known = states.get(id);
    if (known) return known;
    const fresh = freshState(upstream.name);
    states.set(id, fresh);
    return fresh;
  };

  /** @param shortest it is not clear whether the target is down: it is tried again soon, however often that happens */
  const open = (
    id: string,
    state: State,
    now: Instant,
    error: GatewayError,
    cause: DownCause,
    shortest = false,
  ) => {
    const again = state.downSince !== undefined;
    // A sixth of the outage so far: short outages are left soon, long ones are not hammered.
    const outage = now - (state.downSince ??= now);
    const longest = shortest ? FIRST_COOLING_MS : MAX_COOLING_MS;
    const cooling = Math.min(Math.max(outage / 6, FIRST_COOLING_MS), longest) * (1 - random() / 5);
    state.coolUntil = now + cooling;
    state.reason = error.failure;
    state.probing = 0;
    state.passed = 0;
    state.window = [];
    state.consecutive = 0;
    // What still hangs from before shall not stand in the way of the probe.
    state.running = 0;
    const { failure, said, detail } = error;
    onChange({
      kind: "target_down",
      target: id,
      ms: cooling,
      cause,
      failure,
      said,
      detail,
      again,
      user: undefined,
    });
  };

  /** What is not clear, and happened to one user alone, takes the target from no other. */
  const shun = (id: string, state: State, now: Instant, error: GatewayError, user: string) => {
    const ms = FIRST_COOLING_MS * (1 - random() / 5);
    const again = now - state.shunTold < TOLD_EVERY_MS;
    if (!again) state.shunTold = now;
    state.shunned = { user, until: now + ms };
    state.reason = error.failure;
    state.consecutive = 0;
    const { failure, said, detail } = error;
    const cause = { kind: "row", count: MAX_CONSECUTIVE } as const;
    onChange({ kind: "target_down", target: id, ms, cause, failure, said, detail, again, user });
  };

  const failed = (
    id: string,
    state: State,
    now: Instant,
    error: GatewayError,
    user: string,
    shortest: boolean,
  ) => {
    if (state.probing !== undefined) {
      // While it cools down, it is asked only as the last that was left, or was before: nothing new is learned.
      if (now >= state.coolUntil) open(id, state, now, error, { kind: "probe" }, shortest);
      return;
    }
    const unclear = shortest ? user : undefined;
    if (state.consecutive++ === 0) {
      state.failingSince = now;
      state.lone = unclear;
    } else if (state.lone !== unclear) state.lone = undefined;
    const second = addRequest(state.window, now);
    if (!shortest) second.failures++;
    const { requests, failures } = total(state.window);
    if (error.detail === "connect-timeout") open(id, state, now, error, { kind: "no-connection" });
    else if (state.consecutive >= MAX_CONSECUTIVE && state.lone !== undefined) {
      shun(id, state, now, error, state.lone);
    } else if (state.consecutive >= MAX_CONSECUTIVE) {
      open(id, state, now, error, { kind: "row", count: MAX_CONSECUTIVE }, shortest);
    } else if (requests >= MIN_REQUESTS && failures * 2 >= requests) {
      open(id, state, now, error, { kind: "share", failures, requests }, shortest);
    }
  };

  const refusedModel = (id: string, state: State, now: Instant, error: GatewayError) => {
    if (state.probing !== undefined && now < state.coolUntil) return;
    if (state.downSince === undefined) state.failingSince = now;
    open(id, state, now, error, { kind: "model" });
  };

  const answered = (id: string, state: State, now: Instant) => {
    state.consecutive = 0;
    if (state.probing === undefined) {
      if (state.moved.size > 0) state.moved = new Map();
      addRequest(state.window, now);
      return;
    }
    state.coolUntil = -Infinity;
    if (++state.passed < (PROBES[state.probing] ?? 1)) return;
    state.passed = 0;
    state.probing = state.probing + 1 < PROBES.length ? state.probing + 1 : undefined;
    if (state.probing !== undefined) return;
    const { failingSince, moved, reason } = state;
    state.downSince = undefined;
    state.upSince = now;
    state.moved = new Map();
    onChange({ kind: "target_up", target: id, ms: now - failingSince, failure: reason, moved });
  };

  /** The provider asks for patience, or has too much to do. */
  const wait = (id: string, state: State, now: Instant, { failure, retryAfter }: GatewayError) => {
    const ms = Math.min((retryAfter ?? DEFAULT_WAIT_MS / 1000) * 1000, MAX_COOLING_MS);
    state.waitUntil = Math.max(state.waitUntil, now + ms);
    state.reason = failure;
    if (retryAfter === undefined || ms === 0 || now - state.waitTold < TOLD_EVERY_MS) return;
    state.waitTold = now;
    onChange({ kind: "target_waits", target: id, ms, failure });
  };

  const judge = (
    id: string,
    state: State,
    credential: Credential,
    user: string,
    now: Instant,
    error: GatewayError,
  ) => {
    const verdict = judgeHealth(error);
    switch (verdict) {
      case "busy":
        return wait(id, state, now, error);
      case "failed":
      case "unclear":
        if (error.retryAfter !== undefined) wait(id, state, now, error);
        return failed(id, state, now, error, user, verdict === "unclear");
      case "model":
        return refusedModel(id, state, now, error);
      case "key":
        return credential.refused(now, error);
      case "account":
        return credential.accused(now, user, error);
      // A refusal of the request says nothing for or against the target, but that one which was down is there again.
      case "alive":
        return state.probing === undefined ? undefined : answered(id, state, now);
      case "silent":
        return;
    }
  };

  /** While it comes back, a growing part of the requests goes to it: what has just recovered is not flooded at once. */
  const sitsOut = ({ upSince }: State, now: Instant): boolean =>
    upSince !== undefined && now - upSince < SLOW_START_MS &&
    random() >= Math.max(FIRST_SHARE, (now - upSince) / SLOW_START_MS);

  return {
    readyAt: (target, now, user) => {
      const state = states.get(target.id);
      const refusedUntil = credentials.coolUntil(target.upstream.name);
      if (!state) return refusedUntil;
      const shunned = state.shunned?.user === user ? state.shunned.until : -Infinity;
      const notBefore = Math.max(state.coolUntil, state.waitUntil, refusedUntil, shunned);
      const full = state.probing !== undefined && state.running >= (PROBES[state.probing] ?? 1);
      return full || sitsOut(state, now) ? Math.max(notBefore, now + DEFAULT_WAIT_MS) : notBefore;
    },
    reason: (target, now) => credentials.reason(target.upstream.name, now) ?? states.get(target.id)?.reason,
    begin: (target, user) => {
      const { id } = target;
      const state = stateOf(target);
      const credential = credentials.of(target.upstream.name);
      let running = true;
      state.running++;
      return {
        end: (now, result) => {
          if (running) state.running = Math.max(0, state.running - 1);
          running = false;
          if (result === "unknown") return;
          if (result !== "answered") return judge(id, state, credential, user, now, result);
          credential.answered(now);
          answered(id, state, now);
        },
      };
    },
    moved: (target, to, now) => {
      const state = states.get(target.id);
      if (state && (state.consecutive > 0 || state.downSince !== undefined)) count(state.moved, to.id);
      credentials.moved(target.upstream.name, to.id, now);
    },
    forget: (provider) => {
      credentials.forget(provider);
      for (const [id, state] of states) if (state.provider === provider) states.delete(id);
    },
    keep: (targets) => {
      const ids = new Set(targets.map(({ id }) => id));
      for (const id of states.keys()) if (!ids.has(id)) states.delete(id);
      credentials.keep(new Set(targets.map(({ upstream }) => upstream.name)));
    },
  };
}
