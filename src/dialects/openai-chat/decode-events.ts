/** A provider's stream of chunks, read into events. */

import { append } from "../../append.ts";
import type { ChatEvent, Warning } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, tryParseJson } from "../../json.ts";
import { isAbsent, listOf } from "../absent.ts";
import { streamInterrupted } from "../collect.ts";
import type { Undo } from "../dialect.ts";
import { type EndWord, failureOf, isMended } from "../endings.ts";
import { untilLastWord } from "../last-word.ts";
import type { SseFrame } from "../sse.ts";
import type { Stepper } from "../stepper.ts";
import { gatherDetails } from "./attached.ts";
import { lostMembers, lostSources, readContent, textOf } from "./content.ts";
import { readAnnotation } from "./decode-reply.ts";
import { decodeInnerError } from "./error.ts";
import { isErrorBody, isFiltered } from "./no-answer.ts";
import { readThoughts } from "./stream-thoughts.ts";
import { readCalls } from "./stream-calls.ts";
import { figuresOf, mergeUsage, readUsage } from "./usage.ts";
import { finishWord, readFinish } from "./wire.ts";

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
      if (frame.event === "error" || isErrorBody(body)) throw decodeInnerError(body ?? data);
      if (body !== undefined && !isObject(body) && isAbsent(body)) return [{ type: "ping" }];
      if (!isObject(body)) throw invalidEvent("it is not a JSON object");
      return answer.chunk(body);
    },
    end: () => answer.end(false),
  });
}

/** The answer as it grows; both functions may throw the error that ends it. */
function readAnswer(undo: Undo) {
  const thoughts = readThoughts();
  const gathered = undo.gather ? gatherDetails() : undefined;
  let calls: ReturnType<typeof readCalls> | undefined;
  let ending: EndWord = { word: undefined, unreadable: false };
  let stopReason: Json | undefined;
  let failed: Json | undefined;
  let refusal = "";
  let filtered = false;
  let produced = false;
  let usage: JsonObject = {};
  let counted = false;
  const lost = new Set<Warning>();

  /** What of the answer has no place in it is told once. */
  const lose = (codes: readonly Warning[], events: ChatEvent[]) => {
    for (const warning of codes) {
      if (lost.has(warning)) continue;
      lost.add(warning);
      events.push({ type: "warning", warning });
    }
  };

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

  const count = (chunk: JsonObject, choice: Json | undefined, events: ChatEvent[]) => {
    const update = figuresOf(chunk, choice);
    if (!isObject(update)) return;
    usage = mergeUsage(usage, update);
    const read = readUsage(usage);
    if (!read) return;
    counted = true;
    events.push({ type: "usage", usage: read });
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
    if (details.length > 0) gathered?.push(details);
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
    if (said.lost.length > 0) lose(said.lost, events);
    lose(lostMembers(value), events);
  };

  const choose = (choice: Json | undefined, events: ChatEvent[]) => {
    if (choice === undefined) return;
    if (!isObject(choice)) throw invalidEvent("its choice is not an object");
    const value = isAbsent(choice.delta) ? choice.message : choice.delta;
    if (isObject(value)) delta(value, events);
    else if (!isAbsent(value)) throw invalidEvent("its delta is not an object");
    // A chunk of another API would be lost in silence.
    else if (textOf(choice.text) !== "") throw invalidEvent("it has a text in place of a delta");
    // Some servers have `""` in every chunk; only a word says that the answer is complete.
    const said = finishWord(choice);
    if (said.word !== undefined || (said.unreadable && ending.word === undefined)) ending = said;
    stopReason = choice.stop_reason ?? stopReason;
    failed = choice.error ?? failed;
  };

  return {
    chunk(chunk: JsonObject): ChatEvent[] {
      const choices = listOf(chunk.choices);
      if (!choices) throw invalidEvent("its choices are not a list");
      const events: ChatEvent[] = [];
      start(chunk, events);
      // Only the first choice is read: more than one is never asked for.
      const choice = choices.find(isFirst);
      choose(choice, events);
      count(chunk, choice, events);
      if (!produced) filtered ||= isFiltered(chunk, isObject(choice) ? choice : {});
      lose(lostSources(chunk), events);
      return events;
    },
    /** @param said the provider says itself that the answer is complete; some then leave the finish reason out */
    end(said: boolean): ChatEvent[] {
      // What a filter took away, and what is counted and says nothing, ends with the provider's last word.
      const { word } = ending;
      const silent = said && !produced && word === undefined && (filtered || counted);
      const error = isAbsent(failed) ? undefined : decodeInnerError({ error: failed ?? null });
      if (error && word === undefined) throw error;
      if (!calls || (word === undefined && !silent && !(said && produced))) throw streamInterrupted();
      const failure = failureOf(word, produced);
      if (failure) throw error ?? failure;
      const closed = [...thoughts.close(), ...calls.close()];
      if (calls.nameless()) throw invalidEvent("a tool call has no name");
      const signs = { ...ending, calls: calls.count() > 0, cutCall: calls.cut() };
      const { finish, known } = readFinish({ ...signs, stopReason, refusal, filtered: silent });
      const events: ChatEvent[] = [...closed];
      lose(
        [...(known ? [] : ["finish_reason"]), ...(isMended(signs) ? ["tool_arguments"] : [])],
        events,
      );
      const attached = calls.count() > 0 ? gathered?.attached() : undefined;
      if (attached) events.push({ type: "attached", attached });
      return [...events, { type: "finish", finish }, { type: "end" }];
    },
  };
}

function isFirst(choice: Json): boolean {
  return !isObject(choice) || choice.index === undefined || choice.index === 0;
}

/** What a delta says of tool calls; the older shape has one, without a number. Undefined if it is malformed. */
function callDeltas(delta: JsonObject): readonly JsonObject[] | undefined {
  if (delta.tool_calls === undefined && delta.function_call === undefined) return NO_CALLS;
  const found = listOf(delta.tool_calls)?.filter((call) => !isAbsent(call));
  if (found?.length === 0 && isObject(delta.function_call) && !isAbsent(delta.function_call)) {
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
