import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent, ChatReply } from "../../src/chat.ts";
import { collect } from "../../src/dialects/collect.ts";
import { GatewayError } from "../../src/errors.ts";

const START: ChatEvent = { type: "start", id: "id_1", model: "m" };
const STOP: ChatEvent[] = [{ type: "finish", finish: { reason: "stop", native: "stop" } }, { type: "end" }];
const USAGE = { input: 3, cacheRead: 1, cacheWrite: 0, output: 2, reasoning: 0 };

const EMPTY: ChatReply = {
  id: "id_1",
  model: "m",
  content: [],
  citations: [],
  finish: { reason: "stop", native: "stop" },
  warnings: [],
};

const cases: { title: string; events: ChatEvent[]; reply: Partial<ChatReply> }[] = [
  { title: "An answer may be empty", events: [], reply: {} },
  {
    title: "Neighbouring pieces of text are one text, whatever stands between them that is no part",
    events: [
      { type: "text-delta", text: "Hel" },
      { type: "ping" },
      { type: "usage", usage: USAGE },
      { type: "text-delta", text: "" },
      { type: "text-delta", text: "lo" },
    ],
    reply: { content: [{ type: "text", text: "Hello" }], usage: USAGE },
  },
  { title: "Empty text is no part", events: [{ type: "text-delta", text: "" }], reply: {} },
  {
    title: "Thoughts keep their bounds and signatures, also empty ones",
    events: [
      { type: "thinking-start" },
      { type: "thinking-delta", text: "Hm" },
      { type: "thinking-delta", text: "m" },
      { type: "thinking-end" },
      { type: "thinking-start" },
      { type: "thinking-end", signature: "sig" },
      { type: "redacted-thinking", data: "x" },
      { type: "text-delta", text: "Yes" },
    ],
    reply: {
      content: [
        { type: "thinking", text: "Hmm" },
        { type: "thinking", text: "", signature: "sig" },
        { type: "redacted-thinking", data: "x" },
        { type: "text", text: "Yes" },
      ],
    },
  },
  {
    title: "Interleaved tool calls get each their own arguments, in the order of their beginning",
    events: [
      { type: "tool-call-start", index: 0, id: "a", name: "one", kind: "function" },
      { type: "tool-call-start", index: 1, id: "b", name: "two", kind: "custom", extra: { sign: "x" } },
      { type: "tool-call-delta", index: 1, input: "ls " },
      { type: "tool-call-delta", index: 0, input: '{"a": ' },
      { type: "tool-call-delta", index: 1, input: "-l" },
      { type: "tool-call-end", index: 1 },
      { type: "tool-call-delta", index: 0, input: "9007199254740993}" },
      { type: "tool-call-end", index: 0 },
    ],
    reply: {
      content: [
        { type: "tool-call", id: "a", name: "one", kind: "function", input: '{"a":9007199254740993}' },
        { type: "tool-call", id: "b", name: "two", kind: "custom", input: "ls -l", extra: { sign: "x" } },
      ],
    },
  },
  {
    title: "Arguments that are cut stay as they are",
    events: [
      { type: "tool-call-start", index: 0, id: "a", name: "one", kind: "function" },
      { type: "tool-call-delta", index: 0, input: '{"a": "hal' },
    ],
    reply: { content: [{ type: "tool-call", id: "a", name: "one", kind: "function", input: '{"a": "hal' }] },
  },
  {
    title: "The last usage holds, citations are kept, a warning is kept once",
    events: [
      { type: "usage", usage: { ...USAGE, output: 1 } },
      { type: "citation", citation: { url: "https://a.example", title: "A", start: 0, end: 1 } },
      { type: "warning", warning: "one" },
      { type: "warning", warning: "one" },
      { type: "usage", usage: USAGE },
    ],
    reply: {
      usage: USAGE,
      citations: [{ url: "https://a.example", title: "A", start: 0, end: 1 }],
      warnings: ["one"],
    },
  },
];

for (const { title, events, reply } of cases) {
  test(title, () => assert.deepEqual(collect([START, ...events, ...STOP]), { ...EMPTY, ...reply }));
}

test("The service tier of the start is the reply's", () => {
  assert.equal(collect([{ ...START, serviceTier: "priority" }, ...STOP]).serviceTier, "priority");
});

test("The error that ends a stream is thrown as it is", () => {
  const error = new GatewayError("upstream_timeout", "Too slow");
  assert.throws(
    () => collect([START, { type: "text-delta", text: "Hel" }, { type: "error", error }]),
    (thrown) => thrown === error,
  );
});

test("An answer that does not end is no answer", () => {
  const cut = [START, { type: "text-delta", text: "Hel" } as const];
  const interrupted = { code: "upstream_stream_interrupted", failure: "invalid" };
  assert.throws(() => collect(cut), interrupted);
  assert.throws(() => collect([...cut, ...STOP.slice(0, 1)]), interrupted);
  assert.throws(() => collect([]), interrupted);
});
