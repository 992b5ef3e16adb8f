/** The shapes of answers that servers beside the API's own send, whole and as a stream that says the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent, ChatReply } from "../../../src/chat.ts";
import { decodeReply } from "../../../src/dialects/anthropic-messages/decode-reply.ts";
import { decodeEvents } from "../../../src/dialects/anthropic-messages/decode-events.ts";
import { collect } from "../../../src/dialects/collect.ts";
import type { Undo } from "../../../src/dialects/dialect.ts";
import { splitFrames } from "../../../src/dialects/sse.ts";
import { pipe, run } from "../../../src/dialects/stepper.ts";
import type { Json, JsonObject } from "../../../src/json.ts";
import { decoded, UNDO } from "./fixtures.ts";

const USAGE = { input_tokens: 10, output_tokens: 5 };

function whole(content: Json, fields: JsonObject = {}, undo: Undo = UNDO): ChatReply {
  const stop = { stop_reason: "end_turn", stop_sequence: "", ...fields };
  return decodeReply({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content,
    usage: USAGE,
    ...stop,
  }, undo);
}

function streamed(content: readonly Json[], fields: JsonObject = {}, undo: Undo = UNDO): ChatReply {
  return collect(decoded([
    {
      type: "message_start",
      message: { id: "msg_1", type: "message", model: "m", content: [], usage: USAGE },
    },
    ...content.flatMap((content_block, index) => [
      { type: "content_block_start", index, content_block },
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: "", ...fields }, usage: null },
    { type: "message_stop" },
  ], undo));
}

function both(content: readonly Json[], fields: JsonObject = {}, undo: Undo = UNDO): ChatReply[] {
  return [whole(content, fields, undo), streamed(content, fields, undo)];
}

const hello = { type: "text", text: "hello" };
const NOTHING: readonly Json[] = [
  null,
  {},
  "",
  { type: "text", text: "" },
  { type: "text", text: null },
  { type: "text" },
  { type: "thinking", thinking: "", signature: "" },
  { type: "thinking", thinking: null },
  { type: "redacted_thinking", data: "" },
  { type: "redacted_thinking" },
  { type: "tool_use", id: "", name: "", input: {} },
  { type: "tool_use", id: "toolu_1", name: "", input: null },
  { type: "tool_use", id: "toolu_1", name: null },
  { type: "tool_use", id: "toolu_1", name: " ", input: {} },
];
for (const block of NOTHING) {
  test(`the block ${JSON.stringify(block)} is nothing, in an answer that is complete without it`, () => {
    for (const stop_reason of ["end_turn", "tool_use"]) {
      for (const reply of both([hello, block], { stop_reason })) {
        assert.deepEqual(reply.content, [hello]);
        assert.deepEqual(reply.finish, { reason: "stop", native: stop_reason });
        assert.deepEqual(reply.warnings, []);
      }
    }
  });
}

test("a message whose content says nothing is an empty answer", () => {
  for (const content of [null, "", {}, []]) {
    assert.deepEqual(whole(content, { stop_reason: "refusal" }).finish, {
      reason: "refusal",
      native: "refusal",
    });
    assert.deepEqual(whole(content).content, []);
  }
});

test("a content that is a text is that text", () => assert.deepEqual(whole("hello").content, [hello]));

test("a stop sequence that is empty is none", () => {
  const [one, other] = both([hello], { stop_reason: "stop_sequence", stop_sequence: "" });
  assert.deepEqual(one?.finish, { reason: "stop-sequence", native: "stop_sequence" });
  assert.deepEqual(other?.finish, one?.finish);
});

test("deltas that say nothing are nothing", () => {
  const events = decoded([
    { type: "message_start", message: null },
    { type: "content_block_start", index: 0, content_block: null },
    { type: "content_block_delta", index: 0, delta: null },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: null } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hello" } },
    { type: "content_block_stop", index: 0 },
    {
      type: "content_block_start",
      index: 1,
      content_block: { type: "tool_use", id: "a", name: "now", input: {} },
    },
    { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: null } },
    { type: "content_block_stop", index: 1 },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: {} },
    { type: "message_stop" },
  ]);
  assert.deepEqual(collect(events).content, [
    hello,
    { type: "tool-call", id: "a", name: "now", kind: "function", input: "{}" },
  ]);
});

const INPUTS: readonly [Json, string][] = [
  [{ a: 1 }, '{"a":1}'],
  ['{"a":1}', '{"a":1}'],
  ['"{\\"a\\":1}"', '{"a":1}'],
  [null, "{}"],
  ["null", "{}"],
  ["", "{}"],
  [[], "{}"],
];
for (const [input, expected] of INPUTS) {
  test(`a call's input ${JSON.stringify(input)} is ${expected}`, () => {
    for (
      const { content } of both([{ type: "tool_use", id: "a", name: "now", input }], {
        stop_reason: "tool_use",
      })
    ) {
      assert.deepEqual(content, [{
        type: "tool-call",
        id: "a",
        name: "now",
        kind: "function",
        input: expected,
      }]);
    }
  });
}

test("a call without an id gets one that the same answer always gives, and another answer does not", () => {
  const call = { type: "tool_use", name: "now", input: {} };
  const ids = both([call], { stop_reason: "tool_use" }).map(({ content: [part] }) =>
    part?.type === "tool-call" ? part.id : ""
  );
  assert.match(ids[0] ?? "", /^toolu_[0-9a-f]{24}$/);
  assert.equal(ids[0], ids[1]);
  const [other] = whole([call], { id: "msg_2", stop_reason: "tool_use" }).content;
  assert.notEqual(other?.type === "tool-call" && other.id, ids[0]);
});

test("each of several calls has an id of its own, though the server gives them the same", () => {
  const call = (name: string) => ({ type: "tool_use", id: "toolu_1", name, input: {} });
  const replies = both([call("one"), call("two"), call("two")], { stop_reason: "tool_use" });
  const ids = replies.map(({ content }) => content.map((part) => part.type === "tool-call" ? part.id : ""));
  assert.equal(ids[0]?.[0], "toolu_1");
  assert.equal(new Set(ids[0]).size, 3);
  assert.deepEqual(ids[0], ids[1]);
});

for (const stop_reason of ["tool_use", "end_turn"]) {
  test(`input that breaks off is a cut answer, though the server says ${stop_reason}`, () => {
    const reply = collect(decoded([
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "tool_use", id: "a", name: "write", input: {} },
      },
      {
        type: "content_block_delta",
        index: 0,
        delta: { type: "input_json_delta", partial_json: '{"text":"half' },
      },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason } },
      { type: "message_stop" },
    ]));
    assert.deepEqual(reply.finish, { reason: "length", native: stop_reason });
    assert.deepEqual(reply.warnings, ["tool_arguments"]);
  });
}

// --- calls by code that the provider runs ---

const code = {
  type: "server_tool_use",
  id: "srv_1",
  name: "code_execution",
  input: {},
  caller: { type: "direct" },
};
const coded = {
  type: "tool_use",
  id: "a",
  name: "roll",
  input: { die: 6 },
  caller: { type: "code_execution_20250825", tool_id: "srv_1" },
};
const result = {
  type: "code_execution_tool_result",
  tool_use_id: "srv_1",
  content: { type: "code_execution_result", stdout: "5" },
};
const direct = { type: "tool_use", id: "b", name: "now", input: {}, caller: { type: "direct" } };
const CODED: readonly [
  title: string,
  content: readonly JsonObject[],
  stop: string,
  calls: readonly string[],
  reason: string,
][] = [
  [
    "a call whose code has come to its end is not made again",
    [code, coded, result, hello],
    "end_turn",
    [],
    "stop",
  ],
  ["nor is it for any word of the end", [code, coded, { ...coded, id: "c" }, result], "tool_use", [], "stop"],
  [
    "nor is one that has a result of its own",
    [code, coded, { ...result, tool_use_id: "a" }],
    "end_turn",
    [],
    "stop",
  ],
  [
    "a call that the code waits for is the client's",
    [hello, code, coded],
    "tool_use",
    ["roll"],
    "tool-calls",
  ],
  ["a call beside it is the client's", [code, coded, result, direct], "tool_use", ["now"], "tool-calls"],
  [
    "two rounds of code: only the open one is the client's",
    [
      code,
      coded,
      result,
      { ...code, id: "srv_2" },
      { ...coded, id: "d", name: "again", caller: { ...coded.caller, tool_id: "srv_2" } },
    ],
    "tool_use",
    ["again"],
    "tool-calls",
  ],
];
for (const [title, content, stop_reason, names, reason] of CODED) {
  test(title, () => {
    for (const reply of both(content, { stop_reason })) {
      assert.deepEqual(reply.content.flatMap((part) => part.type === "tool-call" ? [part.name] : []), names);
      assert.deepEqual(reply.warnings, ["server_tool_dropped"]);
      assert.equal(reply.finish.reason, reason);
    }
  });
}

// --- structured answers ---

const structured = { type: "tool_use", id: "a", name: "json_response", input: { city: "Paris" } };
const WITH_TOOL = { ...UNDO, jsonTool: "json_response" };
test("words before and behind a structured answer are no part of it", () => {
  for (const reply of both([hello, structured, hello], { stop_reason: "tool_use" }, WITH_TOOL)) {
    assert.deepEqual(reply.content, [{ type: "text", text: '{"city":"Paris"}' }]);
    assert.deepEqual(reply.warnings, ["content_dropped"]);
  }
});

test("of two structured answers the first is the answer", () => {
  const second = { ...structured, id: "b", input: { city: "Rome" } };
  for (const reply of both([structured, second], { stop_reason: "tool_use" }, WITH_TOOL)) {
    assert.deepEqual(reply.content, [{ type: "text", text: '{"city":"Paris"}' }]);
    assert.deepEqual(reply.warnings, ["content_dropped"]);
    assert.equal(reply.finish.reason, "stop");
  }
});

test("blocks that answers have no place for are lost by their kind", () => {
  const kinds = [["image", "images"], ["document", "files"], ["audio", "audio"], [
    "brand_new",
    "content_dropped",
  ]];
  for (const [type = "", warning = ""] of kinds) {
    for (const { warnings } of both([hello, { type, source: {} }])) assert.deepEqual(warnings, [warning]);
  }
});

test("words are the answer where no structured one comes", () => {
  for (const reply of both([hello], {}, WITH_TOOL)) {
    assert.deepEqual([reply.content, reply.warnings], [[hello], []]);
  }
});

// --- usage ---

const STREAMED: readonly [
  title: string,
  start: JsonObject,
  end: JsonObject,
  expected: readonly (number | undefined)[],
][] = [
  ["zeros at the end", { input_tokens: 1000, cache_read_input_tokens: 500, output_tokens: 1 }, {
    input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 7,
  }, [1500, 500, 7]],
  ["a zero of the output at the end", { input_tokens: 10, output_tokens: 3 }, { output_tokens: 0 }, [
    10,
    0,
    3,
  ]],
  [
    "a real number at the end",
    { input_tokens: 10, output_tokens: 1 },
    { input_tokens: 8, output_tokens: 7 },
    [8, 0, 7],
  ],
  ["zeros at the start", { input_tokens: 0, output_tokens: 0 }, {
    input_tokens: 8,
    cache_read_input_tokens: 2,
    output_tokens: 7,
  }, [10, 2, 7]],
  [
    "lifetimes that are zero at the end",
    {
      input_tokens: 1,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 0 },
    },
    { cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }, output_tokens: 7 },
    [31, 0, 7],
  ],
];
for (const [title, start, end, [input, cacheRead, output]] of STREAMED) {
  test(`usage of a stream: ${title}`, () => {
    const { usage } = collect(decoded([
      { type: "message_start", message: { id: "m", usage: start } },
      { type: "content_block_start", index: 0, content_block: hello },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: end },
      { type: "message_stop" },
    ]));
    assert.deepEqual([usage?.input, usage?.cacheRead, usage?.output], [input, cacheRead, output]);
    if (title.startsWith("lifetimes")) assert.equal(usage?.cacheWrite5m, 30);
  });
}

test("an answer that says nothing has the output that its end names", () => {
  const { usage } = collect(decoded([
    { type: "message_start", message: { id: "m", usage: { input_tokens: 10, output_tokens: 4 } } },
    { type: "message_delta", delta: { stop_reason: "refusal" }, usage: { output_tokens: 0 } },
    { type: "message_stop" },
  ]));
  assert.equal(usage?.output, 0);
});

// --- errors inside of a 200 ---

const INNER: readonly (readonly [title: string, body: Json, status: number])[] = [
  ["the API's own", { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, 503],
  ["one in the words of the other API", { error: { message: "gone", type: "server_error", code: 503 } }, 503],
  ["a list of errors", [{ error: { code: 429, message: "Slow down" } }], 429],
  ["a text", { error: "gone" }, 500],
  ["a status that is a text", { type: "error", error: { type: "x", message: "No", http_code: "429" } }, 429],
  [
    "an overflow that says no status",
    { error: { message: "prompt is too long: 2 tokens > 1 maximum" } },
    400,
  ],
];
for (const [title, body, status] of INNER) {
  test(`${title}: an error inside of a 200 is thrown as what it is`, () => {
    for (const read of [() => decodeReply(body, UNDO), () => collect(decoded([body as JsonObject]))]) {
      assert.throws(read, (thrown: { status?: number; source?: string }) => {
        assert.deepEqual([thrown.status, thrown.source], [status, "upstream"]);
        return true;
      });
    }
  });
}

test("an error as a whole, in a place of an answer, is thrown as what it is", () => {
  const bodies: readonly (readonly [JsonObject, number])[] = [
    [{ code: 401, msg: "token expired", success: false }, 401],
    [{ code: 500, msg: "404 NOT_FOUND", success: false }, 500],
    [{ message: "gone" }, 500],
  ];
  for (const [body, status] of bodies) {
    assert.throws(() => decodeReply(body, UNDO), { status, source: "upstream" });
  }
});

test("events that the SDKs do not read are signs of life, whatever their data", () => {
  const text = (event: string, data: string) => readText(`event: ${event}\ndata: ${data}\n\n`);
  for (const event of ["ping", "keepalive", "brand_new"]) {
    for (const data of ["ping", "null", "[1]"]) assert.deepEqual(text(event, data), [{ type: "ping" }]);
  }
  assert.deepEqual(readText("data: null\n\n"), [{ type: "ping" }]);
  for (const data of ["Overloaded", '"Overloaded"']) {
    const [event] = text("error", data);
    assert.equal(event?.type === "error" && event.error.message, "Overloaded");
  }
  const [broken] = text("message_delta", "oops");
  assert.equal(broken?.type === "error" && broken.error.code, "upstream_invalid_event");
});

function readText(text: string): ChatEvent[] {
  return run(pipe(splitFrames(), decodeEvents(UNDO)), [new TextEncoder().encode(text)]).slice(0, 1);
}
