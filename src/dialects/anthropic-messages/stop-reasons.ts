/** Why an answer stopped: the wire's `stop_reason`, `stop_sequence` and `stop_details`, both ways. */

import type { Finish, FinishReason, Warning } from "../../chat.ts";
import { isObject, type JsonObject } from "../../json.ts";
import { endingOf, type EndSigns, type EndWord, endWord, finishOf, isMended } from "../endings.ts";
import type { StopFields } from "./wire-reply.ts";

/** What of the answer decides how a stop is read. */
export interface Answered extends Omit<EndSigns, keyof EndWord> {
  /** A tool that the provider runs by itself was begun, and its result is not there. */
  readonly pending: boolean;
}

/** The API's own words: an answer that came with one of them keeps it. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop-sequence"],
  ["tool_use", "tool-calls"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["pause_turn", "length"],
  ["compaction", "length"],
  ["refusal", "refusal"],
]);

const WORDS: Readonly<Record<FinishReason, string>> = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  "tool-calls": "tool_use",
  length: "max_tokens",
  refusal: "refusal",
};

/**
 * Reads the stop fields of a message or a `message_delta`. A reason that is missing or unknown has the warning
 * `stop_reason`; one that leaves the turn to be continued, which nobody will do, has the warning `pause_turn`.
 */
export function decodeStop(
  wire: JsonObject,
  answered: Answered,
): { readonly finish: Finish; readonly warnings: readonly Warning[] } {
  const said = endWord(wire.stop_reason);
  const signs = { ...answered, ...said };
  const native = said.word;
  const ending = native === undefined ? undefined : endingOf(native);
  const waits = ending === "tool-calls" && !answered.calls && answered.pending;
  const reason = waits ? "length" : finishOf(signs);
  const refusal = reason === "refusal" ? decodeRefusal(wire) : undefined;
  const sequence = reason === "stop-sequence" && typeof wire.stop_sequence === "string"
    ? wire.stop_sequence
    : "";
  return {
    finish: {
      reason,
      ...(native !== undefined && { native }),
      ...(sequence !== "" && { stopSequence: sequence }),
      ...(refusal && { refusal }),
    },
    warnings: [
      ...(ending === undefined ? ["stop_reason"] : []),
      ...(waits || isContinued(native) ? ["pause_turn"] : []),
      ...(isMended(signs) ? ["tool_arguments"] : []),
    ],
  };
}

/** Reasons that leave the turn to be continued by another request. */
function isContinued(native: string | undefined): boolean {
  return native === "pause_turn" || native === "compaction";
}

/** Writes the stop fields; `calls`: the answer has tool calls (some servers say `stop` all the same). */
export function encodeStop(finish: Finish, calls: boolean): StopFields {
  const { native, refusal } = finish;
  const reason = finish.reason === "stop" && calls ? "tool-calls" : finish.reason;
  const own = native !== undefined && REASONS.get(native) === reason;
  return {
    stop_reason: own ? native : WORDS[reason],
    stop_sequence: finish.stopSequence ?? null,
    stop_details: reason === "refusal" && refusal
      ? { type: "refusal", category: refusal.category ?? null, explanation: refusal.explanation ?? null }
      : null,
  };
}

function decodeRefusal(wire: JsonObject): Finish["refusal"] {
  const details = wire.stop_details;
  if (!isObject(details)) return undefined;
  const { explanation, category } = details;
  return {
    ...(typeof explanation === "string" && { explanation }),
    ...(typeof category === "string" && { category }),
  };
}
