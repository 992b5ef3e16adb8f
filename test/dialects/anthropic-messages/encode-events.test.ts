import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent } from "../../../src/chat.ts";
import { decodeEvents } from "../../../src/dialects/anthropic-messages/decode-events.ts";
import { encodeEvents } from "../../../src/dialects/anthropic-messages/encode-events.ts";
import { encodeReply } from "../../../src/dialects/anthropic-messages/encode-reply.ts";
import { collect } from "../../../src/dialects/collect.ts";
import type { ReplyOptions } from "../../../src/dialects/dialect.ts";
import { splitFrames, type SseEvent, writeEvent } from "../../../src/dialects/sse.ts";
import { pipe, run } from "../../../src/dialects/stepper.ts";
import { GatewayError } from "../../../src/errors.ts";
import { stringifyJson } from "../../../src/json.ts";
import { eventsOf, STREAMS, UNDO } from "./fixtures.ts";

const OPTIONS: ReplyOptions = {
  requestId: "req_1",
  created: 1,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 55,
};
const START: ChatEvent = { type: "start", id: "chatcmpl-1", model: "gpt-5" };
const USAGE: ChatEvent = {
  type: "usage",
  usage: { input: 13, cacheRead: 3, cacheWrite: 0, output: 39, reasoning: 5 },
};

interface Wire {
  readonly type: string;
  readonly [key: string]: unknown;
}

function wire(events: readonly SseEvent[]): Wire[] {
  return events.map((event) => {
    assert.ok("data" in event);
    const value = JSON.parse(event.data);
    assert.equal(event.event, value.type, "every event has its type as its name");
    return value;
  });
}

function encoded(events: readonly ChatEvent[]): Wire[] {
  return wire(run(encodeEvents(OPTIONS), events));
}

function ending(reason: "stop" | "tool-calls" = "stop"): ChatEvent[] {
  return [{ type: "finish", finish: { reason } }, USAGE, { type: "end" }];
}

/** The blocks of an answer in short: `0 text "Hi"`. Checks what every stream must keep to. */
function blocks(events: readonly ChatEvent[]): string[] {
  const sent = encoded([START, ...events, ...ending()]);
  assert.deepEqual(sent.slice(0, 2).map(({ type }) => type), ["message_start", "ping"]);
  assert.deepEqual(sent.slice(-2).map(({ type }) => type), ["message_delta", "message_stop"]);
  const found: { name: string; pieces: string[]; stopped: boolean }[] = [];
  for (const event of sent.slice(2, -2)) {
    if (event.type === "content_block_start") {
      assert.equal(event.index, found.length, "indexes are dense");
      assert.ok(found.every(({ stopped }) => stopped), "one block is open at a time");
      const block = event.content_block as Record<string, string>;
      found.push({ name: block.name ?? block.type ?? "", pieces: [], stopped: false });
      continue;
    }
    const last = found.at(-1);
    assert.ok(
      last && !last.stopped && event.index === found.length - 1,
      "deltas and stops are of the open block",
    );
    if (event.type === "content_block_stop") last.stopped = true;
    else last.pieces.push(Object.values(event.delta as object).slice(1).join());
  }
  assert.ok(found.every(({ stopped }) => stopped), "every block stops");
  return found.map(({ name, pieces }) => `${name} ${pieces.join("|")}`);
}

function begin(index: number, name: string, kind: "function" | "custom" = "function"): ChatEvent {
  return { type: "tool-call-start", index, id: `call_${index}`, name, kind };
}
function input(index: number, text: string): ChatEvent {
  return { type: "tool-call-delta", index, input: text };
}
function done(index: number): ChatEvent {
  return { type: "tool-call-end", index };
}
function text(piece: string): ChatEvent {
  return { type: "text-delta", text: piece };
}

