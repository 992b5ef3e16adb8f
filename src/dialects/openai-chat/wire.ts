/** Words and figures that replies, streams and requests share: finish reasons, service tiers, ids. */

import type { Finish, FinishReason, ServiceTier } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { endingOf, type EndSigns, type EndWord, endWord, finishOf } from "../endings.ts";

/** A finish reason as the API says it. */
export type WireFinish = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

/** The API's word for a finish, and the provider's own where it is another. */
export function writeFinish(finish: Finish, legacyFunctions: boolean): JsonObject {
  const word: WireFinish = legacyFunctions && finish.reason === "tool-calls"
    ? "function_call"
    : FINISH_WORDS[finish.reason];
  const { native } = finish;
  return {
    finish_reason: word,
    ...(native !== undefined && native !== word && { native_finish_reason: native }),
  };
}

const FINISH_WORDS: Readonly<Record<FinishReason, WireFinish>> = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "tool-calls": "tool_calls",
  refusal: "content_filter",
};

/** What an answer showed of its end. */
export interface FinishSigns extends EndSigns {
  /** vLLM's `stop_reason`: the stop sequence that was met. */
  readonly stopReason: Json | undefined;
  readonly refusal: string;
  /** A filter took the answer away, whatever else is said of its end. */
  readonly filtered: boolean;
}

/** The finish that a provider's words mean; `known` is false for a word that nobody knows, or none. */
export function readFinish(signs: FinishSigns): { finish: Finish; known: boolean } {
  const { word, stopReason, refusal, filtered } = signs;
  const said = finishOf(signs);
  const sequence = said === "stop" && typeof stopReason === "string" && stopReason !== ""
    ? stopReason
    : undefined;
  const refused = filtered || refusal !== "" || said === "refusal";
  const reason = refused ? "refusal" : sequence === undefined ? said : "stop-sequence";
  const finish: Finish = {
    reason,
    ...(word !== undefined && { native: word }),
    ...(sequence !== undefined && !refused && { stopSequence: sequence }),
    ...(refused && { refusal: refusal === "" ? {} : { explanation: refusal } }),
  };
  return { finish, known: word !== undefined && endingOf(word) !== undefined };
}

/** The word for the end that a choice has; some say it as `finish_details: {"type": …}`. */
export function finishWord({ finish_reason: reason, finish_details: details }: JsonObject): EndWord {
  return endWord(isAbsent(reason) && isObject(details) ? details.type : reason);
}

/** The tier that answered, in the API's words; others have no counterpart. */
export function writeServiceTier(tier: string | undefined): ServiceTier | undefined {
  return tier === undefined ? undefined : SERVICE_TIERS.get(tier);
}

const SERVICE_TIERS: ReadonlyMap<string, ServiceTier> = new Map([
  ["standard", "default"],
  ["auto", "auto"],
  ["default", "default"],
  ["priority", "priority"],
  ["flex", "flex"],
  ["fast", "fast"],
  ["scale", "scale"],
]);

/** An answer's id as clients know it; made of the request's id where the provider gave none. */
export function replyId(id: string, requestId: string): string {
  const own = id === "" ? requestId : id;
  return own.startsWith("chatcmpl-") ? own : `chatcmpl-${own}`;
}

/** An id for a tool call that came without one: the same for the same answer, streamed or not. */
export function callId(reply: string, index: number, name: string): string {
  return `call_${sha256(`${reply}:${index}:${name}`).slice(0, 24)}`;
}

/** Several thoughts as one text. */
export const THOUGHT_SEPARATOR = "\n\n";
