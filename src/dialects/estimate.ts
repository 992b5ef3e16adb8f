/** How many tokens a request has, as far as that can be said without its model's tokenizer. */

import type { ChatRequest, Message, Part, Source, Tool } from "../chat.ts";
import { stringifyJson } from "../json.ts";

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
