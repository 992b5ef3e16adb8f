/** What an answer was is what the next turn says of it: block by block, in order, under the provider's own ids. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ChatRequest, Part } from "../../src/chat.ts";
import { handOut, takeBack } from "../../src/dialects/anthropic-messages/handed-ids.ts";
import { clientRequest, prepare, type Prepared } from "../../src/dialects/bridge.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";
import { run } from "../../src/dialects/stepper.ts";
import { parseBody } from "../../src/http.ts";
import type { Json, JsonObject } from "../../src/json.ts";
import { keepAnswer, type Kept, keptFor, putBack, watchAnswer } from "../../src/recall.ts";

const OPTIONS = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 7,
};
const bytesOf = (text: string) => new TextEncoder().encode(text);
const CHAT = "openai-chat";
const MESSAGES = "anthropic-messages";

function dialect(name: string): Dialect {
  const found = DIALECTS.get(name);
  assert.ok(found);
  return found;
}

function prepared(
  client: string,
  upstream: string,
  fields: JsonObject,
  recall: (chat: ChatRequest) => ChatRequest = (chat) => chat,
): Prepared {
  const model = upstream === MESSAGES ? "claude-opus-4-6" : "gemini-3-flash";
  const request = clientRequest(
    dialect(client),
    parseBody(bytesOf(JSON.stringify({ model, max_tokens: 99, ...fields }))),
    {},
  );
  return prepare(request, dialect(upstream), { model, options: {}, refuses: new Set() }, recall);
}

const ASK: JsonObject = { role: "user", content: "x" };
const sent = (through: Prepared): { messages: JsonObject[] } => JSON.parse(String(through.body));

/** The events of an answer's stream as its provider sends them. */
function sse(events: readonly (JsonObject | "[DONE]")[]): Uint8Array {
  return bytesOf(
    events.map((data) => `data: ${data === "[DONE]" ? data : JSON.stringify(data)}\n\n`).join(""),
  );
}

// --- a client of the chat API, a model that signs its thoughts ---

const letter = fc.constantFrom("a", "b", "é", "😀");
const block = fc.oneof(
  fc.record({ type: fc.constant("thinking"), thinking: fc.string() }),
  fc.record({ type: fc.constant("redacted_thinking") }),
  fc.record({
    type: fc.constant("text"),
    text: fc.array(letter, { minLength: 1 }).map((all) => all.join("")),
  }),
  fc.record({ type: fc.constant("tool_use") }),
);

/** Blocks of an answer, neighbouring texts as one, each proof and id its own; a call among them. */
const answers = fc.array(block, { maxLength: 8 }).map((blocks) => {
  const found: JsonObject[] = [];
  [...blocks, { type: "tool_use" }].forEach((each, at) => {
    const last = found.at(-1);
    if (each.type === "tool_use") found.push({ type: "tool_use", id: `toolu_${at}`, name: "f", input: {} });
    else if (each.type === "thinking") found.push({ ...each, signature: `S${at}` });
    else if (each.type === "redacted_thinking") found.push({ ...each, data: `D${at}` });
    else if (last?.type === "text" && "text" in each) {
      found[found.length - 1] = { ...last, text: `${last.text}${each.text}` };
    } else found.push({ ...each });
  });
  return found;
});

function message(content: readonly JsonObject[]): JsonObject {
  const usage = { input_tokens: 1, output_tokens: 1 };
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content,
    stop_reason: "tool_use",
    usage,
  };
}

function streamOf(content: readonly JsonObject[]): Uint8Array {
  return sse([
    { type: "message_start", message: { ...message([]), stop_reason: null } },
    ...content.flatMap((each, index): JsonObject[] => {
      const delta = (value: JsonObject): JsonObject => ({ type: "content_block_delta", index, delta: value });
      const start = (value: JsonObject): JsonObject => ({
        type: "content_block_start",
        index,
        content_block: value,
      });
      const deltas = each.type === "text"
        ? [start({ type: "text", text: "" }), delta({ type: "text_delta", text: each.text })]
        : each.type === "thinking"
        ? [
          start({ type: "thinking", thinking: "", signature: "" }),
          delta({ type: "thinking_delta", thinking: each.thinking }),
          delta({ type: "signature_delta", signature: each.signature }),
        ]
        : [start(each)];
      return [...deltas, { type: "content_block_stop", index }];
    }),
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ]);
}

