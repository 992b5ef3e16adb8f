/**
 * Which targets are worth a try, learned from real traffic alone. A target that keeps failing cools down and is
 * passed over; one real request is the probe that brings it back. Time and chance are handed in.
 */

import type { Target } from "../access/policy.ts";
import type { GatewayError } from "../errors.ts";

/** Milliseconds of a clock that only grows. */
type Instant = number;

export interface Health {
  /** When the target may be tried: an instant at or before `now` if it may at once. */
  readyAt(target: Target, now: Instant): Instant;
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
  /** Told each change of state, for the log. */
  readonly onChange: (change: string) => void;
}

const WINDOW_MS = 30_000;
const MIN_REQUESTS = 10;
const MAX_CONSECUTIVE = 5;
const FIRST_COOLING_MS = 5_000;
const MAX_COOLING_MS = 60_000;
const CREDENTIAL_COOLING_MS = 300_000;
const DEFAULT_WAIT_MS = 1_000;
/** How many requests a target gets at once while it comes back, step by step. */
const PROBES = [1, 3] as const;

interface State {
  /** The last outcomes within the window: when, and whether it failed. */
  outcomes: { at: Instant; failed: boolean }[];
  consecutive: number;
  /** Not to be tried before; the later of cooling down and what the provider asked for. */
  notBefore: Instant;
  /** When the outage began; undefined while the target is up. */
  downSince: Instant | undefined;
  /** Index into `PROBES` while the target comes back. */
  probing: number | undefined;
  running: number;
}

export function createHealth({ random, onChange }: HealthOptions): Health {
  const states = new Map<string, State>();

  const stateOf = (id: string): State => {
    const known = states.get(id);
    if (known) return known;
    const fresh: State = {
      outcomes: [],
      consecutive: 0,
      notBefore: -Infinity,
      downSince: undefined,
      probing: undefined,
      running: 0,
    };
    states.set(id, fresh);
    return fresh;
  };

  const open = (id: string, state: State, now: Instant, why: string) => {
    // A sixth of the outage so far: short outages are left soon, long ones are not hammered.
    const outage = now - (state.downSince ??= now);
    const cooling = Math.min(Math.max(outage / 6, FIRST_COOLING_MS), MAX_COOLING_MS) * (1 - random() / 5);
    state.notBefore = Math.max(state.notBefore, now + cooling);
    state.probing = 0;
    state.outcomes = [];
    state.consecutive = 0;
    onChange(`${id} is passed over for ${(cooling / 1000).toFixed(1)} s: ${why}`);
  };

  const failed = (id: string, state: State, now: Instant, error: GatewayError) => {
    state.consecutive++;
    state.outcomes = [...state.outcomes.filter(({ at }) => now - at < WINDOW_MS), { at: now, failed: true }];
    const failures = state.outcomes.filter((outcome) => outcome.failed).length;
    const why = error.detail ?? error.failure;
    if (state.probing !== undefined && state.downSince !== undefined) {
      open(id, state, now, `probe failed (${why})`);
    } else if (error.detail === "connect-timeout") open(id, state, now, "no connection in time");
    else if (state.consecutive >= MAX_CONSECUTIVE) {
      open(id, state, now, `${MAX_CONSECUTIVE} failures in a row (${why})`);
    } else if (state.outcomes.length >= MIN_REQUESTS && failures * 2 >= state.outcomes.length) {
      open(id, state, now, `${failures} of ${state.outcomes.length} requests failed (${why})`);
    }
  };

  const answered = (id: string, state: State, now: Instant) => {
    state.consecutive = 0;
    if (state.probing === undefined) {
      state.outcomes = [...state.outcomes.filter(({ at }) => now - at < WINDOW_MS), {
        at: now,
        failed: false,
      }];
      return;
    }
    state.probing = state.probing + 1 < PROBES.length ? state.probing + 1 : undefined;
    if (state.probing === undefined) {
      state.downSince = undefined;
      onChange(`${id} is up again`);
    }
  };

  return {
    readyAt: (target, now) => {
      const state = states.get(targetId(target));
      const credential = states.get(credentialId(target));
      const notBefore = Math.max(state?.notBefore ?? -Infinity, credential?.notBefore ?? -Infinity);
      const full = state?.probing !== undefined && state.running >= (PROBES[state.probing] ?? 1);
      return full ? Math.max(notBefore, now + DEFAULT_WAIT_MS) : notBefore;
    },
    begin: (target) => {
      stateOf(targetId(target)).running++;
    },
    end: (target, now, result) => {
      const id = targetId(target);
      const state = stateOf(id);
      state.running = Math.max(0, state.running - 1);
      if (result === "left") return;
      if (result === "answered") return answered(id, state, now);
      switch (judgeHealth(result)) {
        case "busy": {
          const wait = Math.min((result.retryAfter ?? DEFAULT_WAIT_MS / 1000) * 1000, MAX_COOLING_MS);
          state.notBefore = Math.max(state.notBefore, now + wait);
          return;
        }
        case "credential": {
          const credential = stateOf(credentialId(target));
          credential.notBefore = now + CREDENTIAL_COOLING_MS;
          onChange(
            `${target.upstream.name} is passed over for 300 s: its key was refused (${result.failure})`,
          );
          return;
        }
        case "failed":
          return failed(id, state, now, result);
        case "alive":
          return answered(id, state, now);
      }
    },
    forget: (provider) => {
      for (const id of states.keys()) {
        if (id.startsWith(`${provider}/`) || id === `${provider} key`) states.delete(id);
      }
    },
  };
}

/** What an error says of its target. */
function judgeHealth(error: GatewayError): "failed" | "busy" | "credential" | "alive" {
  if (error.kind === "authentication" || error.kind === "permission" || error.kind === "quota") {
    return "credential";
  }
  if (error.kind === "rate-limit" || error.kind === "overloaded") return "busy";
  if (error.failure === "connect" || error.failure === "timeout" || error.failure === "invalid") {
    return "failed";
  }
  return error.status >= 500 ? "failed" : "alive";
}

function targetId(target: Target): string {
  return `${target.upstream.name}/${target.upstreamModel}`;
}

function credentialId(target: Target): string {
  return `${target.upstream.name} key`;
}
