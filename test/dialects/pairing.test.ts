import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import type { Message, Part } from "../../src/chat.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { pairToolCalls, type Unpaired, unpairedCalls } from "../../src/dialects/pairing.ts";

const text: Part = { type: "text", text: "x" };
const call = (id: string): Part => ({ type: "tool-call", id, name: "f", input: "{}", kind: "function" });
const result = (id: string): Part => ({ type: "tool-result", id, content: [], failed: false });
const user = (...content: Part[]): Message => ({ role: "user", content });
const assistant = (...content: Part[]): Message => ({ role: "assistant", content });
const system: Message = { role: "system", content: [text] };

const CONVERSATIONS: readonly [string, Message[], Unpaired[]][] = [
  ["answers in another order", [assistant(call("a"), call("b")), user(result("b")), user(result("a"))], []],
  ["two calls of one id", [assistant(call("a"), call("a")), user(result("a"), result("a"))], []],
  ["an id that comes again", [
    assistant(call("a")),
    user(result("a")),
    assistant(call("a")),
    user(result("a")),
  ], []],
  ["instructions between", [assistant(call("a")), system, user(result("a"))], []],
  ["calls in two messages of one turn", [
    assistant(call("a")),
    assistant(call("b")),
    user(result("a"), result("b")),
  ], []],
  ["a call that is not answered", [user(text), assistant(call("a")), user(text)], [
    { kind: "unanswered", asked: 1, expected: 2, ids: ["a"] },
  ]],
  ["a call at the end", [assistant(call("a"))], [{ kind: "unanswered", asked: 0, expected: 0, ids: ["a"] }]],
  [
    "a call that is answered too late",
    [assistant(call("a")), user(text), assistant(text), user(result("a"))],
    [
      { kind: "unanswered", asked: 0, expected: 1, ids: ["a"] },
      { kind: "unasked", at: 3, id: "a" },
    ],
  ],
  ["a call that is answered twice", [assistant(call("a")), user(result("a"), result("a"))], [
    { kind: "unasked", at: 1, id: "a" },
  ]],
  ["one of two calls of one id", [assistant(call("a"), call("a")), user(result("a"))], [
    { kind: "unanswered", asked: 0, expected: 1, ids: ["a"] },
  ]],
  ["a result at the beginning", [user(result("a"))], [{ kind: "unasked", at: 0, id: "a" }]],
];
for (const [what, messages, expected] of CONVERSATIONS) {
  test(`pairs in a conversation with ${what}`, () => {
    deepEqual(unpairedCalls(messages.map((message, index) => ({ index, message }))), expected);
  });
}

test("both APIs refuse and repair the same conversations, each in its own words", () => {
  const unanswered = anthropicMessages.decodeRequest({
    model: "m",
    max_tokens: 9,
    messages: [
      { role: "user", content: "x" },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t2", content: "y" }] },
    ],
  }, {});
  deepEqual(unanswered.losses.map(({ field, code, refuse, message }) => [field, code, refuse, message]), [
    [
      "messages.2",
      "unpaired_tool_calls",
      true,
      "messages.2: unexpected `tool_use_id` found in `tool_result` blocks: t2. Each `tool_result` block must have a " +
      "corresponding `tool_use` block in the previous message.",
    ],
    [
      "messages.1",
      "unpaired_tool_calls",
      true,
      "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1. Each `tool_use` " +
      "block must have a corresponding `tool_result` block in the next message.",
    ],
  ]);
  const same = openaiChat.decodeRequest({
    model: "m",
    messages: [
      { role: "user", content: "x" },
      {
        role: "assistant",
        tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "t2", content: "y" },
    ],
  }, {});
  deepEqual(same.losses.map(({ field, code }) => [field, code]), [
    ["messages.[2].role", "unpaired_tool_calls"],
    ["messages.[2].role", "unpaired_tool_calls"],
  ]);
  const repaired = [unanswered, same].map(({ messages, losses }) => {
    throws(() => pairToolCalls(messages, { repair: false, loss: losses[0] }, () => {}), {
      code: "invalid_value",
      message: losses[0]?.message ?? "",
    });
    return pairToolCalls(messages, { repair: true, loss: undefined }, () => {});
  });
  deepEqual(repaired[0], repaired[1]);
  equal(repaired[0]?.length, 3);
});
