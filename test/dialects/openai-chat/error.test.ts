import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { GatewayError, invalidValue } from "../../../src/errors.ts";
import type { Json } from "../../../src/json.ts";

const decode = (status: number, body: Json | undefined, headers = {}) =>
  openaiChat.decodeError(status, body, headers);
const wire = (message: string, type: string | null, code: Json, param: string | null = null) => ({
  error: { message, type, param, code },
});

interface Row {
  status: number;
  kind: string;
  code: string | null;
  failure: string;
  final: boolean;
}
const row = (status: number, kind: string, code: string | null, final = false): Row => ({
  status,
  kind,
  code,
  failure: `${status}`,
  final,
});

const READ: readonly [string, number, Json, Row][] = [
  [
    "a malformed field",
    400,
    wire("Bad", "invalid_request_error", null, "n"),
    row(400, "invalid-request", null),
  ],
  [
    "a conversation that is too long",
    400,
    wire("Long", null, "context_length_exceeded", "messages"),
    row(400, "context-length", "context_length_exceeded"),
  ],
  [
    "a refused key",
    401,
    wire("Key", null, "invalid_api_key"),
    row(401, "authentication", "invalid_api_key", true),
  ],
  [
    "an empty account",
    402,
    wire("Insufficient Balance", "unknown_error", "invalid_request_error"),
    row(429, "quota", "insufficient_quota", true),
  ],
  ["a key without the right", 403, wire("No", null, null), row(403, "permission", null, true)],
  [
    "an unknown model",
    404,
    wire("None", null, "model_not_found"),
    row(404, "model-missing", "model_not_found"),
  ],
  [
    "an unknown deployment",
    404,
    wire("None", null, "DeploymentNotFound"),
    row(404, "model-missing", "DeploymentNotFound"),
  ],
  [
    "a prompt that a filter refuses",
    400,
    { error: { message: "Filtered", type: null, param: "prompt", code: "content_filter", status: 400 } },
    row(400, "content-policy", "content_filter"),
  ],
  ["an unknown path", 404, wire("None", null, "unknown_url"), row(404, "invalid-request", "unknown_url")],
  ["a timeout of the provider's", 408, wire("Slow", null, null), row(408, "timeout", null)],
  ["a conflict", 409, wire("Both", null, null), row(409, "conflict", null)],
  ["too much at once", 413, wire("Big", null, null), row(413, "too-large", null)],
  [
    "what cannot be processed",
    422,
    { detail: [{ loc: ["body"], msg: "bad" }] },
    row(422, "invalid-request", null),
  ],
  [
    "a rate limit",
    429,
    wire("Slow down", "requests", "rate_limit_exceeded"),
    row(429, "rate-limit", "rate_limit_exceeded"),
  ],
  [
    "a spent budget",
    429,
    wire("Spent", "insufficient_quota", "insufficient_quota"),
    row(429, "quota", "insufficient_quota", true),
  ],
  ["a fault", 500, wire("Oops", "server_error", null), row(500, "server", null)],
  ["too many others", 503, wire("Full", null, null), row(503, "overloaded", null)],
  ["a timeout behind the provider", 504, wire("Slow", null, null), row(504, "timeout", null)],
];
for (const [title, status, body, expected] of READ) {
  test(`an upstream's error: ${title}`, () => {
    const { status: shown, kind, shown: code, failure, final, source } = decode(status, body);
    deepEqual({ status: shown, kind, code, failure, final }, { ...expected, failure: `${status}` });
    equal(source, "upstream");
  });
}

const SHAPES: readonly [Json, string, string | null][] = [
  [[{ error: { code: 400, message: "In a list", status: "INVALID_ARGUMENT" } }], "In a list", "400"],
  [{ detail: "Not Found" }, "Not Found", null],
  [{ detail: [{ msg: "bad" }] }, '[{"msg":"bad"}]', null],
  [{ message: "Unauthorized" }, "Unauthorized", null],
  [{ error: "As a text" }, "As a text", null],
  [{ object: "error", message: "vLLM's", type: "BadRequestError", param: null, code: 400 }, "vLLM's", "400"],
];
for (const [body, message, code] of SHAPES) {
  test(`the shape ${JSON.stringify(body)} is an error`, () => {
    const error = decode(400, body);
    deepEqual([error.message, error.said], [message, code]);
  });
}

test("a body that is nobody's error becomes one of ours", () => {
  for (const body of [undefined, {}, [], { error: {} }, { error: { message: "" } }]) {
    const of = (status: number) => {
      const { code, status: shown, failure, source } = decode(status, body);
      return { code, shown, failure, source };
    };
    deepEqual(of(403), { code: "upstream_invalid_response", shown: 403, failure: "403", source: "proxy" });
    deepEqual(of(503), { code: "upstream_invalid_response", shown: 502, failure: "503", source: "proxy" });
  }
});

const WAITS: readonly [Record<string, string>, number | undefined][] = [
  [{ "retry-after": "7" }, 7],
  [{ "retry-after": "0.5" }, 0.5],
  [{ "retry-after-ms": "120", "retry-after": "7" }, 0.12],
  [{ "retry-after": "3600" }, 3600],
  [{ "retry-after": "3601" }, undefined],
  [{ "retry-after": "-1" }, undefined],
  [{ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, undefined],
  [{}, undefined],
];
for (const [headers, expected] of WAITS) {
  test(`${JSON.stringify(headers)} asks to wait ${expected} seconds`, () => {
    equal(decode(429, wire("Slow", null, null), headers).retryAfter, expected);
    equal(decode(503, undefined, headers).retryAfter, expected);
  });
}

const upstream = (status: number, kind: GatewayError["kind"], said: string | null = null) =>
  new GatewayError("upstream_error", "Text", { status, kind, said });
const WRITTEN: readonly [GatewayError, number, string][] = [
  [invalidValue("n", "Text"), 400, "invalid_request_error"],
  [new GatewayError("user_missing", "Text"), 401, "invalid_request_error"],
  [new GatewayError("model_not_found", "Text"), 404, "invalid_request_error"],
  [new GatewayError("request_too_large", "Text"), 413, "invalid_request_error"],
  [new GatewayError("internal", "Text"), 500, "server_error"],
  [new GatewayError("provider_key_missing", "Text"), 502, "server_error"],
  [new GatewayError("overloaded", "Text"), 503, "server_error"],
  [new GatewayError("upstream_timeout", "Text"), 504, "server_error"],
  [upstream(401, "authentication"), 401, "invalid_request_error"],
  [upstream(403, "permission"), 403, "invalid_request_error"],
  [upstream(408, "timeout"), 408, "invalid_request_error"],
  [upstream(409, "conflict"), 409, "invalid_request_error"],
  [upstream(429, "rate-limit", "rate_limit_exceeded"), 429, "rate_limit_error"],
  [upstream(429, "quota", "insufficient_quota"), 429, "insufficient_quota"],
  [upstream(500, "server"), 500, "server_error"],
  [upstream(529, "overloaded", "overloaded"), 503, "server_error"],
];
for (const [error, status, type] of WRITTEN) {
  const code = error.source === "upstream" ? error.said : error.code;
  test(`${error.source}'s ${error.status} ${code} is written as ${status} ${type}`, () => {
    deepEqual(openaiChat.encodeError(error, "r1"), {
      status,
      body: { error: { message: "Text", type, param: error.param ?? null, code } },
    });
  });
}
