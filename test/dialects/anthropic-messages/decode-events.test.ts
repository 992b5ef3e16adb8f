import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatEvent, isContent } from "../../../src/chat.ts";
import type { Undo } from "../../../src/dialects/dialect.ts";
import { decodeEvents } from "../../../src/dialects/anthropic-messages/decode-events.ts";
import { splitFrames } from "../../../src/dialects/sse.ts";
import { pipe, run } from "../../../src/dialects/stepper.ts";
import type { JsonObject } from "../../../src/json.ts";
import { decoded, eventsOf, streamFixture, STREAMS, UNDO } from "./fixtures.ts";

const START = {
  type: "message_start",
  message: { id: "msg_1", model: "claude-x", content: [], usage: { input_tokens: 13, output_tokens: 1 } },
};
const STOP = [
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 39 } },
  { type: "message_stop" },
];
const TEXT = { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };

function grow(index: number, delta: JsonObject): JsonObject {
  return { type: "content_block_delta", index, delta };
}
function input(index: number, partial_json: string): JsonObject {
  return grow(index, { type: "input_json_delta", partial_json });
}
function tool(index: number, name: string, whole: JsonObject = {}): JsonObject {
  const content_block = { type: "tool_use", id: `toolu_${index}`, name, input: whole };
  return { type: "content_block_start", index, content_block };
}
function stop(index: number): JsonObject {
  return { type: "content_block_stop", index };
}

/** What the blocks between the start and the end of an answer say. */
function between(wire: readonly JsonObject[], undo?: Undo): ChatEvent[] {
  const events = decoded([START, ...wire, ...STOP], undo);
  assert.deepEqual(events.slice(0, 1).map(({ type }) => type), ["start"]);
  assert.equal(events.at(-1)?.type, "end");
  return events.slice(1, -1).filter(({ type }) => type !== "usage" && type !== "finish");
}

/** The end of a stream that fails: the code of its error, and that nothing follows it. */
function failure(events: readonly ChatEvent[]): string | null {
  const last = events.at(-1);
  assert.equal(last?.type, "error");
  assert.equal(
    events.filter(({ type }) => type === "error" || type === "end" || type === "finish").length,
    1,
  );
  return last?.type === "error" ? last.error.shown ?? last.error.code : "";
}

test("A text answer is start, usage, text, usage, finish, end", () => {
  const tokens = { cacheRead: 0, cacheWrite: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0 };
  assert.deepEqual(eventsOf("hello"), [
    { type: "start", id: "msg_01Hello", model: "claude-sonnet-4-5-20250929", serviceTier: "default" },
    { type: "usage", usage: { input: 8, output: 1, ...tokens } },
    { type: "text-delta", text: "Hello" },
    { type: "usage", usage: { input: 8, output: 2, ...tokens } },
    { type: "finish", finish: { reason: "stop", native: "end_turn" } },
    { type: "end" },
  ]);
});

