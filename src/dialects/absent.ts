/** What servers write for a member that they have nothing to say in. */

import { asNumber, isObject, type Json } from "../json.ts";

/**
 * Whether a value says nothing: absent, null, `""`, zero, false, or a list or an object that holds nothing else.
 * Servers whose language has no absent values write one of these for each member that an answer has not got
 * (`"function_call": {"name": "", "arguments": ""}`, `"audio": {}`): read as a member it would be malformed, or lost.
 */
export function isAbsent(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  if (typeof value !== "object") return value === 0;
  if (Array.isArray(value)) return value.every(isAbsent);
  return isObject(value) ? Object.values(value).every(isAbsent) : asNumber(value) === 0;
}

/** A value that should be a list: one that says nothing is an empty list, anything else that is no list is undefined. */
export function listOf(value: Json | undefined): readonly Json[] | undefined {
  if (Array.isArray(value)) return value;
  return isAbsent(value) ? [] : undefined;
}
