/**
 * Schemas as strict mode takes them (https://developers.openai.com/api/docs/guides/structured-outputs): closed
 * objects whose properties are all required, a few keywords, limits on size. A property that may be absent becomes one
 * that may be null where that says the same and can be undone in the answer.
 */

import { isObject, type Json, type JsonObject, members, stringifyJson } from "../../json.ts";
import { describe, hasType, mapSubschemas, requiredNames, resolve, subschemas } from "../json-schema.ts";

export interface StrictSchema {
  readonly schema: JsonObject;
  /** Properties whose null stands for their absence, wherever they are. */
  readonly absent: ReadonlySet<string>;
}

/** The schema for strict mode; undefined where none says the same. */
export function strictSchema(root: JsonObject): StrictSchema | undefined {
  const clean = cleaned(root);
  const closed = allRequired(clean, nullability(clean));
  if (!closed || !isStrict(closed.schema)) return undefined;
  return closed;
}

/** True for a schema that strict mode takes as it is. */
export function isStrict(root: JsonObject): boolean {
  if (root.type !== "object" || root.anyOf !== undefined || root.$ref !== undefined) return false;
  const size: Size = { properties: 0, values: 0, characters: 0 };
  return isWithin(root, root, 1, size) &&
    size.properties <= 5000 && size.values <= 1000 && size.characters <= 120_000;
}

interface Size {
  properties: number;
  values: number;
  characters: number;
}

const DEEPEST = 10;
const STRUCTURE = ["type", "properties", "required", "additionalProperties", "items", "anyOf", "$ref"];
const KEPT: ReadonlySet<string> = new Set([
  ...STRUCTURE,
  ...["enum", "const", "title", "description", "$defs", "definitions"],
  ...["pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["minItems", "maxItems"],
]);
const FORMATS: ReadonlySet<string> = new Set(
  ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"],
);

/** @param depth of objects, this one included if it is one */
function isWithin(root: JsonObject, schema: JsonObject, depth: number, size: Size): boolean {
  if (depth > DEEPEST) return false;
  for (const [key, value] of Object.entries(schema)) {
    if (!KEPT.has(key)) return false;
    if (key === "enum" && !countValues(value, size)) return false;
    if (key === "const" && typeof value === "string") size.characters += value.length;
    if (key === "$defs" || key === "definitions") countNames(value, size);
  }
  const { $ref } = schema;
  if ($ref !== undefined) {
    return Object.keys(schema).every((key) => key === "$ref") && typeof $ref === "string" &&
      isObject(resolve(root, $ref));
  }
  if (!["type", "enum", "const", "anyOf"].some((key) => schema[key] !== undefined)) return false;
  if (describesObject(schema) && !isClosedObject(schema, size)) return false;
  if (hasType(schema, "array") && !isObject(schema.items)) return false;
  if (hasBooleans(schema)) return false;
  const deeper = describesObject(schema) ? depth + 1 : depth;
  return subschemas(schema).every((inner) =>
    isWithin(root, inner, describesObject(inner) ? deeper : depth, size)
  );
}

function isClosedObject(schema: JsonObject, size: Size): boolean {
  const { properties } = schema;
  if (!isObject(properties) || schema.additionalProperties !== false) return false;
  const names = Object.keys(properties);
  const required = requiredNames(schema);
  size.properties += names.length;
  countNames(properties, size);
  return required.size === names.length && names.every((name) => required.has(name));
}

function countNames(value: Json | undefined, size: Size): void {
  if (isObject(value)) { for (const name of Object.keys(value)) size.characters += name.length; }
}

/** Values without members, not too many of them; of more than 250 texts not too long ones. */
function countValues(value: Json | undefined, size: Size): boolean {
  if (!Array.isArray(value) || value.some((each) => isObject(each) || Array.isArray(each))) return false;
  const characters = value.reduce<number>(
    (sum, each: Json) => sum + (typeof each === "string" ? each.length : 0),
    0,
  );
  size.values += value.length;
  size.characters += characters;
  return value.length <= 250 || characters <= 15_000;
}

/** A schema that is only `true` or `false`. */
function hasBooleans({ properties, anyOf }: JsonObject): boolean {
  const inner = [
    ...isObject(properties) ? Object.values(properties) : [],
    ...Array.isArray(anyOf) ? anyOf : [],
  ];
  return inner.some((each) => !isObject(each));
}

function describesObject(schema: JsonObject): boolean {
  return hasType(schema, "object") || isObject(schema.properties);
}

/** Says nothing about values. */
const IGNORED: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$anchor", "$comment", "deprecated", "readOnly", "writeOnly"],
  ...["example", "examples"],
]);
/** Constrains one value and nothing around it: a sentence can say it. */
const TOLD: ReadonlySet<string> = new Set([
  ...["default", "minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties"],
  ...["contentMediaType", "contentEncoding"],
]);

