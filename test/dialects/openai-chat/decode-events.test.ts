import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent } from "../../../src/chat.ts";
import { collect } from "../../../src/dialects/collect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { splitFrames, type SseFrame } from "../../../src/dialects/sse.ts";
import { run } from "../../../src/dialects/stepper.ts";
import type { Json, JsonObject } from "../../../src/json.ts";
import { fixture, fixtureText } from "./_request.ts";

const UNDO = { model: "sent" };
const MODEL = "gpt-5-2025-08-07";

function frames(text: string): SseFrame[] {
  return run(splitFrames(), [new TextEncoder().encode(text)]);
}

function events(name: string): ChatEvent[] {
  return run(openaiChat.decodeEvents(UNDO), frames(fixtureText(`streams/${name}.sse`)));
}

function chunks(...data: (JsonObject | string)[]): ChatEvent[] {
  const lines = data.map((each) => `data: ${typeof each === "string" ? each : JSON.stringify(each)}\n\n`);
  return run(openaiChat.decodeEvents(UNDO), frames(lines.join("")));
}

/** Events without what most tests are not about. */
function told(list: readonly ChatEvent[]): ChatEvent[] {
  return list.filter(({ type }) => type !== "start" && type !== "usage" && type !== "ping");
}

const start: ChatEvent = { type: "start", id: "chatcmpl-CfxT1", model: MODEL, serviceTier: "default" };
const text = (words: string): ChatEvent => ({ type: "text-delta", text: words });
const callStart = (index: number, id: string, name: string): ChatEvent => (
  { type: "tool-call-start", index, id, name, kind: "function" }
);
const input = (index: number, words: string): ChatEvent => ({ type: "tool-call-delta", index, input: words });
const callEnd = (index: number): ChatEvent => ({ type: "tool-call-end", index });
const end: ChatEvent = { type: "end" };
const stop: ChatEvent[] = [{ type: "finish", finish: { reason: "stop", native: "stop" } }, end];
const calls: ChatEvent[] = [{ type: "finish", finish: { reason: "tool-calls", native: "tool_calls" } }, end];
const usage = { input: 13, output: 39, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
const thought = (words: string, signature?: string): ChatEvent[] => [
  { type: "thinking-start" },
  { type: "thinking-delta", text: words },
  { type: "thinking-end", ...(signature !== undefined && { signature }) },
];

test("a text is read event by event, usage included", () => {
  deepEqual(events("text"), [start, text("Hel"), text("lo"), { type: "usage", usage }, ...stop]);
});

const READ: readonly [string, ChatEvent[]][] = [
  ["length", [text("Once upon a"), { type: "finish", finish: { reason: "length", native: "length" } }, end]],
  ["refusal", [text("I can't "), text("help."), {
    type: "finish",
    finish: { reason: "refusal", native: "stop", refusal: { explanation: "I can't help." } },
  }, end]],
  ["content-filter", [text("Half"), {
    type: "finish",
    finish: { reason: "refusal", native: "content_filter", refusal: {} },
  }, end]],
  ["tool-call", [
    callStart(0, "call_a", "get_weather"),
    input(0, '{"city":'),
    input(0, '"Paris"}'),
    callEnd(0),
    ...calls,
  ]],
  ["tools-parallel", [
    text("Two."),
    callStart(0, "call_a", "get_weather"),
    input(0, '{"city":"Paris"}'),
    callStart(1, "call_b", "now"),
    input(1, "{}"),
    callEnd(0),
    callEnd(1),
    ...calls,
  ]],
  ["tools-interleaved", [
    callStart(0, "call_a", "get_weather"),
    input(0, '{"city":'),
    callStart(1, "call_b", "get_weather"),
    input(1, '{"city":"Ro'),
    input(0, '"Paris"}'),
    input(1, 'me"}'),
    callEnd(0),
    callEnd(1),
    ...calls,
  ]],
  ["tools-without-index", [
    callStart(0, "call_a", "get_weather"),
    input(0, '{"city":"Paris"}'),
    callStart(1, "call_b", "now"),
    input(1, "{}"),
    callEnd(0),
    callEnd(1),
    ...calls,
  ]],
  ["tool-no-arguments", [callStart(0, "call_a", "now"), callEnd(0), ...calls]],
  ["tool-late-name", [callStart(0, "call_a", "now"), input(0, "{}"), callEnd(0), ...calls]],
  ["tool-custom", [
    { type: "tool-call-start", index: 0, id: "call_x", name: "math_exp", kind: "custom" },
    input(0, "4 "),
    input(0, "+ 4"),
    callEnd(0),
    ...calls,
  ]],
  ["tool-extra-content", [
    {
      type: "tool-call-start",
      index: 0,
      id: "call_g",
      name: "now",
      kind: "function",
      extra: { extra_content: { google: { thought_signature: "c2ln" } } },
    },
    input(0, "{}"),
    callEnd(0),
    { type: "finish", finish: { reason: "tool-calls", native: "stop" } },
    end,
  ]],
  ["reasoning", [
    { type: "thinking-start" },
    { type: "thinking-delta", text: "2 and" },
    { type: "thinking-delta", text: " 2" },
    { type: "thinking-end" },
    text("4"),
    ...stop,
  ]],
  ["reasoning-details", [...thought("2 and 2", "c2lnbmF0dXJl"), text("4"), ...stop]],
  ["content-parts", [...thought("2 and 2"), text("4"), ...stop]],
  ["unicode", [text("Grüße 👋 "), text("日本語"), ...stop]],
  ["keep-alive-comments", [text("Hello"), ...stop]],
  ["unknown-fields", [text("Hello"), ...stop]],
  ["unknown-finish", [text("Hello"), { type: "warning", warning: "finish_reason" }, {
    type: "finish",
    finish: { reason: "length", native: "brand_new" },
  }, end]],
  ["no-done", [text("Hello"), ...stop]],
];
for (const [name, expected] of READ) {
  test(`streams/${name}.sse is read`, () => deepEqual(told(events(name)), expected));
}

test("a call of the older shape is a call", () => {
  const [begin, ...rest] = told(events("legacy-function-call"));
  equal(begin?.type === "tool-call-start" && begin.name, "get_weather");
  match(begin?.type === "tool-call-start" ? begin.id : "", /^call_[0-9a-f]{24}$/);
  deepEqual(rest.slice(0, 2), [input(0, '{"city":"Paris"}'), callEnd(0)]);
});

test("comments are signs of life", () => {
  equal(events("keep-alive-comments").filter(({ type }) => type === "ping").length, 2);
});

const USAGE: readonly [string, Partial<typeof usage>[]][] = [
  ["without-usage", []],
  ["usage-on-finish", [{}]],
  ["usage-groq", [{}]],
  ["usage-running", [{ output: 1 }, { output: 2 }, { output: 3 }]],
  ["cached-usage", [{ input: 2255, output: 5, cacheRead: 1733, cacheWrite: 512 }]],
];
for (const [name, expected] of USAGE) {
  test(`the usage of streams/${name}.sse is read from whichever chunk has it`, () => {
    const found = events(name).flatMap((event) => event.type === "usage" ? [event.usage] : []);
    deepEqual(found, expected.map((fields) => ({ ...usage, ...fields })));
  });
}

test("the first chunk starts the answer, though it names nothing", () => {
  deepEqual(events("azure-filter-chunk")[0], { type: "start", id: "", model: "sent" });
  equal(events("azure-filter-chunk").filter(({ type }) => type === "start").length, 1);
});

const say = (delta: JsonObject, finish: Json = null): JsonObject => ({
  id: "x",
  model: "m",
  choices: [{ index: 0, delta, finish_reason: finish }],
});

test("another id under the same number is another call", () => {
  const call = (id: string) =>
    say({ tool_calls: [{ index: 0, id, function: { name: "now", arguments: "{}" } }] });
  deepEqual(told(chunks(call("a"), call("b"), say({}, "stop"))).slice(0, 4), [
    callStart(0, "a", "now"),
    input(0, "{}"),
    callStart(1, "b", "now"),
    input(1, "{}"),
  ]);
});

test("an id and a name that are said again are no other call", () => {
  const piece = (id: string, words: string) =>
    say({ tool_calls: [{ index: 0, id, function: { name: "now", arguments: words } }] });
  deepEqual(told(chunks(piece("a", "{"), piece("a", ""), piece("", "}"), say({}, "tool_calls"))), [
    callStart(0, "a", "now"),
    input(0, "{"),
    input(0, "}"),
    callEnd(0),
    ...calls,
  ]);
});

test("whole calls without number and id are calls of their own, with ids of their own", () => {
  const call = { function: { name: "now", arguments: { city: "Rome" } } };
  const [one, words, two] = told(chunks(say({ tool_calls: [call, call] }), say({}, "stop")));
  deepEqual(words, input(0, '{"city":"Rome"}'));
  match(one?.type === "tool-call-start" ? one.id : "", /^call_[0-9a-f]{24}$/);
  equal(one?.type === "tool-call-start" && two?.type === "tool-call-start" && one.id !== two.id, true);
});

test("a thought whose words come in details alone is read, and one without words", () => {
  const detail = (fields: JsonObject) => say({ reasoning_details: [{ type: "reasoning.text", ...fields }] });
  deepEqual(
    told(chunks(
      detail({ text: "H" }),
      detail({ text: "m", signature: "s1" }),
      detail({ text: "", signature: "s2" }),
      say({ reasoning_details: [{ type: "reasoning.encrypted", data: "x" }], content: "4" }),
      say({}, "stop"),
    )),
    [
      { type: "thinking-start" },
      { type: "thinking-delta", text: "H" },
      { type: "thinking-delta", text: "m" },
      { type: "thinking-end", signature: "s1" },
      { type: "thinking-start" },
      { type: "thinking-end", signature: "s2" },
      { type: "redacted-thinking", data: "x" },
      text("4"),
      ...stop,
    ],
  );
});

test("only the first of several choices is read", () => {
  const other = { id: "x", model: "m", choices: [{ index: 1, delta: { content: "no" } }] };
  deepEqual(told(chunks(say({ content: "yes" }), other, say({}, "stop"))), [text("yes"), ...stop]);
});

test("a server that says it is done and not why is done", () => {
  deepEqual(told(chunks(say({ content: "Hi" }), "[DONE]")), [
    text("Hi"),
    { type: "warning", warning: "finish_reason" },
    { type: "finish", finish: { reason: "stop" } },
    end,
  ]);
});

test("nothing follows the end", () => {
  deepEqual(told(chunks(say({ content: "a" }, "stop"), "[DONE]", say({ content: "b" }), "[DONE]", "{")), [
    text("a"),
    ...stop,
  ]);
});

const BROKEN: [string, (JsonObject | string)[], string][] = [
  ["a stream that breaks off", [say({ content: "a" })], "upstream_stream_interrupted"],
  ["a stream of nothing", [], "upstream_stream_interrupted"],
  ["a stream that is done before it began", ["[DONE]"], "upstream_stream_interrupted"],
  [
    "a stream that is done and said nothing",
    [say({ role: "assistant" }), "[DONE]"],
    "upstream_stream_interrupted",
  ],
  ["data that is no JSON", ["<html>"], "upstream_invalid_event"],
  ["data that is no object", ["[1]"], "upstream_invalid_event"],
  ["choices that are no list", [{ choices: { index: 1 } }], "upstream_invalid_event"],
  ["a choice that is no object", [{ choices: ["a"] }], "upstream_invalid_event"],
  ["a delta that is no object", [{ choices: [{ index: 0, delta: "a" }] }], "upstream_invalid_event"],
  ["a content that is a number", [say({ content: 5 })], "upstream_invalid_event"],
  ["tool calls that are no list", [say({ tool_calls: { id: "a" } })], "upstream_invalid_event"],
  ["a tool call that is no object", [say({ tool_calls: ["a"] })], "upstream_invalid_event"],
  ["details that are no list", [say({ reasoning_details: "a" })], "upstream_invalid_event"],
  ["a tool call that never had a name", [
    say({ tool_calls: [{ index: 0, id: "a", function: { arguments: '{"a":1}' } }] }, "tool_calls"),
    "[DONE]",
  ], "upstream_invalid_event"],
  [
    "an answer that failed by its own word",
    [say({ content: "a" }, "error"), "[DONE]"],
    "upstream_invalid_response",
  ],
];
/** What is no word says nothing of an end: a stream that breaks off behind it is cut. */
for (const finish of ["", [null], {}, ["stop"], 1, true, false]) {
  BROKEN.push([
    `a stream that breaks off behind the finish reason ${JSON.stringify(finish)}`,
    [say({ content: "a" }, finish)],
    "upstream_stream_interrupted",
  ]);
}
for (const [title, data, code] of BROKEN) {
  test(`${title} ends with ${code}`, () => {
    const list = chunks(...data);
    const last = list.at(-1);
    equal(last?.type === "error" && last.error.code, code);
    equal(last?.type === "error" && last.error.failure, "invalid");
    equal(list.some(({ type }) => type === "finish" || type === "end"), false);
  });
}

for (const name of ["cut", "cut-inside-tool"]) {
  test(`streams/${name}.sse ends with an error`, () => {
    const last = events(name).at(-1);
    equal(last?.type === "error" && last.error.code, "upstream_stream_interrupted");
  });
}

test("an error in the stream is the last event, as what it is", () => {
  const first = events("error-first");
  equal(first.length, 1);
  equal(first[0]?.type === "error" && first[0].error.kind, "overloaded");
  const [, , last, ...rest] = events("error-mid-stream");
  deepEqual(rest, []);
  equal(last?.type === "error" && last.error.message, "boom");
  const [named] = run(openaiChat.decodeEvents(UNDO), frames('event: error\ndata: {"message":"gone"}\n\n'));
  equal(named?.type === "error" && named.error.message, "gone");
  const [beside] = chunks({ ...say({ content: "a" }), error: { message: "late", code: 502 } });
  equal(beside?.type === "error" && beside.error.status, 502);
});

for (
  const name of [
    "text",
    "length",
    "content-filter",
    "tool-custom",
    "tool-extra-content",
    "reasoning-details",
    "content-parts",
    "cached-usage",
  ]
) {
  test(`${name}: the stream and the whole answer say things alike`, () => {
    const whole = openaiChat.decodeReply(fixture(`replies/${name}.json`), UNDO);
    const streamed = collect(events(name));
    deepEqual(streamed.content.map(({ type }) => type), whole.content.map(({ type }) => type));
    deepEqual(streamed.finish.reason, whole.finish.reason);
    deepEqual([streamed.id, streamed.model, streamed.serviceTier], [
      whole.id,
      whole.model,
      whole.serviceTier,
    ]);
  });
}
