/**
 * The laws of the codecs. What a dialect can say is the same after writing and reading it; what it cannot say is
 * refused or reported; the same in gives the same out, and more of a conversation changes nothing that stood before.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ChatEvent,
  type ChatReply,
  type ChatRequest,
  EFFORTS,
  type Finish,
  type Part,
  type ToolCallPart,
} from "../src/chat.ts";
import { collect } from "../src/dialects/collect.ts";
import type { Dialect, EncodedRequest, ReplyOptions, Undo } from "../src/dialects/dialect.ts";
import { DIALECTS } from "../src/dialects/registry.ts";
import { splitFrames, writeEvent } from "../src/dialects/sse.ts";
import { pipe, run } from "../src/dialects/stepper.ts";
import { GatewayError } from "../src/errors.ts";
import { isObject, type Json, parseJson, stringifyJson } from "../src/json.ts";
import { conversationOf, requestOf, some, type Words } from "./tools/arbitraries.ts";
import { replyOf, streamOf } from "./tools/arbitrary-replies.ts";

const RUNS = { numRuns: 300 };

/** What a dialect has words for, and those that it has of its own. */
interface Law {
  /** The model that takes all of the words. */
  readonly model: string;
  readonly words: Words;
  /** Models for which instructions may also stand between the messages, in place or as the user's words. */
  readonly lateSystemModels: readonly string[];
  readonly finishes: readonly Finish[];
  readonly called: Finish;
  /** Requests of a client say whether it wants a stream and its usage as this dialect does. */
  readonly stream: (stream: boolean) => Pick<ChatRequest, "stream" | "includeUsage">;
}

const word = fc.stringMatching(/^[a-z][a-z0-9-]{2,20}$/);
const share = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
const schema = { type: "object", properties: {}, required: [], additionalProperties: false };

const LAWS: Readonly<Record<string, Law>> = {
  "openai-chat": {
    model: "gpt-4o",
    words: {
      separateTexts: false,
      thinking: false,
      customTools: true,
      richResults: false,
      lateSystem: true,
      settings: some<Partial<ChatRequest>>({
        maxTokens: fc.integer({ min: 1, max: 9000 }),
        temperature: share,
        topP: share,
        stop: fc.array(word, { minLength: 1, maxLength: 4 }),
        endUser: word,
        serviceTier: fc.constantFrom("auto", "default", "priority", "flex"),
        format: fc.constantFrom({ type: "json" }, { type: "schema", name: "city", schema, strict: false }),
      }),
    },
    lateSystemModels: [],
    finishes: [
      { reason: "stop", native: "stop" },
      { reason: "length", native: "length" },
    ],
    called: { reason: "tool-calls", native: "tool_calls" },
    stream: (stream) => ({ stream, includeUsage: stream }),
  },
  "anthropic-messages": {
    model: "claude-sonnet-4-5",
    words: {
      separateTexts: true,
      thinking: true,
      customTools: false,
      richResults: true,
      lateSystem: false,
      settings: fc.tuple(
        // The API demands a limit.
        fc.integer({ min: 1, max: 9000 }).map((maxTokens) => ({ maxTokens })),
        fc.oneof(some({ temperature: share }), some({ topP: share })),
        some<Partial<ChatRequest>>({
          topK: fc.integer({ min: 1, max: 100 }),
          stop: fc.array(word, { minLength: 1, maxLength: 6 }),
          endUser: word,
          serviceTier: fc.constant("default"),
          betas: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
          cache: fc.constantFrom({}, { ttl: "1h" }),
          format: fc.constant({ type: "schema", name: "response", schema, strict: true }),
        }),
      ).map((parts) => Object.assign({}, ...parts) as Partial<ChatRequest>),
    },
    lateSystemModels: ["claude-opus-4-8", "claude-opus-4-6"],
    finishes: [
      { reason: "stop", native: "end_turn" },
      { reason: "stop-sequence", native: "stop_sequence", stopSequence: "END" },
      { reason: "length", native: "max_tokens" },
      { reason: "length", native: "model_context_window_exceeded" },
    ],
    called: { reason: "tool-calls", native: "tool_use" },
    stream: (stream) => ({ stream, includeUsage: true }),
  },
};

const OPTIONS: ReplyOptions = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  // An estimate that a provider never corrects would stay for those who read the stream again.
  estimatedInput: 0,
};

for (const dialect of DIALECTS.values()) {
  const law = LAWS[dialect.name];
  test(`${dialect.name} has its words in LAWS`, () => assert.ok(law));
  if (law) laws(dialect, law);
}

