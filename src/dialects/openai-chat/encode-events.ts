/** A streamed answer for a client of this API. */

import { noteOrder } from "../../block-order.ts";
import type {
  ChatEvent,
  Citation,
  Finish,
  RedactedThinkingPart,
  ThinkingPart,
  ToolKind,
  Usage,
} from "../../chat.ts";
import { type Json, type JsonObject, members, stringifyJson } from "../../json.ts";
import type { ReplyOptions } from "../dialect.ts";
import type { SseEvent } from "../sse.ts";
import type { Stepper } from "../stepper.ts";
import { writeAnnotations, writeCall, writeRefusal } from "./encode-reply.ts";
import { encodeErrorEvent } from "./error.ts";
import { writeDetail } from "./reasoning.ts";
import { replyId, THOUGHT_SEPARATOR, writeFinish, writeServiceTier } from "./wire.ts";
import { writeUsage } from "./usage.ts";

/**
 * Events in, chunks out: the role first, one finishing chunk, the usage if the client wants it, `[DONE]`. An error is
 * the last event, with neither finish nor `[DONE]` behind it. Id, time and model are the same in every chunk.
 */
export function encodeEvents(options: ReplyOptions): Stepper<ChatEvent, SseEvent> {
  const delta = writeDeltas(options.legacyFunctions);
  const usageKey: JsonObject = options.includeUsage ? { usage: null } : {};
  /** How every chunk begins. */
  let head: string | undefined;
  let usage: Usage | undefined;
  let done = false;

  const chunk = (rest: JsonObject): SseEvent => ({ data: head + stringifyJson(rest).slice(1) });

  const choice = (value: JsonObject, finish: JsonObject = { finish_reason: null }): SseEvent =>
    chunk({ choices: [{ index: 0, delta: value, logprobs: null, ...finish }], ...usageKey });

  const start = (id: string, model: string, tier?: string): SseEvent[] => {
    if (head !== undefined) return [];
    const first = members([
      ["id", replyId(id, options.requestId)],
      ["object", "chat.completion.chunk"],
      ["created", options.created],
      ["model", model],
      ["service_tier", writeServiceTier(tier)],
      ["system_fingerprint", null],
    ]);
    head = `${stringifyJson(first).slice(0, -1)},`;
    return [choice({ role: "assistant", content: "", refusal: null })];
  };

  const finish = (reason: Finish): SseEvent[] => [
    ...delta.last(reason).map((value) => choice(value)),
    choice({}, writeFinish(reason, options.legacyFunctions)),
  ];

  const end = (): SseEvent[] => [
    ...(options.includeUsage && usage ? [chunk({ choices: [], usage: writeUsage(usage) })] : []),
    { data: "[DONE]" },
  ];

  const written = (event: ChatEvent): SseEvent[] => {
    switch (event.type) {
      case "start":
        return start(event.id, event.model, event.serviceTier);
      case "ping":
        return [KEEP_ALIVE];
      case "usage":
        usage = event.usage;
        return [];
      case "finish":
        return [...start("", ""), ...finish(event.finish)];
      case "end":
        done = true;
        return end();
      case "error":
        done = true;
        return [encodeErrorEvent(event.error)];
      default: {
        const values = delta.of(event);
        return values.length === 0 ? [] : [...start("", ""), ...values.map((value) => choice(value))];
      }
    }
  };

  return { push: (event) => done ? [] : written(event), end: () => [] };
}

/** What keeps a silent stream alive: a comment, which every parser passes over. */
export const KEEP_ALIVE: SseEvent = { comment: "ping" };

type ContentEvent = Exclude<ChatEvent, { type: "start" | "ping" | "usage" | "finish" | "end" | "error" }>;

/** The deltas of an answer. */
function writeDeltas(legacyFunctions: boolean) {
  const thinking = writeThinking();
  const calls = writeCalls(legacyFunctions);
  const citations: Citation[] = [];
  return {
    of(event: ContentEvent): JsonObject[] {
      switch (event.type) {
        case "text-delta":
          thinking.text(event.text.length);
          return event.text === "" ? [] : [{ content: event.text }];
        case "thinking-start":
          return thinking.start();
        case "thinking-delta":
          return thinking.delta(event.text);
        case "thinking-end":
          return thinking.end(event.signature);
        case "redacted-thinking":
          return thinking.redacted(event);
        case "tool-call-start":
          thinking.call();
          return calls.start(event);
        case "tool-call-delta":
          return calls.delta(event.index, event.input);
        case "tool-call-end":
          return calls.end(event.index);
        case "citation":
          citations.push(event.citation);
          return [];
        case "warning":
        case "attached":
          return [];
      }
    },
    /** What is known at the end alone. */
    last(finish: Finish): JsonObject[] {
      const refusal = writeRefusal(finish);
      return [
        ...(citations.length === 0 ? [] : [{ annotations: writeAnnotations(citations) }]),
        ...(refusal === undefined ? [] : [{ refusal }]),
      ];
    },
  };
}

/** Thoughts as `reasoning_content`, and each once more, whole and signed, as a detail. */
function writeThinking() {
  let thought = "";
  let earlier = false;
  let count = 0;
  /** What came since the last thought that has a detail. */
  let between = noteOrder();
  const detail = (part: ThinkingPart | RedactedThinkingPart): JsonObject[] => {
    const value = writeDetail(part, count, between.all());
    if (!value) return [];
    count++;
    between = noteOrder();
    return [{ reasoning_details: [value] }];
  };
  return {
    text: (length: number) => between.text(length),
    call: () => between.call(),
    redacted: detail,
    start(): JsonObject[] {
      earlier ||= thought !== "";
      thought = "";
      return [];
    },
    delta(text: string): JsonObject[] {
      if (text === "") return [];
      const separator = thought === "" && earlier ? THOUGHT_SEPARATOR : "";
      thought += text;
      return [{ reasoning_content: separator + text }];
    },
    end(signature: string | undefined): JsonObject[] {
      if (signature === undefined) return [];
      return detail({ type: "thinking", text: thought, signature });
    },
  };
}

type CallStart = Extract<ChatEvent, { type: "tool-call-start" }>;

/** Tool calls; the older shape has room for the first one alone. */
function writeCalls(legacyFunctions: boolean) {
  const kinds = new Map<number, ToolKind>();
  const empty = new Set<number>();

  const piece = (index: number, call: JsonObject): JsonObject[] => {
    if (!legacyFunctions) return [{ tool_calls: [{ index, ...call }] as Json }];
    return index === 0 && call.function !== undefined ? [{ function_call: call.function }] : [];
  };

  const input = (index: number, text: string): JsonObject[] =>
    piece(
      index,
      kinds.get(index) === "custom" ? { custom: { input: text } } : { function: { arguments: text } },
    );

  return {
    start({ index, id, name, kind, extra }: CallStart): JsonObject[] {
      kinds.set(index, kind);
      empty.add(index);
      return piece(index, { ...extra, id, ...writeCall(kind, name, "") });
    },
    delta(index: number, text: string): JsonObject[] {
      if (text === "" || !kinds.has(index)) return [];
      empty.delete(index);
      return input(index, text);
    },
    /** Arguments that never came are an empty object: `""` breaks the next request (litellm#5063). */
    end: (index: number): JsonObject[] =>
      empty.delete(index) && kinds.get(index) === "function" ? input(index, "{}") : [],
  };
}
