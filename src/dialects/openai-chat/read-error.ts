/** What an error says, in the shapes that servers write it in. */

import type { RefusedField } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject, stringifyJson, tryParseJson } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { listedFields } from "./validation.ts";

/** What an error body says. */
export interface Said {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
  /** A finer word than the code. */
  readonly reason?: string;
  readonly param?: string;
  readonly fields?: readonly RefusedField[];
  /** The status that it says itself to have. */
  readonly status?: number;
}

/** The shapes that are in use: an object, its text alone, either inside a list; `detail` and `message` without `error`. */
export function readError(body: Json): Said | undefined {
  if (Array.isArray(body)) return body[0] === undefined ? undefined : readError(body[0]);
  if (!isObject(body)) return undefined;
  if (typeof body.error === "string" && body.error !== "") return { ...wordsOf(body), message: body.error };
  const error = isObject(body.error) && !isAbsent(body.error) ? body.error : body;
  const message = [error.message, error.detail, error.error, error.error_message, error.error_msg, error.msg]
    .map(words).find((text) => text !== undefined);
  if (message === undefined) return readBaseResponse(error) ?? readListed(error);
  const inner = message === "Provider returned error" ? readInner(error) : undefined;
  return inner ?? { ...wordsOf(error), message, fields: listedFields(error) };
}

/** Cloudflare's errors are a list beside a result that is none. */
function readListed({ errors }: JsonObject): Said | undefined {
  const first = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first === "string") return { message: first, type: "", code: null };
  return isObject(first) ? readError({ error: first }) : undefined;
}

/** MiniMax says in `base_resp` how it went (https://platform.minimax.io/docs/api-reference/errorcode). */
function readBaseResponse({ base_resp: response }: JsonObject): Said | undefined {
  if (!isObject(response)) return undefined;
  const code = asNumber(response.status_code);
  if (code === undefined || code === 0) return undefined;
  const message = words(response.status_msg) ?? `The provider reported the error ${code}`;
  return { message, type: "", code: String(code), ...BASE_CODES.get(code) };
}

const BASE_CODES: ReadonlyMap<number, Partial<Said>> = new Map<number, Partial<Said>>([
  [1001, { status: 504 }],
  [1002, { status: 429 }],
  [1004, { status: 401 }],
  [1008, { status: 429, type: "insufficient_quota" }],
  [1026, { status: 400, type: "content_policy_violation" }],
  [1027, { status: 400, type: "content_policy_violation" }],
  [1039, { status: 429 }],
  [1041, { status: 429 }],
  [2013, { status: 400 }],
  [2049, { status: 401 }],
  [2056, { status: 429 }],
]);

/** OpenRouter's errors say that there was one; what it was is in the text that its provider sent. */
function readInner({ metadata }: JsonObject): Said | undefined {
  const raw = isObject(metadata) ? metadata.raw : undefined;
  if (typeof raw !== "string" || raw.length > MOST_INNER) return undefined;
  const body = tryParseJson(raw);
  return body === undefined ? undefined : readError(body);
}

/** Characters of an error within an error. */
const MOST_INNER = 64 * 1024;

/** Characters of an error that is no text of its own. */
const MOST_WORDS = 1000;

/** What of an error is there for machines. */
function wordsOf(error: JsonObject): Omit<Said, "message"> {
  const { code: own = error.error_code, type = error.error_type } = error;
  const code = typeof own === "string" ? own : asNumber(own);
  const reason = reasonOf(error.details);
  return {
    type: typeof type === "string" ? type : "",
    code: code === undefined || code === "" ? null : String(code),
    ...(reason !== undefined && { reason }),
    ...(typeof error.param === "string" && error.param !== "" && { param: error.param }),
    ...ownStatus(error.status ?? error.status_code ?? error.statusCode ?? error.http_code),
  };
}

function ownStatus(value: Json | undefined): { status?: number } {
  const status = statusOf(typeof value === "string" ? value : String(asNumber(value) ?? ""));
  return status === undefined ? {} : { status };
}

/** The reason in an `ErrorInfo` among the details (https://google.aip.dev/193). */
function reasonOf(details: Json | undefined): string | undefined {
  const info = Array.isArray(details)
    ? details.slice(0, 10).find((one) => isObject(one) && one.reason)
    : undefined;
  return isObject(info) && typeof info.reason === "string" ? info.reason : undefined;
}

/** A message, or what a validator lists in its place. */
function words(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  const isList = (Array.isArray(value) || isObject(value)) && !isAbsent(value);
  return isList ? stringifyJson(value).slice(0, MOST_WORDS) : undefined;
}

/** An error event may be a text alone. */
export function textError(body: Json): Said {
  const text = typeof body === "string" ? body.trim().slice(0, MOST_WORDS) : "";
  return { message: text === "" ? "The provider reported an error" : text, type: "", code: null };
}

/** The status that a code is. */
export function statusOf(code: string | null): number | undefined {
  const number = Number(code ?? Number.NaN);
  return Number.isInteger(number) && number >= 400 && number <= 599 ? number : undefined;
}
