import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeError,
  encodeError,
  encodeErrorEvent,
} from "../../../src/dialects/anthropic-messages/error.ts";
import type { HeaderRecord } from "../../../src/dialects/dialect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { type ErrorCode, type ErrorKind, GatewayError } from "../../../src/errors.ts";
import type { Json } from "../../../src/json.ts";

function body(type: string, message = "Oh", error_code?: string): Json {
  return {
    type: "error",
    error: { type, message, details: error_code === undefined ? null : { error_code } },
    request_id: "req_1",
  };
}

const rows: [number, Json, [number, string | null, string], string?][] = [
  [400, body("invalid_request_error"), [400, null, "invalid-request"]],
  [400, body("invalid_request_error", "Oh", "tool_schema_invalid"), [
    400,
    "tool_schema_invalid",
    "invalid-request",
  ]],
  [400, body("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), [
    400,
    "context_length_exceeded",
    "context-length",
  ], "messages"],
  [
    400,
    body("invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 8 > 10"),
    [400, "context_length_exceeded", "context-length"],
    "messages",
  ],
  [
    400,
    body("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    [429, "insufficient_quota", "quota"],
  ],
  [
    400,
    body("invalid_request_error", "You have reached your specified API usage limits."),
    [429, "insufficient_quota", "quota"],
  ],
  [401, body("authentication_error"), [401, "invalid_api_key", "authentication"]],
  [401, body("invalid_request_error"), [401, "invalid_api_key", "authentication"]],
  [402, body("billing_error"), [429, "insufficient_quota", "quota"]],
  [403, body("permission_error"), [403, "permission_denied", "permission"]],
  [404, body("not_found_error", "model: claude-9"), [404, "model_not_found", "model-missing"], "model"],
  [408, body("timeout_error"), [408, "timeout", "timeout"]],
  [409, body("conflict_error"), [409, "conflict", "conflict"]],
  [413, body("request_too_large"), [413, "request_too_large", "too-large"]],
  [400, body("invalid_request_error", "Oh", "request_body_too_large_after_decoding"), [
    413,
    "request_too_large",
    "too-large",
  ]],
  [422, body("invalid_request_error"), [422, null, "invalid-request"]],
  [429, body("rate_limit_error"), [429, "rate_limit_exceeded", "rate-limit"]],
  [429, body("rate_limit_error", "Oh", "ramp_limit_exceeded"), [429, "ramp_limit_exceeded", "rate-limit"]],
  [429, body("rate_limit_error", "Oh", "contract_spend_limit_reached"), [429, "insufficient_quota", "quota"]],
  [429, body("rate_limit_error", "Oh", "enforced_spend_limit_reached"), [429, "insufficient_quota", "quota"]],
  [402, body("invalid_request_error", "Oh", "linked_organization_suspended"), [
    429,
    "insufficient_quota",
    "quota",
  ]],
  [500, body("api_error"), [500, null, "server"]],
  [503, body("api_error", "Oh", "cmek_key_unreachable"), [503, "cmek_key_unreachable", "server"]],
  [502, body("api_error"), [502, null, "server"]],
  [504, body("timeout_error"), [504, "timeout", "timeout"]],
  [529, body("overloaded_error"), [503, "overloaded", "overloaded"]],
  [529, body("api_error"), [503, "overloaded", "overloaded"]],
  [418, body("brand_new_error"), [418, null, "invalid-request"]],
];
for (const [status, wire, [to, code, kind], param] of rows) {
  test(`${status} ${JSON.stringify(wire)} is ${to} ${code}`, () => {
    const error = decodeError(status, wire, {});
    assert.deepEqual(
      {
        status: error.status,
        code: error.shown,
        kind: error.kind,
        param: error.param,
        failure: error.failure,
      },
      { status: to, code, kind, param, failure: `${status}` },
    );
    assert.equal(error.source, "upstream");
    assert.equal(error.final, ["authentication", "permission", "quota"].includes(kind));
  });
}

test("The message is the provider's, with its request id where the body has one", () => {
  assert.equal(decodeError(500, body("api_error"), {}).message, "Oh (request_id: req_1)");
  assert.equal(decodeError(500, { error: { message: "Oh" } }, {}).message, "Oh");
});

const shapes: Json[] = [
  { error: { message: "Oh" } },
  [{ error: { message: "Oh" } }],
  { error: "Oh" },
  { detail: "Oh" },
  { message: "Oh" },
];
for (const shape of shapes) {
  test(`${JSON.stringify(shape)} says "Oh"`, () => {
    const error = decodeError(400, shape, {});
    assert.equal(error.message, "Oh");
    assert.equal(error.source, "upstream");
  });
}

const params: [string, string | undefined][] = [
  ["messages.3.content.0.text: Field required", "messages.3.content.0.text"],
  ["tools.0.custom.name: String should match pattern", "tools.0.custom.name"],
  ["max_tokens: 99999 > 64000", "max_tokens"],
  ["invalid x-api-key: abc", undefined],
  ["Error: no", undefined],
  ["Oh", undefined],
];
for (const [message, param] of params) {
  test(`The field at fault in "${message}" is ${param}`, () => {
    assert.equal(decodeError(400, body("invalid_request_error", message), {}).param, param);
  });
}

const foreign: [number, Json | undefined, number, boolean][] = [
  [502, undefined, 502, false],
  [503, undefined, 502, false],
  [529, undefined, 502, false],
  [429, undefined, 429, false],
  [403, undefined, 403, true],
  [400, {}, 400, false],
  [500, [], 502, false],
];
for (const [status, wire, to, final] of foreign) {
  test(`A ${status} that is not the provider's (${JSON.stringify(wire)}) is an error of ours with ${to}`, () => {
    const error = decodeError(status, wire, {});
    assert.deepEqual(
      {
        code: error.code,
        status: error.status,
        source: error.source,
        failure: error.failure,
        final: error.final,
      },
      { code: "upstream_invalid_response", status: to, source: "proxy", failure: `${status}`, final },
    );
  });
}

const waits: [HeaderRecord, number | undefined][] = [
  [{ "retry-after": "7" }, 7],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after-ms": "1500", "retry-after": "2" }, 1.5],
  [{ "retry-after": "3601" }, undefined],
  [{ "retry-after": "-1" }, undefined],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, undefined],
  [{}, undefined],
];
for (const [headers, seconds] of waits) {
  test(`${JSON.stringify(headers)} is a wait of ${seconds} s`, () => {
    assert.equal(decodeError(529, body("overloaded_error"), headers).retryAfter, seconds);
    assert.equal(decodeError(502, undefined, headers).retryAfter, seconds);
  });
}

