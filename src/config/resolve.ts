/** Config → Policy: everything looked up, merged and in the units of its use, so that a request only reads. Pure. */

import { digestOf, parseExpiry } from "../access/keys.ts";
import { parseNetwork } from "../access/network.ts";
import type {
  FailureWord,
  Identity,
  KeyHolder,
  Policy,
  Route,
  Target,
  Timeouts,
  Upstream,
  User,
} from "../access/policy.ts";
import type { TargetOptions } from "../dialects/dialect.ts";
import { routeTo } from "../upstream/forward-proxy.ts";
import { HEADER_OPTION_NAMES, HEADER_OPTIONS } from "../upstream/providers.ts";
import { parseBaseURL } from "./base-url.ts";
import { usesKeys } from "./check-auth.ts";
import type { Config, ModelSection, ProviderSection, UserSection } from "./schema.ts";
import type { ProviderSettings, Surroundings } from "./settings.ts";
import type { Pause } from "../slices.ts";

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
export async function resolvePolicy(
  config: Config,
  settings: ReadonlyMap<string, ProviderSettings>,
  secrets: ReadonlyMap<string, Upstream["secret"]>,
  surroundings: Pick<Surroundings, "dialects" | "environment">,
  pause: Pause,
): Promise<Policy> {
  const upstreams = new Map<string, Upstream>();
  const targets = new Map<string, Target>();
  for (const [name, model] of Object.entries(config.models ?? {})) {
    const provider = settings.get(model.provider);
    if (!provider) continue;
    const upstream = upstreams.get(provider.name) ?? toUpstream(provider, secrets, surroundings);
    if (!upstream) continue;
    upstreams.set(provider.name, upstream);
    targets.set(name, toTarget(name, model, upstream, provider.section, config));
    const turn = pause();
    if (turn) await turn;
  }
  return {
    identity: await toIdentity(config, pause),
    users: await toUsers(config, targets, pause),
    models: targets,
    failoverOn: new Set(config.failoverOn?.map((word) => `${word}` as FailureWord) ?? DEFAULT_FAILOVER_ON),
    keepAlive: config.keepAlive ?? DEFAULT_KEEP_ALIVE,
    ...(config.cors && { cors: toOrigins(config.cors) }),
  };
}

function toOrigins({ origins }: NonNullable<Config["cors"]>): NonNullable<Policy["cors"]> {
  return origins.includes("*") ? "any" : new Set(origins);
}

function toUpstream(
  { name, section, dialect, baseURL }: ProviderSettings,
  secrets: ReadonlyMap<string, Upstream["secret"]>,
  { dialects, environment }: Pick<Surroundings, "dialects" | "environment">,
): Upstream | undefined {
  const endpoint = dialects.get(dialect ?? "")?.path;
  const base = parseBaseURL(baseURL ?? "", { endpoint, versionInPath: section.versionInPath });
  if (dialect === undefined || !base.ok) return undefined;
  const route = routeTo(base.url, environment);
  return {
    name,
    dialect,
    baseURL: base.url,
    ...(route.kind === "proxy" && { proxy: route.proxy }),
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

/** Users who may use the same models have one list of routes: there are far more users than such lists. */
async function toUsers(
  config: Config,
  targets: ReadonlyMap<string, Target>,
  pause: Pause,
): Promise<ReadonlyMap<string, User>> {
  const lists = new Map<string, User["routes"]>();
  const users = new Map<string, User>();
  for (const [name, user] of Object.entries(config.users ?? {})) {
    const list = JSON.stringify(user.models ?? []);
    const routes = lists.get(list) ?? await toRoutes(user.models ?? [], targets, pause);
    lists.set(list, routes);
    users.set(name, { name, routes });
    const turn = pause();
    if (turn) await turn;
  }
  return users;
}

/** Entries between two questions whether others are due. */
const ENTRIES_A_LOOK = 64;

async function toRoutes(
  entries: NonNullable<UserSection["models"]>,
  targets: ReadonlyMap<string, Target>,
  pause: Pause,
): Promise<User["routes"]> {
  const routes = new Map<string, Route>();
  for (const [index, { name, failover }] of entries.entries()) {
    const names = [name, ...[failover ?? []].flat()];
    routes.set(name, { requested: name, targets: names.flatMap((target) => targets.get(target) ?? []) });
    const turn = index % ENTRIES_A_LOOK === 0 ? pause() : undefined;
    if (turn) await turn;
  }
  return routes;
}

async function toIdentity(config: Config, pause: Pause): Promise<Identity> {
  if (usesKeys(config)) return { mode: "keys", keys: await keysOf(config, pause) };
  const header = config.auth?.userHeader ?? DEFAULT_HEADER;
  if (header === false) return { mode: "none" };
  const trusted = (config.auth?.trustedProxies ?? LOOPBACK).flatMap((text) => parseNetwork(text) ?? []);
  return { mode: "header", header: header.toLowerCase(), trusted };
}

async function keysOf(config: Config, pause: Pause): Promise<ReadonlyMap<string, KeyHolder>> {
  const holders = new Map<string, KeyHolder>();
  for (const [user, { keys = [] }] of Object.entries(config.users ?? {})) {
    for (const key of keys) {
      const digest = digestOf(key.hash);
      if (digest === undefined) continue;
      const expires = key.expires === undefined ? undefined : parseExpiry(key.expires);
      holders.set(digest, { digest, user, name: key.name, expires });
    }
    const turn = pause();
    if (turn) await turn;
  }
  return holders;
}
