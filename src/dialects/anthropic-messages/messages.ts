/** Messages as the API has them: one small function for each kind of part. */

import type { Message, Part, TextPart, ToolCallPart, ToolResultPart } from "../../chat.ts";
import { type Allowance, isObject, type JsonObject, readWithin } from "../../json.ts";
import { renameObject, type Renames } from "../property-names.ts";
import { cacheControl } from "./cache-marks.ts";
import { encodeDocument, encodeImage } from "./media.ts";
import type { Warn } from "./warn.ts";
import type { Block, ResultBlock, TextBlock, ToolResultBlock, ToolUseBlock, WireMessage } from "./wire.ts";

export interface PartContext {
  readonly warn: Warn;
  /** Where a part stood in the request. It goes through all of the request: to be asked for an error alone. */
  readonly placeOf: (part: Part) => string;
  /** The properties of a tool's input that go by another name, by tool. */
  readonly renames: ReadonlyMap<string, Renames>;
  readonly json: Allowance;
}

/**
 * @throws GatewayError `invalid_value` for an image or a document that the API does not take
 */
export function encodeMessage(message: Message, context: PartContext): WireMessage {
  return { role: message.role, content: message.content.map((part) => encodePart(part, context)) };
}

export function encodeText(part: TextPart): TextBlock {
  return { type: "text", text: part.text, ...cacheControl(part.cache) };
}

function encodePart(part: Part, context: PartContext): Block {
  switch (part.type) {
    case "text":
    case "image":
    case "document":
      return encodeShown(part, context);
    case "tool-call":
      return encodeCall(part, context);
    case "tool-result":
      return encodeResult(part, context);
    case "thinking":
      return { type: "thinking", thinking: part.text, signature: part.signature ?? "" };
    case "redacted-thinking":
      return { type: "redacted_thinking", data: part.data };
  }
}

function encodeShown(part: ToolResultPart["content"][number], context: PartContext): ResultBlock {
  switch (part.type) {
    case "text":
      return encodeText(part);
    case "image":
      if (part.detail !== undefined) {
        context.warn("image_detail");
      }
      return encodeImage(part, () => context.placeOf(part));
    case "document":
      return encodeDocument(part, () => context.placeOf(part));
  }
}

function encodeCall(part: ToolCallPart, context: PartContext): ToolUseBlock {
  const input = part.kind === "custom" ? { input: part.input } : readInput(part, context);
  const names = context.renames.get(part.name);
  return {
    type: "tool_use",
    id: part.id,
    name: part.name,
    input: names ? renameObject(input, names) : input,
    ...cacheControl(part.cache),
  };
}

/** The API takes objects alone; what is none (a call that was cut, litellm#19028), or too much, is kept as text. */
function readInput(part: ToolCallPart, { warn, json }: PartContext): JsonObject {
  const text = part.input.trim();
  if (text === "" || text === "null") return {};
  const input = readWithin(text, json);
  if (isObject(input)) return input;
  warn("tool_arguments");
  return { _raw_arguments: part.input };
}

function encodeResult(part: ToolResultPart, context: PartContext): ToolResultBlock {
  const [first, ...more] = part.content;
  const isPlain = first?.type === "text" && first.cache === undefined && more.length === 0;
  return {
    type: "tool_result",
    tool_use_id: part.id,
    ...(first === undefined
      ? {}
      : { content: isPlain ? first.text : part.content.map((inner) => encodeShown(inner, context)) }),
    ...(part.failed ? { is_error: true } : {}),
    ...cacheControl(part.cache),
  };
}
