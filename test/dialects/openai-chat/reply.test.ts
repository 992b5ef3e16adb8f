import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply } from "../../../src/chat.ts";
import type { ReplyOptions } from "../../../src/dialects/dialect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import type { Json, JsonObject } from "../../../src/json.ts";
import { fixture } from "./_request.ts";

const UNDO = { model: "sent" };
const read = (name: string): ChatReply => openaiChat.decodeReply(fixture(`replies/${name}.json`), UNDO);
const text = (words: string) => ({ type: "text", text: words }) as const;
const call = (id: string, name: string, input: string) =>
  ({ type: "tool-call", id, name, input, kind: "function" }) as const;
const paris = call("call_a", "get_weather", '{"city":"Paris"}');

const READ: readonly [string, ChatReply["content"], ChatReply["finish"]][] = [
  ["text", [text("Hello! How can I help?")], { reason: "stop", native: "stop" }],
  ["empty", [], { reason: "stop", native: "stop" }],
  ["length", [text("Once upon a")], { reason: "length", native: "length" }],
  ["refusal", [text("I can't help with that.")], {
    reason: "refusal",
    native: "stop",
    refusal: { explanation: "I can't help with that." },
  }],
  ["content-filter", [text("Half an")], { reason: "refusal", native: "content_filter", refusal: {} }],
  ["tool-call", [paris], { reason: "tool-calls", native: "tool_calls" }],
  ["tools-parallel", [text("Two cities."), paris, call("call_b", "now", "{}")], {
    reason: "tool-calls",
    native: "tool_calls",
  }],
  ["tool-finish-stop", [call("call_a", "now", "")], { reason: "tool-calls", native: "stop" }],
  ["tool-custom", [{ type: "tool-call", id: "call_x", name: "math_exp", input: "4 + 4", kind: "custom" }], {
    reason: "tool-calls",
    native: "tool_calls",
  }],
  ["tool-extra-content", [{
    ...call("call_g", "now", "{}"),
    extra: { extra_content: { google: { thought_signature: "c2ln" } } },
  }], { reason: "tool-calls", native: "tool_calls" }],
  ["tool-truncated", [call("call_a", "get_weather", '{"city":"Par')], { reason: "length", native: "length" }],
  ["reasoning", [{ type: "thinking", text: "2 and 2 make 4" }, text("4")], {
    reason: "stop",
    native: "stop",
  }],
  ["reasoning-details", [{ type: "thinking", text: "2 and 2", signature: "c2lnbmF0dXJl" }, text("4")], {
    reason: "stop",
    native: "stop",
  }],
  ["content-parts", [{ type: "thinking", text: "2 and 2" }, text("4")], { reason: "stop", native: "stop" }],
  ["stop-sequence", [text("one two ")], { reason: "stop-sequence", native: "stop", stopSequence: "END" }],
  ["unknown-finish", [text("Hello")], { reason: "length", native: "brand_new" }],
];
for (const [name, content, finish] of READ) {
  test(`replies/${name}.json is read`, () => {
    const reply = read(name);
    deepEqual(reply.content, content);
    deepEqual(reply.finish, finish);
    deepEqual(reply.warnings, name === "unknown-finish" ? ["finish_reason"] : []);
    equal(reply.model, "gpt-5-2025-08-07");
  });
}

test("a call of the older shape gets an id that the same answer always gives", () => {
  const [part] = read("legacy-function-call").content;
  deepEqual({ ...part, id: "" }, { ...paris, id: "" });
  equal(part?.type === "tool-call" && /^call_[0-9a-f]{24}$/.test(part.id), true);
  deepEqual(read("legacy-function-call"), read("legacy-function-call"));
});

test("sources of the answer are read", () => {
  deepEqual(read("annotations").citations, [
    { url: "https://example.com/weather", title: "Weather", start: 0, end: 14 },
  ]);
});

const usage = (input: number, output: number, fields = {}) => ({
  input,
  output,
  cacheRead: 0,
  cacheWrite: 0,
  reasoning: 0,
  ...fields,
});
test("usage is the provider's, and only whole numbers from 0 on are usage", () => {
  deepEqual(read("cached-usage").usage, usage(2255, 5, { cacheRead: 1733, cacheWrite: 512 }));
  deepEqual(read("cached-usage-hit-tokens").usage, usage(20, 5, { cacheRead: 16 }));
  deepEqual(read("reasoning").usage, usage(13, 120, { reasoning: 96 }));
  equal(read("without-usage").usage, undefined);
  const counted = (prompt: Json, completion: Json) =>
    openaiChat.decodeReply({
      ...fixture("replies/text.json"),
      usage: { prompt_tokens: prompt, completion_tokens: completion, prompt_tokens_details: null },
    }, UNDO).usage;
  deepEqual(counted(1, null), usage(1, 0));
  deepEqual(counted("13", 4), usage(0, 4));
  for (const wrong of [-1, 1.5, "13", null, true]) equal(counted(wrong, wrong), undefined);
});

