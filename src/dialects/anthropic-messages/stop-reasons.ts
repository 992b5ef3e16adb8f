/** Why an answer stopped: the wire's `stop_reason`, `stop_sequence` and `stop_details`, both ways. */

import type { Finish, FinishReason, Warning } from "../../chat.ts";
import { isObject, type JsonObject } from "../../json.ts";
import type { StopFields } from "./wire-reply.ts";

/** What of the answer decides how a stop is read. */
export interface Answered {
  /** It has calls of the client's tools. */
  readonly calls: boolean;
  /** It has a call of the tool that stands for a structured answer. */
  readonly structured: boolean;
}

/** The provider's words; where the answer holds tool calls, a plain stop is a stop for them. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop-sequence"],
  ["tool_use", "tool-calls"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["pause_turn", "stop"],
  ["compaction", "stop"],
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
 * Reads the stop fields of a message or a `message_delta`. A reason that is missing or unknown is a stop, with the
 * warning `stop_reason`; one that leaves the turn to be continued, which nobody will do, has the warning `pause_turn`.
 */
export function decodeStop(
  wire: JsonObject,
  answered: Answered,
): { readonly finish: Finish; readonly warnings: readonly Warning[] } {
  const native = typeof wire.stop_reason === "string" ? wire.stop_reason : undefined;
  const known = native === undefined ? undefined : REASONS.get(native);
  const reason = known === undefined || known === "stop" || known === "tool-calls"
    ? answered.calls ? "tool-calls" : "stop"
    : known;
  const paused = native === "pause_turn" ||
    (native === "tool_use" && !answered.calls && !answered.structured);
  const refusal = reason === "refusal" ? decodeRefusal(wire) : undefined;
  return {
    finish: {
      reason,
      ...(native !== undefined && { native }),
      ...(reason === "stop-sequence" && typeof wire.stop_sequence === "string" &&
        { stopSequence: wire.stop_sequence }),
      ...(refusal && { refusal }),
    },
    warnings: known === undefined ? ["stop_reason"] : paused ? ["pause_turn"] : [],
  };
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
