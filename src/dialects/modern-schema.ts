/**
 * Schemas of older drafts as draft 2020-12 says the same (https://json-schema.org/specification-links). Both APIs
 * check tools against it and refuse a request for one keyword that has changed its form since draft 3 or 4.
 */

import { isObject, type Json, type JsonObject, members } from "../json.ts";
import { mapSubschemas } from "./json-schema.ts";

type Entries = [string, Json | undefined][];

/** The same schema in the words of draft 2020-12; the very same value if it has no older ones. */
export function modernSchema(schema: JsonObject): JsonObject {
  const inner = mapSubschemas(schema, modernSchema);
  const lifted = requiredInside(schema);
  if (lifted.length === 0 && !holdsOld(inner)) return inner;
  const entries = Object.entries(inner).flatMap(([key, value]): Entries =>
    isOld(key, value) ? modern(key, value, inner) : [[key, value]]
  );
  const bounds = new Set(["minimum", "maximum"].filter((key) => inner[exclusive(key)] === true));
  const kept = entries.filter(([key]) => !bounds.has(key));
  if (lifted.length === 0) return members(kept);
  const own = kept.find(([key]) => key === "required")?.[1];
  return members([...kept, ["required", names([...(Array.isArray(own) ? own : []), ...lifted])]]);
}

/** Null says something as one of these alone. */
const VALUES: ReadonlySet<string> = new Set(["default", "const", "example", "examples"]);

function holdsOld(schema: JsonObject): boolean {
  for (const key in schema) if (isOld(key, schema[key])) return true;
  return false;
}

function isOld(key: string, value: Json | undefined): boolean {
  if (value === null) return !VALUES.has(key);
  switch (key) {
    case "$schema":
      return typeof value !== "string" || !value.includes("2020-12");
    case "id":
      return typeof value === "string";
    case "$id":
      return typeof value !== "string" || value.startsWith("#");
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      return typeof value === "boolean";
    case "items":
      return Array.isArray(value);
    case "required":
      return !Array.isArray(value) || names(value).length < value.length;
    case "type":
      return value === "any" || (Array.isArray(value) && (value.length === 0 || value.includes("any")));
    case "additionalItems":
    case "dependencies":
    case "divisibleBy":
      return true;
    default:
      return false;
  }
}

/** What an older keyword says, in newer ones; nothing for one that says nothing (any more). */
function modern(key: string, value: Json | undefined, schema: JsonObject): Entries {
  switch (key) {
    case "id":
    case "$id":
      return typeof value === "string" && value.startsWith("#") ? [["$anchor", value.slice(1)]] : [];
    case "exclusiveMinimum":
    case "exclusiveMaximum":
      // The bound itself stands in the other keyword.
      return value === true ? [[key, schema[key === "exclusiveMinimum" ? "minimum" : "maximum"]]] : [];
    case "items": {
      const { additionalItems } = schema;
      return [["prefixItems", value], ["items", additionalItems ?? undefined]];
    }
    case "required":
      return Array.isArray(value) ? [["required", names(value)]] : [];
    case "dependencies":
      return isObject(value) ? dependents(value) : [];
    case "divisibleBy":
      return schema.multipleOf === undefined ? [["multipleOf", value]] : [];
    default:
      return [];
  }
}

/** A dependency is a list of names, in draft 3 one name, or a schema. */
function dependents(value: JsonObject): Entries {
  const listed: Entries = [];
  const schemas: Entries = [];
  for (const [name, wanted] of Object.entries(value)) {
    if (typeof wanted === "string") listed.push([name, [wanted]]);
    else (Array.isArray(wanted) ? listed : schemas).push([name, wanted]);
  }
  return [
    ...(listed.length > 0 ? [["dependentRequired", members(listed)] as [string, Json]] : []),
    ...(schemas.length > 0 ? [["dependentSchemas", members(schemas)] as [string, Json]] : []),
  ];
}

/** In draft 3 a property says itself that it must be there. */
function requiredInside(schema: JsonObject): string[] {
  if (!isObject(schema.properties)) return [];
  const lifted: string[] = [];
  for (const name in schema.properties) {
    const inner = schema.properties[name];
    if (isObject(inner) && inner.required === true) lifted.push(name);
  }
  return lifted;
}

function exclusive(key: string): string {
  return key === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum";
}

/** Each once: a list of names may not name one twice. */
function names(list: readonly Json[]): string[] {
  return [...new Set(list.filter((name: Json) => typeof name === "string"))];
}
