/** A streamed answer of the Messages API (https://platform.claude.com/docs/en/build-with-claude/streaming). */

import type { ChatEvent } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, tryParseJson } from "../../json.ts";
import { streamInterrupted } from "../collect.ts";
import type { Undo } from "../dialect.ts";
import { untilLastWord } from "../last-word.ts";
import type { SseFrame } from "../sse.ts";
import type { Stepper } from "../stepper.ts";
import { type AnswerStep, readAnswer } from "./decode-answer.ts";
import { decodeInnerError } from "./error.ts";

/**
 * Frames in, events out. A stream that ends without `message_stop` is complete if it had said why it stopped, and
 * otherwise ends with the error `upstream_stream_interrupted`. Events, deltas and blocks of unknown types are passed
 * over; one of a known type that is not as it should be ends the stream with `upstream_invalid_event`, since passing
 * over it could lose text in silence. Never throws; gives nothing after `end` or `error`.
 */
export function decodeEvents(undo: Undo): Stepper<SseFrame, ChatEvent> {
  const answer = readAnswer(undo, invalidEvent);
  return untilLastWord({
    push: (frame) => readFrame(frame, answer),
    end: () => {
      const events = answer.end();
      return events.at(-1)?.type === "end" ? events : [{ type: "error", error: streamInterrupted() }];
    },
  });
}

function readFrame({ event, data }: SseFrame, answer: Stepper<AnswerStep, ChatEvent>): ChatEvent[] {
  const text = data.trim();
  if (text === "" || text === "[DONE]") return [];
  const value = tryParseJson(text);
  if (!isObject(value)) return readOther(event, value, text);
  const type = typeof value.type === "string" ? value.type : event;
  if (type === "error" || (type === undefined && isError(value))) return [failed(value)];
  if (type === "ping") return [{ type: "ping" }];
  const step = type === undefined ? undefined : STEPS.get(type);
  return step ? answer.push(step(value)) : [];
}

/** Data that is no object: the words of an error, a list of errors, or something that the SDKs do not read either. */
function readOther(event: string | undefined, value: Json | undefined, text: string): ChatEvent[] {
  if (event === "error") return [failed(value ?? text)];
  if (Array.isArray(value) && isError(value[0])) return [failed(value)];
  const passed = event === undefined ? value === null : !STEPS.has(event);
  if (!passed) throw invalidEvent("an event's data is not a JSON object");
  return [{ type: "ping" }];
}

function isError(value: Json | undefined): boolean {
  return isObject(value) && value.error !== undefined;
}

function failed(value: Json): ChatEvent {
  const body = typeof value === "string" ? { message: value.slice(0, MOST_WORDS) } : value;
  return {
    type: "error",
    error: decodeInnerError(body) ?? invalidEvent("an error event says nothing"),
  };
}

/** Characters of an error that is a text alone. */
const MOST_WORDS = 1000;

const STEPS: ReadonlyMap<string, (value: JsonObject) => AnswerStep> = new Map<
  string,
  (value: JsonObject) => AnswerStep
>([
  ["message_start", ({ message }) => ({ type: "message", message })],
  [
    "content_block_start",
    ({ index, content_block }) => ({ type: "block-start", index, block: content_block }),
  ],
  ["content_block_delta", ({ index, delta }) => ({ type: "block-delta", index, delta })],
  ["content_block_stop", ({ index }) => ({ type: "block-stop", index })],
  ["message_delta", ({ delta, usage }) => ({ type: "stop-fields", fields: delta, usage })],
  ["message_stop", () => ({ type: "stop" })],
]);

function invalidEvent(what: string): GatewayError {
  return new GatewayError("upstream_invalid_event", `The provider's stream is malformed: ${what}`, {
    failure: "invalid",
  });
}