function laws(dialect: Dialect, law: Law): void {
  const { model, words, finishes, called } = law;
  const undo: Undo = { model };
  const requests = fc.tuple(requestOf(words, model), fc.boolean()).map(([chat, stream]) => ({
    ...chat,
    ...law.stream(stream),
  }));
  const replies = replyOf(finishes, called);

  test(`${dialect.name}: a request is the same after writing and reading it`, () => {
    fc.assert(
      fc.property(requests, (chat) => {
        const { body, headers, warnings } = encode(dialect, chat);
        assert.deepEqual(dialect.decodeRequest(reparsed(body), headers), chat);
        assert.deepEqual(warnings, []);
      }),
      RUNS,
    );
  });

  test(`${dialect.name}: a request is written as the same bytes each time`, () => {
    fc.assert(
      fc.property(requests, (chat) => {
        const again = structuredClone(chat);
        assert.equal(stringifyJson(encode(dialect, chat).body), stringifyJson(encode(dialect, again).body));
      }),
      { numRuns: 50 },
    );
  });

  for (const each of [model, ...law.lateSystemModels]) {
    test(`${dialect.name}: more of a conversation changes nothing that stood before, for ${each}`, () => {
      const late = words.lateSystem || each !== model;
      fc.assert(
        fc.property(conversationOf({ ...words, lateSystem: late }, []), (messages) => {
          const written = (count: number) =>
            encode(dialect, { ...plain(each), messages: messages.slice(0, count) }).body;
          const whole = written(messages.length);
          for (let count = 1; count < messages.length; count++) {
            // A request ends with its user's words, or with an instruction behind them.
            if (messages[count]?.role !== "assistant") continue;
            const part = written(count);
            const before = stringifyJson(part.messages ?? null).slice(0, -1);
            assert.ok(stringifyJson(whole.messages ?? null).startsWith(before));
            assert.deepEqual(part.system, whole.system);
          }
        }),
        RUNS,
      );
    });
  }

  test(`${dialect.name}: a reply is the same after writing and reading it`, () => {
    fc.assert(
      fc.property(replies, (reply) => {
        const body = reparsed(dialect.encodeReply(reply, OPTIONS));
        assert.deepEqual(told(dialect.decodeReply(body, undo)), told(reply));
        assert.deepEqual(dialect.lostInReply?.(reply) ?? [], []);
      }),
      RUNS,
    );
  });

  test(`${dialect.name}: a stream says the same after writing and reading it`, () => {
    const streams = replies.chain((reply) => fc.tuple(fc.constant(reply), streamOf(reply)));
    fc.assert(
      fc.property(streams, ([reply, events]) => {
        const text = run(dialect.encodeEvents(OPTIONS), events).map(writeEvent).join("");
        const again = decoded(dialect, undo, text);
        assert.deepEqual(told(collect(again)), told(collect(events)));
        assert.deepEqual(told(collect(again)), told(reply));
      }),
      RUNS,
    );
  });

  for (const other of DIALECTS.values()) {
    if (other !== dialect) losses(dialect, requests, other);
  }
}

/** Whatever one dialect says, another says too, or says that it does not. */
function losses(from: Dialect, requests: fc.Arbitrary<ChatRequest>, to: Dialect): void {
  const more = fc.oneof(
    fc.constantFrom<Partial<ChatRequest>>(
      {},
      { temperature: 1.7 },
      { topK: 5 },
      { stop: ["\n"] },
      { stop: ["a", "b", "c", "d", "e"] },
      { serviceTier: "flex" },
    ),
    fc.constantFrom(...EFFORTS).map((effort) => ({ reasoning: { effort } })),
  );
  const rich = fc.tuple(requests, more).map(([chat, also]): ChatRequest => ({ ...chat, ...also }));
  const models = {
    "openai-chat": ["gpt-4o", "gpt-5", "qwen3"],
    "anthropic-messages": ["claude-3-haiku", "claude-opus-4-6"],
  };
  const targets = fc.constantFrom(...Object.entries(models).find(([name]) => name === to.name)?.[1] ?? []);

  test(`${to.name} says what a client of ${from.name} said, or that it does not`, () => {
    fc.assert(
      fc.property(rich, targets, (chat, model) => {
        const written = encodeOrRefuse(to, { ...chat, model });
        if (!written) return;
        const again = to.decodeRequest(reparsed(written.body), written.headers);
        const reported = new Set(written.warnings.flatMap((code) => REPORTED[code] ?? [code]));
        if (chat.maxTokens === undefined) reported.add("max_tokens"); // An API that demands it gets a default.
        const unreported = (said: ChatRequest) =>
          Object.entries(essence(said, written)).filter(([field]) => !reported.has(field));
        assert.deepEqual(unreported(again), unreported(chat));
      }),
      { numRuns: 500 },
    );
  });
}

