/** The schema of a tool's input as both APIs want it: of type `object`, without alternatives at its root. */

import { isObject, type Json, type JsonObject, members, stringifyJson } from "../json.ts";
import { requiredNames, resolve, without } from "./json-schema.ts";
import { modernSchema } from "./modern-schema.ts";

export interface InputSchema {
  readonly schema: JsonObject;
  /** The schema in words, where its root said more than it says now. */
  readonly note?: string;
}

/**
 * An object schema, every keyword kept but those that older drafts wrote otherwise; alternatives at its root become
 * one object that takes what any of them takes.
 * @param refused keywords that may not stand at the root
 */
export function inputSchema(parameters: JsonObject | undefined, refused: ReadonlySet<string>): InputSchema {
  if (parameters === undefined || Object.keys(parameters).length === 0) {
    return { schema: { type: "object", properties: {} } };
  }
  const schema = typed(rooted(modernSchema(parameters)));
  if (!Object.keys(schema).some((key) => refused.has(key))) return { schema };
  return { schema: merged(schema, refused), note: `Input schema: ${stringifyJson(parameters)}` };
}

/** A root that refers to one of its own definitions: what generators with named schemas write. */
function rooted(schema: JsonObject): JsonObject {
  let root = schema;
  const seen = new Set<string>();
  while (typeof root.$ref === "string" && !seen.has(root.$ref)) {
    seen.add(root.$ref);
    const target = resolve(schema, root.$ref);
    if (!isObject(target) || target === schema) break;
    root = members([...Object.entries(target), ...Object.entries(without(root, REFERENCE))]);
  }
  return root;
}

const REFERENCE: ReadonlySet<string> = new Set(["$ref"]);

/** Arguments are an object, or none: a schema that says nothing of it, or lets in null too, says so now. */
function typed(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (type === undefined) return members([["type", "object"], ...Object.entries(schema)]);
  if (!Array.isArray(type) || !type.includes("object")) return schema;
  return members(Object.entries(schema).map(([key, value]) => [key, key === "type" ? "object" : value]));
}

const COMBINED = ["anyOf", "oneOf", "allOf"] as const;

function merged(schema: JsonObject, refused: ReadonlySet<string>): JsonObject {
  const properties: [string, Json | undefined][] = entriesOf(schema.properties);
  const known = new Set(properties.map(([name]) => name));
  const required = new Set(requiredNames(schema));
  for (const key of COMBINED) {
    const listed = schema[key];
    if (!Array.isArray(listed)) continue;
    // References may name one branch many times: it says no more than once.
    const branches = [...new Set(listed.map((branch: Json) => target(schema, branch)))].filter(isObject);
    for (const [name, inner] of branches.flatMap((branch) => entriesOf(branch.properties))) {
      if (!known.has(name)) properties.push([name, inner]);
      known.add(name);
    }
    for (const name of demanded(branches, key)) required.add(name);
  }
  const rest = Object.entries(schema).filter(([key]) => !refused.has(key) && !REWRITTEN.has(key));
  return members([
    ...rest,
    ["properties", members(properties)],
    ["required", required.size > 0 ? [...required] : undefined],
  ]);
}

const REWRITTEN: ReadonlySet<string> = new Set(["properties", "required"]);

/** What must be there whichever alternative is taken: of `allOf` all, else what each demands. */
function demanded(branches: readonly JsonObject[], key: (typeof COMBINED)[number]): string[] {
  const [first, ...others] = branches.map(requiredNames);
  if (key === "allOf") return branches.flatMap((branch) => [...requiredNames(branch)]);
  return [...first ?? []].filter((name) => others.every((names) => names.has(name)));
}

function target(root: JsonObject, branch: Json): Json | undefined {
  return isObject(branch) && typeof branch.$ref === "string" ? resolve(root, branch.$ref) : branch;
}

function entriesOf(value: Json | undefined): [string, Json | undefined][] {
  return isObject(value) ? Object.entries(value) : [];
}
