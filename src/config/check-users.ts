/** Checks of users: their keys, the models that they may use, and where those fail over to. Pure. */

import { digestOf, isKey, parseExpiry } from "../access/keys.ts";
import { usesKeys } from "./check-auth.ts";
import { checkName } from "./check-name.ts";
import { findLoops } from "./loops.ts";
import { type Finding, isBroken, type Path, problem, quote, showPath, warning } from "./problem.ts";
import type { Config, UserSection } from "./schema.ts";
import type { Surroundings } from "./settings.ts";
import type { Pause } from "../slices.ts";
import type { Suggestions } from "./suggestions.ts";

/** @param suggestions remembers what unknown names were taken for */
export async function checkUsers(
  config: Config,
  { now, broken }: Surroundings,
  suggestions: Suggestions,
  pause: Pause,
): Promise<Finding[]> {
  const users = Object.entries(config.users ?? {});
  const models: Models = {
    names: new Set(Object.keys(config.models ?? {})),
    known: !broken.some((path) => path.length === 1 && path[0] === "models"),
    suggestions,
  };
  const keyMode = usesKeys(config);
  const holders: Holders = new Map();
  const findings: Finding[] = users.length === 0 && !isBroken("users", broken)
    ? [
      warning(["users"], "No user is configured, so that every request is refused: add one, with its models"),
    ]
    : [];
  for (const [name, user] of users) {
    const here = ["users", name];
    const nameFindings = checkName(here, name);
    findings.push(
      ...nameFindings,
      ...(keyMode ? checkKeys(here, user, holders, now) : []),
      ...(!keyMode && nameFindings.length === 0 ? checkHeaderName(here, name) : []),
    );
    for (const finding of await checkUserModels(here, user, models, pause)) findings.push(finding);
    const turn = pause();
    if (turn) await turn;
  }
  return findings;
}

interface Models {
  readonly names: ReadonlySet<string>;
  /** The section of models is well-formed, so that a name that is not there is unknown. */
  readonly known: boolean;
  readonly suggestions: Suggestions;
}

/** Where each digest was first seen. */
type Holders = Map<string, Path>;
type Key = NonNullable<UserSection["keys"]>[number];

function checkKeys(here: Path, user: UserSection, holders: Holders, now: number): Finding[] {
  const path = [...here, "keys"];
  if (user.keys === undefined || user.keys.length === 0) {
    const owner = quote(String(here.at(-1)));
    return [
      warning(
        path,
        `${owner} has no key, and others have: nobody can be ${owner}. Make a key with "ai-proxy key"`,
        "no key",
      ),
    ];
  }
  return user.keys.flatMap((key, index) => {
    const at = [...path, index];
    return [
      ...checkHash([...at, "hash"], key.hash, holders),
      ...(key.name === undefined ? [] : checkName([...at, "name"], key.name)),
      ...checkExpiry([...at, "expires"], key, now),
    ];
  });
}

/** The value is never shown: it may be the key itself. */
function checkHash(path: Path, hash: string, holders: Holders): Finding[] {
  if (isKey(hash)) {
    return [
      problem(
        path,
        'This is a key, not its hash: whoever reads this file has it. Make a new one with "ai-proxy key"',
      ),
    ];
  }
  const digest = digestOf(hash);
  if (digest === undefined) {
    return [problem(path, 'Takes "sha256:" and 64 hex digits, as "ai-proxy key" prints them')];
  }
  const first = holders.get(digest);
  if (first) {
    return [
      problem(path, `The same key as ${showPath(first)}, so that its holder is uncertain: give each its own`),
    ];
  }
  holders.set(digest, path);
  return [];
}

function checkExpiry(path: Path, { expires }: Key, now: number): Finding[] {
  if (expires === undefined) return [];
  const at = parseExpiry(expires);
  if (at === undefined) {
    return [problem(path, `${quote(expires)} is no date: write it as 2027-01-01 or 2027-01-01T12:00:00Z`)];
  }
  return at <= now
    ? [
      warning(
        path,
        `The key expired on ${quote(expires)} and is refused: remove it, or replace it`,
        "expired key",
      ),
    ]
    : [];
}

/** In header mode the name must be what a header can hold. */
function checkHeaderName(here: Path, name: string): Finding[] {
  if (name === "" || /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)) return [];
  return [
    warning(
      here,
      `${quote(name)} is a name that no header can carry: use ASCII without spaces around it`,
      "odd name",
    ),
  ];
}