test("A text answer, event by event", () => {
  const sent = encoded([START, text(""), text("Hel"), text("lo"), ...ending()]);
  assert.deepEqual(sent, [
    {
      type: "message_start",
      message: {
        id: "msg_chatcmpl-1",
        type: "message",
        role: "assistant",
        model: "gpt-5",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage: {
          input_tokens: 55,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 0,
          output_tokens_details: { thinking_tokens: 0 },
          cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        },
      },
    },
    { type: "ping" },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null, stop_details: null },
      usage: {
        input_tokens: 10,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 3,
        output_tokens: 39,
        output_tokens_details: { thinking_tokens: 5 },
      },
    },
    { type: "message_stop" },
  ]);
});

const streams: { title: string; events: ChatEvent[]; blocks: string[] }[] = [
  {
    title: "Empty text before a call opens no block",
    events: [text(""), begin(0, "now"), input(0, "{}")],
    blocks: ["now {}"],
  },
  {
    title: "A call without arguments is {}",
    events: [begin(0, "now"), input(0, ""), done(0)],
    blocks: ["now {}"],
  },
  {
    title: "Thinking, text and calls each have their block",
    events: [
      { type: "thinking-start" },
      { type: "thinking-delta", text: "Hm" },
      { type: "thinking-end", signature: "sig" },
      text("Two."),
      begin(0, "one"),
      input(0, "{"),
      input(0, "}"),
      begin(1, "two"),
      input(1, "{}"),
    ],
    blocks: ["thinking Hm|sig", "text Two.", "one {|}", "two {}"],
  },
  {
    title: "A thought without text keeps its signature; one without either is no block",
    events: [
      { type: "thinking-start" },
      { type: "thinking-end", signature: "sig" },
      { type: "thinking-start" },
      { type: "thinking-end" },
      { type: "redacted-thinking", data: "x" },
      text("Yes"),
    ],
    blocks: ["thinking sig", "redacted_thinking ", "text Yes"],
  },
  {
    title: "A thought that nobody began or ended is a block as well",
    events: [{ type: "thinking-delta", text: "Hm" }, text("Yes")],
    blocks: ["thinking Hm", "text Yes"],
  },
  {
    title: "Text behind a call is a block of its own",
    events: [text("a"), begin(0, "one"), input(0, "{}"), done(0), text("b"), text("c")],
    blocks: ["text a", "one {}", "text b|c"],
  },
  {
    title: "Interleaved arguments follow the call that is open",
    events: [
      begin(0, "one"),
      begin(1, "two"),
      input(0, '{"a"'),
      input(1, '{"b"'),
      input(0, ":1}"),
      input(1, ":2}"),
      done(1),
      done(0),
    ],
    blocks: ['one {"a"|:1}', 'two {"b"|:2}'],
  },
  {
    title: "Calls that nobody ends follow each other at the end, none of them lost",
    events: [
      begin(0, "one"),
      begin(1, "two"),
      begin(2, "three"),
      input(2, '{"c":3}'),
      input(1, "{"),
      input(0, "{}"),
      input(1, "}"),
    ],
    blocks: ["one {}", "two {|}", 'three {"c":3}'],
  },
  {
    title: "Text beside an open call waits for it",
    events: [begin(0, "one"), input(0, "{"), text("Hi"), input(0, "}"), text("!"), done(0)],
    blocks: ["one {|}", "text Hi|!"],
  },
  {
    title: "A custom tool's text is one JSON input",
    events: [begin(0, "shell", "custom"), input(0, 'ls "'), input(0, 'x"'), done(0)],
    blocks: ['shell {"input":"ls \\"x\\""}'],
  },
];
for (const { title, events, blocks: expected } of streams) {
  test(title, () => assert.deepEqual(blocks(events), expected));
}

