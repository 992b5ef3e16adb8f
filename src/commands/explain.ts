/** The route that a request would take, in words. Nobody is called. */

import type { FailureWord, Policy, Target } from "../access/policy.ts";
import { masked } from "../config/masked.ts";
import { quote } from "../config/problem.ts";
import { DIALECTS } from "../dialects/registry.ts";
import { didYouMean } from "../nearest.ts";

export interface Explanation {
  readonly user: string;
  readonly model: string;
  readonly allowed: boolean;
  /** Why, or why not. */
  readonly reason: string;
  /** In the order in which they are tried; empty when the request is refused. */
  readonly targets: readonly ExplainedTarget[];
  /** The failures after which the next target is tried. */
  readonly failoverOn: readonly FailureWord[];
}

export interface ExplainedTarget {
  readonly model: string;
  readonly provider: string;
  readonly dialect: string;
  /** Where its requests go. */
  readonly url: string;
  /** The forward proxy that leads there. */
  readonly proxy?: string;
  /** The model's name there. */
  readonly upstreamModel: string;
  readonly key: "present" | "missing" | "none";
}

/** Says whether a user may use a model, and where the request would go. */
export function explain(policy: Policy, user: string, model: string): Explanation {
  const route = policy.users.get(user)?.routes.get(model);
  return {
    user,
    model,
    allowed: route !== undefined,
    reason: masked(route ? `${quote(user)} lists ${quote(model)}` : refusal(policy, user, model)),
    targets: route?.targets.map(explainTarget) ?? [],
    failoverOn: Array.from(policy.failoverOn),
  };
}

/** The explanation as text of several lines. */
export function renderExplanation(explanation: Explanation): string {
  const { allowed, reason, targets, failoverOn } = explanation;
  if (!allowed) return `not allowed: ${reason}\n`;
  const moving = failoverOn.length > 0 ? failoverOn.join(", ") : "nothing";
  const lines = targets.map((target, index) => {
    const last = index === targets.length - 1;
    const next = last ? "the last: its failure is the client's" : `moves on after ${moving}`;
    return `  ${index + 1}  ${renderTarget(target)}\n     ${next}`;
  });
  return `allowed: ${reason}\n${lines.join("\n")}\n`;
}

function refusal(policy: Policy, name: string, model: string): string {
  const user = policy.users.get(name);
  if (!user) return `${quote(name)} is not in users${didYouMean(name, policy.users.keys())}`;
  const meant = didYouMean(model, user.routes.keys());
  if (!policy.models.has(model)) return `${quote(model)} is not in models${meant}`;
  const grants = Array.from(user.routes.values())
    .filter((route) => route.targets.some((target) => target.model === model))
    .map((route) => quote(route.requested));
  const failover = grants.length > 0 ? `, only as a failover target of ${grants.join(", ")}` : "";
  return `${quote(name)} does not list ${quote(model)} among its models${failover}${meant}`;
}

function explainTarget({ model, upstream, upstreamModel }: Target): ExplainedTarget {
  return {
    model: masked(model),
    provider: masked(upstream.name),
    dialect: upstream.dialect,
    url: masked(upstream.baseURL + (DIALECTS.get(upstream.dialect)?.path ?? "")),
    ...(upstream.proxy && { proxy: upstream.proxy.origin }),
    upstreamModel: masked(upstreamModel),
    key: typeof upstream.secret === "string" ? upstream.secret : "present",
  };
}

const KEY_WORDS = {
  present: "key present",
  missing: "key missing: fails with provider_key_missing",
  none: "no key needed",
} as const;

function renderTarget({ model, provider, dialect, url, proxy, upstreamModel, key }: ExplainedTarget): string {
  const way = proxy === undefined ? [] : [`through the forward proxy ${proxy}`];
  const columns = [model, `${provider} (${dialect})`, url, ...way, `model ${upstreamModel}`, KEY_WORDS[key]];
  return columns.join("  ");
}
