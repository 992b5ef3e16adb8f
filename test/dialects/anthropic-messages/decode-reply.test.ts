import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply } from "../../../src/chat.ts";
import { decodeReply } from "../../../src/dialects/anthropic-messages/decode-reply.ts";
import { collect } from "../../../src/dialects/collect.ts";
import type { Undo } from "../../../src/dialects/dialect.ts";
import type { Json, JsonObject } from "../../../src/json.ts";
import { eventsOf, PAIRS, replyFixture, UNDO } from "./fixtures.ts";

for (const name of PAIRS) {
  test(`The answer ${name} is the same whole and streamed`, () => {
    assert.deepEqual(collect(eventsOf(name)), decodeReply(replyFixture(name), UNDO));
  });
}

test("Interleaved blocks make the same answer as blocks in order", () => {
  assert.deepEqual(
    collect(eventsOf("interleaved-blocks")),
    decodeReply(replyFixture("tools-parallel"), UNDO),
  );
});

function message(fields: JsonObject): JsonObject {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-x",
    content: [{ type: "text", text: "So" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 13, output_tokens: 39 },
    ...fields,
  };
}

function reply(fields: JsonObject, undo: Undo = UNDO): ChatReply {
  return decodeReply(message(fields), undo);
}

test("A whole answer in neutral words", () => {
  assert.deepEqual(decodeReply(replyFixture("tool-use"), UNDO), {
    id: "msg_01ToolUse",
    model: "claude-sonnet-4-5-20250929",
    content: [
      { type: "text", text: "I'll look that up." },
      {
        type: "tool-call",
        id: "toolu_01Weather",
        name: "get_weather",
        kind: "function",
        input: '{"city":"München","days":3,"units":{"temperature":"celsius"}}',
      },
    ],
    citations: [],
    finish: { reason: "tool-calls", native: "tool_use" },
    usage: {
      input: 21,
      cacheRead: 0,
      cacheWrite: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output: 34,
      reasoning: 0,
    },
    serviceTier: "default",
    warnings: [],
  });
});

test("Numbers that JavaScript cannot hold keep their digits", () => {
  const [call] = decodeReply(replyFixture("exact-numbers"), UNDO).content;
  assert.equal(
    call?.type === "tool-call" && call.input,
    '{"account":"A","amount":9007199254740993,"rate":0.1000000000000000055}',
  );
});

test("Citations with an address name the range of text that they support; others are left out with a warning", () => {
  const { content, citations, warnings } = decodeReply(replyFixture("citations"), UNDO);
  assert.deepEqual(content, [{
    type: "text",
    text: "In San Francisco it is 18 °C and foggy, windy.",
  }]);
  assert.deepEqual(citations, [
    { url: "https://weather.example/sf", title: "San Francisco weather", start: 17, end: 28 },
    { url: "https://wiki.example/fog", title: "", start: 33, end: 38 },
  ]);
  assert.deepEqual(warnings, ["citations_dropped"]);
});

test("Tools that the provider ran are left out with a warning, calls of the client's are not", () => {
  const { content, warnings } = decodeReply(replyFixture("server-tools"), UNDO);
  assert.deepEqual(content.map((part) => part.type === "tool-call" ? part.name : part.type), [
    "text",
    "get_weather",
    "now",
  ]);
  assert.deepEqual(warnings, ["server_tool_dropped"]);
});

test("Unknown blocks are left out with a warning", () => {
  const { content, warnings } = decodeReply(replyFixture("unknown-block"), UNDO);
  assert.deepEqual(content, [{ type: "text", text: "Hello" }]);
  assert.deepEqual(warnings, ["content_dropped"]);
});

test("A custom tool's call is its text", () => {
  const content = [{ type: "tool_use", id: "a", name: "shell", input: { input: "ls -l" } }];
  const { content: parts } = reply({ content }, { ...UNDO, customTools: new Set(["shell"]) });
  assert.deepEqual(parts, [{ type: "tool-call", id: "a", name: "shell", kind: "custom", input: "ls -l" }]);
});

test("The call of the tool for structured answers is the answer's text, and a plain stop", () => {
  const content = [{ type: "tool_use", id: "a", name: "json_response", input: { city: "Paris" } }];
  const structured = reply({ content, stop_reason: "tool_use" }, { ...UNDO, jsonTool: "json_response" });
  assert.deepEqual(structured.content, [{ type: "text", text: '{"city":"Paris"}' }]);
  assert.deepEqual(structured.finish, { reason: "stop", native: "tool_use" });
  assert.deepEqual(structured.warnings, []);
});

