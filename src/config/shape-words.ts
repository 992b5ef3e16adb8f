/** What is malformed in words: what is expected, an example of it, and where a key belongs that is in the wrong place. Pure. */

import type * as v from "valibot";
import { nearest } from "../nearest.ts";
import { type Path, quote } from "./problem.ts";
import { type Place, PLACES } from "./schema.ts";

const TYPE_WORDS: ReadonlyMap<string | null, string> = new Map([
  ["Object", "an object"],
  ["Array", "a list"],
  ["string", "a string"],
  ["number", "a number"],
  ["boolean", "true or false"],
]);

/**
 * The schema's own message with the value; where a secret may have been put, and for a value of another type, without.
 * @param value what stands at the place
 */
export function messageOf(issue: v.BaseIssue<unknown>, path: Path, value: unknown): string {
  const last = path.at(-1);
  if (issue.type === "strict_object" && issue.expected !== "Object") {
    return `The key ${quote(String(last))} is missing`;
  }
  if (path.includes("keys")) return aboutKeys(issue, value) ?? expected(issue, path, value) ?? issue.message;
  if (path.includes("apiKey")) return aboutSecret(issue, value) ?? issue.message;
  const shape = expected(issue, path, value);
  if (shape !== undefined) return shape;
  if (typeof value === "string") return `${issue.message}, not ${quote(value)}`;
  if (typeof value !== "number") return issue.message;
  const milliseconds = isSeconds(path) && value >= MILLISECONDS
    ? `. If ${value} are milliseconds, write ${value / 1000}`
    : "";
  return `${issue.message}, not ${value}${milliseconds}`;
}

/** Nobody waits so many seconds. */
const MILLISECONDS = 10_000;

function isSeconds(path: Path): boolean {
  return path.includes("timeouts") || path.at(-1) === "keepAlive";
}

function expected(issue: v.BaseIssue<unknown>, path: Path, value: unknown): string | undefined {
  const words = issue.message.startsWith("Invalid ") ? TYPE_WORDS.get(issue.expected) : undefined;
  if (words === undefined) return undefined;
  const example = exampleAt(path, value);
  return `Expected ${words}, found ${typeOf(value)}${example === undefined ? "" : `: write ${example}`}`;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "boolean") return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** What is no hash is taken for a key, and never shown. */
function aboutKeys(issue: v.BaseIssue<unknown>, value: unknown): string | undefined {
  if (issue.expected !== "Object" && issue.expected !== "Array") return undefined;
  if (typeof value !== "string" || value.startsWith("sha256:")) return undefined;
  return 'This is no hash, but maybe a key in clear text: whoever reads this file has it. Make a new one with "ai-proxy key", which prints {"hash": "sha256:…"} to put here';
}

/** A variable as shells, templates and other gateways write it. */
const REFERENCE = /^(?:\$\{?|%|\$env:|env[:.]|os\.environ\/|process\.env\.)([A-Za-z_]\w{0,99})(?:\}|%)?$/;

function aboutSecret(issue: v.BaseIssue<unknown>, value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const name = REFERENCE.exec(value)?.[1];
  if (name === undefined) return undefined;
  return issue.type === "regex"
    ? `${issue.message}, without anything around it: write ${name}`
    : `${issue.message}: write {"env": ${quote(name)}}`;
}

/** What a place takes, with what was written in it where it fits. */
function exampleAt(path: Path, value: unknown): string | undefined {
  const text = typeof value === "string" ? quote(value) : undefined;
  switch (placeOf(path)) {
    case "":
      return '{"models": {…}, "users": {…}}';
    case "auth":
      return '{"userHeader": "x-user"}';
    case "auth.trustedProxies":
      return '["10.0.0.0/8"]';
    case "providers":
      return '{"NAME": {"dialect": …, "baseURL": …}}';
    case "providers.NAME":
      return '{"dialect": …, "baseURL": "https://HOST/v1", "apiKey": {"env": "NAME"}}';
    case "models":
      return '{"NAME": {"provider": …}}';
    case "models.NAME":
      return `{"provider": ${text ?? "…"}}`;
    case "users":
      return '{"NAME": {"models": [{"name": …}]}}';
    case "users.NAME":
      return `{"models": [{"name": ${text ?? "…"}}]}`;
    case "users.NAME.models":
      return `[{"name": ${text ?? "…"}}]`;
    case "users.NAME.models[0]":
      return `{"name": ${text ?? "…"}}`;
    case "users.NAME.keys":
      return '[{"hash": "sha256:…"}]';
    case "users.NAME.keys[0]":
      return '{"hash": "sha256:…"}';
    case "failoverOn":
      return '["timeout", "429", "5xx"]';
    default:
      return path.at(-1) === "timeouts" ? '{"connect": 5, "idle": 300}' : undefined;
  }
}