test("The provider's own word that repeating cannot help is kept", () => {
  assert.equal(
    decodeError(400, body("invalid_request_error"), { "x-should-retry": "false" }).final,
    true,
  );
  assert.equal(decodeError(500, body("api_error"), { "x-should-retry": "true" }).final, false);
});

const upstream: [number, GatewayError["kind"], string | null, [number, string]][] = [
  [400, "invalid-request", null, [400, "invalid_request_error"]],
  [422, "invalid-request", null, [400, "invalid_request_error"]],
  [404, "not-found", null, [400, "invalid_request_error"]],
  [404, "model-missing", "model_not_found", [404, "not_found_error"]],
  [404, "model-missing", "DeploymentNotFound", [404, "not_found_error"]],
  [400, "content-policy", "content_filter", [400, "invalid_request_error"]],
  [401, "authentication", "invalid_api_key", [401, "authentication_error"]],
  [403, "permission", null, [403, "permission_error"]],
  [409, "conflict", null, [409, "conflict_error"]],
  [413, "too-large", null, [413, "request_too_large"]],
  [429, "quota", "insufficient_quota", [402, "billing_error"]],
  [429, "rate-limit", null, [429, "rate_limit_error"]],
  [500, "server", null, [500, "api_error"]],
  [502, "server", null, [500, "api_error"]],
  [520, "server", null, [500, "api_error"]],
  [503, "overloaded", null, [529, "overloaded_error"]],
  [504, "timeout", null, [504, "timeout_error"]],
  [408, "timeout", null, [504, "timeout_error"]],
  [418, "invalid-request", null, [400, "invalid_request_error"]],
];
for (const [status, kind, code, [to, type]] of upstream) {
  test(`An upstream's ${status} (${kind}, ${code}) is ${to} ${type} for a client`, () => {
    const error = new GatewayError("upstream_error", "Oh", { status, kind, said: code });
    assert.deepEqual(encodeError(error, "req_1"), {
      status: to,
      body: { type: "error", error: { type, message: "Oh" }, request_id: "req_1" },
    });
  });
}

