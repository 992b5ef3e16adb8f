/** JSON Schemas as structured output takes them: closed objects, a few keywords, the rest told in words. */

import { append } from "../../append.ts";
import { isObject, type Json, type JsonObject, members, stringifyJson } from "../../json.ts";

/** The most optional properties that a schema may have in total. */
export const MOST_OPTIONAL = 24;

/**
 * Says whether the provider can hold an answer to the schema: no recursion, no open objects, nothing without a type,
 * not more than `MOST_OPTIONAL` optional properties.
 */
export function isEnforceable(root: JsonObject): boolean {
  /** References that were followed; true for those whose target is still being looked at: to meet one again is recursion. */
  const met = new Map<string, boolean>([["#", true]]);
  const waiting: (() => boolean)[] = [() => passes(root)];
  /** What is inside comes next, before what waits already: a chain of references fills no stack. */
  const next = (steps: readonly (() => boolean)[]) => append(waiting, steps.toReversed());

  const passes = (schema: Json | undefined): boolean => {
    if (!isObject(schema)) return false;
    if (typeof schema.$ref !== "string" && isOpen(schema)) return false;
    next(subschemas(schema).map((inner) => () => passes(inner)));
    return typeof schema.$ref !== "string" || follow(schema.$ref);
  };
  const follow = (reference: string): boolean => {
    const open = met.get(reference);
    if (open !== undefined) return !open;
    met.set(reference, true);
    const leave = () => {
      met.set(reference, false);
      return true;
    };
    next([() => passes(resolve(root, reference)), leave]);
    return true;
  };

  for (let step = waiting.pop(); step; step = waiting.pop()) if (!step()) return false;
  return optionalProperties(root) <= MOST_OPTIONAL;
}

/** True when every object of the schema says that it takes no other properties, as strict tools must. */
export function isClosed(schema: JsonObject): boolean {
  if (describesObject(schema) && schema.additionalProperties !== false) return false;
  return subschemas(schema).every((inner) => !isObject(inner) || isClosed(inner));
}

/** How many properties the schema's objects may lack, in total. */
export function optionalProperties(schema: JsonObject): number {
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const names = isObject(schema.properties) ? Object.keys(schema.properties) : [];
  const own = names.filter((name) => !required.has(name)).length;
  return subschemas(schema).reduce<number>(
    (sum, inner) => sum + (isObject(inner) ? optionalProperties(inner) : 0),
    own,
  );
}

/** The schema with the keywords that the provider knows; every other constraint goes into the description. */
export function cleanSchema(schema: JsonObject): JsonObject {
  const entries: [string, Json | undefined][] = [];
  if (typeof schema.$ref === "string") {
    for (const key of ["$ref", ...MAPS] as const) {
      if (key !== "properties") entries.push([key, cleanKeyword(key, schema[key])]);
    }
    return members(entries);
  }
  const told: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || IGNORED.has(key)) continue;
    const doubled = key === "oneOf" && schema.anyOf !== undefined;
    const clean = doubled ? undefined : cleanKeyword(key, value);
    if (clean !== undefined) entries.push([key === "oneOf" ? "anyOf" : key, clean]);
    else told.push(`${key}: ${stringifyJson(value)}`);
  }
  if (describesObject(schema)) entries.push(["additionalProperties", false]);
  return told.length > 0 ? describe(members(entries), told.join("; ")) : members(entries);
}

/** Adds a sentence to a schema's description. */
export function describe(schema: JsonObject, text: string): JsonObject {
  const own = typeof schema.description === "string" ? schema.description : "";
  return members([...Object.entries(schema), ["description", own === "" ? text : `${own}\n${text}`]]);
}

/** What a local reference points at. */
export function resolve(root: JsonObject, reference: string): Json | undefined {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  return reference.slice(2).split("/").reduce<Json | undefined>((at, step) => {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) return at[Number(key)];
    return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }, root);
}

const MAPS = ["properties", "$defs", "definitions"] as const;
const LISTS = ["anyOf", "oneOf", "allOf"] as const;
const KEPT = new Set(["type", "enum", "const", "title", "description", "default", "required", "$ref"]);
/** Says nothing about values, or is said anew. */
const IGNORED = new Set(["$schema", "$id", "$anchor", "$comment", "additionalProperties"]);
const FORMATS = new Set(
  ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"],
);

/** A keyword's value for the provider; undefined when it does not know the keyword. */
function cleanKeyword(key: string, value: Json | undefined): Json | undefined {
  if (KEPT.has(key)) return value;
  if (MAPS.some((name) => name === key)) {
    return isObject(value)
      ? members(Object.entries(value).map(([name, inner]) => [name, cleaned(inner)]))
      : undefined;
  }
  if (LISTS.some((name) => name === key)) {
    return Array.isArray(value) ? value.map((inner: Json) => cleaned(inner) ?? inner) : undefined;
  }
  if (key === "items") return isObject(value) ? cleanSchema(value) : undefined;
  if (key === "format") return typeof value === "string" && FORMATS.has(value) ? value : undefined;
  if (key === "minItems") return value === 0 || value === 1 ? value : undefined;
  return undefined;
}

function cleaned(schema: Json | undefined): Json | undefined {
  return isObject(schema) ? cleanSchema(schema) : schema;
}

function subschemas(schema: JsonObject): (Json | undefined)[] {
  const found: (Json | undefined)[] = [];
  for (const key of MAPS) if (isObject(schema[key])) append(found, Object.values(schema[key]));
  for (const key of LISTS) if (Array.isArray(schema[key])) append(found, schema[key]);
  if (isObject(schema.items)) found.push(schema.items);
  return found;
}

function describesObject(schema: JsonObject): boolean {
  const { type } = schema;
  return type === "object" || (Array.isArray(type) && type.includes("object")) || isObject(schema.properties);
}

/** Lets in values of which it says nothing. */
function isOpen(schema: JsonObject): boolean {
  if (schema.patternProperties !== undefined) return true;
  if (describesObject(schema)) {
    const { additionalProperties: other } = schema;
    return !isObject(schema.properties) || (other !== undefined && other !== false);
  }
  return !["type", "enum", "const", "items", ...LISTS].some((key) => schema[key] !== undefined);
}