test("The open call streams live while others wait", () => {
  const encoder = encodeEvents(OPTIONS);
  const push = (event: ChatEvent) =>
    wire(encoder.push(event)).map(({ type }) => type.replace("content_block_", ""));
  push(START);
  assert.deepEqual(push(begin(0, "one")), ["start"]);
  assert.deepEqual(push(input(0, '{"a":')), ["delta"]);
  assert.deepEqual(push(begin(1, "two")), []);
  assert.deepEqual(push(input(1, "{")), []);
  assert.deepEqual(push(input(0, "1}")), ["delta"]);
  assert.deepEqual(push(done(0)), ["stop", "start", "delta"]);
  assert.deepEqual(push(input(1, "}")), ["delta"]);
  // The next call begins, and these arguments can have no more.
  assert.deepEqual(push(begin(2, "three")), ["stop", "start"]);
});

test("White space behind complete arguments is nothing; anything else there is an error", () => {
  const events = [START, begin(0, "one"), input(0, "{}"), begin(1, "two")];
  assert.ok(!encoded([...events, input(0, " \n")]).some(({ type }) => type === "error"));
  const failed = encoded([...events, input(0, '{"a":1}'), ...ending()]);
  assert.equal(failed.at(-1)?.type, "error");
});

test("The provider's input tokens are in the start if they are known by then", () => {
  const [start] = encoded([USAGE, START, ...ending()]);
  const { usage } = start?.message as { usage: Record<string, number> };
  assert.equal(usage.input_tokens, 10);
  assert.equal(usage.cache_read_input_tokens, 3);
});

test("Without figures of the provider's the end has estimates", () => {
  const sent = encoded([START, text("12345678"), { type: "finish", finish: { reason: "stop" } }, {
    type: "end",
  }]);
  const usage = sent.at(-2)?.usage as Record<string, number>;
  assert.equal(usage.input_tokens, 55);
  assert.equal(usage.output_tokens, 2);
});

