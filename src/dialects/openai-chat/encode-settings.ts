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
  const wanted = chat.reasoning && wantedEffort(chat.reasoning);
  const code = chat.reasoning?.mode === undefined ? "reasoning_effort" : "thinking";
  const efforts = acceptedEfforts(encoding);
  const silent = chat.tools.length > 0 ? silentEffort(wanted, efforts, encoding) : undefined;
  if (silent) {
    if (wanted !== "none") encoding.warn(wanted === undefined ? "reasoning_effort" : code);
    return silent.effort;
  }
  if (!chat.reasoning) return undefined;
  if (efforts.length === 0) {
    // A model that does not reason does what `none` asks for.
    if (wanted !== "none") encoding.warn(code);
    return undefined;
  }
  const found = wanted && nearestEffort(wanted, efforts);
  if (found !== wanted) encoding.warn(code);
  return found;
}

/** The efforts that the model takes, less those that it was found to refuse. */
function acceptedEfforts({ traits, target }: Encoding): readonly Effort[] {
  return traits.efforts.filter((effort) => !refusesField(target.refuses, "reasoning_effort", effort));
}

/** What is said of the effort where it does not go together with functions; undefined where it does. */
function silentEffort(
  wanted: Effort | undefined,
  efforts: readonly Effort[],
  { traits, target }: Encoding,
): { readonly effort: Effort | undefined } | undefined {
  const learned = target.refuses.has("effort_with_tools");
  if (!learned && traits.effortWithTools === "accepted") return undefined;
  if (!learned && traits.effortWithTools === "refused" && wanted === undefined) return undefined;
  return { effort: efforts.includes("none") ? "none" : undefined };
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
