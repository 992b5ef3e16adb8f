/** What a message, or a delta of one, says: the same reading for whole answers and for streams. */

import type { Warning } from "../../chat.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";

export interface Said {
  readonly text: string;
  readonly thinking: string;
  /** Parts of the content that have no place in an answer. */
  readonly lost: readonly Warning[];
}

/**
 * The text and the thinking of a message or delta; undefined if it is not shaped like one. Servers name thinking
 * `reasoning_content` or `reasoning`, some `reasoning_text` (GitHub) or `thinking` (Ollama); some send it, and the text,
 * as parts of the content (Mistral).
 */
export function readContent(message: JsonObject): Said | undefined {
  const { content, reasoning_content: long, reasoning: short } = message;
  const thinking = textOf(long) || textOf(short) || textOf(message.reasoning_text) ||
    textOf(message.thinking);
  if (typeof content === "string") return { text: content, thinking, lost: NOTHING };
  if (!Array.isArray(content)) return isAbsent(content) ? { text: "", thinking, lost: NOTHING } : undefined;
  const parts = content.map(readPart);
  return {
    text: parts.map(({ text = "" }) => text).join(""),
    thinking: thinking + parts.map(({ thinking = "" }) => thinking).join(""),
    lost: parts.flatMap(({ lost }) => lost ?? []),
  };
}

const NOTHING: readonly Warning[] = [];

/** What a message has beside its text that answers have no place for. */
export function lostMembers(message: JsonObject): Warning[] {
  const lost: Warning[] = [];
  // Most deltas have one member or two.
  for (const key of Object.keys(message)) {
    const code = MEMBERS.get(key) ?? (KEPT.has(key) ? undefined : mediaOf(key));
    if (code !== undefined && !isAbsent(message[key]) && !lost.includes(code)) lost.push(code);
  }
  return lost;
}

/** What stands beside the choices: sources in shapes of a server's own, and pictures found (Perplexity). */
export function lostSources({ citations, search_results: results, images, videos }: JsonObject): Warning[] {
  return [
    ...(isAbsent(citations) && isAbsent(results) ? [] : ["citations_dropped"]),
    ...(isAbsent(images) ? [] : ["images"]),
    ...(isAbsent(videos) ? [] : ["video"]),
  ];
}

/** The members of a message that are read. */
const KEPT: ReadonlySet<string> = new Set([
  "role",
  "content",
  "refusal",
  "tool_calls",
  "function_call",
  "annotations",
  "reasoning",
  "reasoning_content",
  "reasoning_details",
]);

const MEMBERS: ReadonlyMap<string, Warning> = new Map([
  ["citations", "citations_dropped"],
  ["search_results", "citations_dropped"],
  // Parts of Gemini's in a member of a gateway's own.
  ["multi_mod_content", "content_dropped"],
]);

interface ReadPart {
  readonly text?: string;
  readonly thinking?: string;
  readonly lost?: readonly Warning[];
}

/** One part of the content; a part of a type that answers have no place for is lost by its kind. */
function readPart(part: Json): ReadPart {
  if (typeof part === "string") return { text: part };
  if (!isObject(part) || isAbsent(part)) return isAbsent(part) ? {} : { lost: ["content_dropped"] };
  const type = textOf(part.type);
  switch (type) {
    case "":
      return part.text === undefined ? { lost: [untypedLoss(part)] } : { text: words(part.text) };
    case "text":
    case "output_text":
      return { text: words(part.text) };
    case "refusal":
      return { text: words(part.refusal) };
    case "thinking":
      return { thinking: words(part.thinking) };
    case "reasoning":
      return { thinking: words(part.reasoning) || words(part.text) };
    case "reference":
      return { lost: ["citations_dropped"] };
    default:
      return { lost: [mediaOf(type) ?? "content_dropped"] };
  }
}

/** A part without a type is told by its members (Gemini: `inline_data`, `file_data`). */
function untypedLoss(part: JsonObject): Warning {
  const { inline_data: inline } = part;
  const kind = isObject(inline) ? textOf(inline.mime_type) : Object.keys(part).join();
  return mediaOf(kind) ?? "content_dropped";
}

/** What a type or a name of a member speaks of: `image_url`, `output_audio`, `tool_file`, `document_url`. */
function mediaOf(name: string): Warning | undefined {
  return MEDIA.find(([kind]) => kind.test(name))?.[1];
}

const MEDIA: readonly (readonly [RegExp, Warning])[] = [
  [/image|picture|photo/i, "images"],
  [/audio|speech/i, "audio"],
  [/video/i, "video"],
  [/(?:^|_)files?(?:$|_)|document|attachment/i, "files"],
];

/** A part's words: a string, or parts in their turn. */
function words(value: Json | undefined): string {
  if (!Array.isArray(value)) return textOf(value);
  return value.map((inner) => isObject(inner) ? textOf(inner.text) : textOf(inner)).join("");
}

export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