test("names that were shortened are the client's again", () => {
  const undo = { ...UNDO, toolNames: new Map([["get_weather", "weather.get"]]) };
  const [part] = openaiChat.decodeReply(fixture("replies/tool-call.json"), undo).content;
  equal(part?.type === "tool-call" && part.name, "weather.get");
});

test("an answer that does not name its model is the model's that was asked", () => {
  equal(openaiChat.decodeReply({ ...fixture("replies/text.json"), model: "" }, UNDO).model, "sent");
});

const NO_WORDS: readonly [Json, string][] = [["", "stop"], [null, "stop"], [["stop"], "length"], [
  1,
  "length",
]];
for (const [finish_reason, reason] of NO_WORDS) {
  test(`the finish reason ${JSON.stringify(finish_reason)} is no word, and the answer's end is ${reason}`, () => {
    const body = { choices: [{ message: { content: "a" }, finish_reason }] };
    const { finish, warnings } = openaiChat.decodeReply(body, UNDO);
    deepEqual([finish, warnings], [{ reason }, ["finish_reason"]]);
  });
}

const INVALID: readonly Json[] = [
  null,
  [],
  "Hello",
  {},
  { choices: [] },
  { choices: {} },
  { choices: ["Hello"] },
  { choices: [{ index: 0, text: "Hello" }] },
  { choices: [{ message: { content: 5 } }] },
  { choices: [{ index: 0, text: "Hello", finish_reason: "stop" }] },
  { choices: [{ message: "Hello", finish_reason: "stop" }] },
  { choices: [{ message: { content: "a", tool_calls: { id: "a" } } }] },
  {
    choices: [{ message: { content: null, tool_calls: [{ id: "a", function: { arguments: '{"a":1}' } }] } }],
  },
  { choices: [{ message: { content: null, tool_calls: ["a"] } }] },
  { choices: [{ message: { content: "a" }, finish_reason: "error" }] },
];
for (const body of INVALID) {
  test(`${JSON.stringify(body)} is no answer`, () => {
    throws(() => openaiChat.decodeReply(body, UNDO), {
      code: "upstream_invalid_response",
      status: 502,
      failure: "invalid",
    });
  });
}

const INNER: readonly [JsonObject, { status: number; kind: string; shown: string | null }][] = [
  [{ message: "slow down", code: 429 }, { status: 429, kind: "rate-limit", shown: "429" }],
  [{ message: "boom", type: "server_error", code: null }, { status: 500, kind: "server", shown: null }],
  [{ message: "bad", type: "invalid_request_error" }, { status: 400, kind: "invalid-request", shown: null }],
  [{ message: "empty", code: "insufficient_quota" }, {
    status: 429,
    kind: "quota",
    shown: "insufficient_quota",
  }],
];
for (const [error, expected] of INNER) {
  test(`the error ${JSON.stringify(error)} inside of a 200 is thrown as what it is`, () => {
    throws(() => openaiChat.decodeReply({ error }, UNDO), {
      ...expected,
      message: error.message,
      source: "upstream",
    });
  });
}

test("a provider without resources and without an answer is overloaded", () => {
  const choice = (content: string) => ({
    choices: [{ message: { content }, finish_reason: "insufficient_system_resource" }],
  });
  throws(() => openaiChat.decodeReply(choice(""), UNDO), { kind: "overloaded", status: 503 });
  equal(openaiChat.decodeReply(choice("Half"), UNDO).finish.reason, "length");
});

// --- writing ---

const OPTIONS: ReplyOptions = {
  requestId: "r1",
  created: 1763800000,
  includeUsage: false,
  legacyFunctions: false,
  estimatedInput: 9,
};
const REPLY: ChatReply = {
  id: "msg_01",
  model: "claude-sonnet-4-5",
  content: [text("It is "), text("warm.")],
  citations: [],
  finish: { reason: "stop", native: "end_turn" },
  usage: usage(2255, 5, { cacheRead: 1733, cacheWrite: 512, reasoning: 2 }),
  serviceTier: "standard",
  warnings: [],
};
const write = (fields: Partial<ChatReply>, options: Partial<ReplyOptions> = {}) =>
  openaiChat.encodeReply({ ...REPLY, ...fields }, { ...OPTIONS, ...options });
const choiceOf = (body: JsonObject) => (body.choices as JsonObject[])[0];

