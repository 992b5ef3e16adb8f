import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { Message, Part, ToolCallPart, ToolResultPart } from "../../src/chat.ts";
import { normalize } from "../../src/dialects/normal-form.ts";

const text = (words: string): Part => ({ type: "text", text: words });
const call = (id: string): ToolCallPart => ({
  type: "tool-call",
  id,
  name: "now",
  input: "{}",
  kind: "function",
});
const result = (id: string): ToolResultPart => ({ type: "tool-result", id, content: [], failed: false });
const user = (...content: Part[]): Message => ({ role: "user", content });
const assistant = (...content: Part[]): Message => ({ role: "assistant", content });
const system = (...content: Part[]): Message => ({ role: "system", content });

const CASES: readonly [string, Message[], Message[]][] = [
  [
    "neighbouring messages of one role are one",
    [system(text("a")), system(text("b")), user(text("c")), user(text("d"))],
    [system(text("a"), text("b")), user(text("c"), text("d"))],
  ],
  [
    "messages without content go, and their neighbours meet",
    [user(text("a")), assistant(), user(text("b"))],
    [user(text("a"), text("b"))],
  ],
  [
    "tool results stand before the other parts of their message",
    [assistant(call("1")), user(text("and?")), user(result("1"))],
    [assistant(call("1")), user(result("1"), text("and?"))],
  ],
  [
    "results are in the order of the calls if each call has one",
    [assistant(call("1"), call("2"), call("3")), user(result("3")), user(result("1")), user(result("2"))],
    [assistant(call("1"), call("2"), call("3")), user(result("1"), result("2"), result("3"))],
  ],
  [
    "results stay as they came if one answers no call",
    [assistant(call("1"), call("2")), user(result("2"), result("9"), result("1"))],
    [assistant(call("1"), call("2")), user(result("2"), result("9"), result("1"))],
  ],
  [
    "results stay as they came if one call has none",
    [assistant(call("1"), call("2"), call("3")), user(result("3"), result("1"))],
    [assistant(call("1"), call("2"), call("3")), user(result("3"), result("1"))],
  ],
  [
    "a system message between calls and results goes behind the results",
    [
      assistant(call("1"), call("2")),
      user(result("1")),
      system(text("s")),
      user(result("2")),
      user(text("go")),
    ],
    [assistant(call("1"), call("2")), user(result("1"), result("2")), system(text("s")), user(text("go"))],
  ],
  [
    "a system message behind calls without results stays where it is",
    [assistant(call("1")), system(text("s")), user(text("go"))],
    [assistant(call("1")), system(text("s")), user(text("go"))],
  ],
  [
    "a system message between calls and an end stays where it is",
    [assistant(call("1")), system(text("s"))],
    [assistant(call("1")), system(text("s"))],
  ],
];

for (const [title, given, expected] of CASES) {
  test(`normalize: ${title}`, () => {
    deepEqual(normalize(given), expected);
    deepEqual(normalize(normalize(given)), expected);
  });
}
