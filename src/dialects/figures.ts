/** Token figures that a stream brings more than once: each is a total so far, and replaces the one before. */

import { asNumber, isObject, type Json, type JsonObject, members } from "../json.ts";
import { isAbsent } from "./absent.ts";

/**
 * The figures known so far, with those of an update. What an update does not know replaces nothing: null, and zero or
 * what is no count where a count is known. Several servers end their streams with zeros for what they said before.
 * @param names the members that are figures: what else is said is not kept, since a stream may say it many times
 */
export function mergeFigures(known: JsonObject, update: JsonObject, names: readonly string[]): JsonObject {
  return members(names.map((name) => [name, better(known[name], update[name])] as const));
}

function better(known: Json | undefined, given: Json | undefined): Json | undefined {
  if (given === undefined || given === null) return known;
  if (isObject(given)) {
    if (!isObject(known)) return given;
    return isAbsent(given) ? known : mergeFigures(known, given, Object.keys(given));
  }
  if (Array.isArray(given)) return given.length === 0 ? known ?? given : given;
  const was = asNumber(known);
  if (was === undefined || was === 0) return given;
  const now = asNumber(given);
  return now !== undefined && Number.isInteger(now) && now > 0 ? given : known;
}
