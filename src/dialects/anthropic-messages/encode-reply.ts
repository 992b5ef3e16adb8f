/** A whole answer for a client of the Messages API: every key that its own answers always have. */

import type { ChatReply, ReplyPart, ToolCallPart, ToolKind, Warning } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { type Allowance, allowance, isObject, type JsonObject, readWithin } from "../../json.ts";
import { ANSWER_LIMITS } from "../../json-scan.ts";
import type { ReplyOptions } from "../dialect.ts";
import { estimateAnswer } from "../estimate.ts";
import { handOut } from "./handed-ids.ts";
import { encodeStop } from "./stop-reasons.ts";
import { encodeUsage, estimatedUsage } from "./usage.ts";
import type { MessageReply, ReplyBlock } from "./wire-reply.ts";

/** Writes an answer. Where the provider counted no tokens, the figures are estimates. */
export function encodeReply(reply: ChatReply, options: ReplyOptions): MessageReply {
  const content = [...reply.content, ...refusalText(reply)];
  const calls = content.filter(({ type }) => type === "tool-call").length;
  const usage = reply.usage ?? estimatedUsage(options.estimatedInput, estimateAnswer(reply.content));
  return {
    id: messageId(reply.id, options.requestId),
    type: "message",
    role: "assistant",
    model: reply.model,
    content: encodeParts(content, options.requestId),
    ...encodeStop(reply.finish, calls > 0),
    usage: encodeUsage(usage),
  };
}

/** What an answer loses here: figures that are estimates, sources, arguments that are no JSON object. */
export function lostInReply({ usage, citations, content }: ChatReply): Warning[] {
  const json = allowance(ANSWER_LIMITS);
  return [
    ...(usage ? [] : ["usage_estimated"]),
    ...(citations.length > 0 ? ["citations_dropped"] : []),
    ...(content.some((part) => part.type === "tool-call" && !isReadable(part, json))
      ? ["tool_arguments"]
      : []),
  ];
}

/** The id of a message: the provider's, marked as this API marks them, or one made of the request's. */
export function messageId(id: string, requestId: string): string {
  const known = id === "" ? requestId : id;
  return known.startsWith("msg_") ? known : `msg_${known}`;
}

/** The id of a tool call: the provider's as clients may have it, or one that the same call of the same request always gets. */
export function toolUseId(id: string, requestId: string, call: number): string {
  return id === "" ? `toolu_${sha256(`${requestId}/${call}`).slice(0, 24)}` : handOut(id);
}

/**
 * A tool call's input as the object that this API wants. Text that is no JSON object is kept whole under a name that
 * says so: `{}` would lose it.
 */
function toolInput(text: string, kind: ToolKind, json: Allowance): JsonObject {
  if (kind === "custom") return customInput(text);
  if (text.trim() === "") return {};
  const value = readWithin(text, json);
  return isObject(value) ? value : { _raw_arguments: text };
}

/** The input of a tool that takes any text. */
export function customInput(text: string): JsonObject {
  return { input: text };
}

function isReadable({ input, kind }: ToolCallPart, json: Allowance): boolean {
  return kind === "custom" || input.trim() === "" || isObject(readWithin(input, json));
}

/**
 * What a refusal says, if the text does not say it already: clients show the text alone.
 * @param end the text, or so much of its end as is kept
 * @param length how long all of the text is
 */
export function unsaid(finish: ChatReply["finish"], end: string, length: number): string {
  const words = finish.reason === "refusal" ? finish.refusal?.explanation ?? "" : "";
  const known = end.length < length && words.length > end.length ? words.slice(-end.length) : words;
  return words.length <= length && end.endsWith(known) ? "" : words;
}

function refusalText({ content, finish }: ChatReply): ReplyPart[] {
  const text = content.map((part) => part.type === "text" ? part.text : "").join("");
  const missing = unsaid(finish, text, text.length);
  return missing === "" ? [] : [{ type: "text", text: missing }];
}

function encodeParts(parts: readonly ReplyPart[], requestId: string): ReplyBlock[] {
  const json = allowance(ANSWER_LIMITS);
  let calls = 0;
  return parts.flatMap((part): ReplyBlock[] => {
    switch (part.type) {
      case "text":
        // An empty block is kept in a client's history, and refused from then on (claude-code#88536).
        return part.text === "" ? [] : [{ type: "text", text: part.text }];
      case "thinking":
        return [{ type: "thinking", thinking: part.text, signature: part.signature ?? "" }];
      case "redacted-thinking":
        return [{ type: "redacted_thinking", data: part.data }];
      case "tool-call":
        return [encodeCall(part, toolUseId(part.id, requestId, calls++), json)];
    }
  });
}

function encodeCall({ name, input, kind }: ToolCallPart, id: string, json: Allowance): ReplyBlock {
  return { type: "tool_use", id, name, input: toolInput(input, kind, json) };
}
