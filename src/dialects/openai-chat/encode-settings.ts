/** Sampling, stop sequences and reasoning of a request, as far as the model takes them. */

import type { ChatRequest, Effort, Reasoning } from "../../chat.ts";
import type { Json } from "../../json.ts";
import { refusesField } from "../lessons.ts";
import type { Encoding } from "./encoding.ts";
import { nearestEffort } from "./models.ts";

/** Temperature and the like; what the model refuses goes with a warning, unless it is the default anyway. */
export function samplingFields(
  chat: ChatRequest,
  encoding: Encoding,
): (readonly [string, Json | undefined])[] {
  if (chat.topK !== undefined) encoding.warn("top_k"); // The API has no such field; strict servers refuse it.
  return [
    ["temperature", sampling("temperature", chat.temperature, encoding)],
    ["top_p", sampling("top_p", chat.topP, encoding)],
  ];
}

/** The stop sequences: the API takes four. */
export function stopField(chat: ChatRequest, { traits, warn }: Encoding): readonly string[] | undefined {
  const stop = chat.stop ?? [];
  const kept = traits.stop ? stop.slice(0, 4) : [];
  if (kept.length < stop.length) warn("stop");
  return kept.length === 0 ? undefined : kept;
}

/** The effort that says best what the client asked for; nothing if the model's own default does. */
export function reasoningEffort(chat: ChatRequest, encoding: Encoding): Effort | undefined {
  const { reasoning, tools } = chat;
  const wanted = reasoning && wantedEffort(reasoning);
  const found = sentEffort(wanted, tools.length > 0, encoding);
  // A model that does not reason does what `none` asks for.
  const same = found === wanted || (wanted === "none" && found === undefined);
  const lost = reasoning && wanted === undefined && encoding.traits.efforts.length === 0;
  if (!same || lost) encoding.warn(reasoning?.mode === undefined ? "reasoning_effort" : "thinking");
  return found;
}

/**
 * The effort that the model takes in place of the one that is wanted.
 * @param withTools some models take none together with functions
 */
export function sentEffort(
  wanted: Effort | undefined,
  withTools: boolean,
  { traits, target }: Pick<Encoding, "traits" | "target">,
): Effort | undefined {
  const efforts = traits.efforts.filter((effort) =>
    !refusesField(target.refuses, "reasoning_effort", effort)
  );
  const learned = target.refuses.has("effort_with_tools");
  const silent = learned || traits.effortWithTools === "none" ||
    (traits.effortWithTools === "refused" && wanted !== undefined);
  if (withTools && silent) return efforts.includes("none") ? "none" : undefined;
  return wanted && nearestEffort(wanted, efforts);
}

function wantedEffort({ mode, effort, budget = 0 }: Reasoning): Effort | undefined {
  if (mode === "disabled" || mode === "between_tools") return "none";
  if (effort !== undefined || mode !== "enabled") return effort;
  if (budget < 4096) return "low";
  return budget < 16384 ? "medium" : "high";
}

function sampling(code: string, value: number | undefined, { traits, warn }: Encoding): number | undefined {
  if (value === undefined || traits.sampling) return value;
  if (value !== 1) warn(code);
  return undefined;
}
