/** Requests for the tests of this folder: only what a test is about has to be said. */

import type { ChatRequest, Message, Part, Tool, Warning } from "../../../src/chat.ts";
import type { EncodedRequest, TargetModel } from "../../../src/dialects/dialect.ts";
import { encodeRequest } from "../../../src/dialects/anthropic-messages/encode-request.ts";
import { type JsonObject, parseJson, stringifyJson } from "../../../src/json.ts";

export function chatOf(parts: Partial<ChatRequest> = {}): ChatRequest {
  return {
    model: "any",
    messages: [user("go")],
    tools: [],
    stream: false,
    includeUsage: false,
    legacyFunctions: false,
    losses: [],
    ...parts,
  };
}

/** A model that takes nearly everything in the API's older form. */
export const OLDER = "claude-sonnet-4-5";

export function encode(
  parts: Partial<ChatRequest>,
  model = OLDER,
  target: Partial<TargetModel> = {},
): EncodedRequest & { readonly body: JsonObject & { readonly messages: readonly JsonObject[] } } {
  const encoded = encodeRequest(chatOf(parts), { model, options: {}, refuses: new Set(), ...target });
  // As it goes over the wire: what is undefined is not there.
  const body = JSON.parse(stringifyJson(encoded.body));
  return { ...encoded, body };
}

export function bodyOf(parts: Partial<ChatRequest>, model = OLDER, target: Partial<TargetModel> = {}) {
  return encode(parts, model, target).body;
}

export function warningsOf(
  parts: Partial<ChatRequest>,
  model = OLDER,
  target: Partial<TargetModel> = {},
): readonly Warning[] {
  return encode(parts, model, target).warnings;
}

export function text(text: string): Part {
  return { type: "text", text };
}

export function user(...content: (string | Part)[]): Message {
  return { role: "user", content: content.map(asPart) };
}

export function assistant(...content: (string | Part)[]): Message {
  return { role: "assistant", content: content.map(asPart) };
}

export function system(...content: (string | Part)[]): Message {
  return { role: "system", content: content.map(asPart) };
}

export function call(id: string, input = "{}", name = "now"): Part {
  return { type: "tool-call", id, name, input, kind: "function" };
}

export function result(id: string, said = "12:00"): Part {
  return {
    type: "tool-result",
    id,
    content: said === "" ? [] : [{ type: "text", text: said }],
    failed: false,
  };
}

export function thought(signature: string): Part {
  return { type: "thinking", text: "", signature };
}

export const NOW: Tool = { kind: "function", name: "now", parameters: { type: "object", properties: {} } };

export function tool(name: string, parts: Partial<Tool> = {}): Tool {
  return { kind: "function", name, parameters: { type: "object", properties: {} }, ...parts };
}

export function json(value: string): JsonObject {
  return parseJson(value) as JsonObject;
}

function asPart(content: string | Part): Part {
  return typeof content === "string" ? text(content) : content;
}

/** A conversation as it is sent: `role: block block`. */
export function told(messages: readonly Message[], model = OLDER, repair = false): string[] {
  const body = bodyOf({ messages, tools: [NOW] }, model, { options: { repair } });
  return body.messages.map((message) => {
    const blocks = message.content as readonly Record<string, unknown>[];
    return `${message.role}: ${blocks.map(show).join(" ")}`;
  });
}

function show(block: Record<string, unknown>): string {
  switch (block.type) {
    case "text":
      return `'${block.text}'`;
    case "tool_use":
      return `call(${block.id})`;
    case "tool_result":
      return `result(${block.tool_use_id})`;
    default:
      return String(block.type);
  }
}
