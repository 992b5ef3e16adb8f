/** Content blocks of a client's request as parts: one small function for each type of block. */

import type { CacheMark, DocumentPart, ImagePart, Loss, Part, TextPart, ToolResultPart } from "../../chat.ts";
import { isObject, type Json, type JsonObject, stringifyJson } from "../../json.ts";
import { takeBack } from "./handed-ids.ts";
import { wellFormed } from "../well-formed.ts";
import {
  boolean,
  type Field,
  field,
  given,
  list,
  malformed,
  object,
  oneOf,
  optional,
  shown,
  string,
} from "./read.ts";

/** Takes down what the parts have no word for. */
export type Lose = (loss: Loss) => void;

/**
 * A message's content: text, or a list of blocks.
 * @throws GatewayError `invalid_value` with the path of the block's field
 */
export function readContent(content: Field, role: "user" | "assistant" | "system", lose: Lose): Part[] {
  if (typeof content.value === "string") return [{ type: "text", text: content.value }];
  return list(content).flatMap((item) => readBlock(item, BLOCKS[role], lose));
}

/**
 * A cache mark, as blocks, tools and the request as a whole have it.
 * @throws GatewayError `invalid_value` with the path of the field
 */
export function readCache(holder: JsonObject, path: string): CacheMark | undefined {
  return optional(field(holder, "cache_control", path), (mark) => {
    const control = object(mark);
    oneOf(field(control, "type", mark.path), ["ephemeral"]);
    return given("ttl", optional(field(control, "ttl", mark.path), string));
  });
}

/** One block: its members, where it stands, and where losses go. */
interface Block {
  readonly at: (name: string) => Field;
  readonly value: JsonObject;
  readonly path: string;
  readonly lose: Lose;
}

type Readers<Read> = Readonly<Record<string, (block: Block) => readonly Read[]>>;

function readBlock<Read>(item: Field, readers: Readers<Read>, lose: Lose): readonly Read[] {
  const value = object(item);
  const type = field(value, "type", item.path);
  const name = string(type);
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
  if (!read) {
    throw malformed(
      type.path,
      `'${shown(name)}' is no type of block that can be given here to a model of another API`,
    );
  }
  return read({ at: (member) => field(value, member, item.path), value, path: item.path, lose });
}

function cache(block: Block): { cache?: CacheMark } {
  return given("cache", readCache(block.value, block.path));
}

function text(block: Block): TextPart[] {
  return [{ type: "text", text: string(block.at("text")), ...cache(block) }];
}

function image(block: Block): ImagePart[] {
  const source = block.at("source");
  const from = object(source);
  const at = (name: string) => field(from, name, source.path);
  const marked = cache(block);
  switch (oneOf(at("type"), ["base64", "url", "file"])) {
    case "base64": {
      const mediaType = string(at("media_type"));
      return [{ type: "image", source: { type: "base64", mediaType, data: string(at("data")) }, ...marked }];
    }
    case "url":
      return [{ type: "image", source: { type: "url", url: string(at("url")) }, ...marked }];
    case "file":
      return [{ type: "image", source: { type: "file", id: string(at("file_id")) }, ...marked }];
  }
}

function document(block: Block): (DocumentPart | ImagePart)[] {
  const source = block.at("source");
  const from = object(source);
  const at = (name: string) => field(from, name, source.path);
  const rest = { ...given("title", optional(block.at("title"), string)), ...cache(block) };
  loseDocumentExtras(block);
  switch (oneOf(at("type"), ["base64", "text", "content", "url", "file"])) {
    case "base64": {
      const mediaType = string(at("media_type"));
      return [{ type: "document", source: { type: "base64", mediaType, data: string(at("data")) }, ...rest }];
    }
    case "text":
      return [{ type: "document", source: { type: "text", text: string(at("data")) }, ...rest }];
    case "url":
      return [{ type: "document", source: { type: "url", url: string(at("url")) }, ...rest }];
    case "file":
      return [{ type: "document", source: { type: "file", id: string(at("file_id")) }, ...rest }];
    case "content": {
      const parts = readShown<TextPart | ImagePart>(at("content"), { text, image }, block.lose);
      const written = parts.flatMap((part) => part.type === "text" ? [part.text] : []).join("\n\n");
      return [
        { type: "document", source: { type: "text", text: written }, ...rest },
        ...parts.filter((part) => part.type === "image"),
      ];
    }
  }
}

function loseDocumentExtras(block: Block): void {
  const citations = block.at("citations").value;
  if (isObject(citations) && citations.enabled === true) {
    block.lose(loss(`${block.path}.citations`, "citations", "Citations cannot be asked for"));
  }
  if (block.at("context").value !== undefined) {
    block.lose(loss(`${block.path}.context`, "document_context", "A document's context has no counterpart"));
  }
}

