/** Words and figures that replies, streams and requests share: finish reasons, usage, service tiers, ids. */

import { type Finish, type FinishReason, MOST_TOKENS, type ServiceTier, type Usage } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { GatewayError } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";

/** A finish reason as the API says it. */
export type WireFinish = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

/** The API's word for a finish, and the provider's own where it is another. */
export function writeFinish(finish: Finish, legacyFunctions: boolean): JsonObject {
  const word: WireFinish = legacyFunctions && finish.reason === "tool-calls"
    ? "function_call"
    : FINISH_WORDS[finish.reason];
  const { native } = finish;
  return {
    finish_reason: word,
    ...(native !== undefined && native !== word && { native_finish_reason: native }),
  };
}

const FINISH_WORDS: Readonly<Record<FinishReason, WireFinish>> = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "tool-calls": "tool_calls",
  refusal: "content_filter",
};

/** What an answer showed of its end. */
export interface FinishSigns {
  readonly finishReason: Json | undefined;
  /** vLLM's `stop_reason`: the stop sequence that was met. */
  readonly stopReason: Json | undefined;
  readonly refusal: string;
  readonly calls: boolean;
}

/** The finish that a provider's words mean; `known` is false for a word that nobody knows, or none. */
export function readFinish(signs: FinishSigns): { finish: Finish; known: boolean } {
  const { finishReason, stopReason, refusal, calls } = signs;
  const native = typeof finishReason === "string" && finishReason !== "" ? finishReason : undefined;
  const word = native === undefined ? undefined : FINISH_REASONS.get(native);
  // Several servers say `stop` beside tool calls.
  const plain = calls ? "tool-calls" : "stop";
  const said = word === undefined || word === "stop" ? plain : word;
  const sequence = said === "stop" && typeof stopReason === "string" ? stopReason : undefined;
  const refused = refusal !== "" || said === "refusal";
  const reason = refused ? "refusal" : sequence === undefined ? said : "stop-sequence";
  const finish: Finish = {
    reason,
    ...(native !== undefined && { native }),
    ...(sequence !== undefined && !refused && { stopSequence: sequence }),
    ...(refused && { refusal: refusal === "" ? {} : { explanation: refusal } }),
  };
  return { finish, known: word !== undefined };
}

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ["stop", "stop"],
  ["length", "length"],
  ["tool_calls", "tool-calls"],
  ["function_call", "tool-calls"],
  ["content_filter", "refusal"],
  ["insufficient_system_resource", "length"],
  // Words of servers that speak the API with an accent.
  ["eos", "stop"],
  ["end_turn", "stop"],
  ["max_tokens", "length"],
  ["model_length", "length"],
]);

/** The failure that a finish reason stands for, if it does. @param produced something was answered before */
export function failureOf(finishReason: Json | undefined, produced: boolean): GatewayError | undefined {
  // The provider ran out of its own means, not the model of tokens (DeepSeek).
  if (finishReason === "insufficient_system_resource" && !produced) {
    return new GatewayError("upstream_error", "The provider ran out of resources", {
      status: 503,
      kind: "overloaded",
      said: finishReason,
      shown: "overloaded",
    });
  }
  if (finishReason !== "error") return undefined;
  return new GatewayError("upstream_invalid_response", "The provider says that its answer failed", {
    failure: "invalid",
  });
}

/** Token counts of an answer; undefined if it has none. Only whole numbers from 0 on are counts. */
export function readUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const input = count(usage.prompt_tokens);
  const output = count(usage.completion_tokens);
  if (input === undefined && output === undefined) return undefined;
  const prompt = detailsOf(usage.prompt_tokens_details);
  return {
    input: input ?? 0,
    cacheRead: count(prompt.cached_tokens) ?? count(usage.prompt_cache_hit_tokens) ?? 0,
    cacheWrite: count(prompt.cache_write_tokens) ?? 0,
    output: output ?? 0,
    reasoning: count(detailsOf(usage.completion_tokens_details).reasoning_tokens) ?? 0,
  };
}

/** Token counts as the API gives them: the parts add up to the total. */
export function writeUsage(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}

function detailsOf(details: Json | undefined): JsonObject {
  return isObject(details) ? details : {};
}

function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= 0 && number <= MOST_TOKENS
    ? number
    : undefined;
}

/** The tier that answered, in the API's words; others have no counterpart. */
export function writeServiceTier(tier: string | undefined): ServiceTier | undefined {
  return tier === undefined ? undefined : SERVICE_TIERS.get(tier);
}

const SERVICE_TIERS: ReadonlyMap<string, ServiceTier> = new Map([
  ["standard", "default"],
  ["auto", "auto"],
  ["default", "default"],
  ["priority", "priority"],
  ["flex", "flex"],
  ["fast", "fast"],
  ["scale", "scale"],
]);

/** An answer's id as clients know it; made of the request's id where the provider gave none. */
export function replyId(id: string, requestId: string): string {
  const own = id === "" ? requestId : id;
  return own.startsWith("chatcmpl-") ? own : `chatcmpl-${own}`;
}

/** An id for a tool call that came without one: the same for the same answer, streamed or not. */
export function callId(reply: string, index: number, name: string): string {
  return `call_${sha256(`${reply}:${index}:${name}`).slice(0, 24)}`;
}

/** Several thoughts as one text. */
export const THOUGHT_SEPARATOR = "\n\n";
