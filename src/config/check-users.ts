/** Checks of users: their keys, the models that they may use, and where those fail over to. Pure. */

import { digestOf, isKey, parseExpiry } from "../access/keys.ts";
import { didYouMean } from "../nearest.ts";
import { usesKeys } from "./check-auth.ts";
import { checkName } from "./check-name.ts";
import { findLoops } from "./loops.ts";
import { type Finding, type Path, problem, quote, showPath, warning } from "./problem.ts";
import type { Config, UserSection } from "./schema.ts";

export function checkUsers(config: Config, now: number): Finding[] {
  const users = Object.entries(config.users ?? {});
  const models = new Set(Object.keys(config.models ?? {}));
  const keyMode = usesKeys(config);
  const holders: Holders = new Map();
  const findings: Finding[] = users.length === 0
    ? [
      warning(["users"], "No user is configured, so that every request is refused: add one, with its models"),
    ]
    : [];
  for (const [name, user] of users) {
    const here = ["users", name];
    findings.push(
      ...checkName(here, name),
      ...(keyMode ? checkKeys(here, user, holders, now) : checkHeaderName(here, name)),
      ...checkModels(here, user, models),
    );
  }
  return findings;
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
    ? [warning(path, `The key expired on ${quote(expires)} and is refused: remove it, or replace it`)]
    : [];
}

/** In header mode the name must be what a header can hold. */
function checkHeaderName(here: Path, name: string): Finding[] {
  if (name === "" || /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name)) return [];
  return [
    warning(here, `${quote(name)} is a name that no header can carry: use ASCII without spaces around it`),
  ];
}

function checkModels(here: Path, user: UserSection, models: ReadonlySet<string>): Finding[] {
  const entries = user.models ?? [];
  if (entries.length === 0) {
    return [
      warning(
        [...here, "models"],
        `${quote(String(here.at(-1)))} may use no model: add one, or remove the user`,
      ),
    ];
  }
  const findings: Finding[] = [];
  const own = new Map<string, number>();
  for (const [index, { name }] of entries.entries()) {
    const path = [...here, "models", index, "name"];
    const first = own.get(name);
    if (!models.has(name)) findings.push(problem(path, notInModels(name, models)));
    if (first === undefined) own.set(name, index);
    else {findings.push(
        problem(
          path,
          `${quote(name)} is here twice, first as ${showPath([...here, "models", first])}: remove one`,
        ),
      );}
  }
  for (const [index, entry] of entries.entries()) {
    findings.push(...checkChain([...here, "models", index, "failover"], entry, own, models));
  }
  return [...findings, ...checkLoops(here, entries)];
}

type Entry = NonNullable<UserSection["models"]>[number];

/** One chain: the model asked for, then its failover list. Each model has one place in it. */
function checkChain(
  path: Path,
  entry: Entry,
  own: ReadonlyMap<string, number>,
  models: ReadonlySet<string>,
): Finding[] {
  const list = typeof entry.failover === "object";
  const seen = new Set<string>();
  return [entry.failover ?? []].flat().flatMap((target, index) => {
    const at = list ? [...path, index] : path;
    const again = seen.has(target);
    seen.add(target);
    if (target === entry.name) {
      const chain = [entry.name, ...[entry.failover ?? []].flat().slice(0, index + 1)].map((name) =>
        quote(name)
      );
      return [
        problem(
          at,
          index === 0
            ? `${quote(target)} fails over to itself: name another model`
            : `The chain ${chain.join(" → ")} is a cycle: each model is tried once, remove the second`,
        ),
      ];
    }
    if (again) return [problem(at, `${quote(target)} is in this chain twice, and is tried once: remove one`)];
    if (!models.has(target)) return [problem(at, notInModels(target, models))];
    if (own.has(target)) return [];
    const user = quote(String(path[1]));
    return [
      warning(
        at,
        `${
          quote(target)
        } is not among ${user}'s own models; naming it here lets ${user} reach it by failover`,
      ),
    ];
  });
}

/**
 * Chains of one user that lead back to each other. No request goes round, because a chain is not continued by its
 * targets' own: but whoever wrote it may think that it is.
 */
function checkLoops(here: Path, entries: readonly Entry[]): Finding[] {
  const edges = new Map(entries.map((entry) => [entry.name, [entry.failover ?? []].flat()]));
  const places = new Map(entries.map((entry, index) => [entry.name, index]));
  return findLoops(edges).map((loop) => {
    const closing = places.get(loop.at(-1) ?? "") ?? 0;
    const shown = [...loop, ...loop.slice(0, 1)].map((name) => quote(name)).join(" → ");
    return warning(
      [...here, "models", closing, "failover"],
      `The chains ${shown} are a cycle: a request goes through the list of the model that it asks for, and no further`,
    );
  });
}

function notInModels(name: string, models: ReadonlySet<string>): string {
  return `${quote(name)} is not in models${didYouMean(name, models) || ": add it there, with its provider"}`;
}
