/** Targets and routes for tests that care for little of them. */

import { DEFAULT_FAILOVER_ON } from "../../src/config/resolve.ts";
import type { Policy, Route, Target, Upstream } from "../../src/access/policy.ts";

/** A target by its name, `provider/model`. */
export function targetOf(name: string, upstream: Partial<Upstream> = {}): Target {
  const [provider = "", model = ""] = name.split("/");
  return {
    id: name,
    model,
    upstream: {
      name: provider,
      dialect: "openai-chat",
      baseURL: `http://${provider}.test/v1`,
      secret: "none",
      headers: {},
      retries: 0,
      ...upstream,
    },
    upstreamModel: model,
    maxOutputTokens: undefined,
    timeouts: { connect: 5, firstByte: 600, firstByteStream: 300, idle: 300 },
    options: {},
    thinkingCache: true,
  };
}

/** A route through targets, by their names. */
export function routeOf(...names: string[]): Route {
  const targets = names.map((name) => targetOf(name));
  return { requested: targets[0]?.model ?? "", targets };
}

/** A policy in which one user may use the routes given. */
export function policyOf(user: string, routes: readonly Route[]): Policy {
  const targets = routes.flatMap((route) => route.targets);
  return {
    identity: { mode: "none" },
    users: new Map([[user, {
      name: user,
      routes: new Map(routes.map((route) => [route.requested, route])),
    }]]),
    models: new Map(targets.map((target) => [target.model, target])),
    failoverOn: new Set(DEFAULT_FAILOVER_ON),
    keepAlive: 15,
  };
}