/** The schema without what strict mode does not know and a description can say, and no word beside a reference. */
function cleaned(schema: JsonObject): JsonObject {
  const inner = mapSubschemas(schema, cleaned);
  const entries: [string, Json | undefined][] = [];
  const told: string[] = [];
  for (const [key, value] of Object.entries(inner)) {
    const unknown = key === "format" && !(typeof value === "string" && FORMATS.has(value));
    if (TOLD.has(key) || unknown) told.push(`${key}: ${stringifyJson(value ?? null)}`);
    else if (key === "allOf" && inner.anyOf === undefined && Array.isArray(value) && value.length === 1) {
      // One alternative is the same as all of one.
      entries.push(["anyOf", value]);
    } else if (!IGNORED.has(key)) entries.push([key, value]);
  }
  const clean = told.length > 0 ? describe(members(entries), told.join("; ")) : members(entries);
  const { $ref, $defs, definitions, ...beside } = clean;
  if ($ref === undefined || Object.keys(beside).length === 0) return clean;
  return members(Object.entries({ $defs, definitions, ...beside, anyOf: [{ $ref }] }));
}

/** What null means for properties of a name: null itself where some schema lets it in, absence where one is optional. */
interface Nullability {
  readonly itself: ReadonlySet<string>;
  readonly absent: ReadonlySet<string>;
}

function nullability(root: JsonObject): Nullability {
  const itself = new Set<string>();
  const absent = new Set<string>();
  const acceptsNull = nullAccepted(root);
  const visit = (schema: JsonObject): void => {
    const required = requiredNames(schema);
    for (const [name, inner] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      if (acceptsNull(inner, 0)) itself.add(name);
      else if (!required.has(name)) absent.add(name);
    }
    subschemas(schema).forEach(visit);
  };
  visit(root);
  return { itself, absent };
}

/** Every property required, those that may be absent nullable; undefined where a null could mean either. */
function allRequired(root: JsonObject, nulls: Nullability): StrictSchema | undefined {
  for (const name of nulls.absent) if (nulls.itself.has(name)) return undefined;
  return { schema: required(root, nulls), absent: nulls.absent };
}

function required(schema: JsonObject, nulls: Nullability): JsonObject {
  const inner = mapSubschemas(schema, (each) => required(each, nulls));
  const { properties } = inner;
  if (!isObject(properties)) return inner;
  const names = Object.keys(properties);
  const demanded = requiredNames(inner);
  if (demanded.size === names.length && names.every((name) => demanded.has(name))) return inner;
  // A name that is required and nowhere described stays, for the check to find.
  const others = [...demanded].filter((name) => !Object.hasOwn(properties, name));
  return members([
    ...Object.entries(inner),
    [
      "properties",
      members(
        Object.entries(properties).map(([name, each]) => [
          name,
          demanded.has(name) || nulls.itself.has(name) || !isObject(each) ? each : nullable(each),
        ]),
      ),
    ],
    ["required", [...names, ...others]],
  ]);
}

function nullable(schema: JsonObject): JsonObject {
  const { type } = schema;
  const simple = typeof type === "string" && type !== "object" && type !== "array" &&
    !["enum", "const", "anyOf"].some((key) => schema[key] !== undefined);
  if (!simple) return { anyOf: [schema, { type: "null" }] };
  return members(
    Object.entries(schema).map(([key, value]) => [key, key === "type" ? [type, "null"] : value]),
  );
}

/** Whether null is a value of a schema: what is referred to is looked at once. */
function nullAccepted(root: JsonObject): (schema: Json | undefined, chain: number) => boolean {
  const known = new Map<string, boolean>();
  const accepts = (schema: Json | undefined, chain: number): boolean => {
    if (!isObject(schema)) return schema === true;
    const { $ref, type, anyOf } = schema;
    if (typeof $ref === "string") return chain < LONGEST_CHAIN && referred($ref, chain);
    if (Array.isArray(anyOf)) return anyOf.some((each: Json) => accepts(each, chain));
    if (schema.const !== undefined) return schema.const === null;
    if (Array.isArray(schema.enum) && !schema.enum.includes(null)) return false;
    return type === undefined || hasType(schema, "null");
  };
  const referred = (reference: string, chain: number): boolean => {
    const found = known.get(reference);
    if (found !== undefined) return found;
    known.set(reference, false);
    const accepted = accepts(resolve(root, reference), chain + 1);
    known.set(reference, accepted);
    return accepted;
  };
  return accepts;
}

/** References that lead from one to the next. */
const LONGEST_CHAIN = 64;
