import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent } from "../../../src/chat.ts";
import type { ReplyOptions } from "../../../src/dialects/dialect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import type { SseEvent } from "../../../src/dialects/sse.ts";
import { run } from "../../../src/dialects/stepper.ts";
import { GatewayError } from "../../../src/errors.ts";
import { type JsonObject, parseJson } from "../../../src/json.ts";

const text = (words: string): ChatEvent => ({ type: "text-delta", text: words });
const callStart = (index: number, id: string, name: string): ChatEvent => (
  { type: "tool-call-start", index, id, name, kind: "function" }
);
const input = (index: number, words: string): ChatEvent => ({ type: "tool-call-delta", index, input: words });
const callEnd = (index: number): ChatEvent => ({ type: "tool-call-end", index });
const end: ChatEvent = { type: "end" };
const calls: ChatEvent[] = [{ type: "finish", finish: { reason: "tool-calls", native: "tool_calls" } }, end];
const usage = { input: 13, output: 39, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
const thought = (words: string, signature?: string): ChatEvent[] => [
  { type: "thinking-start" },
  { type: "thinking-delta", text: words },
  { type: "thinking-end", ...(signature !== undefined && { signature }) },
];

const OPTIONS: ReplyOptions = {
  requestId: "r1",
  created: 1763800000,
  includeUsage: false,
  legacyFunctions: false,
  estimatedInput: 9,
};

function written(list: readonly ChatEvent[], options: Partial<ReplyOptions> = {}): SseEvent[] {
  return run(openaiChat.encodeEvents({ ...OPTIONS, ...options }), list);
}

/** The choices of the chunks, and what else there is. */
function spoken(list: readonly ChatEvent[], options: Partial<ReplyOptions> = {}): unknown[] {
  return written(list, options).map((event) => {
    if ("comment" in event) return event;
    if (event.data === "[DONE]") return event.data;
    const body = parseJson(event.data) as JsonObject;
    const [choice] = (body.choices ?? []) as JsonObject[];
    if (!choice) return body;
    const { delta, logprobs, index, ...finish } = choice;
    deepEqual([logprobs, index], [null, 0]);
    return finish.finish_reason === null ? delta : { delta, ...finish };
  });
}

const begin: ChatEvent = { type: "start", id: "msg_01", model: "sonnet-4-5" };
const role = { role: "assistant", content: "", refusal: null };
const ended: ChatEvent[] = [{ type: "finish", finish: { reason: "stop", native: "end_turn" } }, end];
const endedWire = [{ delta: {}, finish_reason: "stop", native_finish_reason: "end_turn" }, "[DONE]"];

test("a stream is chunks of one id, time and model, with one finish and no usage", () => {
  const list = written([begin, text("Hel"), text(""), text("lo"), { type: "usage", usage }, ...ended]);
  const bodies = list.slice(0, -1).map((event) => "data" in event ? parseJson(event.data) as JsonObject : {});
  deepEqual(bodies[1], {
    id: "chatcmpl-msg_01",
    object: "chat.completion.chunk",
    created: 1763800000,
    model: "sonnet-4-5",
    system_fingerprint: null,
    choices: [{ index: 0, delta: { content: "Hel" }, logprobs: null, finish_reason: null }],
  });
  deepEqual(new Set(bodies.map(({ id, created, model }) => `${id} ${created} ${model}`)).size, 1);
  deepEqual(spoken([begin, text("Hel"), text(""), text("lo"), { type: "usage", usage }, ...ended]), [
    role,
    { content: "Hel" },
    { content: "lo" },
    ...endedWire,
  ]);
  equal(list.some((event) => "data" in event && event.data.includes("usage")), false);
});

test("a client that wants usage gets it behind the finish, and null before", () => {
  const list = written([begin, text("a"), { type: "usage", usage }, ...ended], { includeUsage: true });
  const bodies = list.slice(0, -1).map((event) => "data" in event ? parseJson(event.data) as JsonObject : {});
  const last = bodies.pop();
  deepEqual(bodies.map((body) => body.usage), [null, null, null]);
  deepEqual(last?.choices, []);
  deepEqual(last?.usage, {
    prompt_tokens: 13,
    completion_tokens: 39,
    total_tokens: 52,
    prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  });
  equal(written([begin, ...ended], { includeUsage: true }).length, 3);
});

const WRITTEN: readonly [string, ChatEvent[], unknown[]][] = [
  ["a start that never came", [text("a"), ...ended], [role, { content: "a" }, ...endedWire]],
  ["an empty answer", [...ended], [role, ...endedWire]],
  ["a second start", [begin, begin, ...ended], [role, ...endedWire]],
  ["signs of life", [begin, { type: "ping" }, ...ended], [role, { comment: "ping" }, ...endedWire]],
  ["thinking, and each thought once more with its signature", [
    begin,
    ...thought("Hm", "s1"),
    { type: "redacted-thinking", data: "x" },
    ...thought("So"),
    text("4"),
    ...ended,
  ], [
    role,
    { reasoning_content: "Hm" },
    {
      reasoning_details: [
        { type: "reasoning.text", text: "Hm", signature: "s1", format: "anthropic-claude-v1", index: 0 },
      ],
    },
    {
      reasoning_details: [{
        type: "reasoning.encrypted",
        data: "x",
        format: "anthropic-claude-v1",
        index: 1,
      }],
    },
    { reasoning_content: "\n\nSo" },
    { content: "4" },
    ...endedWire,
  ]],
  ["a thought that is not shown", [begin, { type: "thinking-start" }, {
    type: "thinking-end",
    signature: "s",
  }, ...ended], [
    role,
    {
      reasoning_details: [
        { type: "reasoning.text", text: "", signature: "s", format: "anthropic-claude-v1", index: 0 },
      ],
    },
    ...endedWire,
  ]],
  ["calls that alternate, one without arguments", [
    begin,
    callStart(0, "a", "now"),
    callStart(1, "b", "then"),
    input(1, "{"),
    callEnd(0),
    input(1, "}"),
    callEnd(1),
    ...calls,
  ], [
    role,
    { tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "now", arguments: "" } }] },
    { tool_calls: [{ index: 1, id: "b", type: "function", function: { name: "then", arguments: "" } }] },
    { tool_calls: [{ index: 1, function: { arguments: "{" } }] },
    { tool_calls: [{ index: 0, function: { arguments: "{}" } }] },
    { tool_calls: [{ index: 1, function: { arguments: "}" } }] },
    { delta: {}, finish_reason: "tool_calls" },
    "[DONE]",
  ]],
  ["a custom call, with what was attached to it", [
    begin,
    { type: "tool-call-start", index: 0, id: "a", name: "sum", kind: "custom", extra: { extra_content: 1 } },
    input(0, "4"),
    callEnd(0),
    ...calls,
  ], [
    role,
    {
      tool_calls: [{
        index: 0,
        extra_content: 1,
        id: "a",
        type: "custom",
        custom: { name: "sum", input: "" },
      }],
    },
    { tool_calls: [{ index: 0, custom: { input: "4" } }] },
    { delta: {}, finish_reason: "tool_calls" },
    "[DONE]",
  ]],
  ["sources and a refusal, before the finish", [
    begin,
    { type: "citation", citation: { url: "https://a.b", title: "A", start: 0, end: 1 } },
    { type: "warning", warning: "x" },
    { type: "finish", finish: { reason: "refusal", native: "refusal", refusal: { explanation: "No." } } },
    end,
  ], [
    role,
    {
      annotations: [{
        type: "url_citation",
        url_citation: { url: "https://a.b", title: "A", start_index: 0, end_index: 1 },
      }],
    },
    { refusal: "No." },
    { delta: {}, finish_reason: "content_filter", native_finish_reason: "refusal" },
    "[DONE]",
  ]],
];
for (const [title, list, expected] of WRITTEN) {
  test(`writing: ${title}`, () => deepEqual(spoken(list), expected));
}

test("a client of the older shape gets its one function call", () => {
  const list = [
    begin,
    callStart(0, "a", "now"),
    input(0, "{}"),
    callStart(1, "b", "then"),
    callEnd(0),
    callEnd(1),
  ];
  deepEqual(spoken([...list, ...calls], { legacyFunctions: true }), [
    role,
    { function_call: { name: "now", arguments: "" } },
    { function_call: { arguments: "{}" } },
    { delta: {}, finish_reason: "function_call", native_finish_reason: "tool_calls" },
    "[DONE]",
  ]);
});

test("an error is the last event: no finish, no [DONE], nothing behind it", () => {
  const error = new GatewayError("upstream_stream_interrupted", "The stream broke off");
  const list = written([begin, text("a"), { type: "error", error }, text("b"), ...ended]);
  deepEqual(list.slice(2), [{
    data: '{"error":{"message":"The stream broke off","type":"server_error","param":null,' +
      '"code":"upstream_stream_interrupted"}}',
  }]);
});
