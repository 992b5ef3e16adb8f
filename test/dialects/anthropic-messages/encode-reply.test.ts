import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply, Finish, Usage } from "../../../src/chat.ts";
import { decodeReply } from "../../../src/dialects/anthropic-messages/decode-reply.ts";
import { encodeReply } from "../../../src/dialects/anthropic-messages/encode-reply.ts";
import type { ReplyOptions } from "../../../src/dialects/dialect.ts";
import { parseJson, stringifyJson } from "../../../src/json.ts";
import { PAIRS, replyFixture, UNDO } from "./fixtures.ts";

const OPTIONS: ReplyOptions = {
  requestId: "req_1",
  created: 1,
  includeUsage: false,
  legacyFunctions: false,
  estimatedInput: 55,
};

const USAGE: Usage = { input: 2255, cacheRead: 1733, cacheWrite: 512, output: 39, reasoning: 30 };
const REPLY: ChatReply = {
  id: "chatcmpl-1",
  model: "gpt-5-2025-08-07",
  content: [{ type: "text", text: "Hi" }],
  citations: [],
  finish: { reason: "stop", native: "stop" },
  usage: USAGE,
  warnings: [],
};

test("Every key that a message always has is there, and none that has nothing to say", () => {
  assert.deepEqual(encodeReply(REPLY, OPTIONS), {
    id: "msg_chatcmpl-1",
    type: "message",
    role: "assistant",
    model: "gpt-5-2025-08-07",
    content: [{ type: "text", text: "Hi" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: null,
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 512,
      cache_read_input_tokens: 1733,
      output_tokens: 39,
      output_tokens_details: { thinking_tokens: 30 },
    },
  });
});

test("What was written to a cache is told by lifetime where that is known, and nothing is known to be nothing", () => {
  const lifetimes = (fields: Partial<Usage>) =>
    encodeReply({ ...REPLY, usage: { ...USAGE, ...fields } }, OPTIONS).usage.cache_creation;
  const none = { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 };
  assert.deepEqual(lifetimes({ cacheWrite: 0 }), none);
  assert.deepEqual(lifetimes({ cacheWrite: 9, cacheWrite1h: 9 }), { ...none, ephemeral_1h_input_tokens: 9 });
  assert.equal(lifetimes({ cacheWrite: 9 }), undefined);
});

test("The id is the provider's, marked once, or made of the request's", () => {
  const id = (given: string) => encodeReply({ ...REPLY, id: given }, OPTIONS).id;
  assert.deepEqual(["chatcmpl-1", "msg_1", ""].map(id), ["msg_chatcmpl-1", "msg_1", "msg_req_1"]);
});

test("Where the provider counted nothing the figures are estimates", () => {
  const { usage: _, ...uncounted } = REPLY;
  const content = [
    { type: "thinking", text: "1234" },
    { type: "text", text: "12345" },
    { type: "tool-call", id: "a", name: "now", kind: "function", input: "{}" },
  ] as const;
  const { usage } = encodeReply({ ...uncounted, content }, OPTIONS);
  assert.equal(usage.input_tokens, 55);
  assert.equal(usage.output_tokens, 4);
  assert.equal(usage.cache_read_input_tokens, 0);
});

test("More cached tokens than input leave no negative figure", () => {
  const usage = { input: 5, cacheRead: 9, cacheWrite: 0, cacheWrite5m: 0, output: 1, reasoning: 0 };
  const encoded = encodeReply({ ...REPLY, usage }, OPTIONS).usage;
  assert.equal(encoded.input_tokens, 0);
  assert.deepEqual(encoded.cache_creation, { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 });
});

test("Parts keep their order, thoughts have a signature or an empty one, empty text is left out", () => {
  const content = [
    { type: "thinking", text: "Hm" },
    { type: "thinking", text: "", signature: "sig" },
    { type: "redacted-thinking", data: "x" },
    { type: "text", text: "" },
    { type: "tool-call", id: "call_1", name: "now", kind: "function", input: "" },
  ] as const;
  assert.deepEqual(encodeReply({ ...REPLY, content }, OPTIONS).content, [
    { type: "thinking", thinking: "Hm", signature: "" },
    { type: "thinking", thinking: "", signature: "sig" },
    { type: "redacted_thinking", data: "x" },
    { type: "tool_use", id: "call_1", name: "now", input: {} },
  ]);
});

const inputs: [string, "function" | "custom", string][] = [
  ['{"a": 1}', "function", '{"a":1}'],
  ["", "function", "{}"],
  ["  ", "function", "{}"],
  ['{"n":9007199254740993}', "function", '{"n":9007199254740993}'],
  ['{"a":', "function", '{"_raw_arguments":"{\\"a\\":"}'],
  ["[1]", "function", '{"_raw_arguments":"[1]"}'],
  ["null", "function", '{"_raw_arguments":"null"}'],
  ['{"__proto__":{"a":1}}', "function", '{"__proto__":{"a":1}}'],
  ["ls -l", "custom", '{"input":"ls -l"}'],
];
for (const [input, kind, expected] of inputs) {
  test(`The ${kind} input ${input} is ${expected}`, () => {
    const content = [{ type: "tool-call", id: "a", name: "go", kind, input }] as const;
    const [block] = encodeReply({ ...REPLY, content }, OPTIONS).content;
    assert.equal(block?.type === "tool_use" && stringifyJson(block.input), expected);
  });
}

test("A call without an id always gets the same one, and another call another", () => {
  const call = { type: "tool-call", id: "", name: "now", kind: "function", input: "{}" } as const;
  const ids = (requestId: string) =>
    encodeReply({ ...REPLY, content: [call, call] }, { ...OPTIONS, requestId }).content
      .map((block) => block.type === "tool_use" ? block.id : "");
  assert.match(ids("req_1").join(" "), /^toolu_\w{24} toolu_\w{24}$/);
  assert.deepEqual(ids("req_1"), ids("req_1"));
  assert.equal(new Set([...ids("req_1"), ...ids("req_2")]).size, 4);
});

const CALL = { type: "tool-call", id: "a", name: "now", kind: "function", input: "{}" } as const;
const stops: [Finish, boolean, [string, string | null]][] = [
  [{ reason: "stop", native: "stop" }, false, ["end_turn", null]],
  [{ reason: "stop", native: "stop" }, true, ["tool_use", null]],
  [{ reason: "stop-sequence", stopSequence: "END" }, false, ["stop_sequence", "END"]],
  [{ reason: "length", native: "length" }, true, ["max_tokens", null]],
  [{ reason: "length", native: "model_context_window_exceeded" }, false, [
    "model_context_window_exceeded",
    null,
  ]],
  [{ reason: "tool-calls", native: "tool_calls" }, true, ["tool_use", null]],
  [{ reason: "tool-calls", native: "end_turn" }, true, ["tool_use", null]],
  [{ reason: "refusal", native: "content_filter" }, false, ["refusal", null]],
];
for (const [finish, calls, [stop_reason, stop_sequence]] of stops) {
  test(`${JSON.stringify(finish)} ${calls ? "with" : "without"} calls is ${stop_reason}`, () => {
    const reply = encodeReply({ ...REPLY, finish, content: calls ? [CALL] : REPLY.content }, OPTIONS);
    assert.equal(reply.stop_reason, stop_reason);
    assert.equal(reply.stop_sequence, stop_sequence);
    assert.equal(reply.stop_details, null);
  });
}

test("A refusal is text as well, unless the text ends with it already", () => {
  const finish: Finish = { reason: "refusal", refusal: { explanation: "I can't." } };
  const text = (content: ChatReply["content"]) => {
    const reply = encodeReply({ ...REPLY, content, finish }, OPTIONS);
    assert.deepEqual(reply.stop_details, { type: "refusal", category: null, explanation: "I can't." });
    return reply.content.map((block) => block.type === "text" && block.text);
  };
  assert.deepEqual(text([]), ["I can't."]);
  assert.deepEqual(text([{ type: "text", text: "Well. I can't." }]), ["Well. I can't."]);
  assert.deepEqual(text([{ type: "text", text: "Well" }]), ["Well", "I can't."]);
});

for (const name of PAIRS.filter((name) => name !== "refusal" && name !== "citations")) {
  test(`The answer ${name}, written and read, says the same`, () => {
    const reply = decodeReply(replyFixture(name), UNDO);
    const again = decodeReply(parseJson(stringifyJson(encodeReply(reply, OPTIONS))), UNDO);
    const { serviceTier: _, warnings: __, ...kept } = reply;
    assert.deepEqual(again, { ...kept, warnings: [] });
  });
}
