/** What a new policy changes, in one line for the log, and which providers it changes. */

import type { Identity, KeyHolder, Policy, Route, Target, Upstream, User } from "../access/policy.ts";
import { masked } from "./masked.ts";
import type { Pause } from "../slices.ts";

export interface Difference {
  /** `users +c -b ~a; models +sonnet`; empty when nothing is another. */
  readonly text: string;
  /** Providers whose address or key is another one: what was learned of their health is out of date. */
  readonly providers: readonly string[];
}

/** Compares two policies, in slices: they may have tens of thousands of users. */
export async function difference(before: Policy, after: Policy, pause: Pause): Promise<Difference> {
  const rekeyed = await usersOfChangedKeys(before.identity, after.identity, pause);
  const users = await changes(
    before.users,
    after.users,
    (one, other) => rekeyed.has(one.name) || !sameRoutes(one.routes, other.routes),
    pause,
  );
  const models = await changes(before.models, after.models, differ(modelText), pause);
  const providers = await changes(upstreamsOf(before), upstreamsOf(after), differ(upstreamText), pause);
  const settings = await changes(
    settingTexts(before),
    settingTexts(after),
    (one, other) => one !== other,
    pause,
  );
  const parts = Object.entries({ users, models, providers, settings });
  return {
    text: masked(parts.flatMap(([what, change]) => inWords(what, change)).join("; ")),
    providers: providers.changed,
  };
}

interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

async function changes<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  isAnother: (one: Value, other: Value) => boolean,
  pause: Pause,
): Promise<Changes> {
  const [added, removed, changed]: string[][] = [[], [], []];
  for (const [name, value] of after) {
    const old = before.get(name);
    if (old === undefined) added?.push(name);
    else if (isAnother(old, value)) changed?.push(name);
    const turn = pause();
    if (turn) await turn;
  }
  for (const name of before.keys()) {
    if (!after.has(name)) removed?.push(name);
    const turn = pause();
    if (turn) await turn;
  }
  return { added: added ?? [], removed: removed ?? [], changed: changed ?? [] };
}

/** A line of the log stays one that people read. */
const MOST_NAMES = 20;

function inWords(what: string, { added, removed, changed }: Changes): string[] {
  const count = added.length + removed.length + changed.length;
  if (count === 0) return [];
  const shown = [
    ...added.slice(0, MOST_NAMES).map((name) => `+${name}`),
    ...removed.slice(0, MOST_NAMES).map((name) => `-${name}`),
    ...changed.slice(0, MOST_NAMES).map((name) => `~${name}`),
  ].slice(0, MOST_NAMES);
  const more = count > MOST_NAMES ? ` and ${count - MOST_NAMES} more` : "";
  return [`${what} ${shown.join(" ")}${more}`];
}

type Keys = ReadonlyMap<string, KeyHolder>;

const NO_KEYS: Keys = new Map();

/** Who has a key that is new, gone, or another's. */
async function usersOfChangedKeys(
  before: Identity,
  after: Identity,
  pause: Pause,
): Promise<ReadonlySet<string>> {
  const [old, now] = [keysOf(before), keysOf(after)];
  const users = new Set<string>();
  for (const [some, others] of [[old, now], [now, old]] as const) {
    for (const [digest, holder] of some) {
      const other = others.get(digest);
      if (other === undefined || !sameHolder(holder, other)) users.add(holder.user);
      const turn = pause();
      if (turn) await turn;
    }
  }
  return users;
}

function keysOf(identity: Identity): Keys {
  return identity.mode === "keys" ? identity.keys : NO_KEYS;
}

function sameHolder(one: KeyHolder, other: KeyHolder): boolean {
  return one.user === other.user && one.name === other.name && one.expires === other.expires;
}

/** The order counts too: it is the one in which models are listed. */
function sameRoutes(one: User["routes"], other: User["routes"]): boolean {
  if (one.size !== other.size) return false;
  const others = other.values();
  for (const route of one.values()) {
    const { value } = others.next() as IteratorResult<Route, undefined>;
    if (value === undefined || !sameRoute(route, value)) return false;
  }
  return true;
}

function sameRoute(one: Route, other: Route): boolean {
  return one.requested === other.requested && one.targets.length === other.targets.length &&
    one.targets.every(({ model }, index) => model === other.targets[index]?.model);
}

function differ<Value>(text: (value: Value) => string): (one: Value, other: Value) => boolean {
  return (one, other) => text(one) !== text(other);
}

function modelText({ upstream, ...rest }: Target): string {
  return JSON.stringify([rest, upstream.name]);
}

function upstreamsOf(policy: Policy): ReadonlyMap<string, Upstream> {
  return new Map(Array.from(policy.models.values(), ({ upstream }) => [upstream.name, upstream]));
}

/** The secrets are compared, never shown. */
function upstreamText(upstream: Upstream): string {
  const { secret } = upstream;
  return JSON.stringify([upstream, typeof secret === "string" ? secret : secret.reveal()]);
}

function settingTexts(policy: Policy): ReadonlyMap<string, string> {
  const { identity } = policy;
  const shown = identity.mode === "header"
    ? [identity.header, ...identity.trusted.map(({ address, prefix }) => `${address}/${prefix}`)]
    : [];
  return new Map([
    ["auth", JSON.stringify([identity.mode, shown])],
    ["failoverOn", JSON.stringify([...policy.failoverOn])],
    ["keepAlive", JSON.stringify(policy.keepAlive)],
    ["cors", JSON.stringify(policy.cors instanceof Set ? [...policy.cors] : policy.cors ?? null)],
  ]);
}