const streams: { title: string; wire: JsonObject[]; undo?: Undo; events: ChatEvent[] }[] = [
  {
    title: "Text may begin with its block, and empty pieces are nothing",
    wire: [
      { ...TEXT, content_block: { type: "text", text: "He" } },
      grow(0, { type: "text_delta", text: "" }),
      grow(0, { type: "text_delta", text: "llo" }),
      stop(0),
    ],
    events: [{ type: "text-delta", text: "He" }, { type: "text-delta", text: "llo" }],
  },
  {
    title: "The input {} of a beginning block means that deltas follow, and empty ones are nothing",
    wire: [tool(0, "weather"), input(0, ""), input(0, '{"a":'), input(0, "1}"), stop(0)],
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "weather", kind: "function" },
      { type: "tool-call-delta", index: 0, input: '{"a":' },
      { type: "tool-call-delta", index: 0, input: "1}" },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "A call without arguments is {}",
    wire: [tool(0, "now"), stop(0)],
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "now", kind: "function" },
      { type: "tool-call-delta", index: 0, input: "{}" },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "An input that comes whole with its block is given once, when the block stops",
    wire: [tool(0, "weather", { city: "Oslo" }), stop(0)],
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "weather", kind: "function" },
      { type: "tool-call-delta", index: 0, input: '{"city":"Oslo"}' },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "Deltas go before an input that came with the block",
    wire: [tool(0, "weather", { city: "Oslo" }), input(0, '{"city":"Rome"}'), stop(0)],
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "weather", kind: "function" },
      { type: "tool-call-delta", index: 0, input: '{"city":"Rome"}' },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "A tool's name is the client's own again",
    wire: [tool(0, "short_1a2b3c4d"), stop(0)],
    undo: { ...UNDO, toolNames: new Map([["short_1a2b3c4d", "a.long.name"]]) },
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "a.long.name", kind: "function" },
      { type: "tool-call-delta", index: 0, input: "{}" },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "A custom tool's text comes out of its JSON in one piece",
    wire: [tool(0, "shell"), input(0, '{"inp'), input(0, 'ut":"ls \\"x\\""}'), stop(0)],
    undo: { ...UNDO, customTools: new Set(["shell"]) },
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "shell", kind: "custom" },
      { type: "tool-call-delta", index: 0, input: 'ls "x"' },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "A custom tool's input that was cut stays as it came",
    wire: [tool(0, "shell"), input(0, '{"input":"l'), stop(0)],
    undo: { ...UNDO, customTools: new Set(["shell"]) },
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_0", name: "shell", kind: "custom" },
      { type: "tool-call-delta", index: 0, input: '{"input":"l' },
      { type: "tool-call-end", index: 0 },
    ],
  },
  {
    title: "The input of the tool for structured answers is text",
    wire: [tool(0, "json_response"), input(0, '{"a":'), input(0, "1}"), stop(0)],
    undo: { ...UNDO, jsonTool: "json_response" },
    events: [{ type: "text-delta", text: '{"a":' }, { type: "text-delta", text: "1}" }],
  },
  {
    title: "A fence around JSON goes, when the request was for JSON",
    wire: [
      TEXT,
      ...["``", "`json\n", '{"a":', "1}\n``", "`\n"].map((text) => grow(0, { type: "text_delta", text })),
      stop(0),
    ],
    undo: { ...UNDO, stripFence: true },
    events: [{ type: "text-delta", text: '{"a":1}' }],
  },
  {
    title: "White space before a fence is no text of its own",
    wire: [
      TEXT,
      ...["\n", " ", "`", "``json\n", "{}\n```"].map((text) => grow(0, { type: "text_delta", text })),
      stop(0),
    ],
    undo: { ...UNDO, stripFence: true },
    events: [{ type: "text-delta", text: "{}" }],
  },
  {
    title: "A fence around anything else stays",
    wire: [TEXT, grow(0, { type: "text_delta", text: "```js\nlet a;\n```" }), stop(0)],
    undo: { ...UNDO, stripFence: true },
    events: [{ type: "text-delta", text: "```js\nlet a;\n```" }],
  },
  {
    title: "Text without a fence is not held back",
    wire: [
      TEXT,
      grow(0, { type: "text_delta", text: " {" }),
      grow(0, { type: "text_delta", text: "}" }),
      stop(0),
    ],
    undo: { ...UNDO, stripFence: true },
    events: [{ type: "text-delta", text: " {" }, { type: "text-delta", text: "}" }],
  },
  {
    title: "A signature replaces an earlier one, and a thought may have neither text nor signature",
    wire: [
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "H", signature: "a" },
      },
      grow(0, { type: "thinking_delta", thinking: "m" }),
      grow(0, { type: "thinking_delta", thinking: "" }),
      grow(0, { type: "signature_delta", signature: "b" }),
      stop(0),
      {
        type: "content_block_start",
        index: 1,
        content_block: { type: "thinking", thinking: "", signature: "" },
      },
      stop(1),
    ],
    events: [
      { type: "thinking-start" },
      { type: "thinking-delta", text: "H" },
      { type: "thinking-delta", text: "m" },
      { type: "thinking-end", signature: "b" },
      { type: "thinking-start" },
      { type: "thinking-end" },
    ],
  },
  {
    title: "A stop for an unknown block is nothing",
    wire: [stop(7)],
    events: [],
  },
  {
    title: "A second start of the same answer is nothing",
    wire: [START],
    events: [],
  },
  {
    title: "Blocks that are still open when the answer ends are closed",
    wire: [tool(3, "now")],
    events: [
      { type: "tool-call-start", index: 0, id: "toolu_3", name: "now", kind: "function" },
      { type: "tool-call-delta", index: 0, input: "{}" },
      { type: "tool-call-end", index: 0 },
    ],
  },
];

for (const { title, wire, undo, events } of streams) {
  test(title, () => assert.deepEqual(between(wire, undo), events));
}

test("Interleaved blocks give each call its own arguments", () => {
  const events = eventsOf("interleaved-blocks");
  const inputs = [0, 1, 2].map((call) =>
    events.map((event) => event.type === "tool-call-delta" && event.index === call ? event.input : "").join(
      "",
    )
  );
  assert.deepEqual(inputs, ['{"city":"Paris"}', '{"city":"Rome"}', "{}"]);
});

