/** Errors of this API, and of the many servers that almost speak it. */

import { type Blame, type ErrorKind, type Failure, GatewayError } from "../../errors.ts";
import { type Json, stringifyJson } from "../../json.ts";
import { foreignMeaning, meaningOf } from "../blame.ts";
import type { EncodedError, HeaderRecord } from "../dialect.ts";
import type { SseEvent } from "../sse.ts";
import { isTooLong } from "../too-long.ts";
import { readError, type Said, statusOf, textError } from "./read-error.ts";

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

/** An error that came inside of a 200, whole or streamed: it says its own status, or its words do. */
export function decodeInnerError(body: Json): GatewayError {
  const said = readError(body) ?? textError(body);
  const status = said.status ?? statusOf(said.code) ?? STATUS_BY_WORD.get(said.type) ??
    STATUS_BY_WORD.get(said.code ?? "");
  return upstreamError(status ?? (isTooLong(400, wordsFor(said)) ? 400 : 500), said, undefined);
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
  if (isTooLong(status, wordsFor({ message, type, code }))) return { kind: "context-length" };
  return {
    kind: FILTERED.some((word) => word === code || word === type) ? "content-policy" : kindOf(status),
  };
}

function wordsFor({ message, type, code }: Said) {
  return { message, words: [type, code ?? ""] };
}

/** Words of filters: OpenAI's, Azure's, and DashScope's in the spellings of its two APIs. */
const FILTERED: readonly string[] = [
  "content_policy_violation",
  "content_filter",
  "ResponsibleAIPolicyViolation",
  "data_inspection_failed",
  "DataInspectionFailed",
];

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
  ...FILTERED.map((word) => [word, 400] as const),
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

/** Seconds until the provider may be asked again; what is no number, or more than an hour, is no advice. */
function readRetryAfter(headers: HeaderRecord): number | undefined {
  const milliseconds = seconds(headers["retry-after-ms"]);
  const found = milliseconds === undefined ? seconds(headers["retry-after"]) : milliseconds / 1000;
  return found !== undefined && found <= 3600 ? found : undefined;
}

function seconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}
