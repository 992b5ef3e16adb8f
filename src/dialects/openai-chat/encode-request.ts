/** A neutral request as a body of this API, for the provider that it is named after and for the many like it. */

import type { ChatRequest, ResponseFormat, Tool, ToolChoice, Warning } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { invalidValue } from "../../errors.ts";
import { type Json, type JsonObject, members } from "../../json.ts";
import { editedObject } from "../../json-edit.ts";
import type { EncodedRequest, TargetModel } from "../dialect.ts";
import { learnedLimit } from "../lessons.ts";
import { callIdEdits, longestId } from "./call-ids.ts";
import { encodeMessages } from "./encode-messages.ts";
import { reasoningEffort, samplingFields, stopField } from "./encode-settings.ts";
import type { Encoding } from "./encoding.ts";
import { learnedEdits, learnedHistory } from "./learned.ts";
import { traitsOf } from "./models.ts";
import { shortNames } from "./tool-names.ts";

/** @throws GatewayError `invalid_value` or `unsupported_parameter` for what this API cannot express */
export function encodeRequest(chat: ChatRequest, target: TargetModel): EncodedRequest {
  const warnings = new Set<Warning>();
  const names = shortNames(chat);
  const encoding: Encoding = {
    target,
    traits: traitsOf(target.model),
    toolName: (name) => names.sent.get(name) ?? name,
    warn: (code) => warnings.add(code),
  };
  if (chat.messages.at(-1)?.role === "assistant") encoding.warn("prefill");
  if (chat.cache) encoding.warn("cache_control");
  const body = members([
    ["model", target.model],
    ["messages", encodeMessages(chat.messages, encoding)],
    ...toolFields(chat, encoding),
    ...limitField(chat, encoding),
    ...samplingFields(chat, encoding),
    ["stop", stopField(chat, encoding)],
    ["reasoning_effort", reasoningEffort(chat, encoding)],
    ["response_format", chat.format && responseFormat(chat.format)],
    ["safety_identifier", endUser(chat, encoding)],
    ["service_tier", chat.serviceTier],
    ...streamFields(chat),
  ]);
  const learned = [learnedEdits(body, target), learnedHistory(body, target)];
  for (const code of learned.flatMap((each) => each.warnings)) encoding.warn(code);
  const edits = [...learned.flatMap((each) => each.edits), ...callIdEdits(body, longestId(target))];
  return {
    body: editedObject(body, edits),
    stream: chat.stream,
    headers: {},
    warnings: [...warnings],
    undo: { model: target.model, ...(names.sent.size > 0 && { toolNames: names.written }) },
  };
}

type Field = readonly [string, Json | undefined];

function toolFields(chat: ChatRequest, encoding: Encoding): Field[] {
  if (chat.tools.length === 0) return [];
  return [
    ["tools", chat.tools.map((tool) => encodeTool(tool, encoding))],
    ["tool_choice", chat.toolChoice && encodeChoice(chat.toolChoice, chat.tools, encoding)],
    ["parallel_tool_calls", chat.parallelToolCalls],
  ];
}

function encodeTool(tool: Tool, { toolName, warn }: Encoding): JsonObject {
  if (tool.extra) warn("tools");
  const { description, parameters, strict, format } = tool;
  const name = toolName(tool.name);
  if (tool.kind === "custom") {
    return { type: "custom", custom: members(Object.entries({ name, description, format })) };
  }
  return { type: "function", function: members(Object.entries({ name, description, parameters, strict })) };
}

function encodeChoice(choice: ToolChoice, tools: readonly Tool[], { toolName }: Encoding): Json {
  const kinds = new Map(tools.map(({ name, kind }) => [name, kind]));
  const named = (name: string): JsonObject => {
    const kind = kinds.get(name) ?? "function";
    return { type: kind, [kind]: { name: toolName(name) } };
  };
  switch (choice.type) {
    case "auto":
    case "required":
    case "none":
      return choice.type;
    case "tool":
      return named(choice.name);
    case "allowed":
      return {
        type: "allowed_tools",
        allowed_tools: { mode: choice.mode, tools: choice.names.map(named) },
      };
  }
}

function limitField(chat: ChatRequest, { target, traits, warn }: Encoding): Field[] {
  if (chat.maxTokens === undefined) return [];
  if (chat.maxTokens < 1) {
    throw invalidValue(
      "max_tokens",
      `Invalid 'max_tokens': the model cannot answer in ${chat.maxTokens} tokens`,
    );
  }
  const most = Math.min(target.maxOutputTokens ?? Infinity, learnedLimit(target.refuses, OLDER));
  const limit = Math.min(chat.maxTokens, most);
  if (limit < chat.maxTokens) warn("max_tokens");
  const newer = traits.completionTokens !== target.refuses.has(traits.completionTokens ? NEWER : OLDER);
  return [[newer ? NEWER : OLDER, limit]];
}

/** The two names of the limit: a model that refuses one takes the other. */
const NEWER = "max_completion_tokens";
const OLDER = "max_tokens";

function responseFormat(format: ResponseFormat): JsonObject {
  if (format.type === "json") return { type: "json_object" };
  const { name = "response", description, schema, strict = true } = format;
  return {
    type: "json_schema",
    json_schema: members(Object.entries({ name, description, schema, strict })),
  };
}

/**
 * An opaque id of the person behind the request. Only the models that this API is named after are known to take it;
 * other servers refuse what they do not know. The longest that all versions take is 64 characters.
 */
function endUser({ endUser }: ChatRequest, { traits, warn }: Encoding): string | undefined {
  if (!endUser) return undefined;
  if (traits.safetyIdentifier) return endUser.length > 64 ? sha256(endUser) : endUser;
  warn("metadata");
  return undefined;
}

/** The provider's own count is always asked for, whether or not the client wants to see it. */
function streamFields(chat: ChatRequest): Field[] {
  return chat.stream ? [["stream", true], ["stream_options", { include_usage: true }]] : [];
}