const NAMED: ReadonlySet<string | number | undefined> = new Set(["providers", "models", "users"]);

/** A path with `NAME` for each name of a section, and 0 for each index. */
function placeOf(path: Path): string {
  let place = "";
  for (const [index, step] of path.entries()) {
    if (typeof step === "number") place += "[0]";
    else if (index === 1 && NAMED.has(path[0])) place += ".NAME";
    else place += place === "" ? step : `.${step}`;
  }
  return place;
}

/** What people call things that have another name here. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["fallback", "failover"],
  ["fallbacks", "failover"],
  ["failovers", "failover"],
  ["fail_over", "failover"],
  ["fallback_models", "failover"],
  ["timeout", "timeouts"],
  ["url", "baseURL"],
  ["endpoint", "baseURL"],
  ["api_base", "baseURL"],
  ["base", "baseURL"],
  ["key", "apiKey"],
  ["token", "apiKey"],
  ["type", "dialect"],
  ["api", "dialect"],
  ["max_tokens", "maxOutputTokens"],
  ["maxTokens", "maxOutputTokens"],
  ["expiry", "expires"],
  ["expiresAt", "expires"],
]);

export interface UnknownKey {
  readonly message: string;
  /** The keys of this object that were probably meant. */
  readonly meant: readonly string[];
}

/**
 * The message for a key that an object does not have.
 * @param known the keys that it has
 * @param holder the object's place
 * @param value what the key holds
 */
export function unknownKey(
  key: string,
  known: readonly string[],
  holder: Path,
  value: unknown,
): UnknownKey {
  const inside = holder.length === 0 ? keysIn(value, known) : [];
  if (inside.length > 0) {
    return { message: unknown(key, "what is in it belongs to the top of the file"), meant: inside };
  }
  const other = OTHER_NAMES.get(key);
  const slip = known.find((one) => plain(one) === plain(key)) ??
    (other !== undefined && known.includes(other) ? other : undefined);
  if (slip !== undefined) return { message: unknown(key, `did you mean ${quote(slip)}?`), meant: [slip] };
  const places = belongs(key, holder) ?? belongs(other ?? "", holder);
  const near = nearest(key, known);
  if (places !== undefined) {
    const name = PLACES.some(({ keys }) => keys.includes(key)) ? "it" : quote(other ?? "");
    const also = near !== undefined && near.startsWith(key) ? `; here there is ${quote(near)}` : "";
    return {
      message: unknown(key, `${name} belongs into ${places}${also}`),
      meant: near === undefined ? [] : [near],
    };
  }
  if (near !== undefined) return { message: unknown(key, `did you mean ${quote(near)}?`), meant: [near] };
  return { message: unknown(key, `the keys here are ${known.join(", ")}`), meant: [] };
}

/** The keys of these that a value has: then it is the whole file in a wrapper. */
function keysIn(value: unknown, keys: readonly string[]): string[] {
  if (typeof value !== "object" || value === null) return [];
  return keys.filter((key) => Object.hasOwn(value, key));
}

function unknown(key: string, advice: string): string {
  return `Unknown key ${quote(key)}: ${advice}`;
}

/** `base_url`, `baseUrl` and `baseURL` are one. */
function plain(key: string): string {
  return key.replace(/[-_]/g, "").toLowerCase();
}

/** The other places that have a key, in words. */
function belongs(key: string, holder: Path): string | undefined {
  const here = placeOf(holder);
  const places = PLACES.filter(({ place, keys }: Place) => place !== here && keys.includes(key));
  if (places.length === 0) return undefined;
  return places.map(({ place }) => place === "" ? "the top of the file" : place).join(" or ");
}
