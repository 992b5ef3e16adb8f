import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { DIALECTS } from "../../src/dialects/registry.ts";
import { type Ending, endingOf, endWord, finishOf } from "../../src/dialects/endings.ts";
import { splitFrames } from "../../src/dialects/sse.ts";
import { pipe, run } from "../../src/dialects/stepper.ts";
import { collect } from "../../src/dialects/collect.ts";
import type { Json, JsonObject } from "../../src/json.ts";

const WORDS: Readonly<Record<Ending, readonly string[]>> = {
  stop: [
    "stop",
    "STOP",
    "FinishReason.STOP",
    "FINISH_REASON_STOP",
    "eos",
    "eos_token",
    "end_turn",
    "COMPLETE",
    "completed",
  ],
  "stop-sequence": ["stop_sequence", "STOP_SEQUENCE"],
  "tool-calls": [
    "tool_calls",
    "tool_call",
    "TOOL_CALLS",
    "toolCalls",
    "tool_use",
    "function_call",
    "tool-calls",
  ],
  length: [
    "length",
    "LENGTH",
    "max_length",
    "max_tokens",
    "MAX_TOKENS",
    "maxTokens",
    "max_output_tokens",
    "model_length",
    "token_limit",
    "incomplete",
    "model_context_window_exceeded",
    "context_length_exceeded",
    "pause_turn",
    "compaction",
    "repetition",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
  ],
  refusal: [
    "content_filter",
    "content-filter",
    "contentFilter",
    "content_filtered",
    "CONTENT_FILTERED",
    "refusal",
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "sensitive",
    "guardrail_intervened",
    "ERROR_TOXIC",
  ],
  "gave-up": [
    "abort",
    "ABORT",
    "aborted",
    "cancelled",
    "canceled",
    "interrupted",
    "timeout",
    "network_error",
    "insufficient_system_resource",
  ],
  failed: ["error", "ERROR", "failed", "server_error", "internal_error"],
};

for (const [ending, words] of Object.entries(WORDS)) {
  for (const word of words) test(`"${word}" says ${ending}`, () => equal(endingOf(word), ending));
}

const UNKNOWN = [
  "",
  "brand_new",
  "OTHER",
  "FINISH_REASON_UNSPECIFIED",
  "стоп",
  "stop!now",
  "__proto__",
  "constructor",
];
for (const word of UNKNOWN) test(`"${word}" is no known ending`, () => equal(endingOf(word), undefined));

const SIGNS = [
  { calls: false, cutCall: false },
  { calls: true, cutCall: false },
  { calls: true, cutCall: true },
];
test("an unknown ending is never a normal end, whatever the answer holds", () => {
  for (const word of UNKNOWN.slice(1)) {
    for (const signs of SIGNS) equal(finishOf({ word, unreadable: false, ...signs }), "length", word);
  }
  for (const signs of SIGNS) equal(finishOf({ word: undefined, unreadable: true, ...signs }), "length");
});

test("calls decide between a plain end and one for calls; calls that break off are a cut", () => {
  for (const word of ["stop", "end_turn", "tool_calls", "function_call", "tool_use", undefined]) {
    const finishes = SIGNS.map((signs) => finishOf({ word, unreadable: false, ...signs }));
    equal(finishes.join(), "stop,tool-calls,length", word);
  }
});

const NO_END = [
  "null",
  "NULL",
  "none",
  "None",
  "not_finished",
  "FINISH_REASON_UNSPECIFIED",
  "FinishReason.UNSPECIFIED",
  "in_progress",
];
for (const word of NO_END) {
  test(`"${word}" is no end: a stream that breaks off behind it is not complete`, () => {
    const chat = (finish_reason: string) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "a" }, finish_reason }] })}\n\n`;
    const messages = (stop_reason: string) =>
      [
        { type: "message_start", message: { id: "m" } },
        { type: "content_block_start", index: 0, content_block: { type: "text", text: "a" } },
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: { stop_reason } },
      ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    for (const dialect of DIALECTS.values()) {
      const written = dialect.name === "openai-chat" ? chat : messages;
      const ends = [written(word), written("stop") + written(word)].slice(
        0,
        dialect.name === "openai-chat" ? 2 : 1,
      )
        .map((text) =>
          run(pipe(splitFrames(), dialect.decodeEvents({ model: "m" })), [new TextEncoder().encode(text)])
            .flatMap((event) =>
              event.type === "error" ? [event.error.code] : event.type === "end" ? ["end"] : []
            )
        );
      deepEqual(ends, [["upstream_stream_interrupted"], ["end"]].slice(0, ends.length), dialect.name);
    }
    equal(finishOf({ ...endWord(word), calls: false, cutCall: false }), "length");
  });
}

// --- the same in every dialect, whole and streamed, in the words of every client ---

const SAID: readonly [word: string, chat: string, messages: string][] = [
  ...["MAX_TOKENS", "length", "abort", "cancelled", "pause_turn", "brand_new", "network_error"].map((word) =>
    [word, "length", word === "pause_turn" ? word : "max_tokens"] as const
  ).map(([...row]) => row as [string, string, string]),
  ["SAFETY", "content_filter", "refusal"],
  ["content_filtered", "content_filter", "refusal"],
  ["EOS", "stop", "end_turn"],
  ["tool_calls", "stop", "end_turn"],
  ["function_call", "stop", "end_turn"],
  ["tool_use", "stop", "end_turn"],
];
const OPTIONS = {
  requestId: "r",
  created: 1,
  includeUsage: false,
  legacyFunctions: false,
  estimatedInput: 1,
};

for (const [word, chat, messages] of SAID) {
  for (const upstream of DIALECTS.values()) {
    test(`"${word}" at the end of a text of ${upstream.name}, whole and streamed, is ${chat} and ${messages}`, () => {
      const whole = upstream.decodeReply(wholeOf(upstream.name, word), { model: "m" });
      const bytes = new TextEncoder().encode(streamOf(upstream.name, word));
      const streamed = collect(run(pipe(splitFrames(), upstream.decodeEvents({ model: "m" })), [bytes]));
      for (const reply of [whole, streamed]) {
        equal(reply.finish.native, word);
        equal(finishIn("openai-chat", reply), chat);
        equal(finishIn("anthropic-messages", reply), messages);
      }
    });
  }
}

function finishIn(client: string, reply: ReturnType<typeof collect>): Json | undefined {
  const body = DIALECTS.get(client)?.encodeReply(reply, OPTIONS) ?? {};
  const [choice] = (body.choices ?? []) as JsonObject[];
  if (choice && choice.finish_reason !== reply.finish.native) {
    equal(choice.native_finish_reason, reply.finish.native);
  }
  return choice ? choice.finish_reason : body.stop_reason;
}

function wholeOf(dialect: string, word: string): Json {
  if (dialect === "openai-chat") {
    return { choices: [{ message: { content: "half a sent" }, finish_reason: word }] };
  }
  return { type: "message", content: [{ type: "text", text: "half a sent" }], stop_reason: word };
}

function streamOf(dialect: string, word: string): string {
  const events: JsonObject[] = dialect === "openai-chat"
    ? [{ choices: [{ delta: { content: "half a sent" } }] }, {
      choices: [{ delta: {}, finish_reason: word }],
    }]
    : [
      { type: "message_start", message: { id: "m" } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "half a sent" } },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: word } },
      { type: "message_stop" },
    ];
  return events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
}
