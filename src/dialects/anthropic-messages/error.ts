/** Errors of the Messages API (https://platform.claude.com/docs/en/api/errors), both ways. */

import { type Blame, type ErrorKind, GatewayError } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import { foreignMeaning, meaningOf } from "../blame.ts";
import type { EncodedError, HeaderRecord } from "../dialect.ts";
import type { SseEvent } from "../sse.ts";
import { isTooLong } from "../too-long.ts";

/**
 * Reads an upstream's error answer; its status and code are those that the OpenAI API has for the same failure, and
 * `failure` is the status that it was classed as. A body that is not the provider's JSON (undefined, or without a
 * message) becomes `upstream_invalid_response` with the status of the answer, 502 for 5xx.
 */
export function decodeError(status: number, body: Json | undefined, headers: HeaderRecord): GatewayError {
  const said = readError(body);
  const retryAfter = readRetryAfter(headers);
  const asked = { retryAfter, final: headers["x-should-retry"] === "false" };
  if (!said) {
    return new GatewayError("upstream_invalid_response", `The provider answered with status ${status}`, {
      ...asked,
      ...foreignMeaning(status, rowOf(status).kind),
      status: status >= 500 ? 502 : status,
      failure: `${status}`,
      final: asked.final || [401, 402, 403].includes(status),
    });
  }
  const param = /^([a-z_]\w*(?:\.\w+)*): /.exec(said.message)?.[1];
  const row = classify(status, said, param);
  return new GatewayError("upstream_error", messageOf(said), {
    status: row.status,
    kind: row.kind,
    blame: row.blame,
    said: said.code ?? (said.type === "" ? null : said.type),
    shown: codeOf(row, said),
    param: row.param ?? param,
    failure: `${status}`,
    final: asked.final || (row.final ?? false),
    retryAfter,
  });
}

/** The error inside a 200: an error event, or an answer's body; undefined if it says nothing. */
export function decodeInnerError(body: Json): GatewayError | undefined {
  const said = readError(body);
  if (!said) return undefined;
  const tooLong = isTooLong(400, { message: said.message, words: [said.type] });
  return decodeError(STATUS_BY_TYPE.get(said.type) ?? said.status ?? (tooLong ? 400 : 500), body, {});
}

/** Writes an error for a client of the Messages API, with the status that this API has for it. */
export function encodeError(error: GatewayError, requestId: string): EncodedError {
  const { type, status } = error.source === "upstream" ? upstreamType(error) : ownType(error.status);
  return {
    status,
    body: {
      type: "error",
      error: { type, message: clientMessage(error), ...detailsOf(error) },
      request_id: requestId,
    },
  };
}

/**
 * What programs read: the official SDKs' tool runners ask for a thread first, and go on with the whole history when
 * they are told that this request cannot have one.
 */
function detailsOf({ code, param }: GatewayError): { readonly details?: JsonObject } {
  if (code !== "unsupported_parameter" || param !== "thread") return {};
  return { details: { error_code: "thread_unsupported_request", unsupported: [param] } };
}

/** Writes an error as the last event of a stream. */
export function encodeErrorEvent(error: GatewayError, requestId: string): SseEvent {
  return { event: "error", data: JSON.stringify(encodeError(error, requestId).body) };
}

// --- reading ---

/** What an error body says. */
interface Said {
  readonly type: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  /** The status that it says itself to have. */
  readonly status: number | undefined;
}

/** A failure as it is classed: status and code in the sense of the OpenAI API. */
interface Row {
  readonly status: number;
  readonly kind: ErrorKind;
  readonly code: string | null;
  /** The provider's own `error_code`, where it gives one, says more than `code`. */
  readonly open?: boolean;
  readonly param?: string;
  readonly final?: boolean;
  /** Where the kind does not say it. */
  readonly blame?: Blame;
}

const QUOTA: Row = { status: 429, kind: "quota", code: "insufficient_quota", final: true };
const TOO_LONG: Row = {
  status: 400,
  kind: "context-length",
  code: "context_length_exceeded",
  param: "messages",
};
const TOO_LARGE: Row = { status: 413, kind: "too-large", code: "request_too_large" };
/** Nothing that the API has a word for: a file, say. */
const NOT_FOUND: Row = { status: 404, kind: "not-found", code: null, open: true };
const OVERLOADED: Row = { status: 503, kind: "overloaded", code: "overloaded" };

const BY_CODE: readonly (readonly [RegExp, Row])[] = [
  [/^request_body_too_large/, TOO_LARGE],
  [/^(?:contract|enforced)_spend_limit_reached$|^linked_organization_|^credit_balance/, QUOTA],
];

const BY_STATUS: ReadonlyMap<number, Row> = new Map<number, Row>([
  [400, { status: 400, kind: "invalid-request", code: null, open: true }],
  [401, { status: 401, kind: "authentication", code: "invalid_api_key", final: true }],
  [402, QUOTA],
  [403, { status: 403, kind: "permission", code: "permission_denied", final: true }],
  [404, { status: 404, kind: "model-missing", code: "model_not_found", param: "model" }],
  [408, { status: 408, kind: "timeout", code: "timeout" }],
  [409, { status: 409, kind: "conflict", code: "conflict" }],
  [413, TOO_LARGE],
  [429, { status: 429, kind: "rate-limit", code: "rate_limit_exceeded", open: true }],
  [504, { status: 504, kind: "timeout", code: "timeout" }],
  [529, OVERLOADED],
]);

