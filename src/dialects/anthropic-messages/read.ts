/** Reading what a client sent, field by field: each value of its type, or a refusal that names the field. */

import { type GatewayError, invalidValue } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";

/** A field's value and its path, as this API writes paths: `messages.1.content.0.type`. */
export interface Field {
  readonly value: Json | undefined;
  readonly path: string;
}

/** A member of an object; null is as good as absent. */
export function field(object: JsonObject, name: string, path = ""): Field {
  const value = Object.hasOwn(object, name) ? object[name] ?? undefined : undefined;
  return { value, path: path === "" ? name : `${path}.${name}` };
}

export function malformed(path: string, reason: string): GatewayError {
  return invalidValue(path, `${path}: ${reason}`);
}

/** @throws GatewayError `invalid_value` when it is absent or no string */
export function string(read: Field): string {
  if (typeof read.value === "string") return read.value;
  throw wrong(read, "a string");
}

/** @throws GatewayError `invalid_value` when it is absent or no object */
export function object(read: Field): JsonObject {
  if (isObject(read.value)) return read.value;
  throw wrong(read, "an object");
}

/** @throws GatewayError `invalid_value` when it is absent or no list */
export function list(read: Field): Field[] {
  if (!Array.isArray(read.value)) throw wrong(read, "a list");
  return read.value.map((value: Json, at) => ({ value, path: `${read.path}.${at}` }));
}

/** @throws GatewayError `invalid_value` when it is absent or neither true nor false */
export function boolean(read: Field): boolean {
  if (typeof read.value === "boolean") return read.value;
  throw wrong(read, "true or false");
}

/** @throws GatewayError `invalid_value` when it is absent, no number, or outside of the range */
export function number(read: Field, least: number, most: number): number {
  const value = asNumber(read.value);
  if (value === undefined) throw wrong(read, "a number");
  if (value >= least && value <= most) return value;
  throw malformed(read.path, `${value} is not between ${least} and ${most}`);
}

/** @throws GatewayError `invalid_value` when it is absent, no whole number, or less than `least` */
export function integer(read: Field, least: number): number {
  const value = asNumber(read.value);
  if (value === undefined || !Number.isSafeInteger(value)) throw wrong(read, "a whole number");
  if (value >= least) return value;
  throw malformed(read.path, `${value} is less than ${least}`);
}

/** @throws GatewayError `invalid_value` when it is none of the words */
export function oneOf<Word extends string>(read: Field, words: readonly Word[]): Word {
  const text = string(read);
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  throw malformed(read.path, `'${shown(text)}' is none of ${words.map((each) => `'${each}'`).join(", ")}`);
}

/** Reads a field that may be absent. */
export function optional<Value>(read: Field, as: (read: Field) => Value): Value | undefined {
  return read.value === undefined ? undefined : as(read);
}

/** A member to spread: the key with its value, or nothing where there is none. */
export function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  const entries = value === undefined ? [] : [[key, value] as const];
  return Object.fromEntries(entries) as { [K in Key]?: Value };
}

export function shown(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}

function wrong(read: Field, wanted: string): GatewayError {
  return malformed(read.path, read.value === undefined ? "Field required" : `Input should be ${wanted}`);
}