/** Codes of warnings that are about other fields of `essence` than the one of their name. */
const REPORTED: Readonly<Record<string, readonly string[]>> = {
  stop_whitespace: ["stop"],
  mid_system: ["turns"],
  metadata: ["end_user"],
  forced_tool_unsupported: ["tool_choice", "tools"],
  // What cannot be enforced is said in the instructions.
  response_format: ["response_format", "instructions"],
  json_schema_unenforced: ["response_format", "instructions"],
};

// --- what is compared ---

function encode(dialect: Dialect, chat: ChatRequest): EncodedRequest {
  return dialect.encodeRequest(chat, { model: chat.model, options: {}, refuses: new Set() });
}

function encodeOrRefuse(dialect: Dialect, chat: ChatRequest): EncodedRequest | undefined {
  try {
    return encode(dialect, chat);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, String(thrown));
    assert.equal(thrown.status, 400);
    return undefined;
  }
}

/** As it comes out of the bytes. */
function reparsed<Value extends Json>(value: Value): Value {
  return parseJson(stringifyJson(value)) as Value;
}

function decoded(dialect: Dialect, undo: Undo, text: string): ChatEvent[] {
  return run(pipe(splitFrames(), dialect.decodeEvents(undo)), [new TextEncoder().encode(text)]);
}

function plain(model: string): ChatRequest {
  return {
    model,
    messages: [],
    tools: [],
    maxTokens: 100,
    stream: false,
    includeUsage: false,
    legacyFunctions: false,
    losses: [],
  };
}

/** What a reply tells: its ids carry the mark of each dialect that it went through. */
function told({ id, content, finish, usage, model }: ChatReply) {
  return { id: id.replace(/^(chatcmpl-|msg_)/, ""), content, finish, usage: usage && totals(usage), model };
}

function totals({ input, cacheRead, cacheWrite, output, reasoning }: NonNullable<ChatReply["usage"]>) {
  return { input, cacheRead, cacheWrite, output, reasoning };
}

/**
 * What a request says in any dialect, by the code of the warning that would report its loss. Texts of a turn are
 * joined; what may be left out in silence is left out: hints for a cache, and values that are the default.
 */
function essence(chat: ChatRequest, { undo }: EncodedRequest) {
  const { messages, tools, toolChoice, temperature, topP, topK, stop, endUser, format, reasoning } = chat;
  const declared = tools.filter(({ name }) => name !== undo.jsonTool);
  const first = messages[0]?.role === "system" ? messages[0] : undefined;
  return {
    instructions: first?.content.map((part) => part.type === "text" ? part.text : "").join("\n\n"),
    turns: messages.filter((message) => message !== first).map(({ role, content }) => ({
      role,
      text: content.map((part) => part.type === "text" ? part.text : "").join(""),
      images: content.flatMap((part): readonly Part[] => part.type === "tool-result" ? part.content : [part])
        .filter(({ type }) => type === "image").length,
      calls: content.flatMap((part) =>
        part.type === "tool-call" ? [[part.id, part.name, said(part, undo)]] : []
      ),
      results: content.flatMap((part) => part.type === "tool-result" ? [part.id] : []),
    })),
    thinking_dropped: messages.flatMap(({ content }) => content.filter(({ type }) => /thinking/.test(type))),
    tools: declared.map(({ name, parameters, kind }) =>
      kind === "custom" || undo.customTools?.has(name) ? [name] : [name, parameters]
    ),
    tool_choice: declared.length === 0 || toolChoice?.type === "auto" ? undefined : toolChoice,
    parallel_tool_calls: declared.length > 0 && toolChoice?.type !== "none" &&
      chat.parallelToolCalls === false,
    temperature: temperature === 1 ? undefined : temperature,
    top_p: topP === 1 ? undefined : topP,
    top_k: topK,
    stop,
    end_user: endUser,
    service_tier: SAME_TIER.has(chat.serviceTier) ? undefined : chat.serviceTier,
    reasoning_effort: reasoning !== undefined && reasoning.effort !== "none" && reasoning.mode !== "disabled",
    response_format: undo.jsonTool === undefined && format !== undefined,
    max_tokens: chat.maxTokens,
  };
}

const SAME_TIER: ReadonlySet<string | undefined> = new Set(["auto", undefined]);

/** The input of a call: the arguments of a function, the text of a custom tool however it is wrapped. */
function said({ name, kind, input }: ToolCallPart, undo: Undo): Json {
  if (kind === "custom") return input;
  const value = parseJson(input);
  const wrapped = undo.customTools?.has(name) && isObject(value) ? value.input : undefined;
  return wrapped ?? stringifyJson(value);
}
