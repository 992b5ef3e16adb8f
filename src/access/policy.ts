/**
 * The policy: who may use which model and where each model lives. One immutable value, made from the configuration;
 * a request uses one policy from its start to its end.
 */

import type { TargetOptions } from "../dialects/dialect.ts";
import { type Failure, GatewayError, shortened } from "../errors.ts";
import type { Secret } from "../secret.ts";
import type { ForwardProxy } from "../upstream/forward-proxy.ts";
import type { Network } from "./network.ts";

export interface Policy {
  readonly identity: Identity;
  readonly users: ReadonlyMap<string, User>;
  readonly models: ReadonlyMap<string, Target>;
  /** Which failures move on to the next target. */
  readonly failoverOn: ReadonlySet<FailureWord>;
  /** Seconds of silence after which a stream gets a sign of life; 0 for none. */
  readonly keepAlive: number;
  /** The origins of web pages whose scripts may ask; absent for none. */
  readonly cors?: ReadonlySet<string> | "any";
}

/** How a request says who is asking. */
export type Identity =
  /** By a key; from the hex SHA-256 of the whole key to its holder. */
  | { readonly mode: "keys"; readonly keys: ReadonlyMap<string, KeyHolder> }
  /** By a header that trusted peers set: lower-case name, and the peers' networks. */
  | { readonly mode: "header"; readonly header: string; readonly trusted: readonly Network[] }
  /** Nobody: no user has a key and header mode is off. */
  | { readonly mode: "none" };

export interface KeyHolder {
  /** Lower-case hex SHA-256 of the whole key. */
  readonly digest: string;
  readonly user: string;
  /** The key's own name, for logs. */
  readonly name: string | undefined;
  /** Milliseconds since 1970 from which on the key is refused. */
  readonly expires: number | undefined;
}

export interface User {
  readonly name: string;
  /** By the model's name: the targets of a request for it, in order, itself first. */
  readonly routes: ReadonlyMap<string, Route>;
}

export interface Route {
  readonly requested: string;
  /** At least one. */
  readonly targets: readonly Target[];
}

/** A model at an upstream. */
export interface Target {
  /** Its provider and its name there: what is learned of it is kept by that, whatever the configuration calls it. */
  readonly id: string;
  /** The model's name in the configuration. */
  readonly model: string;
  readonly upstream: Upstream;
  /** The model's name at the provider. */
  readonly upstreamModel: string;
  readonly maxOutputTokens: number | undefined;
  readonly timeouts: Timeouts;
  readonly options: TargetOptions;
  /** Thinking and other opaque parts of replies are kept between requests, for clients that do not send them back. */
  readonly thinkingCache: boolean;
}

/** A configured provider. */
export interface Upstream {
  readonly name: string;
  /** The name of its dialect. */
  readonly dialect: string;
  /** Ends in the API's version, without a slash: `https://api.openai.com/v1`. */
  readonly baseURL: string;
  /** The forward proxy that leads there, where the environment names one. */
  readonly proxy?: ForwardProxy;
  /** `missing`: the configuration names one and it is not set. `none`: the provider wants none. */
  readonly secret: Secret | "missing" | "none";
  /** Headers that every request to it carries. */
  readonly headers: Readonly<Record<string, string>>;
  /** Further tries of the same target after a failure. */
  readonly retries: number;
}

/** Seconds. */
export interface Timeouts {
  readonly connect: number;
  readonly firstByte: number;
  readonly firstByteStream: number;
  readonly idle: number;
}

/** A word of `failoverOn`. */
export type FailureWord = "connect" | "timeout" | "invalid" | "5xx" | "4xx" | `${number}`;

/** Who is asking. */
export interface Principal {
  readonly user: string;
  /** The name of the key, where it has one. */
  readonly key?: string;
}

/**
 * The route that a principal's request for a model takes.
 * @throws GatewayError `model_not_found`, the same for a model that is not there and one that is not this user's
 */
export function permit(policy: Policy, principal: Principal, model: string): Route {
  const route = policy.users.get(principal.user)?.routes.get(model);
  if (route) return route;
  throw new GatewayError(
    "model_not_found",
    `The model '${shortened(model)}' was not found or is not accessible to this user`,
    { param: "model" },
  );
}

/** The word of `failoverOn` that a failure falls under, and undefined if none of the policy's does. */
export function movesOn(policy: Policy, failure: Failure): FailureWord | undefined {
  const classes: FailureWord[] = /^[45]\d\d$/.test(failure)
    ? [failure, `${failure[0]}xx` as "4xx" | "5xx"]
    : [failure];
  return classes.find((word) => policy.failoverOn.has(word));
}
