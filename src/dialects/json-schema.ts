/**
 * JSON Schemas as values: which of their members are schemas, what a local reference points at, a word more in a
 * description. Nothing here follows a reference by itself; schemas are as deep as JSON may be and no deeper.
 */

import { append } from "../append.ts";
import { isObject, type Json, type JsonObject, members } from "../json.ts";

/** Keywords whose value is one schema. `items` was a list of them up to draft 2019-09. */
const SINGLE = [
  ...["items", "additionalItems", "unevaluatedItems", "contains"],
  ...["additionalProperties", "unevaluatedProperties", "propertyNames"],
  ...["not", "if", "then", "else"],
];
/** Keywords whose value is a list of schemas. */
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
/** Keywords whose value has schemas by name. */
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

const KEYWORDS: ReadonlySet<string> = new Set([...SINGLE, ...LISTS]);
const MAPPED: ReadonlySet<string> = new Set(MAPS);

/** The schemas that stand in a schema, one level down; what says only `true` or `false` is not among them. */
export function subschemas(schema: JsonObject): JsonObject[] {
  const found: JsonObject[] = [];
  for (const key in schema) {
    const value = schema[key];
    if (typeof value !== "object") continue;
    if (KEYWORDS.has(key)) {
      if (isObject(value)) found.push(value);
      else if (Array.isArray(value)) append(found, value.filter(isObject));
    } else if (MAPPED.has(key) && isObject(value)) append(found, Object.values(value).filter(isObject));
  }
  return found;
}

/** The schema with each of its subschemas changed; the very same one if none does change. */
export function mapSubschemas(schema: JsonObject, change: (inner: JsonObject) => JsonObject): JsonObject {
  const each = (value: Json): Json => isObject(value) ? change(value) : value;
  return mapValues(schema, (value, key) => {
    if (KEYWORDS.has(key)) return Array.isArray(value) ? mapped(value, each) : each(value);
    return MAPPED.has(key) && isObject(value) ? mapValues(value, each) : value;
  });
}

/** What a local reference points at; undefined for any other, and for one that leads nowhere. */
export function resolve(root: JsonObject, reference: string): Json | undefined {
  if (reference === "#") return root;
  if (!reference.startsWith("#/")) return undefined;
  let at: Json | undefined = root;
  for (const step of reference.slice(2).split("/")) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = at[Number(key)];
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

/** Adds a sentence to a schema's description. */
export function describe(schema: JsonObject, text: string): JsonObject {
  const own = typeof schema.description === "string" ? schema.description : "";
  return members([...Object.entries(schema), ["description", own === "" ? text : `${own}\n${text}`]]);
}

/** The schema's property names that must be there. */
export function requiredNames(schema: JsonObject): ReadonlySet<string> {
  const { required } = schema;
  if (!Array.isArray(required)) return NONE;
  return new Set(required.filter((name: Json) => typeof name === "string"));
}

const NONE: ReadonlySet<string> = new Set();

/** The schema without the keywords. */
export function without(schema: JsonObject, keywords: ReadonlySet<string>): JsonObject {
  return members(Object.entries(schema).filter(([key]) => !keywords.has(key)));
}

/** True for a schema whose values are, or may be, of the type. */
export function hasType(schema: JsonObject, type: string): boolean {
  return schema.type === type || (Array.isArray(schema.type) && schema.type.includes(type));
}

function mapped(list: readonly Json[], change: (item: Json) => Json): readonly Json[] {
  let differs = false;
  const items = list.map((item) => {
    const next = change(item);
    differs ||= next !== item;
    return next;
  });
  return differs ? items : list;
}

function mapValues(object: JsonObject, change: (value: Json, key: string) => Json): JsonObject {
  /** Those that did change: most schemas stay as they are. */
  let changed: Map<string, Json> | undefined;
  for (const key in object) {
    const value = object[key];
    // Only what holds others can hold a schema.
    if (typeof value !== "object") continue;
    const next = change(value, key);
    if (next !== value) (changed ??= new Map()).set(key, next);
  }
  if (!changed) return object;
  return members(Object.entries(object).map(([key, value]) => [key, changed.get(key) ?? value]));
}
