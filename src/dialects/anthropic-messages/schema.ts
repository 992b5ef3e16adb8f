/** JSON Schemas as structured output takes them: closed objects, a few keywords, the rest told in words. */

import { append } from "../../append.ts";
import { isObject, type Json, type JsonObject, members, stringifyJson } from "../../json.ts";
import { describe, requiredNames, resolve, subschemas as allSubschemas } from "../json-schema.ts";

/** How much of what makes a schema slow to compile is left: the provider's limits are for a request as a whole. */
export interface Budget {
  tools: number;
  optional: number;
  unions: number;
}

/**
 * The limits of https://platform.claude.com/docs/en/build-with-claude/structured-outputs: strict tools, optional
 * properties, and properties of several types (`anyOf`, or a list of types).
 */
export function newBudget(): Budget {
  return { tools: 20, optional: 24, unions: 16 };
}

/**
 * Says whether the provider can hold an answer to the schema, and if so takes what it costs from the budget: no
 * recursion, no open objects, nothing without a type, not more optional and union properties than are left.
 */
export function isEnforceable(root: JsonObject, budget: Budget): boolean {
  const passes = (schema: Json | undefined): boolean =>
    isObject(schema) && (typeof schema.$ref === "string" || !isOpen(schema)) &&
    !holdsMembers(schema.enum) && !refersInAllOf(schema);
  return isEverywhere(root, subschemas, passes) && spend(root, budget, 0);
}

/** True if all that stands in a schema, and all that it refers to, passes, and nothing leads back to itself. */
function isEverywhere(
  root: JsonObject,
  inside: (schema: JsonObject) => readonly (Json | undefined)[],
  passes: (schema: Json | undefined) => boolean,
): boolean {
  /** References that were followed; true for those whose target is still being looked at: to meet one again is recursion. */
  const met = new Map<string, boolean>([["#", true]]);
  const waiting: (() => boolean)[] = [() => visit(root)];
  /** What is inside comes next, before what waits already: a chain of references fills no stack. */
  const next = (steps: readonly (() => boolean)[]) => append(waiting, steps.toReversed());

  const visit = (schema: Json | undefined): boolean => {
    if (!passes(schema)) return false;
    if (!isObject(schema)) return true;
    next(inside(schema).map((inner) => () => visit(inner)));
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
    next([() => visit(resolve(root, reference)), leave]);
    return true;
  };

  for (let step = waiting.pop(); step; step = waiting.pop()) if (!step()) return false;
  return true;
}

/**
 * Says whether a tool may be strict as it is: every object closed, no keyword beyond the provider's subset; and takes
 * what it costs from the budget.
 */
export function isStrictSchema(root: JsonObject, budget: Budget): boolean {
  return isEverywhere(root, allSubschemas, isStrictWord) && spend(root, budget, 1);
}

function spend(schema: JsonObject, budget: Budget, tools: number): boolean {
  const { optional, unions } = cost(schema);
  if (tools > budget.tools || optional > budget.optional || unions > budget.unions) return false;
  budget.tools -= tools;
  budget.optional -= optional;
  budget.unions -= unions;
  return true;
}

/** Properties that the schema's objects may lack, and those of several types, in total. */
function cost(schema: JsonObject): { optional: number; unions: number } {
  const required = requiredNames(schema);
  const properties = isObject(schema.properties) ? schema.properties : {};
  let optional = 0;
  let unions = 0;
  for (const name in properties) {
    const inner = properties[name];
    if (!required.has(name)) optional++;
    if (isObject(inner) && isUnion(inner)) unions++;
  }
  for (const inner of allSubschemas(schema)) {
    const more = cost(inner);
    optional += more.optional;
    unions += more.unions;
  }
  return { optional, unions };
}

function isUnion({ type, anyOf, oneOf }: JsonObject): boolean {
  return Array.isArray(anyOf) || Array.isArray(oneOf) || (Array.isArray(type) && type.length > 1);
}

/** Keywords of strict tools; what constrains a value further makes the provider refuse the request. */
const STRICT: ReadonlySet<string> = new Set([
  ...["type", "enum", "const", "title", "description", "default", "properties", "required"],
  ...[
    "additionalProperties",
    "items",
    "minItems",
    "anyOf",
    "allOf",
    "format",
    "$ref",
    "$defs",
    "definitions",
  ],
  ...["$schema", "$id", "$comment", "examples"],
]);

/** A schema of a strict tool by itself: an object says that it takes no other properties. */
function isStrictWord(schema: Json | undefined): boolean {
  if (!isObject(schema)) return false;
  for (const [key, value] of Object.entries(schema)) {
    if (!STRICT.has(key)) return false;
    if (key === "format" && !(typeof value === "string" && FORMATS.has(value))) return false;
    if (key === "minItems" && value !== 0 && value !== 1) return false;
  }
  if (describesObject(schema) && schema.additionalProperties !== false) return false;
  return !holdsMembers(schema.enum) && !refersInAllOf(schema);
}

/** Only values without members may be listed to choose from. */
function holdsMembers(values: Json | undefined): boolean {
  return Array.isArray(values) && values.some((each: Json) => isObject(each) || Array.isArray(each));
}

function refersInAllOf({ allOf }: JsonObject): boolean {
  return Array.isArray(allOf) && allOf.some((each: Json) => isObject(each) && each.$ref !== undefined);
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
