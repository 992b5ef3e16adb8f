/**
 * Neutral messages as messages of this API: tool results become messages of their own, and what a tool message cannot
 * hold follows behind the whole run of them.
 */

import type {
  DocumentPart,
  ImagePart,
  Message,
  Part,
  TextPart,
  ThinkingPart,
  ToolCallPart,
  ToolResultPart,
} from "../../chat.ts";
import { unsupported } from "../../errors.ts";
import { type JsonObject, members } from "../../json.ts";
import { mapped, mayPause, type Work } from "../../work.ts";
import type { Encoding } from "./encoding.ts";
import { THOUGHT_SEPARATOR } from "./wire.ts";

/** @throws GatewayError `unsupported_parameter` for files that this API cannot be told of */
export function* encodeMessages(messages: readonly Message[], encoding: Encoding): Work<JsonObject[]> {
  const encoded = yield* mapped(messages, (message) => {
    const { role, content } = message;
    switch (role) {
      case "system":
        return systemMessage(content);
      case "user":
        return userMessages(content);
      case "assistant":
        return assistantMessage(message, encoding);
    }
  });
  if (mayPause()) yield;
  return encoded.flat();
}

function systemMessage(content: readonly Part[]): JsonObject[] {
  const text = textsOf(content).filter((words) => words !== "").join("\n\n");
  return text === "" ? [] : [{ role: "system", content: text }];
}

/** Tool messages first, nothing between them; then one user message with what else there is. */
function userMessages(content: readonly Part[]): JsonObject[] {
  const attachments: (ImagePart | DocumentPart)[] = [];
  const results = content.filter((part) => part.type === "tool-result").map((part) =>
    toolMessage(part, attachments)
  );
  const parts = [...attachments, ...content].flatMap(contentPart);
  if (parts.length === 0) return results;
  const [only] = parts;
  const text = parts.length === 1 && typeof only?.text === "string" ? only.text : undefined;
  return [...results, { role: "user", content: text ?? parts }];
}

/** A tool message holds text alone; images and files leave a note where they stood. */
function toolMessage(result: ToolResultPart, attachments: (ImagePart | DocumentPart)[]): JsonObject {
  const lines = result.content.map((part) => {
    if (part.type === "text") return part.text;
    if (part.source.type === "text") return documentText(part.source.text, part);
    attachments.push(part);
    return `[${part.type}: number ${attachments.length} in the message after the tool results]`;
  });
  const text = lines.join("\n");
  // There is no field for failure.
  const content = result.failed ? `Error: ${text}` : text;
  return { role: "tool", tool_call_id: result.id, content };
}

function contentPart(part: Part): JsonObject[] {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "image":
      return [imagePart(part)];
    case "document":
      return [documentPart(part)];
    default:
      return [];
  }
}

function imagePart({ source, detail }: ImagePart): JsonObject {
  if (source.type !== "base64" && source.type !== "url") throw foreignFile("image");
  const url = source.type === "url" ? source.url : `data:${source.mediaType};base64,${source.data}`;
  return { type: "image_url", image_url: members([["url", url], ["detail", detail]]) };
}

function documentPart(part: DocumentPart): JsonObject {
  const { source, title } = part;
  switch (source.type) {
    case "text":
      return { type: "text", text: documentText(source.text, part) };
    case "base64": {
      const data = `data:${source.mediaType};base64,${source.data}`;
      return { type: "file", file: { filename: title ?? "document.pdf", file_data: data } };
    }
    case "file":
      if (!source.id.startsWith("file-")) throw foreignFile("document");
      return { type: "file", file: { file_id: source.id } };
    case "url":
      throw unsupported("messages", "A document given by its URL is not supported with this model");
  }
}

function documentText(text: string, part: ImagePart | DocumentPart): string {
  const title = part.type === "document" ? part.title : undefined;
  return title === undefined ? text : `${title}\n\n${text}`;
}

function assistantMessage({ content, attached }: Message, encoding: Encoding): JsonObject[] {
  const text = textsOf(content).join("");
  const calls = content.filter((part) => part.type === "tool-call");
  const thinking = echoedThinking(content, attached !== undefined, encoding);
  if (text === "" && calls.length === 0 && thinking === undefined) return [];
  return [members([
    ["role", "assistant"],
    ["content", text === "" && calls.length > 0 ? null : text],
    ["tool_calls", calls.length === 0 ? undefined : calls.map((call) => toolCall(call, encoding))],
    ["reasoning_content", thinking],
    ...Object.entries(attached ?? {}),
  ])];
}

function toolCall(part: ToolCallPart, { toolName }: Encoding): JsonObject {
  const name = toolName(part.name);
  const called: JsonObject = part.kind === "custom"
    ? { type: "custom", custom: { name, input: part.input } }
    : { type: "function", function: { name, arguments: part.input === "" ? "{}" : part.input } };
  return members([...Object.entries(part.extra ?? {}), ["id", part.id], ...Object.entries(called)]);
}

/** Earlier thinking has no place in this API; some servers want its text back all the same. */
function echoedThinking(
  content: readonly Part[],
  isAttached: boolean,
  { target, warn }: Encoding,
): string | undefined {
  const echo = target.options.reasoningEcho === true;
  const thoughts = content.filter((part): part is ThinkingPart => part.type === "thinking");
  const hidden = content.some((part) => part.type === "redacted-thinking");
  if (!isAttached && (hidden || (thoughts.length > 0 && !echo))) warn("thinking_dropped");
  const text = thoughts.map((thought) => thought.text).filter((words) => words !== "").join(
    THOUGHT_SEPARATOR,
  );
  return echo && text !== "" ? text : undefined;
}

function textsOf(content: readonly Part[]): string[] {
  return content.filter((part): part is TextPart => part.type === "text").map(({ text }) => text);
}

function foreignFile(what: string) {
  return unsupported("messages", `An uploaded ${what} of another provider cannot be used with this model`);
}
