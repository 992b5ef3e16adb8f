/** What a provider can make long in a whole answer, an error among them. */

import { type AnswerShape, call, completion, json, logprob, many, message, ofA, ofO, use } from "./values.ts";

export const REPLIES: readonly AnswerShape[] = [
  ofO("one long text", (n) => completion({ content: "word ".repeat(n) })),
  ofO("a text of escapes", (n) => completion({ content: '\n"'.repeat(n) })),
  ofO(
    "tool calls",
    (n) => completion({ content: null, tool_calls: many(n, (i) => call(`c${i}`)) }, {}, "tool_calls"),
  ),
  ofO(
    "tool calls without ids",
    (n) => completion({ content: null, tool_calls: many(n, () => call("")) }, {}, "tool_calls"),
  ),
  ofO(
    "arguments: many values",
    (n) => completion({ tool_calls: [call("c", `{"a":[${"{},".repeat(n)}{}]}`)] }, {}, "tool_calls"),
  ),
  ofO(
    "arguments: a long number",
    (n) => completion({ tool_calls: [call("c", `{"a":1.${"0".repeat(n)}1}`)] }, {}, "tool_calls"),
  ),
  ofO(
    "arguments: deep",
    (n) =>
      completion({ tool_calls: [call("c", `{"a":${"[".repeat(n)}${"]".repeat(n)}}`)] }, {}, "tool_calls"),
  ),
  ofO(
    "arguments that are an object",
    (n) =>
      completion(
        {
          tool_calls: [{
            id: "c",
            type: "function",
            function: { name: "f", arguments: { a: many(n, (i) => i) } },
          }],
        },
        {},
        "tool_calls",
      ),
  ),
  ofO(
    "logprobs",
    (n) =>
      json({
        id: "x",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{
          index: 0,
          message: { role: "assistant", content: "hi" },
          logprobs: { content: many(n, logprob) },
          finish_reason: "stop",
        }],
      }),
  ),
  ofO(
    "choices",
    (n) =>
      json({
        id: "x",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: many(
          n,
          (i) => ({ index: i, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }),
        ),
      }),
  ),
  ofO(
    "annotations",
    (n) =>
      completion({
        annotations: many(
          n,
          (i) => ({
            type: "url_citation",
            url_citation: { url: `https://e/${i}`, title: "t", start_index: 0, end_index: 1 },
          }),
        ),
      }),
  ),
  ofO(
    "reasoning details",
    (n) => completion({ reasoning_details: many(n, (i) => ({ type: "reasoning.text", text: `t${i}` })) }),
  ),
  ofO("content in parts", (n) => completion({ content: many(n, (i) => ({ type: "text", text: `t${i}` })) })),
  ofO("empty objects", (n) => completion({}, { x: many(n, () => ({})) })),
  ofO("floats of 17 digits", (n) => completion({}, { x: many(n, (i) => Math.sin(i)) })),
  ofO(
    "numbers of 20 digits",
    (n) => completion({}, { x: [] }).replace("[]", `[${many(n, () => "12345678901234567890").join(",")}]`),
  ),
  ofO("a long number", (n) => completion({}, { x: 0 }).replace(/0}$/, `1.${"0".repeat(n)}1}`)),
  ofO("deep lists", (n) => completion({}, { x: 0 }).replace(/0}$/, `${"[".repeat(n)}${"]".repeat(n)}}`)),
  ofO(
    "an error's message",
    (n) => json({ error: { message: "tool_choice ".repeat(n), type: "x", code: "y" } }),
  ),
  ofO("an error's list", (n) => json({ error: { message: many(n, (i) => ({ loc: [i] })), type: "x" } })),
  ofA("text blocks", (n) => message(many(n, () => ({ type: "text", text: "x" })))),
  ofA("one long text", (n) => message([{ type: "text", text: "word ".repeat(n) }])),
  ofA(
    "citations",
    (n) =>
      message([{
        type: "text",
        text: "x",
        citations: many(n, (i) => ({ url: `https://e/${i}`, title: "t" })),
      }]),
  ),
  ofA("thoughts", (n) => message(many(n, (i) => ({ type: "thinking", thinking: `t${i}`, signature: "s" })))),
  ofA("tool calls", (n) => message(many(n, (i) => use(`c${i}`)), { stop_reason: "tool_use" })),
  ofA(
    "input of one call",
    (n) => message([use("c", { a: many(n, (i) => ({ i })) })], { stop_reason: "tool_use" }),
  ),
  ofA(
    "blocks that are left out",
    (n) => message(many(n, () => ({ type: "server_tool_use", id: "x", name: "y" }))),
  ),
  ofA(
    "iterations",
    (n) =>
      message([], {
        usage: {
          input_tokens: 1,
          output_tokens: 1,
          iterations: many(n, () => ({ type: "compaction", input_tokens: 1 })),
        },
      }),
  ),
  ofA(
    "an error's message",
    (n) =>
      json({
        type: "error",
        error: { type: "invalid_request_error", message: "temperature top_p ".repeat(n) },
      }),
  ),
];
