/** A provider's stream of chunks, read into events. */

import type { ChatEvent, Usage } from "../../chat.ts";
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
  let usage: Usage | undefined;
  let finishReason: string | undefined;
  let stopReason: Json | undefined;
  let refusal = "";
  let produced = false;

  /** The first chunk names the answer, whatever else it says. */
  const start = (chunk: JsonObject): ChatEvent[] => {
    if (calls) return [];
    const id = textOf(chunk.id);
    calls = readCalls(id, undo);
    const tier = textOf(chunk.service_tier);
    return [{
      type: "start",
      id,
      model: textOf(chunk.model) || undo.model,
      ...(tier !== "" && { serviceTier: tier }),
    }];
  };

  const count = (chunk: JsonObject): ChatEvent[] => {
    const groq = isObject(chunk.x_groq) ? chunk.x_groq.usage : undefined;
    const found = readUsage(chunk.usage) ?? readUsage(groq);
    if (!found) return [];
    usage = found;
    return [{ type: "usage", usage }];
  };

  const delta = (value: JsonObject): ChatEvent[] => {
    const said = readContent(value);
    const details = listOf(value.reasoning_details);
    const called = callDeltas(value);
    if (!said || !details || !called) throw invalidEvent("its delta is malformed");
    const refused = textOf(value.refusal);
    refusal += refused;
    const text = said.text + refused;
    const events = [
      ...thoughts.push(said.thinking, details),
      ...(text === "" ? [] : [...thoughts.close(), { type: "text-delta", text } as const]),
      ...(called.length === 0 ? [] : thoughts.close()),
      ...called.flatMap((call) => calls?.push(call) ?? []),
      ...(listOf(value.annotations) ?? []).flatMap(readAnnotation).map((citation) =>
        ({ type: "citation", citation }) as const
      ),
    ];
    produced ||= events.length > 0;
    return events;
  };

  const choose = (choices: readonly Json[]): ChatEvent[] => {
    // Only the first choice is read: more than one is never asked for.
    const choice = choices.find((each) => !isObject(each) || each.index === undefined || each.index === 0);
    if (choice === undefined) return [];
    if (!isObject(choice)) throw invalidEvent("its choice is not an object");
    const value = choice.delta ?? choice.message ?? {};
    if (!isObject(value)) throw invalidEvent("its delta is not an object");
    const events = delta(value);
    // Some servers have `""` in every chunk; only a word says that the answer is complete.
    finishReason = textOf(choice.finish_reason) || finishReason;
    stopReason = choice.stop_reason ?? stopReason;
    return events;
  };

  return {
    chunk(chunk: JsonObject): ChatEvent[] {
      const choices = listOf(chunk.choices);
      if (!choices) throw invalidEvent("its choices are not a list");
      return [...start(chunk), ...choose(choices), ...count(chunk)];
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

/** What a delta says of tool calls; the older shape has one, without a number. Undefined if it is malformed. */
function callDeltas(delta: JsonObject): readonly JsonObject[] | undefined {
  const found = listOf(delta.tool_calls);
  if (found?.length === 0 && isObject(delta.function_call)) {
    return [{ index: 0, function: delta.function_call }];
  }
  const deltas = found?.filter(isObject);
  return deltas?.length === found?.length ? deltas : undefined;
}

function invalidEvent(reason: string): GatewayError {
  return new GatewayError(
    "upstream_invalid_event",
    `An event of the provider's stream is invalid: ${reason}`,
    {
      failure: "invalid",
    },
  );
}
