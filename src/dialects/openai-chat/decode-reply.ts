/** A whole answer of a provider, read into the neutral vocabulary. */

import type { ChatReply, Citation, ReplyPart, ThinkingPart, ToolCallPart, ToolKind } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent, listOf } from "../absent.ts";
import { isCutJson, isNoInput, wholeArguments } from "../arguments.ts";
import type { Undo } from "../dialect.ts";
import { failureOf, isMended } from "../endings.ts";
import { attachedTo } from "./attached.ts";
import { lostMembers, lostSources, readContent, textOf } from "./content.ts";
import { callExtra } from "./decode-assistant.ts";
import { decodeInnerError } from "./error.ts";
import { isErrorBody, isFiltered } from "./no-answer.ts";
import { readDetail } from "./reasoning.ts";
import { callId, finishWord, readFinish } from "./wire.ts";
import { figuresOf, readUsage } from "./usage.ts";

/**
 * Reads the first choice; what it lacks is made up of nothing. An answer that a filter took away, or that its provider
 * counts and says nothing in, is an answer: a refusal without words.
 * @throws GatewayError `upstream_invalid_response` for what is no answer; the error that the body carries, if it does
 */
export function decodeReply(body: Json, undo: Undo): ChatReply {
  if (isErrorBody(body)) throw decodeInnerError(body);
  if (!isObject(body)) throw invalidReply("it is not an object");
  const usage = readUsage(figuresOf(body, listOf(body.choices)?.[0]));
  const { choice, filtered } = firstChoice(body, usage !== undefined);
  const id = textOf(body.id);
  const message = isObject(choice.message) ? choice.message : {};
  const said = readContent(message);
  const calls = toolCalls(message, id, undo);
  if (!said || !calls) throw invalidReply("its message is malformed");
  const refusal = textOf(message.refusal);
  const content: ReplyPart[] = [
    ...thinkingParts(message, said.thinking),
    ...textParts(said.text, refusal),
    ...calls,
  ];
  const end = finishWord(choice);
  const failed = isAbsent(choice.error) ? undefined : decodeInnerError({ error: choice.error ?? null });
  const failure = end.word === undefined ? failed : failureOf(end.word, content.length > 0);
  if (failure) throw failed ?? failure;
  const cutCall = calls.some(({ kind, input }) => kind === "function" && isCutJson(input));
  const signs = { ...end, calls: calls.length > 0, cutCall };
  const { finish, known } = readFinish({ ...signs, stopReason: choice.stop_reason, refusal, filtered });
  const attached = undo.gather && calls.length > 0 ? attachedTo(message) : undefined;
  return {
    id,
    model: textOf(body.model) || undo.model,
    content,
    citations: (listOf(message.annotations) ?? []).flatMap(readAnnotation),
    ...(attached && { attached }),
    finish,
    ...(usage && { usage }),
    ...(typeof body.service_tier === "string" && { serviceTier: body.service_tier }),
    warnings: [
      ...new Set([
        ...(known ? [] : ["finish_reason"]),
        ...(isMended(signs) ? ["tool_arguments"] : []),
        ...said.lost,
        ...lostMembers(message),
        ...lostSources(body),
      ]),
    ],
  };
}

/**
 * The choice that is read; `filtered` if there is none, or one without a message, because a filter took it away.
 * @param counted the provider counts the answer's tokens
 */
function firstChoice(body: JsonObject, counted: boolean): { choice: JsonObject; filtered: boolean } {
  const choices = listOf(body.choices);
  const choice = choices?.length === 0 ? {} : choices?.[0];
  if (!isObject(choice)) throw invalidReply("it has no choice");
  if (!isAbsent(choice.message)) {
    if (!isObject(choice.message)) throw invalidReply("its message is malformed");
    return { choice, filtered: false };
  }
  // An answer of another API (`text`) would be lost in silence.
  const answered = textOf(choice.text) === "" &&
    (finishWord(choice).word !== undefined || isObject(choice.message));
  const filtered = isFiltered(body, choice) || (choices?.length === 0 && counted);
  if (!answered && !filtered) throw invalidReply("it has no choice with a message");
  return { choice, filtered: filtered && !answered };
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
  const found = listOf(message.tool_calls);
  if (!found) return undefined;
  const calls = found.filter((call) => !isNoCall(call));
  const legacy: JsonObject = { function: message.function_call };
  const all = calls.length > 0 || isNoCall(legacy) ? calls : [legacy];
  const ids = new Set<string>();
  const read = all.map((call, at) => toolCall(call, at, { reply, undo, ids }));
  return read.every((call) => call !== undefined) ? read : undefined;
}

/** Whether a call has neither a name nor arguments: that is how some servers say that there is none. */
function isNoCall(call: Json): boolean {
  if (!isObject(call)) return isAbsent(call);
  const { called, input } = calledOf(call);
  return isBlank(called.name) && isNoInput(wholeArguments(input));
}

function isBlank(name: Json | undefined): boolean {
  return typeof name === "string" ? name.trim() === "" : isAbsent(name);
}

/** What is called, and with what: servers that know both kinds of tools may fill in one and leave the other empty. */
export function calledOf(call: JsonObject): { kind: ToolKind; called: JsonObject; input: Json | undefined } {
  const { custom, function: called } = call;
  if (isObject(custom) && (!isAbsent(custom) || isAbsent(called))) {
    return { kind: "custom", called: custom, input: custom.input };
  }
  const object = isObject(called) ? called : {};
  return { kind: "function", called: object, input: object.arguments };
}

/** @param ids those of the calls before it: some servers give one id to several */
function toolCall(
  call: Json,
  at: number,
  { reply, undo, ids }: { reply: string; undo: Undo; ids: Set<string> },
): ToolCallPart | undefined {
  if (!isObject(call)) return undefined;
  const { kind, called, input } = calledOf(call);
  const sent = textOf(called.name);
  if (isBlank(sent)) return undefined;
  const given = textOf(call.id);
  const id = given === "" || ids.has(given) ? callId(reply, at, sent) : given;
  ids.add(id);
  return {
    type: "tool-call",
    id,
    name: undo.toolNames?.get(sent) ?? sent,
    input: kind === "custom" ? textOf(input) : wholeArguments(input),
    kind,
    ...callExtra(call),
  };
}

function invalidReply(reason: string): GatewayError {
  return new GatewayError("upstream_invalid_response", `The provider's answer is invalid: ${reason}`, {
    failure: "invalid",
  });
}
