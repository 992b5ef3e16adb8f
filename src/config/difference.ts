/** What a new policy changes, in one line for the log, and which providers it changes. */

import type { KeyHolder, Policy, Target, Upstream, User } from "../access/policy.ts";

export interface Difference {
  /** `users +c -b ~a; models +sonnet`, or `nothing`. */
  readonly text: string;
  /** Providers whose address or key is another one: what was learned of their health is out of date. */
  readonly providers: readonly string[];
}

export function difference(before: Policy, after: Policy): Difference {
  const parts = [
    changes("users", userTexts(before), userTexts(after)),
    changes("models", texts(before.models, modelText), texts(after.models, modelText)),
    changes("providers", upstreamTexts(before), upstreamTexts(after)),
    changes("settings", settingTexts(before), settingTexts(after)),
  ].filter((part) => part !== "");
  return {
    text: parts.join("; ") || "nothing",
    providers: changedKeys(upstreamTexts(before), upstreamTexts(after)),
  };
}

type Texts = ReadonlyMap<string, string>;

function texts<Value>(values: ReadonlyMap<string, Value>, text: (value: Value) => string): Texts {
  return new Map(Array.from(values, ([name, value]) => [name, text(value)]));
}

/** A line of the log stays one that people read. */
const MOST_NAMES = 20;

function changes(what: string, before: Texts, after: Texts): string {
  const added = [...after.keys()].filter((name) => !before.has(name)).map((name) => `+${name}`);
  const removed = [...before.keys()].filter((name) => !after.has(name)).map((name) => `-${name}`);
  const changed = changedKeys(before, after).map((name) => `~${name}`);
  const all = [...added, ...removed, ...changed];
  if (all.length === 0) return "";
  const more = all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : "";
  return `${what} ${all.slice(0, MOST_NAMES).join(" ")}${more}`;
}

function changedKeys(before: Texts, after: Texts): string[] {
  return [...after].filter(([name, text]) => before.has(name) && before.get(name) !== text).map(([name]) =>
    name
  );
}

function userTexts(policy: Policy): Texts {
  const keys = new Map<string, KeyHolder[]>();
  for (const holder of policy.identity.mode === "keys" ? policy.identity.keys.values() : []) {
    const known = keys.get(holder.user);
    if (known) known.push(holder);
    else keys.set(holder.user, [holder]);
  }
  return texts(policy.users, (user) => JSON.stringify([routesOf(user), keys.get(user.name)]));
}

function routesOf(user: User): unknown {
  return [...user.routes.values()].map((
    { requested, targets },
  ) => [requested, targets.map(({ model }) => model)]);
}

function modelText({ upstream, ...rest }: Target): string {
  return JSON.stringify([rest, upstream.name]);
}

/** The secrets are compared, never shown. */
function upstreamTexts(policy: Policy): Texts {
  const upstreams = new Map(Array.from(policy.models.values(), ({ upstream }) => [upstream.name, upstream]));
  return texts(upstreams, (upstream: Upstream) => {
    const { secret } = upstream;
    return JSON.stringify([upstream, typeof secret === "string" ? secret : secret.reveal()]);
  });
}

function settingTexts(policy: Policy): Texts {
  const { identity } = policy;
  const shown = identity.mode === "header"
    ? [identity.header, ...identity.trusted.map(({ address, prefix }) => `${address}/${prefix}`)]
    : [];
  return new Map([
    ["auth", JSON.stringify([identity.mode, shown])],
    ["failoverOn", JSON.stringify([...policy.failoverOn])],
    ["keepAlive", JSON.stringify(policy.keepAlive)],
  ]);
}
