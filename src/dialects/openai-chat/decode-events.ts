/** A provider's stream of chunks, read into events. */

import { append } from "../../append.ts";
import type { ChatEvent } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, tryParseJson } from "../../json.ts";
import { streamInterrupted } from "../collect.ts";
import type { Undo } from "../dialect.ts";
import { untilLastWord } from "../last-word.ts";
import type { SseFrame } from "../sse.ts";
import type { Stepper } from "../stepper.ts";
import { listOf, readContent, textOf } from "./content.ts";
import { readAnnotation } from "./decode-reply.ts";
import { decodeInnerError } from "./error.ts";
import { readThoughts } from "./stream-thoughts.ts";
import { readCalls } from "./stream-calls.ts";
import { failureOf, readFinish, readUsage } from "./wire.ts";

/**
 * Frames in, events out. The answer ends with `[DONE]`, or with the stream once a finish reason was there; a stream
 * that breaks off, or says nothing at all, ends with the error `upstream_stream_interrupted`. Fields that are not known are passed over; a
 * chunk that is not shaped like one ends the stream with `upstream_invalid_event`. Never throws; gives nothing after
 * `end` or `error`.
 */
export function decodeEvents(undo: Undo): Stepper<SseFrame, ChatEvent> {
  const answer = readAnswer(undo);
  return untilLastWord({
    push: (frame) => {
      const data = frame.data.trim();
      if (data === "") return [{ type: "ping" }];
      if (data === "[DONE]") return answer.end(true);
      const body = tryParseJson(data);
      if (frame.event === "error" || (isObject(body) && isError(body.error))) {
        throw decodeInnerError(body ?? data);
      }
      if (!isObject(body)) throw invalidEvent("it is not a JSON object");
      return answer.chunk(body);
    },
    end: () => answer.end(false),
  });
}

function isError(error: Json | undefined): boolean {
  return error !== undefined && error !== null;
}

/** The answer as it grows; both functions may throw the error that ends it. */
function readAnswer(undo: Undo) {
  const thoughts = readThoughts();
  let calls: ReturnType<typeof readCalls> | undefined;
  let finishReason: string | undefined;
  let stopReason: Json | undefined;
  let refusal = "";
  let produced = false;

  /** The first chunk names the answer, whatever else it says. */
  const start = (chunk: JsonObject, events: ChatEvent[]) => {
    if (calls) return;
    const id = textOf(chunk.id);
    calls = readCalls(id, undo);
    const tier = textOf(chunk.service_tier);
    events.push({
      type: "start",
      id,
      model: textOf(chunk.model) || undo.model,
      ...(tier !== "" && { serviceTier: tier }),
    });
  };

  const count = (chunk: JsonObject, events: ChatEvent[]) => {
    const groq = isObject(chunk.x_groq) ? chunk.x_groq.usage : undefined;
    const usage = readUsage(chunk.usage) ?? readUsage(groq);
    if (usage) events.push({ type: "usage", usage });
  };

  const delta = (value: JsonObject, events: ChatEvent[]) => {
    const said = readContent(value);
    const details = listOf(value.reasoning_details);
    const called = callDeltas(value);
    if (!said || !details || !called) throw invalidEvent("its delta is malformed");
    const refused = textOf(value.refusal);
    refusal += refused;
    const text = said.text + refused;
    const before = events.length;
    // Most pieces are a text and nothing else.
    if (said.thinking !== "" || details.length > 0) append(events, thoughts.push(said.thinking, details));
    if (text !== "" || called.length > 0) append(events, thoughts.close());
    if (text !== "") events.push({ type: "text-delta", text });
    for (const call of called) append(events, calls?.push(call) ?? []);
    if (value.annotations !== undefined) {
      for (const citation of (listOf(value.annotations) ?? []).flatMap(readAnnotation)) {
        events.push({ type: "citation", citation });
      }
    }
    produced ||= events.length > before;
  };

  const choose = (choices: readonly Json[], events: ChatEvent[]) => {
    // Only the first choice is read: more than one is never asked for.
    const choice = choices.find(isFirst);
    if (choice === undefined) return;
    if (!isObject(choice)) throw invalidEvent("its choice is not an object");
    const value = choice.delta ?? choice.message ?? {};
    if (!isObject(value)) throw invalidEvent("its delta is not an object");
    delta(value, events);
    // Some servers have `""` in every chunk; only a word says that the answer is complete.
    finishReason = textOf(choice.finish_reason) || finishReason;
    stopReason = choice.stop_reason ?? stopReason;
  };

  return {
    chunk(chunk: JsonObject): ChatEvent[] {
      const choices = listOf(chunk.choices);
      if (!choices) throw invalidEvent("its choices are not a list");
      const events: ChatEvent[] = [];
      start(chunk, events);
      choose(choices, events);
      count(chunk, events);
      return events;
    },
    /** @param said the provider says itself that the answer is complete; some then leave the finish reason out */
    end(said: boolean): ChatEvent[] {
      if (!calls || (finishReason === undefined && !(said && produced))) throw streamInterrupted();
      const failure = failureOf(finishReason, produced);
      if (failure) throw failure;
      if (calls.nameless()) throw invalidEvent("a tool call has no name");
      const signs = { finishReason, stopReason, refusal, calls: calls.count() > 0 };
      const { finish, known } = readFinish(signs);
      return [
        ...thoughts.close(),
        ...calls.close(),
        ...(known ? [] : [{ type: "warning", warning: "finish_reason" } as const]),
        { type: "finish", finish },
        { type: "end" },
      ];
    },
  };
}

function isFirst(choice: Json): boolean {
  return !isObject(choice) || choice.index === undefined || choice.index === 0;
}

/** What a delta says of tool calls; the older shape has one, without a number. Undefined if it is malformed. */
function callDeltas(delta: JsonObject): readonly JsonObject[] | undefined {
  if (delta.tool_calls === undefined && delta.function_call === undefined) return NO_CALLS;
  const found = listOf(delta.tool_calls);
  if (found?.length === 0 && isObject(delta.function_call)) {
    return [{ index: 0, function: delta.function_call }];
  }
  const deltas = found?.filter(isObject);
  return deltas?.length === found?.length ? deltas : undefined;
}

const NO_CALLS: readonly JsonObject[] = [];

function invalidEvent(reason: string): GatewayError {
  return new GatewayError(
    "upstream_invalid_event",
    `An event of the provider's stream is invalid: ${reason}`,
    {
      failure: "invalid",
    },
  );
}