test("A tool of another name stays a call", () => {
  const content = [{ type: "tool_use", id: "a", name: "get_weather", input: { city: "Paris" } }];
  const { finish } = reply({ content, stop_reason: "tool_use" }, { ...UNDO, jsonTool: "json_response" });
  assert.equal(finish.reason, "tool-calls");
});

const fences: [string, string][] = [
  ['```json\n{"a":1}\n```', '{"a":1}'],
  ["  ```\r\n[1]\r\n```\n", "[1]"],
  ['Here it is:\n```json\n{"a":1}\n```', 'Here it is:\n```json\n{"a":1}\n```'],
  ["```json\nnot JSON\n```", "```json\nnot JSON\n```"],
  ['```json\n{"a":1}', '```json\n{"a":1}'],
  ["```", "```"],
  ['{"a":"```"}', '{"a":"```"}'],
];
for (const [text, stripped] of fences) {
  test(`${JSON.stringify(text)} without its fence is ${JSON.stringify(stripped)}`, () => {
    const fields = { content: [{ type: "text", text }] };
    assert.deepEqual(reply(fields, { ...UNDO, stripFence: true }).content, [{
      type: "text",
      text: stripped,
    }]);
    assert.deepEqual(reply(fields).content, [{ type: "text", text }]);
  });
}

const CALL = [{ type: "tool_use", id: "a", name: "now", input: {} }];
const SERVER_CALL = [{ type: "server_tool_use", id: "a", name: "web_search", input: {} }];
const stops: [string | null, Json[], ChatReply["finish"]["reason"], string[]][] = [
  ["end_turn", [], "stop", []],
  ["end_turn", CALL, "tool-calls", []],
  ["stop_sequence", [], "stop-sequence", []],
  ["tool_use", CALL, "tool-calls", []],
  ["tool_use", [], "stop", []],
  ["tool_use", SERVER_CALL, "length", ["server_tool_dropped", "pause_turn"]],
  ["max_tokens", [], "length", []],
  ["max_tokens", CALL, "length", []],
  ["model_context_window_exceeded", [], "length", []],
  ["pause_turn", [], "length", ["pause_turn"]],
  ["refusal", [], "refusal", []],
  ["compaction", [], "length", ["pause_turn"]],
  ["brand_new_reason", [], "length", ["stop_reason"]],
  ["brand_new_reason", CALL, "length", ["stop_reason"]],
  [null, [], "stop", ["stop_reason"]],
  [null, CALL, "tool-calls", ["stop_reason"]],
];
for (const [stop_reason, content, reason, warnings] of stops) {
  const block = content.length === 0 ? "no call" : content === CALL ? "a call" : "a call of the provider's";
  test(`The stop reason ${stop_reason} with ${block} is ${reason}`, () => {
    const decoded = reply({ content, stop_reason });
    assert.deepEqual(decoded.finish, { reason, ...(stop_reason !== null && { native: stop_reason }) });
    assert.deepEqual(decoded.warnings, warnings);
  });
}

test("A met stop sequence is named", () => {
  const { finish } = reply({ stop_reason: "stop_sequence", stop_sequence: "END" });
  assert.deepEqual(finish, { reason: "stop-sequence", native: "stop_sequence", stopSequence: "END" });
});

test("A refusal says what and why, where the model does", () => {
  assert.deepEqual(decodeReply(replyFixture("refusal"), UNDO).finish, {
    reason: "refusal",
    native: "refusal",
    refusal: { explanation: "I can't help with that.", category: "cyber" },
  });
  assert.deepEqual(decodeReply(replyFixture("refusal-after-text"), UNDO).finish, {
    reason: "refusal",
    native: "refusal",
  });
});

