/**
 * Value → Config by the schema, with every violation in words. What is malformed is replaced by something neutral, so
 * that the rest can still be checked and all problems are found at once. Pure.
 */

import * as v from "valibot";
import { didYouMean } from "../nearest.ts";
import { type Finding, type Path, problem, quote } from "./problem.ts";
import { type Config, ConfigSchema } from "./schema.ts";

export interface Shaped {
  /** Good for checks; for use only when there are no findings. Undefined when the value is beyond repair. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Reads a parsed document as a configuration.
 * @param value as `parseDocument` gave it; malformed parts of it are overwritten
 */
export function shape(value: unknown): Shaped {
  const first = v.safeParse(ConfigSchema, value);
  if (first.success) return { config: first.output, findings: [] };
  const findings = first.issues.flatMap((issue) => explain(issue, value));
  for (const finding of findings) repair(value, finding.path);
  const second = v.safeParse(ConfigSchema, value);
  return { config: second.success ? second.output : undefined, findings };
}

type Issue = v.BaseIssue<unknown>;

function explain(issue: Issue, root: unknown): Finding[] {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  if (issue.type !== "strict_object" || !issue.path || issue.path.length === 0) {
    return [problem(path, message(issue, path, valueAt(root, path)))];
  }
  const last = issue.path.at(-1);
  if (last?.origin !== "key") return [problem(path, message(issue, path, valueAt(root, path)))];
  if (issue.expected !== "never") return [problem(path, `The key ${quote(String(last.key))} is missing`)];
  // valibot names the first unknown key of an object only.
  const known = issue.requirement as readonly string[];
  return Object.keys(last.input as object).filter((key) => !known.includes(key)).map((key) =>
    problem([...path.slice(0, -1), key], unknownKey(key, known))
  );
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return `Unknown key ${quote(key)}${meant === "" ? `: the keys here are ${known.join(", ")}` : meant}`;
}

const TYPE_WORDS: ReadonlyMap<string | null, string> = new Map([
  ["Object", "an object"],
  ["Array", "a list"],
  ["string", "a string"],
  ["number", "a number"],
  ["boolean", "true or false"],
]);

/** The schema's own message with the value; where a secret may have been put, and for a value of another type, without. */
function message(issue: Issue, path: Path, value: unknown): string {
  const expected = issue.message.startsWith("Invalid ") ? TYPE_WORDS.get(issue.expected) : undefined;
  if (expected !== undefined) return `Expected ${expected}, found ${typeOf(value)}`;
  if (path.includes("apiKey") || path.includes("keys")) return issue.message;
  if (typeof value === "string") return `${issue.message}, not ${quote(value)}`;
  return typeof value === "number" ? `${issue.message}, not ${value}` : issue.message;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "boolean") return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Puts something neutral in the place of what is malformed: nothing, or where something must be, an empty name. */
function repair(root: unknown, path: Path): void {
  const last = path.at(-1);
  const holder = valueAt(root, path.slice(0, -1));
  if (last === undefined || typeof holder !== "object" || holder === null) return;
  const neutral = neutralAt(path);
  if (neutral === undefined) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, neutral);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function neutralAt(path: Path): unknown {
  const [section] = path;
  const last = path.at(-1);
  if (typeof last === "number") {
    const list = path.at(-2);
    if (list === "failoverOn") return "5xx";
    return list === "models" ? { name: "" } : list === "keys" ? { hash: "" } : "";
  }
  if (path.length === 2 && section === "models") return { provider: "" };
  if (path.length === 2 && (section === "users" || section === "providers")) return {};
  const inModel = section === "models" && path.length === 3 && last === "provider";
  const inUser = section === "users" && path.length === 5 && (last === "name" || last === "hash");
  return inModel || inUser ? "" : undefined;
}