/** The message that a client makes of the chunks: strings are put together, lists grow, calls by their number. */
function gathered(text: string): JsonObject {
  let content = "";
  const details: Json[] = [];
  const calls: JsonObject[] = [];
  for (const line of text.split("\n").filter((each) => each.startsWith("data: {"))) {
    const [choice] = JSON.parse(line.slice(6)).choices;
    const delta = choice?.delta ?? {};
    content += delta.content ?? "";
    details.push(...delta.reasoning_details ?? []);
    for (const { index, ...piece } of delta.tool_calls ?? []) {
      const call = calls[index];
      if (call === undefined) calls[index] = piece;
      else {
        const called = call.function as JsonObject;
        calls[index] = {
          ...call,
          function: { ...called, arguments: `${called.arguments}${piece.function.arguments}` },
        };
      }
    }
  }
  return { role: "assistant", content, tool_calls: calls, reasoning_details: details };
}

/** How the turn goes back: the client's message, and the results of its calls. */
function nextTurn(turn: JsonObject, recall?: (chat: ChatRequest) => ChatRequest): Json {
  const calls = turn.tool_calls as readonly JsonObject[];
  const results = calls.map(({ id }): JsonObject => ({ role: "tool", tool_call_id: id, content: "ok" }));
  return sent(prepared(CHAT, MESSAGES, { messages: [ASK, turn, ...results] }, recall)).messages[1]?.content ??
    null;
}

/** What an echo cannot say: the order of what comes behind the last thought is text, calls. */
function settled(content: readonly JsonObject[]): readonly JsonObject[] {
  const last = content.findLastIndex(({ type }) => type === "thinking" || type === "redacted_thinking");
  const rest = content.slice(last + 1);
  const text = rest.flatMap((each) => each.type === "text" ? [each.text] : []).join("");
  return [
    ...content.slice(0, last + 1),
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...rest.filter(({ type }) => type === "tool_use"),
  ];
}

function kept(collect: (keep: (id: string, what: Kept) => void) => void): (chat: ChatRequest) => ChatRequest {
  const store = new Map<string, Kept>();
  collect((id, what) => void store.set(id, what));
  return (chat) => putBack(chat, (id) => store.get(id));
}

test("the blocks of an answer go back in their order, echoed or kept, whole or streamed", () => {
  fc.assert(fc.property(answers, (content) => {
    const through = prepared(CHAT, MESSAGES, { messages: [ASK] });
    const brought = through.reply(bytesOf(JSON.stringify(message(content))));
    const [choice] = JSON.parse(String(brought.body(OPTIONS))).choices;
    const steps = run(through.steps(OPTIONS), [streamOf(content)]);
    const streamed = gathered(steps.map(({ out }) => out ?? "").join(""));
    const watch = (keep: (id: string, what: Kept) => void) =>
      steps.flatMap(({ events }) => events).forEach(watchAnswer(keep));
    const keepWhole = (keep: (id: string, what: Kept) => void) => keepAnswer(brought.reply, keep);

    assert.deepEqual(nextTurn(choice.message), settled(content), "a whole answer, echoed");
    assert.deepEqual(nextTurn(streamed), settled(content), "a streamed answer, echoed");
    for (const [turn, recall] of [[choice.message, kept(keepWhole)], [streamed, kept(watch)]] as const) {
      assert.deepEqual(nextTurn(turn, recall), content, "echoed and kept");
      const { content: said, tool_calls } = turn;
      assert.deepEqual(nextTurn({ role: "assistant", content: said, tool_calls }, recall), content, "kept");
    }
  }));
});

test("thoughts that a client changed stay as it sends them", () => {
  const content: readonly Part[] = [
    { type: "thinking", text: "", signature: "other" },
    { type: "tool-call", id: "c", name: "f", input: "{}", kind: "function" },
  ];
  const order = [{ kind: "call", id: "c" }, { kind: "thought" }] as const;
  const thoughts = [{ type: "thinking", text: "", signature: "S" }] as const;
  const chat = { messages: [{ role: "assistant", content }] } as unknown as ChatRequest;
  assert.deepEqual(putBack(chat, () => ({ thoughts, order })).messages[0]?.content, content);
});

// --- a client of the Messages API, providers with ids and proofs of their own ---

