/** A neutral request as a body of this API, for the provider that it is named after and for the many like it. */

import type { ChatRequest, Message, Warning } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { invalidValue } from "../../errors.ts";
import { type Json, members } from "../../json.ts";
import { editedObject } from "../../json-edit.ts";
import { atOnce, mayPause, type Work } from "../../work.ts";
import type { EncodedRequest, TargetModel } from "../dialect.ts";
import { withinLearned } from "../lessons.ts";
import { pairingOf, pairToolCalls } from "../pairing.ts";
import { callIdEdits, longestId } from "./call-ids.ts";
import { encodeFormat } from "./encode-format.ts";
import { encodeMessages } from "./encode-messages.ts";
import { reasoningEffort, samplingFields, stopField } from "./encode-settings.ts";
import { toolFields } from "./encode-tools.ts";
import type { Encoding } from "./encoding.ts";
import { learnedEdits, learnedHistory } from "./learned.ts";
import { traitsOf } from "./models.ts";
import { shortNames } from "./tool-names.ts";

/** As `encodingRequest`, without a pause. */
export function encodeRequest(chat: ChatRequest, target: TargetModel): EncodedRequest {
  return atOnce(encodingRequest(chat, target));
}

/** @throws GatewayError `invalid_value` or `unsupported_parameter` for what this API cannot express */
export function* encodingRequest(chat: ChatRequest, target: TargetModel): Work<EncodedRequest> {
  const warnings = new Set<Warning>();
  const names = shortNames(chat);
  const encoding: Encoding = {
    target,
    traits: traitsOf(target.model),
    toolName: (name) => names.sent.get(name) ?? name,
    warn: (code) => warnings.add(code),
  };
  if (mayPause()) yield;
  const paired = pairToolCalls(chat.messages, pairingOf(chat.losses, target.options.repair), encoding.warn);
  if (mayPause()) yield;
  if (paired.at(-1)?.role === "assistant") encoding.warn("prefill");
  if (chat.cache) encoding.warn("cache_control");
  const formatting = encodeFormat(chat.format, encoding);
  const messages = yield* encodeMessages(instructed(paired, formatting.instruction), encoding);
  if (mayPause()) yield;
  const body = members([
    ["model", target.model],
    ["messages", messages],
    ...toolFields(chat, encoding),
    ...limitField(chat, encoding),
    ...samplingFields(chat, encoding),
    ["stop", stopField(chat, encoding)],
    ["reasoning_effort", reasoningEffort(chat, encoding)],
    ["response_format", formatting.format],
    ["safety_identifier", endUser(chat, encoding)],
    ["service_tier", chat.serviceTier],
    ...streamFields(chat),
  ]);
  if (mayPause()) yield;
  const learned = [learnedEdits(body, target), learnedHistory(body, target)];
  for (const code of learned.flatMap((each) => each.warnings)) encoding.warn(code);
  const edits = [...learned.flatMap((each) => each.edits), ...callIdEdits(body, longestId(target))];
  if (mayPause()) yield;
  return {
    body: editedObject(body, edits),
    stream: chat.stream,
    headers: {},
    warnings: [...warnings],
    undo: {
      model: target.model,
      gather: true,
      ...(names.sent.size > 0 && { toolNames: names.written }),
      ...(formatting.members && { members: { text: formatting.members } }),
    },
  };
}

/** The messages with one more instruction, behind those that they begin with. */
function instructed(messages: readonly Message[], instruction: string | undefined): readonly Message[] {
  if (instruction === undefined) return messages;
  const [first, ...rest] = messages;
  const text = { type: "text", text: instruction } as const;
  if (first?.role !== "system") return [{ role: "system", content: [text] }, ...messages];
  return [{ role: "system", content: [...first.content, text] }, ...rest];
}

type Field = readonly [string, Json | undefined];

function limitField(chat: ChatRequest, { target, traits, warn }: Encoding): Field[] {
  if (chat.maxTokens === undefined) return [];
  if (chat.maxTokens < 1) {
    throw invalidValue(
      "max_tokens",
      `Invalid 'max_tokens': the model cannot answer in ${chat.maxTokens} tokens`,
    );
  }
  const most = Math.min(chat.maxTokens, target.maxOutputTokens ?? Infinity);
  const limit = withinLearned(target.refuses, OLDER, most);
  if (limit !== chat.maxTokens) warn("max_tokens");
  const newer = traits.completionTokens !== target.refuses.has(traits.completionTokens ? NEWER : OLDER);
  return [[newer ? NEWER : OLDER, limit]];
}

/** The two names of the limit: a model that refuses one takes the other. */
const NEWER = "max_completion_tokens";
const OLDER = "max_tokens";

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
