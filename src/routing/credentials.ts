/**
 * The health of providers' credentials. A 401 refuses the key at once. What speaks of the account (no credit, suspended)
 * must come to two requests of different users, or three in a row: no single request takes a provider from everybody.
 * Any answer shows that the credential is good.
 */

import type { Failure, GatewayError } from "../errors.ts";
import type { HealthChange } from "./health-change.ts";
import { count } from "./recent.ts";
import type { Instant } from "./state.ts";

export interface Credentials {
  of(provider: string): Credential;
  /** The provider's targets are passed over until then. */
  coolUntil(provider: string): Instant;
  /** The failure for which they are, while they are. */
  reason(provider: string, now: Instant): Failure | undefined;
  /** A request for one of them was answered by another target. */
  moved(provider: string, to: string, now: Instant): void;
  forget(provider: string): void;
  keep(providers: ReadonlySet<string>): void;
}

export interface Credential {
  /** The provider refused the key. */
  refused(now: Instant, error: GatewayError): void;
  /** The provider says that the account cannot be used. */
  accused(now: Instant, user: string, error: GatewayError): void;
  answered(now: Instant): void;
}

const COOLING_MS = 300_000;
const MOST_IN_A_ROW = 3;

interface State {
  readonly credential: Credential;
  until: Instant;
  /** When it began to be passed over; undefined while nothing speaks against it. */
  since: Instant | undefined;
  failure: Failure;
  moved: Map<string, number>;
  /** Of those that speak against the account without an answer between them: how many, the first user, and the last time. */
  row: number;
  user: string | undefined;
  accusedAt: Instant;
}

export function createCredentials(onChange: (change: HealthChange) => void): Credentials {
  /** By the provider's name. */
  const states = new Map<string, State>();

  const stateOf = (provider: string): State => {
    const known = states.get(provider);
    if (known) return known;
    const fresh: State = {
      credential: {
        refused: (now, error) => cool(provider, fresh, now, "key_refused", error),
        accused: (now, user, error) => {
          if (now - fresh.accusedAt > COOLING_MS) beginRow(fresh);
          fresh.accusedAt = now;
          fresh.row++;
          const another = fresh.user !== undefined && fresh.user !== user;
          fresh.user ??= user;
          if (another || fresh.row >= MOST_IN_A_ROW) cool(provider, fresh, now, "account_refused", error);
        },
        answered: (now) => {
          if (fresh.row > 0) beginRow(fresh);
          if (fresh.since !== undefined) accepted(provider, fresh, now, fresh.since);
        },
      },
      until: -Infinity,
      since: undefined,
      failure: "401",
      moved: new Map(),
      row: 0,
      user: undefined,
      accusedAt: -Infinity,
    };
    states.set(provider, fresh);
    return fresh;
  };

  const accepted = (provider: string, state: State, now: Instant, since: Instant) => {
    const { failure, moved } = state;
    state.until = -Infinity;
    state.since = undefined;
    state.moved = new Map();
    onChange({ kind: "credential_accepted", provider, ms: now - since, failure, moved });
  };

  const cool = (
    provider: string,
    state: State,
    now: Instant,
    kind: "key_refused" | "account_refused",
    { failure, said }: GatewayError,
  ) => {
    const known = state.until > now;
    state.until = now + COOLING_MS;
    state.failure = failure;
    if (known) return;
    state.since ??= now;
    onChange({ kind, provider, ms: COOLING_MS, failure, said });
  };

  return {
    of: (provider) => stateOf(provider).credential,
    coolUntil: (provider) => states.get(provider)?.until ?? -Infinity,
    reason: (provider, now) => {
      const state = states.get(provider);
      return state && state.until > now ? state.failure : undefined;
    },
    moved: (provider, to, now) => {
      const state = states.get(provider);
      if (state && state.until > now) count(state.moved, to);
    },
    forget: (provider) => void states.delete(provider),
    keep: (providers) => {
      for (const provider of states.keys()) if (!providers.has(provider)) states.delete(provider);
    },
  };
}

function beginRow(state: State): void {
  state.row = 0;
  state.user = undefined;
}
