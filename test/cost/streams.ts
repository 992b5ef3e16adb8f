/** What a provider can make long in a stream: events, and what is in them. */

import { type AnswerShape, call, json, logprob, many, ofA, ofO, use, type Value } from "./values.ts";

function chunk(delta: Value, finish: string | null = null, more: Value = {}): string {
  return `data: ${
    json({
      id: "x",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta, finish_reason: finish }],
      ...more,
    })
  }\n\n`;
}

function chunks(pieces: readonly string[] | string, finish = "stop"): string {
  return `${typeof pieces === "string" ? pieces : pieces.join("")}${chunk({}, finish)}data: [DONE]\n\n`;
}

function event(type: string, more: Value): string {
  return `event: ${type}\ndata: ${json({ type, ...more })}\n\n`;
}

const BEGIN = event("message_start", {
  message: {
    id: "m",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
});

function events(pieces: readonly string[] | string, stop = "end_turn"): string {
  return BEGIN + (typeof pieces === "string" ? pieces : pieces.join("")) +
    event("message_delta", { delta: { stop_reason: stop }, usage: { output_tokens: 1 } }) +
    event("message_stop", {});
}

function begun(index: number, content_block: Value): string {
  return event("content_block_start", { index, content_block });
}
function grown(index: number, delta: Value): string {
  return event("content_block_delta", { index, delta });
}
function stopped(index: number): string {
  return event("content_block_stop", { index });
}

function piece(more: Value): string {
  return chunk({ tool_calls: [more] });
}

const content = chunk({ content: "x" });

export const STREAMS: readonly AnswerShape[] = [
  ofO("text deltas", (n) => chunks(many(n, () => chunk({ content: "hello" })))),
  ofO("thinking deltas", (n) => chunks([...many(n, () => chunk({ reasoning_content: "hello" })), content])),
  ofO(
    "thinking and text in turns",
    (n) => chunks(many(n, (i) => chunk(i % 2 ? { content: "t" } : { reasoning_content: "r" }))),
  ),
  ofO(
    "details of thinking in one event",
    (n) =>
      chunks([
        chunk({ reasoning_details: many(n, (i) => ({ type: "reasoning.text", text: `t${i}` })) }),
        content,
      ]),
  ),
  ofO(
    "signed thoughts",
    (n) =>
      chunks([
        ...many(
          n,
          (i) => chunk({ reasoning_details: [{ type: "reasoning.text", text: `t${i}`, signature: "s" }] }),
        ),
        content,
      ]),
  ),
  ofO("pieces of a refusal", (n) => chunks(many(n, () => chunk({ refusal: "no " })))),
  ofO("calls by index", (n) => chunks(many(n, (i) => piece({ index: i, ...call(`c${i}`) })), "tool_calls")),
  ofO(
    "calls by index, arguments open",
    (n) => chunks(many(n, (i) => piece({ index: i, ...call(`c${i}`, "") })), "tool_calls"),
  ),
  ofO(
    "calls by index, arguments half there",
    (n) => chunks(many(n, (i) => piece({ index: i, ...call(`c${i}`, "{") })), "tool_calls"),
  ),
  ofO(
    "calls by index, closed later",
    (n) =>
      chunks([
        ...many(n, (i) => piece({ index: i, ...call(`c${i}`, "{") })),
        ...many(n, (i) => piece({ index: i, function: { arguments: "}" } })),
      ], "tool_calls"),
  ),
  ofO(
    "calls by index, closed in reverse",
    (n) =>
      chunks([
        ...many(n, (i) => piece({ index: i, ...call(`c${i}`, "{") })),
        ...many(n, (i) => piece({ index: n - 1 - i, function: { arguments: "}" } })),
      ], "tool_calls"),
  ),
  ofO("calls by id, without index", (n) => chunks(many(n, (i) => piece(call(`c${i}`))), "tool_calls")),
  ofO(
    "calls by id, grown later",
    (n) =>
      chunks([
        ...many(n, (i) => piece(call(`c${i}`, "{"))),
        ...many(n, (i) => piece({ id: `c${i}`, function: { arguments: "}" } })),
      ], "tool_calls"),
  ),
  ofO("calls of one id", (n) => chunks(many(n, () => piece(call("c"))), "tool_calls")),
  ofO("calls without id and index", (n) => chunks(many(n, () => piece(call(""))), "tool_calls")),
  ofO(
    "calls that are all number 0",
    (n) => chunks(many(n, (i) => piece({ index: 0, ...call(`c${i}`) })), "tool_calls"),
  ),
  ofO(
    "indexes that jump",
    (n) => chunks(many(n, (i) => piece({ index: (i * 7919) % 1_000_003, ...call(`c${i}`) })), "tool_calls"),
  ),
  ofO(
    "indexes that fall",
    (n) => chunks(many(n, (i) => piece({ index: n - i, ...call(`c${i}`) })), "tool_calls"),
  ),
  ofO("interleaved calls", (n) =>
    chunks([
      piece({ index: 0, ...call("a", '{"x":"') }),
      piece({ index: 1, ...call("b", '{"x":"') }),
      ...many(n, (i) => piece({ index: i % 2, function: { arguments: "y" } })),
    ], "tool_calls")),
  ofO("a second call that waits for the first", (n) =>
    chunks([
      piece({ index: 0, ...call("a", "{") }),
      piece({ index: 1, ...call("b", '{"x":"') }),
      ...many(n, () => piece({ index: 1, function: { arguments: "y" } })),
    ], "tool_calls")),
  ofO("one long open call and more calls", (n) =>
    chunks([
      piece({ index: 0, ...call("c", `{"a":"${"x".repeat(100 * n)}`) }),
      ...many(n, (i) => piece({ index: i + 1, ...call(`c${i}`) })),
    ], "tool_calls")),
  ofO(
    "pieces of one call's arguments",
    (n) =>
      chunks([
        piece({ index: 0, ...call("c", "") }),
        ...many(n, () => piece({ index: 0, function: { arguments: "xx" } })),
      ], "tool_calls"),
  ),
  ofO(
    "arguments of many values",
    (n) =>
      chunks([
        piece({ index: 0, ...call("c", `{"a":[${"{},".repeat(n)}{}]}`) }),
        piece({ index: 1, ...call("d") }),
      ], "tool_calls"),
  ),
  ofO(
    "arguments of a long number",
    (n) =>
      chunks([
        piece({ index: 0, ...call("c", `{"a":1.${"0".repeat(n)}1}`) }),
        piece({ index: 1, ...call("d") }),
      ], "tool_calls"),
  ),
  ofO(
    "text and a call in turns",
    (n) =>
      chunks(
        many(n, (i) => i % 2 ? chunk({ content: "t" }) : piece({ index: i, ...call(`c${i}`) })),
        "tool_calls",
      ),
  ),
  ofO(
    "a call that never gets a name",
    (n) => chunks(many(n, () => piece({ index: 0, id: "c", function: { arguments: "xxxx" } }))),
  ),
  ofO(
    "calls in one event",
    (n) => chunks(chunk({ tool_calls: many(n, (i) => ({ index: i, ...call(`c${i}`) })) }), "tool_calls"),
  ),
  ofO(
    "annotations in one event",
    (n) =>
      chunks(
        chunk({
          content: "x",
          annotations: many(
            n,
            (i) => ({
              type: "url_citation",
              url_citation: { url: `https://e/${i}`, title: "t", start_index: 0, end_index: 1 },
            }),
          ),
        }),
      ),
  ),
  ofO(
    "annotations of many events",
    (n) =>
      chunks(many(n, (i) =>
        chunk({
          content: "x",
          annotations: [{
            type: "url_citation",
            url_citation: { url: `https://e/${i}`, title: "t", start_index: 0, end_index: 1 },
          }],
        }))),
  ),
  ofO(
    "usage in every event",
    (n) =>
      chunks(many(n, () =>
        chunk({ content: "x" }, null, {
          usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        }))),
  ),
  ofO(
    "logprobs",
    (n) =>
      chunks(many(n, (i) =>
        `data: ${
          json({
            id: "x",
            object: "chat.completion.chunk",
            created: 1,
            model: "m",
            choices: [{
              index: 0,
              delta: { content: "t" },
              logprobs: { content: [logprob(i)] },
              finish_reason: null,
            }],
          })
        }\n\n`)),
  ),
  ofO(
    "choices in one event",
    (n) =>
      chunks(
        `data: ${json({ id: "x", choices: many(n, (i) => ({ index: i, delta: { content: "x" } })) })}\n\n`,
      ),
  ),
  ofO("empty deltas", (n) => chunks([...many(n, () => chunk({})), content])),
  ofO("events of nothing", (n) => chunks(`${"data: {}\n\n".repeat(n)}${content}`)),
  ofO("events without data", (n) => chunks(`${"event: x\n\n".repeat(n)}${content}`)),
  ofO("empty data", (n) => chunks(`${"data:\n\n".repeat(n)}${content}`)),
  ofO("comments", (n) => chunks(`${": x\n\n".repeat(n)}${content}`)),
  ofO("comments of one frame", (n) => chunks(`${":\n".repeat(n)}\n${content}`)),
  ofO("empty lines", (n) => chunks(`${"\n".repeat(n)}${content}`)),
  ofO("empty lines of CRLF", (n) => chunks(`${"\r\n".repeat(n)}${content}`)),
  ofO("empty lines of CR", (n) => chunks(`${"\r".repeat(n)}${content}`)),
  ofO("comments that end in CR", (n) => chunks(`${": x\r\r".repeat(n)}${content}`)),
  ofO("data lines of one event", (n) => chunks(`${"data: \n".repeat(n)}\n${content}`)),
  ofO(
    "data lines of one JSON",
    (n) => chunks(`data: {"id":"x","choices":[\n${"data: \n".repeat(n)}data: ]}\n\n${content}`),
  ),
  ofO(
    "an event of empty objects",
    (n) => chunks(`data: {"id":"x","choices":[],"a":[${"{},".repeat(n)}{}]}\n\n${content}`),
  ),
  ofO(
    "an event with a long number",
    (n) => chunks(`data: {"id":"x","choices":[],"a":1.${"0".repeat(n)}1}\n\n${content}`),
  ),
  ofO(
    "events with numbers of 900 digits",
    (n) => chunks(`${`data: {"id":"x","choices":[],"a":1.${"0".repeat(900)}1}\n\n`.repeat(n)}${content}`),
  ),
  ofO(
    "an event that is deep",
    (n) => chunks(`data: {"id":"x","choices":[],"a":${"[".repeat(n)}${"]".repeat(n)}}\n\n${content}`),
  ),
  ofO(
    "a long text of the field no_choices looks for",
    (n) => chunks(chunk({ content: '"choices" '.repeat(n) })),
  ),
  ofO("an event that does not end", (n) => `data: ${"x".repeat(n)}`),
  ofA(
    "text deltas",
    (n) =>
      events([
        begun(0, { type: "text", text: "" }),
        ...many(n, () => grown(0, { type: "text_delta", text: "hello" })),
        stopped(0),
      ]),
  ),
  ofA(
    "thinking deltas",
    (n) =>
      events([
        begun(0, { type: "thinking", thinking: "", signature: "" }),
        ...many(n, () => grown(0, { type: "thinking_delta", thinking: "hello" })),
        grown(0, { type: "signature_delta", signature: "s" }),
        stopped(0),
      ]),
  ),
  ofA("text blocks", (n) => events(many(n, (i) => begun(i, { type: "text", text: "x" }) + stopped(i)))),
  ofA("text blocks that stay open", (n) => events(many(n, (i) => begun(i, { type: "text", text: "x" })))),
  ofA(
    "thoughts",
    (n) => events(many(n, (i) => begun(i, { type: "thinking", thinking: "x", signature: "s" }) + stopped(i))),
  ),
  ofA("tool blocks that stay open", (n) => events(many(n, (i) => begun(i, use(`t${i}`))), "tool_use")),
  ofA(
    "tool blocks that grow in turns",
    (n) =>
      events([
        ...many(10, (i) => begun(i, use(`t${i}`))),
        ...many(n, (i) => grown(i % 10, { type: "input_json_delta", partial_json: "x" })),
      ], "tool_use"),
  ),
  ofA(
    "pieces of one call's input",
    (n) =>
      events([
        begun(0, use("t")),
        ...many(n, () => grown(0, { type: "input_json_delta", partial_json: "xx" })),
        stopped(0),
      ], "tool_use"),
  ),
  ofA(
    "citations of one block",
    (n) =>
      events([
        begun(0, { type: "text", text: "x" }),
        ...many(
          n,
          (i) => grown(0, { type: "citations_delta", citation: { url: `https://e/${i}`, title: "t" } }),
        ),
        stopped(0),
      ]),
  ),
  ofA(
    "blocks that are left out",
    (n) => events(many(n, (i) => begun(i, { type: "server_tool_use", id: "x", name: "y" }) + stopped(i))),
  ),
  ofA(
    "indexes that jump",
    (n) => events(many(n, (i) => begun((i * 7919) % 1_000_003, { type: "text", text: "x" }))),
  ),
  ofA(
    "figures that come again and again",
    (n) =>
      events(
        many(n, (i) => event("message_delta", { delta: {}, usage: { output_tokens: i, [`k${i}`]: i } })),
      ),
  ),
  ofA("figures over many iterations", (n) =>
    events([
      event("message_delta", {
        delta: {},
        usage: { iterations: many(n, () => ({ type: "compaction", input_tokens: 1 })) },
      }),
      ...many(n, (i) => event("message_delta", { delta: {}, usage: { output_tokens: i } })),
    ])),
  ofA("pings", (n) => events(many(n, () => event("ping", {})))),
  ofA("unknown events", (n) => events(many(n, () => event("foo", {})))),
  ofA("comments", (n) => events(": x\n\n".repeat(n))),
  ofA("empty lines", (n) => events("\n".repeat(n))),
  ofA(
    "white space before the text",
    (n) =>
      events([
        begun(0, { type: "text", text: "" }),
        ...many(n, () => grown(0, { type: "text_delta", text: "\n" })),
        stopped(0),
      ]),
  ),
  ofA(
    "a fenced text",
    (n) =>
      events([
        begun(0, { type: "text", text: "```json\n" }),
        ...many(n, () => grown(0, { type: "text_delta", text: "1," })),
        stopped(0),
      ]),
  ),
];
