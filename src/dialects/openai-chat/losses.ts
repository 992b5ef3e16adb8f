/**
 * Fields of a request that the neutral vocabulary has no word for: refused, left out with a warning, or left out in
 * silence where nothing is lost that the caller could see.
 */

import type { Loss } from "../../chat.ts";
import { isObject, type Json } from "../../json.ts";
import {
  arrayOf,
  booleanOf,
  countOf,
  member,
  numberOf,
  objectOf,
  type Place,
  stringOf,
  wordOf,
} from "./fields.ts";

type Verdict = "refuse" | "warn" | "silent";

/**
 * What of the request cannot be carried.
 * @throws GatewayError `invalid_value` for a known field of the wrong type
 */
export function lostFields(body: Place): Loss[] {
  const losses: Loss[] = [];
  for (const key of Object.keys(body.value)) {
    if (member(body, key) === undefined || CARRIED.has(key)) continue;
    const verdict = RULES.get(key)?.(body, key) ?? (RULES.has(key) ? "silent" : "warn");
    if (verdict === "refuse") losses.push(refused(key));
    if (verdict === "warn") losses.push(dropped(key));
  }
  return losses;
}

/** Fields that the decoder reads. */
const CARRIED: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "tools",
  "tool_choice",
  "functions",
  "function_call",
  "parallel_tool_calls",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop",
  "reasoning_effort",
  "thinking",
  "output_config",
  "response_format",
  "user",
  "safety_identifier",
  "service_tier",
  "cache_control",
  "prompt_cache_options",
  "anthropic_beta",
  "stream",
  "stream_options",
]);

type Rule = (body: Place, key: string) => Verdict | undefined;

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["audio", () => "silent"], // It means something beside `modalities` alone.
  ["frequency_penalty", penalty],
  ["logit_bias", (body, key) => Object.keys(objectOf(body, key)?.value ?? {}).length > 0 ? "warn" : "silent"],
  ["logprobs", (body, key) => booleanOf(body, key) ? "refuse" : "silent"],
  ["metadata", (body, key) => objectOf(body, key) && "silent"],
  ["modalities", (body, key) => arrayOf(body, key)?.includes("audio") ? "refuse" : "silent"],
  ["moderation", moderation],
  ["n", (body, key) => (countOf(body, key) ?? 1) > 1 ? "refuse" : "silent"],
  ["prediction", () => "silent"],
  ["presence_penalty", penalty],
  ["prompt_cache_key", () => "silent"],
  ["prompt_cache_retention", () => "silent"],
  ["seed", (body, key) => numberOf(body, key, -Infinity, Infinity) === undefined ? "silent" : "warn"],
  ["store", (body, key) => booleanOf(body, key) ? "warn" : "silent"],
  ["top_logprobs", (body, key) => (numberOf(body, key, 0, 20) ?? 0) > 0 ? "refuse" : "silent"],
  ["verbosity", (body, key) => wordOf(body, key, ["low", "medium", "high"]) === "medium" ? "silent" : "warn"],
  ["web_search_options", (body, key) => objectOf(body, key) && "refuse"],
]);

function penalty(body: Place, key: string): Verdict {
  return (numberOf(body, key, -2, 2) ?? 0) === 0 ? "silent" : "warn";
}

/** A caller that wants answers blocked must not get them unblocked; scores are only missing. */
function moderation(body: Place, key: string): Verdict {
  const place = objectOf(body, key);
  stringOf(place ?? body, "model");
  return blocks(place?.value.policy) ? "refuse" : "warn";
}

function blocks(policy: Json | undefined): boolean {
  if (!isObject(policy)) return false;
  return Object.values(policy).some((side) => isObject(side) && side.mode === "block");
}

function refused(field: string): Loss {
  const message = `Unsupported parameter: '${field}' is not supported with this model`;
  return { field, code: "unsupported_parameter", refuse: true, message };
}

function dropped(field: string): Loss {
  // The code goes into a header: a key that is no plain word is named by what it is.
  const code = /^[\w.-]{1,64}$/.test(field) ? field : "unknown_field";
  return { field, code, refuse: false, message: `'${field}' has no counterpart and was left out` };
}