test("Tools that the provider ran do not reach the client, nor leave a gap among its calls", () => {
  const events = eventsOf("server-tools");
  const calls = events.flatMap((event) =>
    event.type === "tool-call-start" ? [[event.index, event.name]] : []
  );
  assert.deepEqual(calls, [[0, "get_weather"], [1, "now"]]);
  assert.ok(!JSON.stringify(events).includes("fog"));
  assert.deepEqual(events.filter(({ type }) => type === "warning"), [
    { type: "warning", warning: "server_tool_dropped" },
  ]);
});

test("Unknown events, blocks and deltas, comments and [DONE] are passed over", () => {
  const said = eventsOf("unknown-events").filter(({ type }) => type !== "usage");
  assert.deepEqual(said.slice(1), [
    { type: "warning", warning: "content_dropped" },
    { type: "text-delta", text: "Hello" },
    { type: "finish", finish: { reason: "stop", native: "end_turn" } },
    { type: "end" },
  ]);
});

test("A ping is a sign of life", () => {
  assert.deepEqual(eventsOf("text")[2], { type: "ping" });
});

test("Events without names, in CRLF, are the same events", () => {
  assert.deepEqual(
    eventsOf("crlf-unnamed").filter(({ type }) => type !== "ping"),
    eventsOf("hello"),
  );
});

test("The event's name stands in for a type that is missing", () => {
  const bytes = new TextEncoder().encode(
    'event: ping\ndata: {}\n\nevent: error\ndata: {"error":"Sorry"}\n\n',
  );
  const events = run(pipe(splitFrames(), decodeEvents(UNDO)), [bytes]);
  assert.deepEqual(events[0], { type: "ping" });
  assert.equal(events[1]?.type === "error" && events[1].error.message, "Sorry");
});

test("Usage figures are totals: later ones replace earlier ones, and missing or null ones change nothing", () => {
  const usages = (wire: JsonObject[]) =>
    decoded(wire).flatMap((event) => event.type === "usage" ? [event.usage] : []);
  const figures = { input_tokens: 10, cache_read_input_tokens: 1733, cache_creation_input_tokens: 512 };
  const total = { input: 2255, cacheRead: 1733, cacheWrite: 512, output: 5, reasoning: 0 };
  const delta = (usage: JsonObject) => ({
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    ...(Object.keys(usage).length > 0 && { usage }),
  });
  const start = (usage: JsonObject) => ({ ...START, message: { ...START.message, usage } });
  const stop = { type: "message_stop" };

  const both = [start({ ...figures, output_tokens: 1 }), delta({ ...figures, output_tokens: 5 }), stop];
  assert.deepEqual(usages(both), [{ ...total, output: 1 }, total]);
  const late = [
    start({ input_tokens: 10, output_tokens: 1 }),
    delta({ ...figures, output_tokens: 5 }),
    delta({}),
    stop,
  ];
  assert.deepEqual(usages(late).at(-1), total);
  const nulls = [
    start({ ...figures, output_tokens: 1 }),
    delta({ input_tokens: null, cache_read_input_tokens: null, output_tokens: 5 }),
    stop,
  ];
  assert.deepEqual(usages(nulls).at(-1), total);
});

test("An answer that does not name its model is of the model that was sent", () => {
  const [start] = decoded([{ ...START, message: { id: "msg_1", model: "" } }, ...STOP]);
  assert.deepEqual(start, { type: "start", id: "msg_1", model: UNDO.model });
});

test("Content before the start begins the answer", () => {
  assert.deepEqual(eventsOf("no-message-start").map(({ type }) => type), [
    "start",
    "text-delta",
    "usage",
    "finish",
    "end",
  ]);
  const late = decoded([TEXT, START, grow(0, { type: "text_delta", text: "Hi" }), ...STOP]);
  assert.equal(late.filter(({ type }) => type === "start").length, 1);
  assert.equal(late.at(-1)?.type, "end");
});

test("A stream that ends behind its stop reason is complete", () => {
  assert.deepEqual(eventsOf("no-message-stop"), eventsOf("hello"));
});

