/** Config → Policy: everything looked up, merged and in the units of its use, so that a request only reads. Pure. */

import { digestOf, parseExpiry } from "../access/keys.ts";
import { parseNetwork } from "../access/network.ts";
import type {
  FailureWord,
  Identity,
  KeyHolder,
  Policy,
  Target,
  Timeouts,
  Upstream,
  User,
} from "../access/policy.ts";
import type { TargetOptions } from "../dialects/dialect.ts";
import { HEADER_OPTION_NAMES, HEADER_OPTIONS } from "../upstream/providers.ts";
import { parseBaseURL } from "./base-url.ts";
import { usesKeys } from "./check-auth.ts";
import type { Config, ModelSection, ProviderSection, UserSection } from "./schema.ts";
import type { ProviderSettings } from "./settings.ts";

const DEFAULT_HEADER = "x-user";
const LOOPBACK = ["127.0.0.0/8", "::1/128"];
const DEFAULT_KEEP_ALIVE = 15;
const DEFAULT_TIMEOUTS: Timeouts = { connect: 5, firstByte: 600, firstByteStream: 300, idle: 300 };
/** All but the caller's own faults. */
export const DEFAULT_FAILOVER_ON: readonly FailureWord[] = [
  "connect",
  "timeout",
  "invalid",
  "401",
  "402",
  "403",
  "404",
  "408",
  "409",
  "429",
  "5xx",
];

/**
 * Makes the policy of a configuration in which `check` found no problem.
 * @param secrets by the provider's name; a provider without one there is missing its key
 */
export function resolvePolicy(
  config: Config,
  settings: ReadonlyMap<string, ProviderSettings>,
  secrets: ReadonlyMap<string, Upstream["secret"]>,
): Policy {
  const upstreams = new Map<string, Upstream>();
  const targets = new Map<string, Target>();
  for (const [name, model] of Object.entries(config.models ?? {})) {
    const provider = settings.get(model.provider);
    if (!provider) continue;
    const upstream = upstreams.get(provider.name) ?? toUpstream(provider, secrets);
    if (!upstream) continue;
    upstreams.set(provider.name, upstream);
    targets.set(name, toTarget(name, model, upstream, provider.section, config));
  }
  const users = Object.entries(config.users ?? {}).map(([name, user]) => toUser(name, user, targets));
  return {
    identity: toIdentity(config),
    users: new Map(users.map((user) => [user.name, user])),
    models: targets,
    failoverOn: new Set(config.failoverOn?.map((word) => `${word}` as FailureWord) ?? DEFAULT_FAILOVER_ON),
    keepAlive: config.keepAlive ?? DEFAULT_KEEP_ALIVE,
  };
}

function toUpstream(
  { name, section, dialect, baseURL }: ProviderSettings,
  secrets: ReadonlyMap<string, Upstream["secret"]>,
): Upstream | undefined {
  const base = parseBaseURL(baseURL ?? "", undefined);
  if (dialect === undefined || !base.ok) return undefined;
  return {
    name,
    dialect,
    baseURL: base.url,
    secret: secrets.get(name) ?? "missing",
    headers: headersOf(section),
    retries: section.retries ?? 0,
  };
}

function headersOf(section: ProviderSection): Readonly<Record<string, string>> {
  return Object.fromEntries(HEADER_OPTION_NAMES.flatMap((name) => {
    const value = section[name];
    return value === undefined ? [] : [[HEADER_OPTIONS[name].header, value]];
  }));
}

function toTarget(
  name: string,
  model: ModelSection,
  upstream: Upstream,
  provider: ProviderSection,
  config: Config,
): Target {
  const upstreamModel = model.model ?? name;
  return {
    id: `${upstream.name}/${upstreamModel}`,
    model: name,
    upstream,
    upstreamModel,
    maxOutputTokens: model.maxOutputTokens,
    timeouts: mergeTimeouts(model.timeouts, provider.timeouts, config.timeouts),
    options: { ...optionsOf(provider), ...optionsOf(model) },
    thinkingCache: model.thinkingCache ?? provider.thinkingCache ?? true,
  };
}

type TimeoutSection = Config["timeouts"];

/** The first section that has a time decides it. */
function mergeTimeouts(...sections: readonly TimeoutSection[]): Timeouts {
  const first = (name: keyof Timeouts) =>
    sections.find((section) => section?.[name] !== undefined)?.[name] ?? DEFAULT_TIMEOUTS[name];
  return {
    connect: first("connect"),
    firstByte: first("firstByte"),
    firstByteStream: first("firstByteStream"),
    idle: first("idle"),
  };
}

/** The options that a section sets, and no others. */
function optionsOf(section: ProviderSection | ModelSection): TargetOptions {
  const { repair, autoCache, reasoningEcho } = section;
  return {
    ...(repair === undefined ? {} : { repair }),
    ...(autoCache === undefined ? {} : { autoCache }),
    ...(reasoningEcho === undefined ? {} : { reasoningEcho }),
  };
}

function toUser(name: string, user: UserSection, targets: ReadonlyMap<string, Target>): User {
  const routes = (user.models ?? []).map((entry) => {
    const names = [entry.name, ...[entry.failover ?? []].flat()];
    return { requested: entry.name, targets: names.flatMap((target) => targets.get(target) ?? []) };
  });
  return { name, routes: new Map(routes.map((route) => [route.requested, route])) };
}

function toIdentity(config: Config): Identity {
  if (usesKeys(config)) return { mode: "keys", keys: keysOf(config) };
  const header = config.auth?.userHeader ?? DEFAULT_HEADER;
  if (header === false) return { mode: "none" };
  const trusted = (config.auth?.trustedProxies ?? LOOPBACK).flatMap((text) => parseNetwork(text) ?? []);
  return { mode: "header", header: header.toLowerCase(), trusted };
}

function keysOf(config: Config): ReadonlyMap<string, KeyHolder> {
  const holders = Object.entries(config.users ?? {}).flatMap(([user, { keys = [] }]) =>
    keys.flatMap((key) => {
      const digest = digestOf(key.hash);
      if (digest === undefined) return [];
      const expires = key.expires === undefined ? undefined : parseExpiry(key.expires);
      return [{ digest, user, name: key.name, expires }];
    })
  );
  return new Map(holders.map((holder) => [holder.digest, holder]));
}
