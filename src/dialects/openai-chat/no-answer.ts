/** What stands in the place of an answer, with status 200: an error, or the verdict of a filter. */

import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { textOf } from "./content.ts";

/** Whether a body or a chunk is an error: in `error`, or as a whole (vLLM: `{"object": "error", "message": …}`). */
export function isErrorBody(body: JsonObject): boolean {
  if (!isAbsent(body.error)) return true;
  if (body.object === "error") return true;
  return body.choices === undefined && (textOf(body.message) !== "" || textOf(body.detail) !== "");
}

/** Whether a filter says that it took the answer away: Azure's, of the prompt or of the choice. */
export function isFiltered(body: JsonObject, choice: JsonObject): boolean {
  return saysFiltered(body.prompt_filter_results) || saysFiltered(choice.content_filter_results);
}

function saysFiltered(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(saysFiltered);
  return isObject(value) && (value.filtered === true || Object.values(value).some(saysFiltered));
}