test("A stop with calls is tool_use, and a stream without a start has one all the same", () => {
  const sent = encoded([begin(0, "now"), done(0), ...ending()]);
  assert.deepEqual(sent.map(({ type }) => type), [
    "message_start",
    "ping",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  assert.equal((sent[0]?.message as { id: string }).id, "msg_req_1");
  assert.equal((sent.at(-2)?.delta as Record<string, string>).stop_reason, "tool_use");
});

test("A call that waits for another one may have more pieces than a stack holds", () => {
  const pieces = Array.from(
    { length: 150_000 },
    (): ChatEvent => ({ type: "tool-call-delta", index: 1, input: "1" }),
  );
  const found = encoded([
    START,
    { type: "tool-call-start", index: 0, id: "a", name: "f", kind: "function" },
    { type: "tool-call-start", index: 1, id: "b", name: "g", kind: "function" },
    ...pieces,
    { type: "tool-call-end", index: 0 },
    { type: "tool-call-end", index: 1 },
    ...ending("tool-calls"),
  ]);
  assert.equal(
    found.filter(({ type, index }) => type === "content_block_delta" && index === 1).length,
    150_000,
  );
  assert.equal(found.at(-1)?.type, "message_stop");
});

test("A refusal that was streamed is not said again, however long it is", () => {
  for (const length of [10, 20_000, 100_000]) {
    const explanation = "No. ".repeat(length / 4);
    const finish: ChatEvent = { type: "finish", finish: { reason: "refusal", refusal: { explanation } } };
    const said = (text: string): string => {
      const pieces = (text.match(/[^]{1,7}/g) ?? []).map((piece): ChatEvent => ({
        type: "text-delta",
        text: piece,
      }));
      return encoded([START, ...pieces, finish, { type: "end" }])
        .flatMap(({ delta }) => (delta as { text?: string } | undefined)?.text ?? []).join("");
    };
    assert.equal(said(explanation), explanation);
    assert.equal(said(`Well. ${explanation}`), `Well. ${explanation}`);
    assert.equal(said("Well."), `Well.${explanation}`);
    assert.equal(said(explanation.slice(4)), explanation.slice(4) + explanation);
  }
});

test("A refusal's explanation is text, and in the details", () => {
  const finish: ChatEvent = {
    type: "finish",
    finish: { reason: "refusal", refusal: { explanation: "I can't." } },
  };
  const sent = encoded([START, finish, { type: "end" }]);
  assert.deepEqual(sent[3]?.delta, { type: "text_delta", text: "I can't." });
  assert.deepEqual(sent.at(-2)?.delta, {
    stop_reason: "refusal",
    stop_sequence: null,
    stop_details: { type: "refusal", category: null, explanation: "I can't." },
  });
  const said = encoded([START, text("I can't."), finish, { type: "end" }]);
  assert.equal(said.filter(({ type }) => type === "content_block_start").length, 1);
});

test("A ping is a ping, and warnings and citations are nothing", () => {
  const sent = encoded([
    START,
    { type: "ping" },
    { type: "warning", warning: "w" },
    { type: "citation", citation: { url: "https://a.example", title: "", start: 0, end: 0 } },
  ]);
  assert.deepEqual(sent.slice(2), [{ type: "ping" }]);
});

test("Nothing comes behind an error or the end", () => {
  const error: ChatEvent = { type: "error", error: new GatewayError("upstream_timeout", "Too slow") };
  const failed = encoded([START, text("Hel"), error, text("lo"), ...ending(), error]);
  assert.deepEqual(failed.at(-1), {
    type: "error",
    error: { type: "timeout_error", message: "Too slow" },
    request_id: "req_1",
  });
  assert.equal(failed.filter(({ type }) => type === "error" || type === "message_stop").length, 1);
  assert.equal(encoded([START, ...ending(), text("more"), error]).at(-1)?.type, "message_stop");
});

for (const name of STREAMS) {
  const events = eventsOf(name);
  if (events.at(-1)?.type !== "end") continue;
  // Arguments that are cut have no form in a whole reply but that of text.
  const cut = name === "max-tokens-inside-tool";
  test(`The official client reads ${name} from a stream as from a whole reply`, { skip: cut }, async () => {
    const reply = encodeReply(collect(events), OPTIONS);
    const body = run(encodeEvents(OPTIONS), events).map(writeEvent).join("");
    const message = await readWithClient(body);
    for (const key of ["id", "model", "stop_reason", "stop_sequence", "stop_details"] as const) {
      assert.deepEqual(message[key], reply[key], key);
    }
    assert.deepEqual(message.content, JSON.parse(stringifyJson(reply.content)));
    assert.equal(message.usage.input_tokens, reply.usage.input_tokens);
    assert.equal(message.usage.output_tokens, reply.usage.output_tokens);
    assert.equal(message.usage.cache_read_input_tokens, reply.usage.cache_read_input_tokens);
  });

  test(`What is written of ${name} is read as the same answer`, () => {
    // An estimate that the provider never corrects would stay for those who read the stream again.
    const encoder = encodeEvents({ ...OPTIONS, estimatedInput: 0 });
    const bytes = new TextEncoder().encode(run(encoder, events).map(writeEvent).join(""));
    const again = collect(run(pipe(splitFrames(), decodeEvents(UNDO)), [bytes]));
    const { content, finish, usage } = collect(events);
    assert.deepEqual(again.finish, finish);
    const { cacheWrite5m: _, cacheWrite1h: __, ...totals } = usage ?? {};
    const { cacheWrite5m: ___, cacheWrite1h: ____, ...totalsAgain } = again.usage ?? {};
    assert.deepEqual(totalsAgain, totals);
    if (finish.refusal === undefined) assert.deepEqual(again.content, content);
  });
}

async function readWithClient(body: string): Promise<Anthropic.Message> {
  const client = new Anthropic({
    apiKey: "none",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
  });
  const request = { model: "m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] } as const;
  return await client.messages.stream({ ...request, messages: [...request.messages] }).finalMessage();
}