const IDS = ["functions.Bash:0", "call-1.2", "a b", "ü", "😀", "x".repeat(100) + ":", "::"];
for (const id of IDS) {
  test(`the id ${id.slice(0, 20)} goes out as the API takes it and comes back as it was`, () => {
    const handed = handOut(id);
    assert.match(handed, /^[a-zA-Z0-9_-]+$/);
    assert.equal(handOut(id), handed);
    assert.equal(handOut(handed), handed);
    assert.equal(takeBack(handed), id);
  });
}

test("ids that are nobody's wrapping stay", () => {
  for (const id of ["toolu_01ABC", "call_x", "toolu_x00000000_QUJD", "toolu_x0_", "toolu_x12345678_%", ""]) {
    assert.equal(takeBack(id), id);
    if (id !== "toolu_x12345678_%" && id !== "") assert.equal(handOut(id), id);
  }
});

const DETAILS: readonly JsonObject[] = [
  { type: "reasoning.text", text: "hm so", format: "google-gemini-v1", index: 0 },
  { type: "reasoning.encrypted", data: "SIG==", id: "tool_1", format: "google-gemini-v1", index: 0 },
];
const CALL: JsonObject = {
  id: "functions.f:0",
  type: "function",
  extra_content: { google: { thought_signature: "T" } },
  function: { name: "f", arguments: "{}" },
};
const chunk = (delta: JsonObject, finish_reason: string | null = null): JsonObject => ({
  id: "c",
  model: "m",
  choices: [{ index: 0, delta, finish_reason }],
});

/** The turn as it goes back to a provider, after a client of the Messages API had it. */
function back(content: Json, store: ReadonlyMap<string, Kept>, provider: string): JsonObject[] {
  const blocks = content as readonly JsonObject[];
  const results = blocks.filter(({ type }) => type === "tool_use")
    .map(({ id }): JsonObject => ({ type: "tool_result", tool_use_id: id, content: "ok" }));
  const messages = [ASK, { role: "assistant", content }, { role: "user", content: results }];
  const recall = (chat: ChatRequest) => putBack(chat, (id) => keptFor(store.get(id), provider));
  return sent(prepared(MESSAGES, CHAT, { messages }, recall)).messages;
}

test("a provider gets its own ids, details and signatures back, another provider none of them", () => {
  const through = prepared(MESSAGES, CHAT, { messages: [ASK] });
  const whole = through.reply(bytesOf(JSON.stringify({
    id: "c",
    model: "m",
    choices: [{
      index: 0,
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: "",
        reasoning: "hm so",
        reasoning_details: DETAILS,
        tool_calls: [CALL],
      },
    }],
  })));
  const steps = run(through.steps(OPTIONS), [sse([
    chunk({ reasoning: "hm", reasoning_details: [{ ...DETAILS[0], text: "hm" }] }),
    chunk({ reasoning: " so", reasoning_details: [{ ...DETAILS[0], text: " so" }] }),
    chunk({ reasoning_details: [DETAILS[1] ?? null], tool_calls: [{ index: 0, ...CALL }] }),
    chunk({}, "tool_calls"),
    "[DONE]",
  ])]);
  const stores = [new Map<string, Kept>(), new Map<string, Kept>()] as const;
  const into = (store: Map<string, Kept>) => (id: string, what: Kept) =>
    void store.set(id, { ...what, provider: "router" });
  keepAnswer(whole.reply, into(stores[0]));
  steps.flatMap(({ events }) => events).forEach(watchAnswer(into(stores[1])));
  assert.deepEqual(stores[1], stores[0]);

  const { content } = JSON.parse(String(whole.body(OPTIONS)));
  const [, turn, result] = back(content, stores[0], "router");
  assert.deepEqual(turn?.reasoning_details, DETAILS);
  assert.deepEqual(turn?.tool_calls, [{ ...CALL }]);
  assert.equal(result?.tool_call_id, "functions.f:0");
  const [, other] = back(content, stores[0], "elsewhere");
  const { extra_content: _, ...bare } = CALL;
  assert.deepEqual([other?.reasoning_details, other?.tool_calls], [undefined, [bare]]);
});

test("details without a call are of no use to a next turn and are not kept", () => {
  const through = prepared(MESSAGES, CHAT, { messages: [ASK] });
  const { reply } = through.reply(bytesOf(JSON.stringify({
    id: "c",
    choices: [{ index: 0, finish_reason: "stop", message: { content: "hi", reasoning_details: DETAILS } }],
  })));
  assert.equal(reply.attached, undefined);
});
