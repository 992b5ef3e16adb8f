/**
 * Proofs of thoughts in a history, and the members that carry them. A proof has a maker, and means nothing to the model
 * of another, which may refuse the whole request for it.
 */

import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import type { TargetModel } from "../dialect.ts";
import { MISTRALS } from "./call-ids.ts";

const CLAUDES = /claude|anthropic|sonnet|opus|haiku|fable|mythos/i;

/** How a proof's format begins, and what the names of its maker's models have in them. */
const MAKERS: readonly (readonly [RegExp, RegExp])[] = [
  [/^anthropic/, CLAUDES],
  [/^google/, /gemini|google/i],
  [/^openai|^azure/, /gpt|openai|codex|(?:^|\/)o\d/i],
  [/^xai/, /grok|xai/i],
];

/** Names of models that are no Gemini, under whatever name their server has them. */
const NO_GEMINI =
  /claude|gpt|(?:^|\/)o\d|llama|qwen|qwq|(?:mis|mix|magis|codes|devs|minis|pix)tral|deepseek|kimi|glm|grok|command|phi|minimax|nova/i;

/** The edits that take another maker's proofs out of the messages. */
export function foreignProofs(messages: readonly JsonObject[], target: TargetModel): Edit[] {
  return messages.flatMap((message, at): Edit[] => {
    if (message.role !== "assistant") return [];
    return [
      ...detailEdits(message, at, target),
      ...partEdits(message, at, target),
      ...extraEdits(message, at, target),
    ];
  });
}

/** Signed thoughts, and their text beside them: a server that does not know the one does not know the other. */
function detailEdits(message: JsonObject, at: number, { model, options }: TargetModel): Edit[] {
  const details: readonly Json[] = Array.isArray(message.reasoning_details) ? message.reasoning_details : [];
  const foreign = details.map((detail) => isForeign(detail, model));
  if (!foreign.includes(true)) return [];
  if (foreign.includes(false)) {
    return foreign.flatMap((is, number): Edit[] =>
      is ? [{ path: ["messages", at, "reasoning_details", number], value: undefined }] : []
    );
  }
  const members = ["reasoning_details", "reasoning", ...options.reasoningEcho ? [] : ["reasoning_content"]];
  return members.filter((name) => Object.hasOwn(message, name))
    .map((name) => ({ path: ["messages", at, name], value: undefined }));
}

function isForeign(detail: Json, model: string): boolean {
  const format = isObject(detail) && typeof detail.format === "string" ? detail.format : "";
  const maker = MAKERS.find(([formats]) => formats.test(format));
  return maker !== undefined && !maker[1].test(model);
}

/** Thoughts among the parts of the content: Mistral's way to say them, and some gateways' for Claude's. */
function partEdits(message: JsonObject, at: number, { model }: TargetModel): Edit[] {
  const parts: readonly Json[] = Array.isArray(message.content) ? message.content : [];
  const foreign = parts.map((part) => isForeignPart(part, model));
  if (!foreign.includes(true)) return [];
  if (!foreign.includes(false)) {
    const called = Array.isArray(message.tool_calls) && message.tool_calls.length > 0;
    return [{ path: ["messages", at, "content"], value: called ? null : "" }];
  }
  return foreign.flatMap((is, number): Edit[] =>
    is ? [{ path: ["messages", at, "content", number], value: undefined }] : []
  );
}

function isForeignPart(part: Json, model: string): boolean {
  if (!isObject(part) || (part.type !== "thinking" && part.type !== "redacted_thinking")) return false;
  return !(Array.isArray(part.thinking) ? MISTRALS : CLAUDES).test(model);
}

/** Thought signatures of Gemini's on tool calls: without them Gemini refuses, with them others do. */
function extraEdits(message: JsonObject, at: number, { model }: TargetModel): Edit[] {
  if (!NO_GEMINI.test(model) || /gemini/i.test(model)) return [];
  const calls: readonly Json[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  return calls.flatMap((call, number): Edit[] =>
    isObject(call) && isObject(call.extra_content) && (call.extra_content.google ?? call.extra_content.vertex)
      ? [{ path: ["messages", at, "tool_calls", number, "extra_content"], value: undefined }]
      : []
  );
}
