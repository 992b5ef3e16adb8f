/** Errors of this API, and of the many servers that almost speak it. */

import { type Blame, type ErrorKind, type Failure, GatewayError, type RefusedField } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject, stringifyJson, tryParseJson } from "../../json.ts";
import { foreignMeaning, meaningOf } from "../blame.ts";
import type { EncodedError, HeaderRecord } from "../dialect.ts";
import type { SseEvent } from "../sse.ts";
import { isTooLong } from "../too-long.ts";
import { listedFields } from "./validation.ts";

/** An error answer; one whose body is not JSON is somebody else's and becomes an error of ours. */
export function decodeError(status: number, body: Json | undefined, headers: HeaderRecord): GatewayError {
  const retryAfter = readRetryAfter(headers);
  const said = body === undefined ? undefined : readError(body);
  if (!said) {
    const message = `The provider answered with status ${status} and no error of its own`;
    return new GatewayError("upstream_invalid_response", message, {
      ...foreignMeaning(status, kindOf(status)),
      status: status >= 500 ? 502 : status,
      failure: `${status}`,
      final: [401, 402, 403].includes(status),
      retryAfter,
    });
  }
  return upstreamError(status, said, retryAfter);
}

/** An error that came inside of a 200, whole or streamed: it says its own status, or its type does. */
export function decodeInnerError(body: Json): GatewayError {
  const said = readError(body) ?? { message: "The provider reported an error", type: "", code: null };
  const status = said.status ?? statusOf(said.code) ?? STATUS_BY_WORD.get(said.type) ??
    STATUS_BY_WORD.get(said.code ?? "");
  return upstreamError(status ?? 500, said, undefined);
}

/** An error for a client of this API: all four keys are always there. */
export function encodeError(error: GatewayError): EncodedError {
  return {
    status: error.status === 529 ? 503 : error.status,
    body: {
      error: {
        message: error.message,
        type: TYPES[error.kind] ?? (error.status < 500 ? "invalid_request_error" : "server_error"),
        param: error.param ?? null,
        code: error.source === "upstream" ? error.shown : error.code,
      },
    },
  };
}

/** An error as the last event of a stream: no finish reason and no `[DONE]` follow it. */
export function encodeErrorEvent(error: GatewayError): SseEvent {
  return { data: stringifyJson(encodeError(error).body) };
}

/** What an error body says. */
interface Said {
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
function readError(body: Json): Said | undefined {
  if (Array.isArray(body)) return body[0] === undefined ? undefined : readError(body[0]);
  if (!isObject(body)) return undefined;
  const error = body.error ?? body;
  if (typeof error === "string") return { ...wordsOf(body), message: error };
  if (!isObject(error)) return undefined;
  const message = [error.message, error.detail, error.error].map(words).find((text) => text !== undefined);
  if (message === undefined) return undefined;
  const inner = message === "Provider returned error" ? readInner(error) : undefined;
  return inner ?? { ...wordsOf(error), message, fields: listedFields(error) };
}

/** OpenRouter's errors say that there was one; what it was is in the text that its provider sent. */
function readInner({ metadata }: JsonObject): Said | undefined {
  const raw = isObject(metadata) ? metadata.raw : undefined;
  if (typeof raw !== "string" || raw.length > MOST_INNER) return undefined;
  const body = tryParseJson(raw);
  return body === undefined ? undefined : readError(body);
}

/** Characters of an error within an error. */
const MOST_INNER = 64 * 1024;

/** What of an error is there for machines. */
function wordsOf(error: JsonObject): Omit<Said, "message"> {
  const code = typeof error.code === "string" ? error.code : asNumber(error.code);
  const reason = reasonOf(error.details);
  return {
    type: typeof error.type === "string" ? error.type : "",
    code: code === undefined || code === "" ? null : String(code),
    ...(reason !== undefined && { reason }),
    ...(typeof error.param === "string" && error.param !== "" && { param: error.param }),
    ...ownStatus(error.status),
  };
}

function ownStatus(value: Json | undefined): { status?: number } {
  const status = statusOf(String(asNumber(value) ?? ""));
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
  return Array.isArray(value) || isObject(value) ? stringifyJson(value).slice(0, 1000) : undefined;
}

function upstreamError(status: number, said: Said, retryAfter: number | undefined): GatewayError {
  const { message, type, code, param, fields } = said;
  const { kind, blame } = meaningOfSaid(status, said);
  const quota = kind === "quota";
  return new GatewayError("upstream_error", message, {
    // A 402 is how some providers say that the account is empty.
    status: quota ? 429 : status,
    kind,
    blame,
    said: said.reason ?? code ?? (type === "" ? null : type),
    shown: quota ? QUOTA : kind === "context-length" ? TOO_LONG : code,
    failure: `${status}` satisfies Failure,
    final: quota || status === 401 || status === 403,
    param: param ?? (kind === "context-length" ? "messages" : undefined),
    fields,
    retryAfter,
  });
}

function meaningOfSaid(
  status: number,
  { message, type, code, reason, param }: Said,
): { kind: ErrorKind; blame?: Blame } {
  const words = [reason, code, type].filter((word) => typeof word === "string" && word !== "") as string[];
  const meaning = meaningOf(status, { words, param, message });
  if (meaning) return meaning;
  if (code === QUOTA || type === QUOTA) return { kind: "quota" };
  if (isTooLong(status, { message, words: [type, code ?? ""] })) return { kind: "context-length" };
  return { kind: KIND_BY_CODE.get(code ?? "") ?? kindOf(status) };
}

const KIND_BY_CODE: ReadonlyMap<string, ErrorKind> = new Map<string, ErrorKind>([
  ["content_policy_violation", "content-policy"],
  ["content_filter", "content-policy"],
]);

const QUOTA = "insufficient_quota";
const TOO_LONG = "context_length_exceeded";

const KINDS: ReadonlyMap<number, ErrorKind> = new Map<number, ErrorKind>([
  [401, "authentication"],
  [403, "permission"],
  [404, "not-found"],
  [408, "timeout"],
  [409, "conflict"],
  [413, "too-large"],
  [429, "rate-limit"],
  [503, "overloaded"],
  [504, "timeout"],
  [529, "overloaded"],
]);

function kindOf(status: number): ErrorKind {
  return KINDS.get(status) ?? (status >= 500 ? "server" : "invalid-request");
}

/** Types that differ from what the status alone would say. */
const TYPES: Readonly<Partial<Record<ErrorKind, string>>> = {
  "rate-limit": "rate_limit_error",
  quota: "insufficient_quota",
};

/** Words for which errors inside of a 200 have no number. */
const STATUS_BY_WORD: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["BadRequestError", 400],
  ["content_filter", 400],
  ["content_policy_violation", 400],
  ["invalid_api_key", 401],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["permission_denied", 403],
  ["not_found_error", 404],
  ["model_not_found", 404],
  ["rate_limit_error", 429],
  ["rate_limit_exceeded", 429],
  [QUOTA, 429],
  ["overloaded", 503],
  ["overloaded_error", 503],
]);

function statusOf(code: string | null): number | undefined {
  const number = Number(code ?? Number.NaN);
  return Number.isInteger(number) && number >= 400 && number <= 599 ? number : undefined;
}

/** Seconds until the provider may be asked again; what is no number, or more than an hour, is no advice. */
function readRetryAfter(headers: HeaderRecord): number | undefined {
  const milliseconds = seconds(headers["retry-after-ms"]);
  const found = milliseconds === undefined ? seconds(headers["retry-after"]) : milliseconds / 1000;
  return found !== undefined && found <= 3600 ? found : undefined;
}

function seconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}
