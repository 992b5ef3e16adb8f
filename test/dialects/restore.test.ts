/** What is written for the provider's schema comes back as the client's own, whole and streamed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clientRequest, prepare, type Prepared } from "../../src/dialects/bridge.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";
import { run } from "../../src/dialects/stepper.ts";
import { parseBody } from "../../src/http.ts";
import { isObject, type Json, type JsonObject } from "../../src/json.ts";

const OPTIONS = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 7,
};
const bytesOf = (text: string) => new TextEncoder().encode(text);

function dialect(name: string): Dialect {
  const found = DIALECTS.get(name);
  assert.ok(found);
  return found;
}

function prepared(client: string, upstream: string, model: string, fields: JsonObject): Prepared {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "x" }], ...fields });
  const request = clientRequest(dialect(client), parseBody(bytesOf(body)), {});
  return prepare(request, dialect(upstream), { model, options: {}, refuses: new Set() }, (chat) => chat);
}

/** What the path leads to; fails where it leads nowhere. */
function at(value: Json | undefined, ...path: (string | number)[]): Json {
  let found: Json | undefined = value;
  for (const step of path) {
    found = typeof step === "number" ? (found as readonly Json[])[step] : (found as JsonObject)[step];
  }
  assert.notEqual(found, undefined, path.join("."));
  return found ?? null;
}

const sent = (through: Prepared): JsonObject => JSON.parse(String(through.body));
const whole = (through: Prepared, reply: JsonObject): JsonObject =>
  JSON.parse(String(through.reply(bytesOf(JSON.stringify(reply))).body(OPTIONS)));

function streamed(through: Prepared, events: readonly (JsonObject | "[DONE]")[]): JsonObject[] {
  const text = events.map((event) => `data: ${event === "[DONE]" ? event : JSON.stringify(event)}\n\n`).join(
    "",
  );
  const out = run(through.steps(OPTIONS), [bytesOf(text)]).map((step) => step.out ?? "").join("");
  return out.split("\n").filter((line) => line.startsWith("data: {")).map((line) =>
    JSON.parse(line.slice(6))
  );
}

const message = (content: readonly JsonObject[], stop_reason = "end_turn"): JsonObject => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content,
  stop_reason,
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});

const TOOL: JsonObject = {
  type: "function",
  function: {
    name: "list",
    parameters: {
      type: "object",
      properties: {
        "filter[id]": { type: "string" },
        page: { type: "object", properties: { $top: { type: "integer" } } },
      },
      required: ["filter[id]"],
    },
  },
};
const ARGUMENTS: JsonObject = { "filter[id]": "7", page: { $top: 3 }, none: null };

test("arguments come back under the property names that the client declared", () => {
  const through = prepared("openai-chat", "anthropic-messages", "claude-sonnet-4-5", {
    tools: [TOOL],
    messages: [
      { role: "user", content: "x" },
      {
        role: "assistant",
        tool_calls: [{
          id: "c",
          type: "function",
          function: { name: "list", arguments: JSON.stringify(ARGUMENTS) },
        }],
      },
      { role: "tool", tool_call_id: "c", content: "ok" },
    ],
  });
  const body = sent(through);
  const properties = at(body, "tools", 0, "input_schema", "properties") as JsonObject;
  const [filter, page] = Object.keys(properties);
  assert.match(filter ?? "", /^filter_id__[0-9a-f]{8}$/);
  assert.equal(page, "page");
  assert.deepEqual(at(body, "tools", 0, "input_schema", "required"), [filter]);
  const [top] = Object.keys(at(properties, "page", "properties") as JsonObject);
  const input: JsonObject = { [filter ?? ""]: "7", page: { [top ?? ""]: 3 }, none: null };
  assert.deepEqual(at(body, "messages", 1, "content", 0, "input"), input);

  const call: JsonObject = { type: "tool_use", id: "t", name: "list", input };
  const reply = whole(through, message([call], "tool_use"));
  const written = at(reply, "choices", 0, "message", "tool_calls", 0, "function", "arguments");
  assert.equal(written, JSON.stringify(ARGUMENTS));

  const chunks = streamed(through, [
    { type: "message_start", message: message([], "") },
    { type: "content_block_start", index: 0, content_block: { ...call, input: {} } },
    ...JSON.stringify(input).match(/.{1,5}/g)!.map((partial_json) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json },
    })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ]);
  const pieces = chunks.map((chunk) => {
    const choices = chunk.choices as readonly JsonObject[];
    const delta = choices[0]?.delta;
    const calls = isObject(delta) ? delta.tool_calls as readonly JsonObject[] | undefined : undefined;
    return calls ? String(at(calls[0], "function", "arguments")) : "";
  });
  assert.equal(pieces.join(""), JSON.stringify(ARGUMENTS));
});

const SCHEMA: JsonObject = {
  type: "object",
  properties: { name: { type: "string" }, nickname: { type: "string" } },
  required: ["name"],
  additionalProperties: false,
};

test("what may be absent is null in strict mode and absent in the answer", () => {
  const through = prepared("anthropic-messages", "openai-chat", "gpt-5", {
    max_tokens: 9,
    output_config: { format: { type: "json_schema", schema: SCHEMA } },
  });
  assert.deepEqual(at(sent(through), "response_format", "json_schema"), {
    name: "response",
    schema: {
      ...SCHEMA,
      properties: { name: { type: "string" }, nickname: { type: ["string", "null"] } },
      required: ["name", "nickname"],
    },
    strict: true,
  });
  const content = '{"name":"A","nickname":null}';
  const choice = (part: JsonObject, finish_reason: string | null): JsonObject => ({
    id: "c",
    model: "m",
    choices: [{ index: 0, ...part, finish_reason }],
  });
  const reply = whole(through, choice({ message: { role: "assistant", content } }, "stop"));
  assert.equal(at(reply, "content", 0, "text"), '{"name":"A"}');

  const events = streamed(through, [
    ...[...content].map((piece) => choice({ delta: { content: piece } }, null)),
    choice({ delta: {} }, "stop"),
    "[DONE]",
  ]);
  const text = events.map(({ delta }) => isObject(delta) && typeof delta.text === "string" ? delta.text : "");
  assert.equal(text.join(""), '{"name":"A"}');
});

test("a structured answer has the client's names, by the API's own means and by a tool", () => {
  const format = (properties: JsonObject): JsonObject => ({
    response_format: {
      type: "json_schema",
      json_schema: { name: "n", schema: { type: "object", properties } },
    },
  });
  const own = prepared(
    "openai-chat",
    "anthropic-messages",
    "claude-sonnet-4-5",
    format({ "a b": { type: "string" } }),
  );
  const [name] = Object.keys(at(sent(own), "output_config", "format", "schema", "properties") as JsonObject);
  assert.match(name ?? "", /^a_b_[0-9a-f]{8}$/);
  const text = whole(own, message([{ type: "text", text: `{"${name}":"x"}` }]));
  assert.equal(at(text, "choices", 0, "message", "content"), '{"a b":"x"}');

  const tool = prepared("openai-chat", "anthropic-messages", "claude-sonnet-4-5", format({ "a b": {} }));
  assert.deepEqual(Object.keys(at(sent(tool), "tools", 0, "input_schema", "properties") as JsonObject), [
    name,
  ]);
  const input = { [name ?? ""]: "x" };
  const called = whole(
    tool,
    message([{ type: "tool_use", id: "t", name: "json_response", input }], "tool_use"),
  );
  assert.equal(at(called, "choices", 0, "message", "content"), '{"a b":"x"}');
});
