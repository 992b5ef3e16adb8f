/**
 * Names of properties that an API refuses, under other names: in the schema, in arguments that go there, and back in
 * the arguments that the model writes. A name has the same replacement wherever it stands, so that nothing needs to
 * know which alternative of a schema an object follows.
 */

import { isObject, type Json, type JsonObject, members } from "../json.ts";
import { describe, mapSubschemas, subschemas } from "./json-schema.ts";
import { shortName } from "./short-name.ts";

/** As the client wrote it → as it is sent; only those that change. */
export type Renames = ReadonlyMap<string, string>;

/** The way back. */
export function backwards(renames: Renames): Renames {
  return new Map([...renames].map(([name, other]) => [other, name]));
}

/** What the API takes as the name of a property. */
export interface NameRule {
  readonly accepted: RegExp;
  readonly refused: RegExp;
}

/** The properties of a schema that go by another name. Always the same ones for the same names. */
export function renamesOf(schema: JsonObject, rule: NameRule): Renames {
  const found = new Map<string, string>();
  const visit = (each: JsonObject): void => {
    for (const name of Object.keys(isObject(each.properties) ? each.properties : {})) {
      if (!rule.accepted.test(name)) found.set(name, shortName(name, rule.refused));
    }
    subschemas(each).forEach(visit);
  };
  visit(schema);
  return found;
}

/** The schema with its properties renamed; their descriptions say what the texts around call them. */
export function renameProperties(schema: JsonObject, renames: Renames): JsonObject {
  if (renames.size === 0) return schema;
  const inner = mapSubschemas(schema, (each) => renameProperties(each, renames));
  return members(Object.entries(inner).map(([key, value]) => [key, renamed(key, value, renames)]));
}

/** A value with every member renamed that has another name. */
export function renameMembers(value: Json, renames: Renames): Json {
  if (Array.isArray(value)) return value.map((item: Json) => renameMembers(item, renames));
  return isObject(value) ? renameObject(value, renames) : value;
}

export function renameObject(object: JsonObject, renames: Renames): JsonObject {
  return members(
    Object.entries(object).map(([key, item]) => [
      renames.get(key) ?? key,
      item === undefined ? undefined : renameMembers(item, renames),
    ]),
  );
}

function renamed(key: string, value: Json | undefined, renames: Renames): Json | undefined {
  const name = (each: string) => renames.get(each) ?? each;
  switch (key) {
    case "properties":
      return isObject(value) ? members(Object.entries(value).map((each) => property(each, renames))) : value;
    case "required":
      return namesIn(value, name);
    case "dependentSchemas":
      return isObject(value)
        ? members(Object.entries(value).map(([each, inner]) => [name(each), inner]))
        : value;
    case "dependentRequired":
      return isObject(value)
        ? members(Object.entries(value).map(([each, inner]) => [name(each), namesIn(inner, name)]))
        : value;
    case "$ref":
      return typeof value === "string" ? reference(value, renames) : value;
    default:
      return value;
  }
}

function property(
  [name, inner]: [string, Json | undefined],
  renames: Renames,
): [string, Json | undefined] {
  const other = renames.get(name);
  if (other === undefined) return [name, inner];
  return [other, isObject(inner) ? describe(inner, `Stands for the property '${name}'.`) : inner];
}

function namesIn(value: Json | undefined, name: (each: string) => string): Json | undefined {
  if (!Array.isArray(value)) return value;
  return value.map((each: Json) => typeof each === "string" ? name(each) : each);
}

/** A reference into `properties` goes by their names. */
function reference(path: string, renames: Renames): string {
  if (!path.includes("/properties/")) return path;
  const steps = path.split("/");
  return steps.map((step, at) => {
    if (steps[at - 1] !== "properties") return step;
    return renames.get(step.replaceAll("~1", "/").replaceAll("~0", "~")) ?? step;
  }).join("/");
}
