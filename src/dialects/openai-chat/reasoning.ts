/**
 * `reasoning_details`: how thinking with its signature travels in this dialect, which has no field of its own for it.
 * The shape is OpenRouter's, which several agents send back unchanged.
 */

import type { RedactedThinkingPart, ThinkingPart } from "../../chat.ts";
import type { JsonObject } from "../../json.ts";

/** The format of signatures that are carried; those of other formats mean nothing to the provider that we send to. */
const FORMAT = "anthropic-claude-v1";

/** A thought, or encrypted thinking, as a detail; undefined for a thought without a signature. */
export function writeDetail(
  part: ThinkingPart | RedactedThinkingPart,
  index: number,
): JsonObject | undefined {
  if (part.type === "redacted-thinking") {
    return { type: "reasoning.encrypted", data: part.data, format: FORMAT, index };
  }
  if (part.signature === undefined) return undefined;
  return { type: "reasoning.text", text: part.text, signature: part.signature, format: FORMAT, index };
}

/** The part that a detail stands for; `foreign` for encrypted thinking of another format, undefined for nothing. */
export function readDetail(detail: JsonObject): ThinkingPart | RedactedThinkingPart | "foreign" | undefined {
  const { type, text, summary, data, signature, format } = detail;
  const ours = format === FORMAT || format === undefined || format === null;
  if (type === "reasoning.encrypted") {
    if (typeof data !== "string") return undefined;
    return ours ? { type: "redacted-thinking", data } : "foreign";
  }
  if (type === "reasoning.summary") {
    return typeof summary === "string" && summary !== "" ? { type: "thinking", text: summary } : undefined;
  }
  if (type !== "reasoning.text") return undefined;
  const words = typeof text === "string" ? text : "";
  if (ours && typeof signature === "string" && signature !== "") {
    return { type: "thinking", text: words, signature };
  }
  return words === "" ? undefined : { type: "thinking", text: words };
}
