/** What a message, or a delta of one, says: the same reading for whole answers and for streams. */

import { isObject, type Json, type JsonObject } from "../../json.ts";

export interface Said {
  readonly text: string;
  readonly thinking: string;
}

/**
 * The text and the thinking of a message or delta; undefined if it is not shaped like one. Servers name thinking
 * `reasoning_content` or `reasoning`; some send it, and the text, as parts of the content (Mistral).
 */
export function readContent(message: JsonObject): Said | undefined {
  const { content, reasoning_content: long, reasoning: short } = message;
  const thinking = textOf(long) || textOf(short);
  if (content === undefined || content === null) return { text: "", thinking };
  if (typeof content === "string") return { text: content, thinking };
  if (!Array.isArray(content)) return undefined;
  return {
    text: content.map((part) => partText(part, "text")).join(""),
    thinking: thinking + content.map((part) => partText(part, "thinking")).join(""),
  };
}

/** A part's words if it is of the type: a string, or parts in their turn. */
function partText(part: Json, type: "text" | "thinking"): string {
  if (!isObject(part) || part.type !== type) return "";
  const words = part[type];
  if (typeof words === "string") return words;
  return Array.isArray(words) ? words.map((inner) => partText(inner, "text")).join("") : "";
}

/** A value that should be a list: null and absent are an empty one, anything else is undefined. */
export function listOf(value: Json | undefined): readonly Json[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