test("an answer has every key that clients look for, one choice, and parts that add up", () => {
  deepEqual(write({}), {
    id: "chatcmpl-msg_01",
    object: "chat.completion",
    created: 1763800000,
    model: "claude-sonnet-4-5",
    choices: [{
      index: 0,
      message: { role: "assistant", content: "It is warm.", refusal: null },
      logprobs: null,
      finish_reason: "stop",
      native_finish_reason: "end_turn",
    }],
    usage: {
      prompt_tokens: 2255,
      completion_tokens: 5,
      total_tokens: 2260,
      prompt_tokens_details: { cached_tokens: 1733, cache_write_tokens: 512, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 2,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: "default",
    system_fingerprint: null,
  });
});

test("usage that nobody counted is null, an unknown tier is left out", () => {
  const { usage: _usage, ...without } = REPLY;
  const body = openaiChat.encodeReply({ ...without, serviceTier: "batch" }, OPTIONS);
  equal(body.usage, null);
  equal("service_tier" in body, false);
});

test("an id keeps its mark, and one is made where there is none", () => {
  equal(write({ id: "chatcmpl-9" }).id, "chatcmpl-9");
  equal(write({ id: "" }).id, "chatcmpl-r1");
});

const now = call("toolu_1", "now", "");
const nowWire = { id: "toolu_1", type: "function", function: { name: "now", arguments: "{}" } };
const WRITTEN: readonly [string, Partial<ChatReply>, JsonObject][] = [
  ["no content at all is an empty text", { content: [] }, { content: "" }],
  ["tool calls alone have no content", { content: [now] }, { content: null, tool_calls: [nowWire] }],
  ["what was attached to a call goes with it", { content: [{ ...now, extra: { extra_content: 1 } }] }, {
    content: null,
    tool_calls: [{ extra_content: 1, ...nowWire }],
  }],
  ["custom calls", { content: [{ ...now, kind: "custom", input: "4" }] }, {
    content: null,
    tool_calls: [{ id: "toolu_1", type: "custom", custom: { name: "now", input: "4" } }],
  }],
  ["thinking", {
    content: [
      { type: "thinking", text: "Hm", signature: "s1" },
      { type: "redacted-thinking", data: "x" },
      { type: "thinking", text: "", signature: "s2" },
      { type: "thinking", text: "So" },
      text("4"),
    ],
  }, {
    content: "4",
    reasoning_content: "Hm\n\nSo",
    reasoning_details: [
      { type: "reasoning.text", text: "Hm", signature: "s1", format: "anthropic-claude-v1", index: 0 },
      { type: "reasoning.encrypted", data: "x", format: "anthropic-claude-v1", index: 1 },
      { type: "reasoning.text", text: "", signature: "s2", format: "anthropic-claude-v1", index: 2 },
    ],
  }],
  ["sources", { citations: [{ url: "https://a.b", title: "", start: 0, end: 3 }] }, {
    content: "It is warm.",
    annotations: [{
      type: "url_citation",
      url_citation: { url: "https://a.b", title: "", start_index: 0, end_index: 3 },
    }],
  }],
  ["a refusal", { content: [], finish: { reason: "refusal", refusal: { explanation: "No." } } }, {
    content: null,
    refusal: "No.",
  }],
  ["a refusal without words", { content: [], finish: { reason: "refusal" } }, {
    content: null,
    refusal: "The model refused to respond.",
  }],
];
for (const [title, fields, expected] of WRITTEN) {
  test(`messages: ${title}`, () => {
    deepEqual(choiceOf(write(fields))?.message, { role: "assistant", refusal: null, ...expected });
  });
}

const FINISHES: readonly [ChatReply["finish"], JsonObject][] = [
  [{ reason: "stop", native: "stop" }, { finish_reason: "stop" }],
  [{ reason: "stop" }, { finish_reason: "stop" }],
  [{ reason: "stop-sequence", native: "stop_sequence", stopSequence: "x" }, {
    finish_reason: "stop",
    native_finish_reason: "stop_sequence",
  }],
  [{ reason: "length", native: "max_tokens" }, {
    finish_reason: "length",
    native_finish_reason: "max_tokens",
  }],
  [{ reason: "tool-calls", native: "tool_use" }, {
    finish_reason: "tool_calls",
    native_finish_reason: "tool_use",
  }],
  [{ reason: "refusal", native: "refusal" }, {
    finish_reason: "content_filter",
    native_finish_reason: "refusal",
  }],
];
for (const [finish, expected] of FINISHES) {
  test(`the finish ${JSON.stringify(finish)} is said in the API's words`, () => {
    const { index: _index, message: _message, logprobs, ...said } = choiceOf(write({ finish })) ?? {};
    equal(logprobs, null);
    deepEqual(said, expected);
  });
}

test("a client of the older shape gets one function call", () => {
  const finish = { reason: "tool-calls", native: "tool_use" } as const;
  const content = [call("a", "now", "{}"), call("b", "then", "{}")];
  const choice = choiceOf(write({ content, finish }, { legacyFunctions: true }));
  deepEqual(choice?.message, {
    role: "assistant",
    content: null,
    refusal: null,
    function_call: { name: "now", arguments: "{}" },
  });
  equal(choice?.finish_reason, "function_call");
});
