/**
 * `reasoning_details`: how thinking with its signature travels in this dialect, which has no field of its own for it.
 * The shape is OpenRouter's, which several agents send back unchanged.
 */

import type { Place } from "../../block-order.ts";
import type { RedactedThinkingPart, ThinkingPart } from "../../chat.ts";
import { type JsonObject, members } from "../../json.ts";

/** The format of signatures that are carried; those of other formats mean nothing to the provider that we send to. */
const FORMAT = "anthropic-claude-v1";

/**
 * A thought, or encrypted thinking, as a detail; undefined for a thought without a signature.
 * @param between what stands between it and the thought before it
 */
export function writeDetail(
  part: ThinkingPart | RedactedThinkingPart,
  index: number,
  between: readonly Place[] = [],
): JsonObject | undefined {
  const rest: [string, JsonObject[string]][] = [
    ["id", between.length === 0 ? undefined : writePlaces(between)],
    ["format", FORMAT],
    ["index", index],
  ];
  if (part.type === "redacted-thinking") {
    return members([["type", "reasoning.encrypted"], ["data", part.data], ...rest]);
  }
  if (part.signature === undefined) return undefined;
  return members([
    ["type", "reasoning.text"],
    ["text", part.text],
    ["signature", part.signature],
    ...rest,
  ]);
}

/**
 * Places as a detail's `id`, the one member of the convention that is opaque to clients and that all of them keep:
 * `after_c_t12` stands behind a call and twelve characters of text.
 */
function writePlaces(places: readonly Place[]): string {
  return `after${places.map((place) => place.kind === "text" ? `_t${place.length}` : "_c").join("")}`;
}

/** What stands between the detail's thought and the one before it; nothing where its id does not say. */
export function readPlaces({ id }: JsonObject): Place[] {
  if (typeof id !== "string" || !/^after(?:_t\d{1,9}|_c)+$/.test(id)) return [];
  return id.split("_").slice(1).map((word): Place =>
    word === "c" ? { kind: "call" } : { kind: "text", length: Number(word.slice(1)) }
  );
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
