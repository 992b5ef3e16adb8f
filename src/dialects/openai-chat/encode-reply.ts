/** A whole answer for a client of this API: one choice, every key that its libraries look for. */

import { noteOrder } from "../../block-order.ts";
import type { ChatReply, Citation, Finish, ReplyPart, ToolCallPart, ToolKind } from "../../chat.ts";
import { type Json, type JsonObject, members } from "../../json.ts";
import type { ReplyOptions } from "../dialect.ts";
import { writeDetail } from "./reasoning.ts";
import { replyId, THOUGHT_SEPARATOR, writeFinish, writeServiceTier } from "./wire.ts";
import { writeUsage } from "./usage.ts";

/** Writes an answer. `usage` is null where the provider counted nothing. */
export function encodeReply(reply: ChatReply, options: ReplyOptions): JsonObject {
  return members([
    ["id", replyId(reply.id, options.requestId)],
    ["object", "chat.completion"],
    ["created", options.created],
    ["model", reply.model],
    ["choices", [{
      index: 0,
      message: writeMessage(reply, options.legacyFunctions),
      logprobs: null,
      ...writeFinish(reply.finish, options.legacyFunctions),
    }]],
    ["usage", reply.usage ? writeUsage(reply.usage) : null],
    ["service_tier", writeServiceTier(reply.serviceTier)],
    ["system_fingerprint", null],
  ]);
}

/** What is said of a refusal; undefined if there is none. */
export function writeRefusal(finish: Finish): string | undefined {
  if (finish.reason !== "refusal") return undefined;
  return finish.refusal?.explanation ?? "The model refused to respond.";
}

/** A tool call as the API says it, its arguments still to come or all there. */
export function writeCall(kind: ToolKind, name: string, input: string): JsonObject {
  return kind === "custom"
    ? { type: "custom", custom: { name, input } }
    : { type: "function", function: { name, arguments: input } };
}

export function writeAnnotations(citations: readonly Citation[]): Json[] {
  return citations.map(({ url, title, start, end }) => ({
    type: "url_citation",
    url_citation: { url, title, start_index: start, end_index: end },
  }));
}

function writeMessage({ content, finish, citations }: ChatReply, legacyFunctions: boolean): JsonObject {
  const calls = content.filter((part) => part.type === "tool-call");
  const text = content.flatMap((part) => part.type === "text" ? [part.text] : []).join("");
  const refusal = writeRefusal(finish);
  const silent = calls.length > 0 || refusal !== undefined;
  const [first] = calls;
  return members([
    ["role", "assistant"],
    ["content", text === "" && silent ? null : text],
    ["refusal", refusal ?? null],
    ...(legacyFunctions
      ? [["function_call", first && writeCall("function", first.name, argumentsOf(first)).function] as const]
      : [["tool_calls", calls.length === 0 ? undefined : calls.map(toolCall)] as const]),
    ["reasoning_content", thinkingText(content)],
    ["reasoning_details", reasoningDetails(content)],
    ["annotations", citations.length === 0 ? undefined : writeAnnotations(citations)],
  ]);
}

function toolCall(part: ToolCallPart): JsonObject {
  return members([
    ...Object.entries(part.extra ?? {}),
    ["id", part.id],
    ...Object.entries(writeCall(part.kind, part.name, argumentsOf(part))),
  ]);
}

/** Arguments that are not there are an empty object: `""` breaks the next request (litellm#5063). */
function argumentsOf({ kind, input }: ToolCallPart): string {
  return kind === "function" && input === "" ? "{}" : input;
}

function thinkingText(content: readonly ReplyPart[]): string | undefined {
  const thoughts = content.flatMap((part) => part.type === "thinking" && part.text !== "" ? [part.text] : []);
  return thoughts.length === 0 ? undefined : thoughts.join(THOUGHT_SEPARATOR);
}

function reasoningDetails(content: readonly ReplyPart[]): Json | undefined {
  const details: JsonObject[] = [];
  let between = noteOrder();
  for (const part of content) {
    if (part.type === "text") between.text(part.text.length);
    else if (part.type === "tool-call") between.call();
    else {
      const detail = writeDetail(part, details.length, between.all());
      if (!detail) continue;
      details.push(detail);
      between = noteOrder();
    }
  }
  return details.length === 0 ? undefined : details;
}
