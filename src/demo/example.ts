/** A value that fits a JSON schema: what simulated tool arguments and structured answers are made of. */

import { asNumber, isObject, type Json, type JsonObject, members } from "../json.ts";

/** Below this depth only what is required is filled in, so that a schema that refers to itself ends. */
const FULL_DEPTH = 4;
const DEEPEST = 24;

const FORMATS: ReadonlyMap<string, string> = new Map([
  ["date", "2026-01-31"],
  ["time", "12:00:00Z"],
  ["date-time", "2026-01-31T12:00:00Z"],
  ["duration", "PT1H"],
  ["email", "someone@example.com"],
  ["hostname", "example.com"],
  ["uri", "https://example.com/"],
  ["url", "https://example.com/"],
  ["ipv4", "192.0.2.1"],
  ["ipv6", "2001:db8::1"],
  ["uuid", "00000000-0000-4000-8000-000000000000"],
]);

/**
 * A value that the schema accepts, the same one each time. Knows types, `enum`, `const`, combinations, references
 * inside the schema, formats and bounds; not `pattern` and `not`.
 */
export function exampleOf(schema: Json | undefined, name = "value"): Json {
  return fill(schema, name, isObject(schema) ? schema : {}, 0);
}

function fill(schema: Json | undefined, name: string, root: JsonObject, depth: number): Json {
  if (!isObject(schema) || depth > DEEPEST) return `simulated ${name}`;
  if (schema["const"] !== undefined) return schema["const"];
  const choices = schema["enum"];
  if (Array.isArray(choices) && choices.length > 0) return choices[0] ?? null;
  const reference = schema["$ref"];
  if (typeof reference === "string") return fill(resolve(reference, root), name, root, depth + 1);
  for (const key of ["anyOf", "oneOf"]) {
    const options = schema[key];
    if (Array.isArray(options)) return fill(simplest(options, depth), name, root, depth + 1);
  }
  const all = schema["allOf"];
  if (Array.isArray(all)) return fill(joined(schema, all, root), name, root, depth + 1);
  return fillType(schema, name, root, depth);
}

function fillType(schema: JsonObject, name: string, root: JsonObject, depth: number): Json {
  switch (typeOf(schema, depth)) {
    case "object":
      return fillObject(schema, root, depth);
    case "array":
      return fillArray(schema, name, root, depth);
    case "integer":
      return fillNumber(schema, 1);
    case "number":
      return fillNumber(schema, 0.5);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return fillString(schema, name);
  }
}

function typeOf(schema: JsonObject, depth: number): Json | undefined {
  const type = schema["type"];
  if (Array.isArray(type)) return depth > FULL_DEPTH && type.includes("null") ? "null" : type[0];
  if (type !== undefined) return type;
  if (schema["properties"] !== undefined) return "object";
  return schema["items"] === undefined ? "string" : "array";
}

function fillObject(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const names = depth < FULL_DEPTH ? Object.keys(properties) : [];
  const all = new Set([...names, ...required.filter((key) => typeof key === "string")]);
  return members([...all].map((key) => [
    key,
    fill(Object.hasOwn(properties, key) ? properties[key] : {}, key, root, depth + 1),
  ]));
}

function fillArray(schema: JsonObject, name: string, root: JsonObject, depth: number): Json[] {
  const least = asNumber(schema["minItems"]) ?? (depth < FULL_DEPTH ? 1 : 0);
  const length = Math.min(least, asNumber(schema["maxItems"]) ?? least, 100);
  return Array.from({ length }, () => fill(schema["items"], name, root, depth + 1));
}

function fillNumber(schema: JsonObject, step: number): number {
  const below = asNumber(schema["exclusiveMinimum"]);
  const least = asNumber(schema["minimum"]) ?? (below === undefined ? undefined : below + step);
  const above = asNumber(schema["exclusiveMaximum"]);
  const most = asNumber(schema["maximum"]) ?? (above === undefined ? undefined : above - step);
  const multiple = asNumber(schema["multipleOf"]) ?? 0;
  const value = Math.min(Math.max(least ?? 1, 1), most ?? Infinity);
  const bounded = Math.max(value, least ?? -Infinity);
  return multiple > 0 ? Math.ceil(bounded / multiple) * multiple : bounded;
}

function fillString(schema: JsonObject, name: string): string {
  const format = schema["format"];
  const text = (typeof format === "string" ? FORMATS.get(format) : undefined) ?? `simulated ${name}`;
  return text.slice(0, asNumber(schema["maxLength"]) ?? text.length)
    .padEnd(Math.min(asNumber(schema["minLength"]) ?? 0, 10_000), ".");
}

/** Deep down the option that ends the descent, else the first one that is not null. */
function simplest(options: readonly Json[], depth: number): Json | undefined {
  const isNull = (option: Json) => isObject(option) && option["type"] === "null";
  if (depth > FULL_DEPTH) return options.find(isNull) ?? options[0];
  return options.find((option) => !isNull(option)) ?? options[0];
}

/** A schema and all that it must also fit, as one. */
function joined(schema: JsonObject, all: readonly Json[], root: JsonObject): JsonObject {
  const parts = [schema, ...all].map((part) =>
    isObject(part) && typeof part["$ref"] === "string" ? resolve(part["$ref"], root) : part
  ).filter((part) => isObject(part));
  const merged = members(parts.flatMap((part) => Object.entries(part)).filter(([key]) => key !== "allOf"));
  return {
    ...merged,
    properties: members(parts.flatMap((part) => entriesOf(part["properties"]))),
    required: parts.flatMap((part) => Array.isArray(part["required"]) ? part["required"] : []),
  };
}

function entriesOf(value: Json | undefined): [string, Json | undefined][] {
  return isObject(value) ? Object.entries(value) : [];
}

/** What `#/$defs/name` refers to; an empty schema for what is not there. */
function resolve(reference: string, root: JsonObject): Json {
  const path = reference.replace(/^#\/?/, "").split("/").filter((step) => step !== "");
  let found: Json = root;
  for (const step of path) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(found) || !Object.hasOwn(found, key)) return {};
    found = found[key] ?? {};
  }
  return found;
}
