/**
 * Reads members of a request's objects. A member that is absent or null is undefined; one of another type than the
 * API says is refused with its path as the client would write it: `messages[1].content[0].type`.
 */

import { type GatewayError, invalidValue } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";

/** An object of the request and where it stands; the request itself stands at the empty path. */
export interface Place {
  readonly value: JsonObject;
  readonly path: string;
}

/** Where a member of the object stands. */
export function pathOf(place: Place, key: string): string {
  return place.path === "" ? key : `${place.path}.${key}`;
}

/** The member's value; undefined if it is absent or null. */
export function member(place: Place, key: string): Json | undefined {
  return Object.hasOwn(place.value, key) ? place.value[key] ?? undefined : undefined;
}

/** @throws GatewayError `invalid_value` for anything but a string */
export function stringOf(place: Place, key: string): string | undefined {
  const value = member(place, key);
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(pathOf(place, key), "a string", value);
}

/** @throws GatewayError `invalid_value` for anything but a string, or if there is none */
export function requiredString(place: Place, key: string): string {
  const value = stringOf(place, key);
  if (value === undefined) throw missing(pathOf(place, key));
  return value;
}

/** @throws GatewayError `invalid_value` for anything but a boolean */
export function booleanOf(place: Place, key: string): boolean | undefined {
  const value = member(place, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongType(pathOf(place, key), "a boolean", value);
}

/** @throws GatewayError `invalid_value` for anything but a number within the range, both ends included */
export function numberOf(place: Place, key: string, least: number, most: number): number | undefined {
  const value = member(place, key);
  if (value === undefined) return undefined;
  const number = asNumber(value);
  if (number === undefined) throw wrongType(pathOf(place, key), "a number", value);
  if (number >= least && number <= most) return number;
  throw invalidValue(
    pathOf(place, key),
    `Invalid '${pathOf(place, key)}': ${number} is not between ${least} and ${most}`,
  );
}

/** @throws GatewayError `invalid_value` for anything but a whole number from 1 on */
export function countOf(place: Place, key: string): number | undefined {
  const value = member(place, key);
  if (value === undefined) return undefined;
  const number = asNumber(value);
  if (number !== undefined && Number.isSafeInteger(number) && number >= 1) return number;
  throw wrongType(pathOf(place, key), "a whole number of at least 1", value);
}

/** @throws GatewayError `invalid_value` for anything but one of the words */
export function wordOf<Word extends string>(
  place: Place,
  key: string,
  words: readonly Word[],
): Word | undefined {
  const value = member(place, key);
  if (value === undefined) return undefined;
  const word = words.find((each) => each === value);
  if (word !== undefined) return word;
  throw wrongType(pathOf(place, key), `one of ${words.map((each) => `'${each}'`).join(", ")}`, value);
}

/** @throws GatewayError `invalid_value` for anything but an object */
export function objectOf(place: Place, key: string): Place | undefined {
  const value = member(place, key);
  return value === undefined ? undefined : asPlace(value, pathOf(place, key));
}

/** @throws GatewayError `invalid_value` for anything but an object, or if there is none */
export function requiredObject(place: Place, key: string): Place {
  const found = objectOf(place, key);
  if (found === undefined) throw missing(pathOf(place, key));
  return found;
}

/** @throws GatewayError `invalid_value` for anything but an array */
export function arrayOf(place: Place, key: string): readonly Json[] | undefined {
  const value = member(place, key);
  if (value === undefined || Array.isArray(value)) return value;
  throw wrongType(pathOf(place, key), "an array", value);
}

/** The objects of an array. @throws GatewayError `invalid_value` for anything but an array of objects */
export function objectsOf(place: Place, key: string): Place[] | undefined {
  return arrayOf(place, key)?.map((item, at) => asPlace(item, `${pathOf(place, key)}[${at}]`));
}

/** The strings of an array. @throws GatewayError `invalid_value` for anything but an array of strings */
export function stringsOf(place: Place, key: string): string[] | undefined {
  return arrayOf(place, key)?.map((item, at) => {
    if (typeof item === "string") return item;
    throw wrongType(`${pathOf(place, key)}[${at}]`, "a string", item);
  });
}

/** @throws GatewayError `invalid_value` for anything but an object */
export function asPlace(value: Json, path: string): Place {
  if (isObject(value)) return { value, path };
  throw wrongType(path, "an object", value);
}

/** The refusal of a member that is not what the API says. */
export function wrongType(path: string, wanted: string, value: Json): GatewayError {
  return invalidValue(path, `Invalid '${path}': expected ${wanted}, got ${shown(value)}`);
}

function missing(path: string): GatewayError {
  return invalidValue(path, `Missing required parameter: '${path}'`);
}

/** A value for a message: short ones as they are, long ones by their type. */
function shown(value: Json): string {
  if (Array.isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  if (typeof value === "string") return value.length > 64 ? "a long string" : `'${value}'`;
  return String(asNumber(value) ?? value);
}