const failures: { title: string; events: () => ChatEvent[]; code: string | null }[] = [
  {
    title: "a stream that ends before its stop reason",
    events: () => eventsOf("cut"),
    code: "upstream_stream_interrupted",
  },
  ...["", null, ["end_turn"], {}, 1, true].map((reason) => ({
    title: `a stream that ends behind the stop reason ${JSON.stringify(reason)}`,
    events: () => decoded([START, { type: "message_delta", delta: { stop_reason: reason } }]),
    code: "upstream_stream_interrupted",
  })),
  { title: "an empty stream", events: () => decoded([]), code: "upstream_stream_interrupted" },
  {
    title: "a stream that ends inside a call",
    events: () => eventsOf("cut-inside-tool"),
    code: "upstream_stream_interrupted",
  },
  { title: "an error as the first event", events: () => eventsOf("error-first"), code: "overloaded" },
  { title: "an error behind content", events: () => eventsOf("error-mid-stream"), code: "overloaded" },
  { title: "data that is no JSON", events: () => decoded([START, "{oops"]), code: "upstream_invalid_event" },
  { title: "data that is no object", events: () => decoded([START, "[1]"]), code: "upstream_invalid_event" },
  {
    title: "a start with a message that is none",
    events: () => decoded([{ type: "message_start", message: "Hello" }]),
    code: "upstream_invalid_event",
  },
  {
    title: "a second answer inside the first",
    events: () => decoded([START, { ...START, message: { id: "msg_2" } }]),
    code: "upstream_invalid_event",
  },
  {
    title: "an end without a beginning",
    events: () => decoded([{ type: "message_stop" }]),
    code: "upstream_invalid_event",
  },
  {
    title: "a delta of a block that was not begun",
    events: () => decoded([START, grow(0, { type: "text_delta", text: "x" })]),
    code: "upstream_invalid_event",
  },
  {
    title: "a delta of a block that has stopped",
    events: () => decoded([START, TEXT, stop(0), grow(0, { type: "text_delta", text: "x" })]),
    code: "upstream_invalid_event",
  },
  {
    title: "a delta of another kind than its block",
    events: () => decoded([START, TEXT, input(0, "{}")]),
    code: "upstream_invalid_event",
  },
  {
    title: "a delta with a text that is none",
    events: () => decoded([START, TEXT, grow(0, { type: "text_delta", text: 5 })]),
    code: "upstream_invalid_event",
  },
  {
    title: "a negative index",
    events: () => decoded([START, { ...TEXT, index: -1 }]),
    code: "upstream_invalid_event",
  },
  {
    title: "a missing index",
    events: () => decoded([START, { type: "content_block_stop" }]),
    code: "upstream_invalid_event",
  },
  {
    title: "a block that begins twice",
    events: () => decoded([START, TEXT, TEXT]),
    code: "upstream_invalid_event",
  },
  {
    title: "a block without a type",
    events: () => decoded([START, { ...TEXT, content_block: { text: "Hi" } }]),
    code: "upstream_invalid_event",
  },
  {
    title: "a call without a name",
    events: () =>
      decoded([START, { ...TEXT, content_block: { type: "tool_use", id: "a", input: { a: 1 } } }, stop(0)]),
    code: "upstream_invalid_event",
  },
];

for (const { title, events, code } of failures) {
  test(`The error ${code} ends ${title}`, () => assert.equal(failure(events()), code));
}

test("An overloaded provider in the middle of a stream is classed as 503, with the provider's words", () => {
  const last = eventsOf("error-mid-stream").at(-1);
  assert.ok(last?.type === "error");
  assert.equal(last.error.status, 503);
  assert.equal(last.error.failure, "529");
  assert.equal(last.error.source, "upstream");
  assert.equal(last.error.message, "Overloaded (request_id: req_01Middle)");
});

test("Nothing comes behind the end or an error", () => {
  const frame = (value: JsonObject) => ({
    bytes: new Uint8Array(),
    event: undefined,
    data: JSON.stringify(value),
  });
  for (const last of [{ type: "message_stop" }, { type: "error", error: { message: "No" } }]) {
    const decoder = decodeEvents(UNDO);
    for (const event of [START, ...STOP.slice(0, 1), last]) decoder.push(frame(event));
    assert.deepEqual(decoder.push(frame(TEXT)), []);
    assert.deepEqual(decoder.push(frame({ type: "error", error: { message: "Again" } })), []);
    assert.deepEqual(decoder.end(), []);
  }
});

test("A fenced answer that breaks off commits nothing", () => {
  const wire = [START, TEXT, grow(0, { type: "text_delta", text: "```json\n{" })];
  const events = decoded(wire, { ...UNDO, stripFence: true });
  assert.equal(failure(events), "upstream_stream_interrupted");
  assert.ok(!events.some(isContent));
});

test("Every prefix of every stream ends with the end or with an error, and never throws", () => {
  for (const name of STREAMS) {
    const bytes = streamFixture(name);
    for (let length = 0; length < bytes.length; length += 5) {
      const events = run(pipe(splitFrames(), decodeEvents(UNDO)), [bytes.subarray(0, length)]);
      const last = events.at(-1)?.type;
      assert.ok(last === "end" || last === "error", `${name} cut at ${length}`);
      assert.equal(last === "end", events.some(({ type }) => type === "finish"), `${name} cut at ${length}`);
    }
  }
});