/** The status that belongs to a type. */
const STATUS_BY_TYPE: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["conflict_error", 409],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

/** Types that say no more than that something failed: the status says it better. */
const GENERIC: ReadonlySet<string> = new Set(["invalid_request_error", "api_error", "timeout_error"]);

/** The last resort: wording, which may change, of failures that have neither type nor code of their own. */
const BY_MESSAGE: readonly (readonly [RegExp, Row])[] = [
  [/^(?:your credit balance is too low|you have reached your specified (?:\w+ )?usage limits)/i, QUOTA],
];

function classify(status: number, { type, code, message }: Said, param: string | undefined): Row {
  const byCode = code === undefined ? undefined : find(BY_CODE, code);
  if (byCode) return byCode;
  const own = GENERIC.has(type) ? undefined : STATUS_BY_TYPE.get(type);
  const row = rowOf(own ?? status);
  if (isTooLong(row.status, { message, words: [type, code ?? ""] })) return TOO_LONG;
  if (row.status === 400) return find(BY_MESSAGE, message) ?? row;
  const words = [code ?? "", type].filter((word) => word !== "");
  const meaning = meaningOf(own ?? status, { words, param, message });
  if (meaning?.kind === "quota") return QUOTA;
  if (meaning?.kind === "not-found" || meaning?.kind === "invalid-request") {
    return { ...NOT_FOUND, ...meaning };
  }
  return { ...row, ...meaning };
}

function rowOf(status: number): Row {
  const kind = status >= 500 ? "server" : "invalid-request";
  return BY_STATUS.get(status) ?? { status, kind, code: null, open: true };
}

function find(table: readonly (readonly [RegExp, Row])[], text: string): Row | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1];
}

function codeOf(row: Row, said: Said): string | null {
  return row.open ? said.code ?? row.code : row.code;
}

function messageOf({ message, requestId }: Said): string {
  return requestId === undefined ? message : `${message} (request_id: ${requestId})`;
}

/** Compatible servers write errors in several shapes; one without a message is none. */
function readError(body: Json | undefined): Said | undefined {
  if (Array.isArray(body)) return readError(body[0]);
  if (!isObject(body)) return undefined;
  const error = isObject(body.error) ? body.error : body;
  const texts = [error.message, body.error, body.message, body.detail, error.msg, error.error_message];
  const message = texts.find(isText);
  if (message === undefined) return undefined;
  const details: JsonObject = isObject(error.details) ? error.details : {};
  return {
    type: isText(error.type) ? error.type : "",
    message,
    code: isText(details.error_code) ? details.error_code : undefined,
    requestId: isText(body.request_id) ? body.request_id : undefined,
    status: [error.http_code, error.status, error.code].map(statusOf).find((status) => status !== undefined),
  };
}

function statusOf(value: Json | undefined): number | undefined {
  const status = isText(value) ? Number(value) : asNumber(value);
  return status !== undefined && Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : undefined;
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/** Seconds to wait, where the provider gives a number of them that makes sense. */
function readRetryAfter(headers: HeaderRecord): number | undefined {
  const milliseconds = readNumber(headers["retry-after-ms"]);
  const seconds = milliseconds === undefined ? readNumber(headers["retry-after"]) : milliseconds / 1000;
  return seconds !== undefined && seconds <= 3600 ? seconds : undefined;
}

function readNumber(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}

// --- writing ---

interface WireType {
  readonly type: string;
  readonly status: number;
}

const OWN_TYPES: ReadonlyMap<number, string> = new Map([
  [401, "authentication_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [408, "timeout_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [503, "overloaded_error"],
  [504, "timeout_error"],
]);

/** An error of the proxy's keeps its status. */
function ownType(status: number): WireType {
  return { status, type: OWN_TYPES.get(status) ?? (status >= 500 ? "api_error" : "invalid_request_error") };
}

/** An upstream's error gets the status that this API has for it. */
function upstreamType({ status, kind, blame }: GatewayError): WireType {
  if (kind === "quota") return { type: "billing_error", status: 402 };
  switch (status) {
    case 401:
    case 403:
    case 409:
    case 413:
    case 429:
      return ownType(status);
    case 404:
      // Many servers have no word for a model that they have not got, only a text.
      return kind === "model-missing" || blame === "model" ? ownType(404) : ownType(400);
    case 408:
    case 504:
      return ownType(504);
    case 503:
      return { type: "overloaded_error", status: 529 };
    default:
      return ownType(status >= 500 ? 500 : 400);
  }
}

/** The API's errors have no field for the parameter at fault, nor for a code: the message says both. */
function clientMessage(error: GatewayError): string {
  const { code, kind, message, param } = error;
  if (error.source === "upstream") {
    // Clients shorten the conversation and try again when a message begins with these words.
    const tooLong = kind === "context-length" && !message.startsWith("prompt is too long");
    return tooLong ? `prompt is too long: ${message}` : message;
  }
  const names = code === "invalid_value" || code === "unsupported_parameter";
  return names && param !== undefined && !message.startsWith(param) ? `${param}: ${message}` : message;
}