/** Entries between two questions whether others are due. */
const ENTRIES_A_LOOK = 64;

async function checkUserModels(
  here: Path,
  user: UserSection,
  models: Models,
  pause: Pause,
): Promise<Finding[]> {
  const entries = user.models ?? [];
  if (entries.length === 0) {
    const message = `${quote(String(here.at(-1)))} may use no model: add one, or remove the user`;
    return [warning([...here, "models"], message, "no model")];
  }
  const findings: Finding[] = [];
  const own = new Map<string, number>();
  for (const [index, { name }] of entries.entries()) {
    const path = [...here, "models", index, "name"];
    const first = own.get(name);
    findings.push(...checkReference(path, name, models));
    if (first === undefined) own.set(name, index);
    else {
      const place = showPath([...here, "models", first]);
      findings.push(problem(path, `${quote(name)} is here twice, first as ${place}: remove one`));
    }
  }
  for (const [index, entry] of entries.entries()) {
    if (entry.failover === undefined) continue;
    findings.push(...checkChain([...here, "models", index, "failover"], entry, own, models));
    const turn = index % ENTRIES_A_LOOK === 0 ? pause() : undefined;
    if (turn) await turn;
  }
  return [...findings, ...await checkLoops(here, entries, pause)];
}

function checkReference(path: Path, name: string, { names, known, suggestions }: Models): Finding[] {
  if (!known || names.has(name)) return [];
  const meant = suggestions.nearest(name);
  const advice = meant === undefined ? "add it there, with its provider" : `did you mean ${quote(meant)}?`;
  return [problem(path, `${quote(name)} is not in models: ${advice}`)];
}

type Entry = NonNullable<UserSection["models"]>[number];

/** One chain: the model asked for, then its failover list. Each model has one place in it. */
function checkChain(
  path: Path,
  entry: Entry,
  own: ReadonlyMap<string, number>,
  models: Models,
): Finding[] {
  const list = typeof entry.failover === "object";
  const targets = [entry.failover ?? []].flat();
  const seen = new Set<string>();
  return targets.flatMap((target, index) => {
    const at = list ? [...path, index] : path;
    const again = seen.has(target);
    seen.add(target);
    if (target === entry.name) return [problem(at, backToItself(target, targets.slice(0, index + 1)))];
    if (again) return [problem(at, `${quote(target)} is in this chain twice, and is tried once: remove one`)];
    const unknown = checkReference(at, target, models);
    if (unknown.length > 0 || own.has(target)) return unknown;
    const user = quote(String(path[1]));
    const message = `${
      quote(target)
    } is not among ${user}'s own models; naming it here lets ${user} reach it by failover`;
    return [warning(at, message, "failover only")];
  });
}

/** A chain is shown whole up to so many targets. */
const MOST_SHOWN = 10;

function backToItself(name: string, targets: readonly string[]): string {
  if (targets.length === 1) return `${quote(name)} fails over to itself: name another model`;
  const between = targets.length > MOST_SHOWN ? ["…"] : targets.slice(0, -1).map((one) => quote(one));
  const chain = [quote(name), ...between, quote(name)].join(" → ");
  return `The chain ${chain} is a cycle: each model is tried once, remove the second`;
}

/**
 * Chains of one user that lead back to each other. No request goes round, because a chain is not continued by its
 * targets' own: but whoever wrote it may think that it is.
 */
async function checkLoops(here: Path, entries: readonly Entry[], pause: Pause): Promise<Finding[]> {
  const chains = entries.filter(({ failover }) => failover !== undefined);
  if (chains.length < 2) return [];
  const edges = new Map(chains.map((entry) => [entry.name, [entry.failover ?? []].flat()]));
  const places = new Map(entries.map((entry, index) => [entry.name, index]));
  return (await findLoops(edges, pause)).map((loop) => {
    const closing = places.get(loop.at(-1) ?? "") ?? 0;
    const shown = [...loop, ...loop.slice(0, 1)].map((name) => quote(name)).join(" → ");
    return warning(
      [...here, "models", closing, "failover"],
      `The chains ${shown} are a cycle: a request goes through the list of the model that it asks for, and no further`,
      "cycle",
    );
  });
}
