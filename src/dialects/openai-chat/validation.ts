/**
 * The list that request validators give of what is wrong: pydantic's, which FastAPI servers send with a 422 (`loc`,
 * `type`, `msg`), under one of several names, and as text where a server prints it.
 */

import type { RefusedField } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";

/** Faults beyond these say nothing that the first do not. */
const MOST_FIELDS = 100;

/** The fields that an error lists; empty where it has no list. */
export function listedFields(error: JsonObject): readonly RefusedField[] {
  for (const place of [error.detail, error.details, error.message, error.errors, error.error]) {
    const list = isObject(place) ? place.detail : place;
    const found = Array.isArray(list) ? list.slice(0, MOST_FIELDS).flatMap(readFault) : [];
    if (found.length > 0) return found;
  }
  return [error.message, error.detail].flatMap((text) => typeof text === "string" ? printed(text) : []);
}

function readFault(fault: Json): RefusedField[] {
  if (!isObject(fault) || !Array.isArray(fault.loc)) return [];
  const steps = fault.loc.filter((step: Json) => typeof step === "string" || typeof step === "number");
  const path = (steps[0] === "body" ? steps.slice(1) : steps).join(".");
  return path === "" ? [] : [{ path, fault: isUnknown(fault.type, fault.msg) ? "unknown" : "value" }];
}

function isUnknown(type: Json | undefined, message: Json | undefined): boolean {
  return /extra|unexpected/.test(String(type)) || /^extra (?:inputs|fields)/i.test(String(message));
}

/** A server that prints its list does it in Python's notation; the first of it is enough. */
function printed(message: string): RefusedField[] {
  const place = /^\[\{'type': 'extra_forbidden', 'loc': \('body', ([\w', ]{1,200})\)/.exec(message)?.[1];
  const path = place?.match(/\w+/g)?.join(".");
  return path === undefined ? [] : [{ path, fault: "unknown" }];
}
