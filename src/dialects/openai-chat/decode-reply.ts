/** A whole answer of a provider, read into the neutral vocabulary. */

import type { ChatReply, Citation, ReplyPart, ThinkingPart, ToolCallPart, Warning } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject, stringifyJson } from "../../json.ts";
import type { Undo } from "../dialect.ts";
import { listOf, readContent, textOf } from "./content.ts";
import { callExtra } from "./decode-assistant.ts";
import { decodeInnerError } from "./error.ts";
import { readDetail } from "./reasoning.ts";
import { callId, failureOf, readFinish, readUsage } from "./wire.ts";

/**
 * Reads the first choice; what it lacks is made up of nothing.
 * @throws GatewayError `upstream_invalid_response` for what is no answer; the error that the body carries, if it does
 */
export function decodeReply(body: Json, undo: Undo): ChatReply {
  if (!isObject(body)) throw invalidReply("it is not an object");
  if (body.error !== undefined && body.error !== null) throw decodeInnerError(body);
  const [choice] = Array.isArray(body.choices) ? body.choices : [];
  if (!isObject(choice) || !isObject(choice.message)) throw invalidReply("it has no choice with a message");
  const id = textOf(body.id);
  const message = choice.message;
  const said = readContent(message);
  const calls = toolCalls(message, id, undo);
  if (!said || !calls) throw invalidReply("its message is malformed");
  const refusal = textOf(message.refusal);
  const content: ReplyPart[] = [
    ...thinkingParts(message, said.thinking),
    ...textParts(said.text, refusal),
    ...calls,
  ];
  const failure = failureOf(choice.finish_reason, content.length > 0);
  if (failure) throw failure;
  const { finish, known } = readFinish({
    finishReason: choice.finish_reason,
    stopReason: choice.stop_reason,
    refusal,
    calls: calls.length > 0,
  });
  const usage = readUsage(body.usage);
  return {
    id,
    model: textOf(body.model) || undo.model,
    content,
    citations: (listOf(message.annotations) ?? []).flatMap(readAnnotation),
    finish,
    ...(usage && { usage }),
    ...(typeof body.service_tier === "string" && { serviceTier: body.service_tier }),
    warnings: lost(message, known),
  };
}

/** The range of a text that an annotation speaks of, with its source. */
export function readAnnotation(annotation: Json): Citation[] {
  if (!isObject(annotation) || !isObject(annotation.url_citation)) return [];
  const { url, title, start_index, end_index } = annotation.url_citation;
  const start = asNumber(start_index);
  const end = asNumber(end_index);
  if (typeof url !== "string" || start === undefined || end === undefined) return [];
  return [{ url, title: textOf(title), start, end }];
}

function thinkingParts(message: JsonObject, text: string): ReplyPart[] {
  const details = (listOf(message.reasoning_details) ?? []).flatMap((detail) => {
    const part = isObject(detail) ? readDetail(detail) : undefined;
    return part === undefined || part === "foreign" ? [] : [part];
  });
  const signed = details.some((part) => part.type === "redacted-thinking" || part.signature !== undefined);
  if (signed || text === "") return details;
  const thought: ThinkingPart = { type: "thinking", text };
  return [thought];
}

/** A refusal is what the model says instead of, or behind, a text. */
function textParts(text: string, refusal: string): ReplyPart[] {
  return text + refusal === "" ? [] : [{ type: "text", text: text + refusal }];
}

/** The tool calls, in order; undefined if they are malformed. */
function toolCalls(message: JsonObject, reply: string, undo: Undo): ToolCallPart[] | undefined {
  const legacy = isObject(message.function_call) ? [{ function: message.function_call }] : [];
  const found = listOf(message.tool_calls);
  if (!found) return undefined;
  const calls = (found.length > 0 ? found : legacy).map((call, at) => toolCall(call, at, reply, undo));
  return calls.every((call) => call !== undefined) ? calls : undefined;
}

function toolCall(call: Json, at: number, reply: string, undo: Undo): ToolCallPart | undefined {
  if (!isObject(call)) return undefined;
  const custom = isObject(call.custom) ? call.custom : undefined;
  const called = custom ?? call.function;
  if (!isObject(called) || textOf(called.name) === "") return undefined;
  const sent = textOf(called.name);
  return {
    type: "tool-call",
    id: textOf(call.id) || callId(reply, at, sent),
    name: undo.toolNames?.get(sent) ?? sent,
    input: argumentsOf(custom ? called.input : called.arguments),
    kind: custom ? "custom" : "function",
    ...callExtra(call),
  };
}

/** Arguments are text; some servers send the object itself. */
export function argumentsOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return isObject(value) ? stringifyJson(value) : "";
}

function lost(message: JsonObject, finishKnown: boolean): Warning[] {
  return [
    ...(finishKnown ? [] : ["finish_reason"]),
    ...(message.audio === undefined || message.audio === null ? [] : ["audio"]),
  ];
}

function invalidReply(reason: string): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer is invalid: ${reason}`, {
    failure: "invalid",
  });
}
