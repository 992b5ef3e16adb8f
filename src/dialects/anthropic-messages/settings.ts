/** The small settings of a request: limits, sampling, stop sequences, service tier, end user. */

import type { ChatRequest, ServiceTier } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { invalidValue } from "../../errors.ts";
import type { TargetModel } from "../dialect.ts";
import { learnedLimit } from "../lessons.ts";
import type { Capabilities } from "./models.ts";
import type { Warn } from "./warn.ts";
import type { MessagesRequest, ThinkingConfig } from "./wire.ts";

/** Tokens that an answer may have where nobody says how many: more than any answer needs that is not meant to be long. */
const DEFAULT_LIMIT = 32_000;

/** The most output tokens of the answer; the API demands the figure. */
export function outputLimit(
  asked: number | undefined,
  target: TargetModel,
  model: Capabilities,
  warn: Warn,
): number {
  const most = Math.min(
    target.maxOutputTokens ?? model.maxOutput,
    learnedLimit(target.refuses, "max_tokens"),
  );
  if (asked === undefined) return Math.min(most, target.maxOutputTokens ?? DEFAULT_LIMIT);
  if (asked <= most) return asked;
  warn("max_tokens");
  return most;
}

type Sampling = Pick<MessagesRequest, "temperature" | "top_p" | "top_k">;

/**
 * @param thinking what the request says of it: a thinking model samples as it will
 * @throws GatewayError `invalid_value` for a temperature outside of 0 to 2
 */
export function encodeSampling(
  chat: Pick<ChatRequest, "temperature" | "topP" | "topK">,
  model: Capabilities,
  thinking: ThinkingConfig | undefined,
  warn: Warn,
): Sampling {
  const thinks = isThinking(thinking);
  const free = model.sampling !== "none" && !thinks;
  const temperature = encodeTemperature(chat.temperature, model, thinks, warn);
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...encodeTopP(chat.topP, model, thinking, temperature !== undefined, warn),
    ...(chat.topK !== undefined && kept(free, "top_k", warn) ? { top_k: chat.topK } : {}),
  };
}

function isThinking(thinking: ThinkingConfig | undefined): boolean {
  return thinking?.type === "enabled" || thinking?.type === "adaptive";
}

function encodeTemperature(
  asked: number | undefined,
  model: Capabilities,
  thinks: boolean,
  warn: Warn,
): number | undefined {
  if (asked === undefined) return undefined;
  if (!(asked >= 0 && asked <= 2)) {
    throw invalidValue("temperature", `Temperature ${asked} is not between 0 and 2`);
  }
  if (model.sampling === "none" || (thinks && asked < 1)) {
    if (asked !== 1) warn("temperature");
    return undefined;
  }
  if (asked > 1) warn("temperature");
  return Math.min(asked, 1);
}

function encodeTopP(
  asked: number | undefined,
  model: Capabilities,
  thinking: ThinkingConfig | undefined,
  withTemperature: boolean,
  warn: Warn,
): Sampling {
  if (asked === undefined) return {};
  const taken = model.sampling !== "none" && !(withTemperature && model.sampling === "one") &&
    (!isThinking(thinking) || asked >= 0.95);
  const harmless = model.sampling === "none" && asked >= 0.99;
  return harmless || !kept(taken, "top_p", warn) ? {} : { top_p: asked };
}

function kept(taken: boolean, field: string, warn: Warn): boolean {
  if (!taken) warn(field);
  return taken;
}

/** Sequences of white space alone are refused by the API (litellm#3286). */
export function encodeStop(
  stop: readonly string[] | undefined,
  warn: Warn,
): Pick<MessagesRequest, "stop_sequences"> {
  const sequences = stop?.filter((sequence) => sequence.trim() !== "") ?? [];
  if (sequences.length < (stop?.length ?? 0)) {
    warn("stop_whitespace");
  }
  return sequences.length > 0 ? { stop_sequences: sequences } : {};
}

/** `auto` is the provider's default; a faster tier is never bought for someone who did not agree to it here. */
export function encodeServiceTier(
  tier: ServiceTier | undefined,
  warn: Warn,
): Pick<MessagesRequest, "service_tier"> {
  if (tier === undefined || tier === "auto") return {};
  if (tier === "default") return { service_tier: "standard_only" };
  warn("service_tier");
  return { service_tier: "auto" };
}

const EMAIL = /^\S+@\S+\.\S+$/;
const PHONE = /^\+?\d[\d\s().\/-]{5,}\d$/;
/** Characters that an id of an end user may have. */
const LONGEST_ID = 256;

/** An opaque id: what looks like a person's address goes as its digest. */
export function encodeEndUser(id: string | undefined): Pick<MessagesRequest, "metadata"> {
  if (!id) return {};
  // The length first: on a long text these patterns take a time that grows with its square.
  const telling = id.length > LONGEST_ID || EMAIL.test(id.trim()) || PHONE.test(id.trim());
  return { metadata: { user_id: telling ? sha256(id) : id } };
}