test("a model that a server has not got is not found, though only a text says so", () => {
  const texts = [
    { object: "error", message: "The model `x` does not exist.", type: "NotFoundError", code: 404 },
    { error: { message: 'model "x" not found, try pulling it first', type: "api_error" } },
    { error: { message: "No endpoints found for x.", code: 404 } },
  ];
  for (const text of texts) {
    const error = openaiChat.decodeError(404, text, {});
    assert.equal(encodeError(error, "req_1").status, 404, JSON.stringify(text));
  }
  const file = openaiChat.decodeError(404, { error: { message: "No such File object: f", param: "id" } }, {});
  assert.equal(encodeError(file, "req_1").status, 400);
});

const own: [ErrorCode, [number, string]][] = [
  ["user_missing", [401, "authentication_error"]],
  ["user_unknown", [403, "permission_error"]],
  ["invalid_json", [400, "invalid_request_error"]],
  ["model_not_found", [404, "not_found_error"]],
  ["method_not_allowed", [405, "invalid_request_error"]],
  ["request_timeout", [408, "timeout_error"]],
  ["request_too_large", [413, "request_too_large"]],
  ["internal", [500, "api_error"]],
  ["upstream_unreachable", [502, "api_error"]],
  ["provider_key_missing", [502, "api_error"]],
  ["upstream_stream_interrupted", [502, "api_error"]],
  ["draining", [503, "overloaded_error"]],
  ["upstream_timeout", [504, "timeout_error"]],
];
for (const [code, [status, type]] of own) {
  test(`Our own ${code} is ${status} ${type}`, () => {
    const { status: sent, body } = encodeError(new GatewayError(code, "Oh"), "req_1");
    assert.equal(sent, status);
    assert.deepEqual(body, { type: "error", error: { type, message: "Oh" }, request_id: "req_1" });
  });
}

test("A refusal names its field at the start of the message, once", () => {
  const message = (error: GatewayError) => {
    const said = encodeError(error, "req_1").body.error;
    return typeof said === "object" && said !== null && "message" in said ? said.message : undefined;
  };
  const refusal = (text: string) => new GatewayError("invalid_value", text, { param: "messages[2].name" });
  assert.equal(message(refusal("Must be text")), "messages[2].name: Must be text");
  assert.equal(message(refusal("messages[2].name must be text")), "messages[2].name must be text");
  assert.equal(
    message(new GatewayError("model_not_found", "No such model", { param: "model" })),
    "No such model",
  );
});

test("A conversation that is too long says so in the words that clients shorten it on", () => {
  const said = (kind: ErrorKind, text: string) =>
    JSON.stringify(
      encodeError(new GatewayError("upstream_error", text, { status: 400, kind }), "req_1").body,
    );
  assert.match(said("context-length", "At most 8 tokens"), /prompt is too long: At most 8 tokens/);
  assert.match(said("context-length", "prompt is too long: 9"), /"prompt is too long: 9"/);
  assert.doesNotMatch(said("invalid-request", "string too long"), /prompt is too long/);
});

test("An error event has its name and the whole error", () => {
  const event = encodeErrorEvent(new GatewayError("upstream_timeout", "Too slow"), "req_1");
  assert.deepEqual(event, {
    event: "error",
    data: '{"type":"error","error":{"type":"timeout_error","message":"Too slow"},"request_id":"req_1"}',
  });
});
