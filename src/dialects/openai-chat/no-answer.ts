/** What stands in the place of an answer, with status 200: an error, or the verdict of a filter. */

import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { textOf } from "./content.ts";

/**
 * Whether a body or a chunk is an error: in `error`, in a list (Gemini), or as a whole (vLLM: `{"object": "error",
 * "message": …}`, Venice: `{"error_type": …, "error_message": …}`, MiniMax: `base_resp`).
 */
export function isErrorBody(body: Json | undefined): boolean {
  if (Array.isArray(body)) return isObject(body[0]) && isErrorBody(body[0]);
  if (!isObject(body)) return false;
  if (!isAbsent(body.error) || body.object === "error") return true;
  if (!isAbsent(body.choices)) return false;
  const { base_resp: response } = body;
  if (isObject(response) && !isAbsent(response.status_code)) return true;
  // A chunk that has choices, though none, is one: what it says beside them is news of a server's own.
  if (Array.isArray(body.choices)) return false;
  if (!isAbsent(body.errors)) return true;
  // `{"code": 0, "message": "Success"}` is none.
  const code = asNumber(body.code);
  return code !== 0 && code !== 200 && MESSAGES.some((key) => textOf(body[key]) !== "");
}

/** Members that an error as a whole may have its words in. */
const MESSAGES = ["message", "detail", "msg", "error_msg", "error_message"];

/** Whether a filter says that it took the answer away: Azure's, of the prompt or of the choice. */
export function isFiltered(body: JsonObject, choice: JsonObject): boolean {
  return saysFiltered(body.prompt_filter_results) || saysFiltered(choice.content_filter_results) ||
    (Array.isArray(body.content_filters) && body.content_filters.some(isBlocked));
}

/** Azure's newer list has one entry for each of its filters. */
function isBlocked(filter: Json): boolean {
  return isObject(filter) && filter.blocked === true;
}

function saysFiltered(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(saysFiltered);
  return isObject(value) && (value.filtered === true || Object.values(value).some(saysFiltered));
}