/** A search result as text: its title, where it is from, and what it says. */
function searchResult(block: Block): TextPart[] {
  const said = readShown(block.at("content"), { text }, block.lose).map((part) => part.text);
  const lines = [string(block.at("title")), string(block.at("source")), ...said];
  return [{ type: "text", text: lines.join("\n"), ...cache(block) }];
}

function asJson(block: Block): TextPart[] {
  return [{ type: "text", text: wellFormed(stringifyJson(block.value)) }];
}

function toolResult(block: Block): ToolResultPart[] {
  const readers: Readers<TextPart | ImagePart | DocumentPart> = {
    text,
    image,
    document,
    search_result: searchResult,
    tool_reference: asJson,
    browser_state: asJson,
  };
  return [{
    type: "tool-result",
    id: takeBack(string(block.at("tool_use_id"))),
    content: optional(block.at("content"), (content) => readShown(content, readers, block.lose)) ?? [],
    failed: optional(block.at("is_error"), boolean) ?? false,
    ...cache(block),
  }];
}

/** Content inside a block: text, or blocks of some types. */
function readShown<Read>(content: Field, readers: Readers<Read>, lose: Lose): (Read | TextPart)[] {
  if (typeof content.value === "string") return [{ type: "text", text: content.value }];
  return list(content).flatMap((item) => readBlock(item, readers, lose));
}

function toolUse(block: Block): Part[] {
  const input = optional(block.at("input"), object) ?? {};
  return [{
    type: "tool-call",
    id: takeBack(string(block.at("id"))),
    name: string(block.at("name")),
    input: wellFormed(stringifyJson(input)),
    kind: "function",
    ...cache(block),
  }];
}

function thinking(block: Block): Part[] {
  const signature = optional(block.at("signature"), string);
  // Without its proof a thought is none of the provider's; an empty proof is none.
  return [{
    type: "thinking",
    text: string(block.at("thinking")),
    ...given("signature", signature || undefined),
  }];
}

function redactedThinking(block: Block): Part[] {
  return [{ type: "redacted-thinking", data: string(block.at("data")) }];
}

/** What the provider's own tools did in an earlier turn. */
function serverTool(block: Block): TextPart[] {
  block.lose(loss(block.path, "server_tools", "Blocks of the provider's own tools have no counterpart"));
  return [];
}

/** The pages that a search of the provider's found, as text. */
function webSearchResult(block: Block): TextPart[] {
  serverTool(block);
  const { content } = block.value;
  const pages = Array.isArray(content) ? content.filter(isObject) : [];
  const lines = pages.map((page: JsonObject) => `${word(page.title)} ${word(page.url)}`.trim()).filter((
    line,
  ) => line);
  // On lines of its own: texts of a turn are joined as they are.
  return lines.length > 0 ? [{ type: "text", text: `\nWeb search results:\n${lines.join("\n")}\n` }] : [];
}

function word(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/**
 * A tool that is offered from here on, or no longer. Another API offers all declared tools in every turn; a tool that
 * only the block defines would be lost.
 */
function toolChange(block: Block): Part[] {
  const tool = object(block.at("tool"));
  const defined = tool.type === "tool_definition";
  const message = `${block.path}: The target model's API cannot ${
    defined ? "be given" : "change"
  } tools between messages`;
  block.lose({
    field: block.path,
    code: defined ? "unsupported_parameter" : "tools",
    refuse: defined,
    message,
  });
  return [];
}

/** The summary that stands for earlier turns. */
function compaction(block: Block): TextPart[] {
  const summary = optional(block.at("content"), string);
  return summary === undefined ? [] : [{ type: "text", text: summary, ...cache(block) }];
}

function loss(at: string, code: string, message: string): Loss {
  return { field: at, code, refuse: false, message };
}

const BLOCKS: Readonly<Record<"user" | "assistant" | "system", Readers<Part>>> = {
  system: { text, tool_addition: toolChange, tool_removal: toolChange },
  user: {
    text,
    image,
    document,
    search_result: searchResult,
    tool_result: toolResult,
    container_upload: serverTool,
  },
  assistant: {
    text,
    tool_use: toolUse,
    thinking,
    redacted_thinking: redactedThinking,
    compaction,
    fallback: serverTool,
    server_tool_use: serverTool,
    web_search_tool_result: webSearchResult,
    web_fetch_tool_result: serverTool,
    code_execution_tool_result: serverTool,
    bash_code_execution_tool_result: serverTool,
    text_editor_code_execution_tool_result: serverTool,
    tool_search_tool_result: serverTool,
    mcp_tool_use: serverTool,
    mcp_tool_result: serverTool,
    advisor_tool_result: serverTool,
    container_upload: serverTool,
  },
};
