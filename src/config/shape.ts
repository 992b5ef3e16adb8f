/**
 * Value → Config by the schema, with every violation in words. What is malformed is replaced by something neutral, so
 * that the rest can still be checked and all problems are found at once. Pure.
 */

import * as v from "valibot";
import { type Finding, type Path, problem } from "./problem.ts";
import { type Config, ConfigSchema, ENTRIES, type Section, USER_MODEL } from "./schema.ts";
import { messageOf, unknownKey } from "./shape-words.ts";
import type { Pause } from "../slices.ts";

export interface Shaped {
  /** Good for checks; for use only when there are no findings. Undefined when the value is beyond repair. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
  /** The places of which nothing further is worth saying. */
  readonly broken: readonly Path[];
  /** What is named in malformed parts of users: they were to use it. Undefined where nobody knows what they were to use. */
  readonly named: ReadonlySet<string> | undefined;
}

/**
 * Reads a parsed document as a configuration.
 * @param value as `parseDocument` gave it; malformed parts of it are overwritten
 */
export async function shape(value: unknown, pause: Pause): Promise<Shaped> {
  const first = await validate(value, pause);
  if (first.config && first.issues.length === 0) {
    return { config: first.config, findings: [], broken: [], named: new Set() };
  }
  const explained: Explained[] = [];
  const named = new Set<string>();
  for (const located of first.issues) {
    explained.push(...explain(located, value));
    const turn = pause();
    if (turn) await turn;
  }
  const meant = new Set(explained.flatMap(({ meant = [] }) => meant.map((path) => JSON.stringify(path))));
  const findings = explained
    .filter(({ missing, finding }) => !missing || !meant.has(JSON.stringify(finding.path)))
    .map(({ finding }) => finding);
  let known = true;
  for (const { path } of findings.filter(({ path }) => path[0] === "users")) {
    const before = named.size;
    collect(valueAt(value, path), named);
    if (named.size === before && isListOfModels(path)) known = false;
  }
  for (const { finding: { path } } of explained) repair(value, path);
  const second = await validate(value, pause);
  return {
    config: second.issues.length === 0 ? second.config : undefined,
    findings,
    broken: explained.flatMap(({ finding, meant = [] }) => [finding.path, ...meant]),
    named: known ? named : undefined,
  };
}

/** Whether a path leads to all that a user may use, or to something around it. */
function isListOfModels([top, , part, further]: Path): boolean {
  return top === "users" && (part === undefined || (part === "models" && further === undefined));
}

type Issue = v.BaseIssue<unknown>;

/** An issue of a part, and where the part stands. */
interface Located {
  readonly issue: Issue;
  readonly prefix: Path;
}

interface Validated {
  readonly config: Config | undefined;
  readonly issues: readonly Located[];
}

const SECTIONS = Object.keys(ENTRIES) as Section[];

/** By the schema, entry by entry, so that others have their turn between them. */
async function validate(value: unknown, pause: Pause): Promise<Validated> {
  const issues: Located[] = [];
  const take = (schema: v.GenericSchema, part: unknown, prefix: Path): unknown => {
    const result = v.safeParse(schema, part);
    for (const issue of result.issues ?? []) issues.push({ issue, prefix });
    return result.success ? result.output : undefined;
  };
  const sections = SECTIONS.filter((name) => isObject(value) && isObject(value[name]));
  const top = isObject(value)
    ? { ...value, ...Object.fromEntries(sections.map((name) => [name, {}])) }
    : value;
  const config = take(ConfigSchema, top, []) as Config | undefined;
  for (const section of sections) {
    const taken: Record<string, unknown> = {};
    for (const [name, entry] of Object.entries((value as Record<Section, object>)[section])) {
      const path = [section, name];
      taken[name] = section === "users"
        ? await takeUser(entry, path, take, pause)
        : take(ENTRIES[section], entry, path);
      const turn = pause();
      if (turn) await turn;
    }
    if (config) Object.assign(config, { [section]: taken });
  }
  return { config, issues };
}

/** So many models of one user are a piece of work. */
const MODELS_AT_ONCE = 50;

type Take = (schema: v.GenericSchema, part: unknown, prefix: Path) => unknown;

/** A user may have more models than fit into a slice. */
async function takeUser(entry: unknown, path: Path, take: Take, pause: Pause): Promise<unknown> {
  const models = isObject(entry) ? entry["models"] : undefined;
  if (!Array.isArray(models) || models.length <= MODELS_AT_ONCE) return take(ENTRIES.users, entry, path);
  const user = take(ENTRIES.users, { ...entry as object, models: [] }, path);
  const taken: unknown[] = [];
  for (const [index, model] of models.entries()) {
    taken.push(take(USER_MODEL, model, [...path, "models", index]));
    const turn = index % MODELS_AT_ONCE === 0 ? pause() : undefined;
    if (turn) await turn;
  }
  return isObject(user) ? { ...user, models: taken } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A finding, and the places of what was probably meant by a key that nobody knows. */
interface Explained {
  readonly finding: Finding;
  readonly meant?: readonly Path[];
  /** It says that there is no such key. */
  readonly missing?: boolean;
}

function explain({ issue, prefix }: Located, root: unknown): Explained[] {
  const path = [...prefix, ...(issue.path ?? []).map((item) => item.key as string | number)];
  const plain = () => [{ finding: problem(path, messageOf(issue, path, valueAt(root, path))) }];
  if (issue.type !== "strict_object" || !issue.path || issue.path.length === 0) return plain();
  const last = issue.path.at(-1);
  if (last?.origin !== "key") return plain();
  const holder = path.slice(0, -1);
  if (issue.expected !== "never") {
    return [{ finding: problem(path, messageOf(issue, path, undefined)), missing: true }];
  }
  // valibot names the first unknown key of an object only.
  const known = issue.requirement as readonly string[];
  return Object.keys(last.input as object).filter((key) => !known.includes(key)).map((key) => {
    const { message, meant } = unknownKey(key, known, holder, Reflect.get(last.input as object, key));
    return { finding: problem([...holder, key], message), meant: meant.map((one) => [...holder, one]) };
  });
}

/** Every text in a value, names of members included. */
function collect(value: unknown, into: Set<string>): void {
  if (typeof value === "string") into.add(value);
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    into.add(key);
    collect(inner, into);
  }
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