const ZERO = { cacheRead: 0, cacheWrite: 0, reasoning: 0 };
const usages: { title: string; usage: Json; expect: ChatReply["usage"]; suspect?: boolean }[] = [
  {
    title: "cache reads and writes are part of the input",
    usage: {
      input_tokens: 10,
      cache_read_input_tokens: 1733,
      cache_creation_input_tokens: 512,
      output_tokens: 5,
    },
    expect: { input: 2255, cacheRead: 1733, cacheWrite: 512, output: 5, reasoning: 0 },
  },
  {
    title: "cache writes are known by lifetime",
    usage: {
      input_tokens: 1,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      output_tokens: 5,
    },
    expect: { ...ZERO, input: 31, cacheWrite: 30, cacheWrite5m: 10, cacheWrite1h: 20, output: 5 },
  },
  {
    title: "lifetimes that do not add up are not used",
    usage: {
      input_tokens: 1,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 0 },
      output_tokens: 5,
    },
    expect: { ...ZERO, input: 31, cacheWrite: 30, output: 5 },
  },
  {
    title: "thinking is part of the output",
    usage: { input_tokens: 1, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } },
    expect: { ...ZERO, input: 1, output: 50, reasoning: 40 },
  },
  {
    title: "nulls are nothing and zeros stay zeros",
    usage: {
      input_tokens: 0,
      cache_read_input_tokens: null,
      cache_creation_input_tokens: null,
      output_tokens: 0,
    },
    expect: { ...ZERO, input: 0, output: 0 },
  },
  { title: "a missing usage is none", usage: null, expect: undefined },
  { title: "an empty usage is none", usage: {}, expect: undefined },
  {
    title: "negative figures are taken as missing",
    usage: { input_tokens: -5, output_tokens: 7 },
    expect: { ...ZERO, input: 0, output: 7 },
    suspect: true,
  },
  {
    title: "figures that no answer has are taken as missing",
    usage: { input_tokens: 1e15, output_tokens: 7.5 },
    expect: undefined,
    suspect: true,
  },
  {
    title: "what a compaction took is counted too",
    usage: {
      input_tokens: 682,
      output_tokens: 1320,
      iterations: [
        { type: "compaction", input_tokens: 60000, output_tokens: 592, cache_read_input_tokens: 8 },
        { type: "message", input_tokens: 682, output_tokens: 1320 },
        { type: "advisor_message", input_tokens: 5000, output_tokens: 900 },
      ],
    },
    expect: { ...ZERO, input: 60690, cacheRead: 8, output: 1912 },
  },
  {
    title: "the figures of a stand-in model are right as they are",
    usage: {
      input_tokens: 412,
      output_tokens: 264,
      iterations: [
        { type: "compaction", input_tokens: 9, output_tokens: 9 },
        { type: "message", input_tokens: 408, output_tokens: 0 },
        { type: "fallback_message", input_tokens: 412, output_tokens: 264 },
      ],
    },
    expect: { ...ZERO, input: 412, output: 264 },
  },
];
for (const { title, usage, expect, suspect } of usages) {
  test(`Usage: ${title}`, () => {
    const decoded = reply({ usage });
    assert.deepEqual(decoded.usage, expect);
    assert.deepEqual(decoded.warnings, suspect ? ["usage_suspect"] : []);
  });
}

test("Service tiers have the names of the neutral vocabulary; a batch has none", () => {
  const tier = (service_tier: Json) =>
    reply({ usage: { input_tokens: 1, output_tokens: 1, service_tier } }).serviceTier;
  assert.deepEqual(["standard", "priority", "batch", null].map(tier), [
    "default",
    "priority",
    undefined,
    undefined,
  ]);
});

test("An answer that does not name its model is of the model that was sent", () => {
  assert.equal(reply({ model: "" }).model, UNDO.model);
  assert.equal(reply({ model: "claude-y" }).model, "claude-y");
});

const invalid: [string, Json][] = [
  ["an empty object", {}],
  ["text", "Hello"],
  ["an array", [message({})]],
  ["a message without content and without an end", message({ content: null, stop_reason: null })],
  ["an object of another type", message({ type: "completion" })],
  ["a block that is no object", message({ content: ["Hello"] })],
  ["a call without a name", message({ content: [{ type: "tool_use", id: "a", input: { a: 1 } }] })],
  ["a chat completion", { object: "chat.completion", choices: [] }],
];
for (const [title, body] of invalid) {
  test(`No answer: ${title}`, () => {
    assert.throws(() => decodeReply(body, UNDO), {
      code: "upstream_invalid_response",
      status: 502,
      failure: "invalid",
    });
  });
}

test("An error in place of an answer is that error", () => {
  assert.throws(() => decodeReply(replyFixture("error-inside"), UNDO), {
    status: 503,
    said: "overloaded_error",
    shown: "overloaded",
    failure: "529",
    source: "upstream",
    message: "Overloaded (request_id: req_01Inside)",
  });
  assert.throws(() => decodeReply({ error: { message: "prompt is too long: 9 tokens" } }, UNDO), {
    status: 400,
    source: "upstream",
  });
  const rate = { error: { type: "rate_limit_error", message: "Slow down" } };
  assert.throws(() => decodeReply(rate, UNDO), { status: 429, shown: "rate_limit_exceeded" });
});
