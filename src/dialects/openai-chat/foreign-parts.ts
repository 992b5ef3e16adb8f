/**
 * Content parts that the API does not have and other vendors' clients send to it all the same, where they can mean one
 * thing alone: Mistral's thinking, and the blocks of the Messages API.
 */

import type {
  DocumentPart,
  ImagePart,
  RedactedThinkingPart,
  ThinkingPart,
  ToolCallPart,
  ToolResultPart,
} from "../../chat.ts";
import { isObject, type Json, stringifyJson } from "../../json.ts";
import { wellFormed } from "../well-formed.ts";
import {
  booleanOf,
  member,
  objectOf,
  pathOf,
  type Place,
  requiredObject,
  requiredString,
  stringOf,
  wordOf,
} from "./fields.ts";
import { partOfFile, partOfUrl } from "./sources.ts";

/** A thought: its text, or parts of text (Mistral). */
export function thinkingPart(part: Place): ThinkingPart {
  const words = member(part, "thinking");
  const text = Array.isArray(words) ? words.map(wordsOf).join("") : stringOf(part, "thinking") ?? "";
  const signature = stringOf(part, "signature");
  return { type: "thinking", text, ...(signature && { signature }) };
}

export function redactedThinkingPart(part: Place): RedactedThinkingPart {
  return { type: "redacted-thinking", data: requiredString(part, "data") };
}

function wordsOf(part: Json): string {
  return isObject(part) && typeof part.text === "string" ? part.text : "";
}

/** An image or a document with its `source`. */
export function sourcePart(part: Place): ImagePart | DocumentPart {
  const source = requiredObject(part, "source");
  const title = stringOf(part, "title");
  switch (wordOf(source, "type", ["base64", "url", "text"]) ?? "base64") {
    case "url":
      return partOfUrl(requiredString(source, "url"), pathOf(source, "url"));
    case "text": {
      const text = requiredString(source, "data");
      return { type: "document", source: { type: "text", text }, ...(title !== undefined && { title }) };
    }
    case "base64": {
      const url = `data:${requiredString(source, "media_type")};base64,${requiredString(source, "data")}`;
      return partOfFile(url, title, pathOf(source, "data"));
    }
  }
}

export function toolUsePart(part: Place): ToolCallPart {
  const input = objectOf(part, "input")?.value ?? {};
  return {
    type: "tool-call",
    id: requiredString(part, "id"),
    name: requiredString(part, "name"),
    input: wellFormed(stringifyJson(input)),
    kind: "function",
  };
}

/** @param content reads what the tool gave */
export function toolResultPart(
  part: Place,
  content: (value: Json, path: string) => ToolResultPart["content"],
): ToolResultPart {
  return {
    type: "tool-result",
    id: requiredString(part, "tool_use_id"),
    content: content(member(part, "content") ?? "", pathOf(part, "content")),
    failed: booleanOf(part, "is_error") ?? false,
  };
}
