/** How many tokens a request or an answer has, as far as that can be said without its model's tokenizer. */

import type { ChatEvent, ChatRequest, Message, Part, ReplyPart, Source, Tool } from "../chat.ts";
import { isObject, type Json, type JsonObject, stringifyJson } from "../json.ts";

/**
 * Tokens of a request's input: over all of it, and rather too many than too few, since clients shorten a conversation
 * by this figure before it grows too long (9router#2337). Never below 1.
 */
export function estimateTokens(chat: ChatRequest): number {
  const format = chat.format?.type === "schema" ? textTokens(stringifyJson(chat.format.schema)) : 0;
  const total = sum(chat.messages, messageTokens) + sum(chat.tools, toolTokens) + format;
  return Math.max(1, Math.ceil(total * MARGIN));
}

const MARGIN = 1.1;
/** What a message, a call or a tool takes beside its words. */
const FRAME = 4;
const IMAGE = 1600;
/** Characters of base64 that make about a page of a document: its text and its picture. */
const PAGE_CHARACTERS = 64_000;
const PAGE = 3000;

function messageTokens({ content }: Message): number {
  return FRAME + sum(content, partTokens);
}

function partTokens(part: Part): number {
  switch (part.type) {
    case "text":
      return textTokens(part.text);
    case "thinking":
      return textTokens(part.text) + textTokens(part.signature ?? "");
    case "redacted-thinking":
      return textTokens(part.data);
    case "image":
      return IMAGE;
    case "document":
      return textTokens(part.title ?? "") + documentTokens(part.source);
    case "tool-call":
      return FRAME + textTokens(part.name) + textTokens(part.input);
    case "tool-result":
      return FRAME + sum(part.content, partTokens);
  }
}

function documentTokens(source: Source): number {
  if (source.type === "text") return textTokens(source.text);
  return source.type === "base64" ? PAGE * Math.ceil(source.data.length / PAGE_CHARACTERS) : PAGE;
}

function toolTokens({ name, description = "", parameters, format }: Tool): number {
  const schema = parameters ?? format;
  return FRAME + textTokens(name) + textTokens(description) +
    (schema ? textTokens(stringifyJson(schema)) : 0);
}

/** About four letters a token; characters outside of ASCII are about one each. */
function textTokens(text: string): number {
  let ascii = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x80) ascii++;
  return ascii / 4 + (text.length - ascii);
}

function sum<Item>(items: readonly Item[], tokens: (item: Item) => number): number {
  return items.reduce((total, item) => total + tokens(item), 0);
}

// --- requests as they came ---

/**
 * Tokens of a request's input, by its body in whatever dialect: for relays, which are never decoded. Pictures, files
 * and sounds count as such, not by the length of their encoding.
 */
export function estimateBody(body: JsonObject): number {
  const total = INPUT.reduce((sum, key) => sum + (body[key] === undefined ? 0 : valueTokens(body[key])), 0);
  return Math.max(1, Math.ceil(total * MARGIN));
}

/** Members of a body that a model reads. */
const INPUT: readonly string[] = [
  "messages",
  "system",
  "tools",
  "functions",
  "response_format",
  "output_config",
  "input",
  "instructions",
];

function valueTokens(value: Json): number {
  if (typeof value === "string") return isEncoded(value) ? IMAGE : textTokens(value);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + valueTokens(item), 0);
  if (!isObject(value)) return value === null ? 0 : 1;
  const media = typeof value.type === "string" ? MEDIA.get(value.type) : undefined;
  return media ? media(value) : membersTokens(value);
}

function membersTokens(value: JsonObject): number {
  let total = value.role === undefined ? 0 : FRAME;
  for (const key of Object.keys(value)) total += textTokens(key) + valueTokens(value[key] ?? null);
  return total;
}

const MEDIA: ReadonlyMap<string, (part: JsonObject) => number> = new Map([
  ...["image", "image_url", "input_image"].map((type) => [type, () => IMAGE] as const),
  ...["document", "file", "input_file"].map((type) => [type, fileTokens] as const),
  ...["input_audio", "audio"].map((type) => [type, soundTokens] as const),
]);

/** A file by its pages; one that is plain text, or parts of a message, by what it says. */
function fileTokens(part: JsonObject): number {
  const source = isObject(part.source) ? part.source : part;
  if (source.type === "text" || source.type === "content") return membersTokens(part);
  return PAGE * Math.max(1, Math.ceil(longest(part) / PAGE_CHARACTERS));
}

function soundTokens(part: JsonObject): number {
  return SOUND * Math.max(1, Math.ceil(longest(part) / PAGE_CHARACTERS));
}

/** A few seconds of sound, which take about as much base64 as a page. */
const SOUND = 100;

/** The length of the longest text in a value. */
function longest(value: Json | undefined): number {
  if (typeof value === "string") return value.length;
  if (Array.isArray(value)) return value.reduce((most: number, item) => Math.max(most, longest(item)), 0);
  return isObject(value) ? longest(Object.values(value).map((item) => item ?? null)) : 0;
}

/** Whether a text is something else in base64. */
function isEncoded(text: string): boolean {
  return text.length > 4096 && /^(?:data:[^,]{0,100};base64,)?[\w+/=-]{512}/.test(text);
}

// --- answers ---

/** Counts an answer's tokens as its stream comes: the one figure that its client and the log are given. */
export function countAnswer(): { take(event: ChatEvent): void; tokens(): number } {
  let total = 0;
  return {
    take(event) {
      switch (event.type) {
        case "text-delta":
        case "thinking-delta":
          total += textTokens(event.text);
          return;
        case "redacted-thinking":
          total += textTokens(event.data);
          return;
        case "tool-call-start":
          total += textTokens(event.name);
          return;
        case "tool-call-delta":
          total += textTokens(event.input);
      }
    },
    tokens: () => Math.ceil(total),
  };
}

/** The same for an answer that came whole. */
export function estimateAnswer(content: readonly ReplyPart[]): number {
  return Math.ceil(sum(content, (part) => {
    switch (part.type) {
      case "text":
      case "thinking":
        return textTokens(part.text);
      case "redacted-thinking":
        return textTokens(part.data);
      case "tool-call":
        return textTokens(part.name) + textTokens(part.input);
    }
  }));
}
