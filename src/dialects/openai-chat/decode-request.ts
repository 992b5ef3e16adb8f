/** A client's request as the neutral vocabulary says it. */

import { append } from "../../append.ts";
import type { ChatRequest, Reasoning, ResponseFormat, ServiceTier } from "../../chat.ts";
import { EFFORTS } from "../../chat.ts";
import { GatewayError, invalidValue } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { atOnce, mayPause, type Work } from "../../work.ts";
import type { RequestHead } from "../dialect.ts";
import { normalizing } from "../normal-form.ts";
import { decodeMessages } from "./decode-messages.ts";
import { cacheMark, type Losses } from "./decode-parts.ts";
import { decodeToolChoice, decodeTools } from "./decode-tools.ts";
import {
  arrayOf,
  booleanOf,
  countOf,
  member,
  numberOf,
  objectOf,
  type Place,
  requiredObject,
  requiredString,
  stringOf,
  stringsOf,
  wordOf,
} from "./fields.ts";
import { lostFields } from "./losses.ts";
import { unpairedLosses } from "./pairing.ts";

/**
 * Reads what routing needs.
 * @throws GatewayError `model_missing`; `invalid_value` for a `model`, `messages` or `stream` of another type
 */
export function readHead(value: JsonObject): RequestHead {
  const body = { value, path: "" };
  const model = stringOf(body, "model") ?? "";
  if (model === "") {
    throw new GatewayError("model_missing", "Model not specified in request", { param: "model" });
  }
  if (arrayOf(body, "messages") === undefined) {
    throw invalidValue("messages", "Missing required parameter: 'messages'");
  }
  const stream = booleanOf(body, "stream") ?? false;
  const options = objectOf(body, "stream_options");
  return { model, stream, includeUsage: stream && options?.value.include_usage === true };
}

/** As `decodingRequest`, without a pause. */
export function decodeRequest(value: JsonObject): ChatRequest {
  return atOnce(decodingRequest(value));
}

/** @throws GatewayError `invalid_value` or `model_missing`, naming the field */
export function* decodingRequest(value: JsonObject): Work<ChatRequest> {
  const body: Place = { value, path: "" };
  const head = readHead(value);
  const losses: Losses = [];
  const messages = arrayOf(body, "messages") ?? [];
  if (messages.length === 0) {
    throw invalidValue("messages", "Invalid 'messages': empty array. Expected at least one message");
  }
  const numbered = yield* decodeMessages(messages, losses);
  if (mayPause()) yield;
  const tools = yield* decodeTools(body, losses);
  if (mayPause()) yield;
  const toolChoice = decodeToolChoice(body, tools);
  const legacyFunctions = member(body, "functions") !== undefined && member(body, "tools") === undefined;
  const parallel = booleanOf(body, "parallel_tool_calls");
  const rest = settings(body, losses);
  append(losses, lostFields(body));
  append(losses, unpairedLosses(numbered));
  if (mayPause()) yield;
  const normal = yield* normalizing(numbered.map(({ message }) => message));
  return {
    ...head,
    messages: normal,
    tools,
    ...(toolChoice !== undefined && { toolChoice }),
    // A reply of the older shape has room for one call.
    ...(legacyFunctions
      ? { parallelToolCalls: false }
      : parallel !== undefined && { parallelToolCalls: parallel }),
    ...rest,
    legacyFunctions,
    losses,
  };
}

type Settings = Pick<
  ChatRequest,
  | "maxTokens"
  | "temperature"
  | "topP"
  | "topK"
  | "stop"
  | "reasoning"
  | "format"
  | "endUser"
  | "serviceTier"
  | "cache"
  | "explicitCache"
  | "betas"
>;

function settings(body: Place, losses: Losses): Settings {
  checkStreamOptions(body);
  const older = countOf(body, "max_tokens");
  const output = objectOf(body, "output_config");
  return present({
    maxTokens: countOf(body, "max_completion_tokens") ?? older,
    temperature: numberOf(body, "temperature", 0, 2),
    topP: numberOf(body, "top_p", 0, 1),
    topK: countOf(body, "top_k"),
    stop: stopSequences(body),
    reasoning: reasoning(body, output, losses),
    format: responseFormat(body) ?? outputFormat(output),
    endUser: stringOf(body, "safety_identifier") || stringOf(body, "user") || undefined,
    serviceTier: serviceTier(body),
    cache: cacheMark(body, losses).cache,
    explicitCache: explicitCache(body),
    betas: betas(body),
  });
}

/** The members that are there: an optional one may be absent and is never undefined. */
function present<Values extends object>(
  values: Values,
): { [Key in keyof Values]?: Exclude<Values[Key], undefined> } {
  const found: { [Key in keyof Values]?: Exclude<Values[Key], undefined> } = {};
  for (const key in values) {
    const value = values[key];
    if (value !== undefined) found[key] = value as Exclude<Values[typeof key], undefined>;
  }
  return found;
}

/** The tier; other servers have words of their own for the usual one. */
function serviceTier(body: Place): ServiceTier | undefined {
  const word = wordOf(body, "service_tier", [...TIERS, "on_demand", "standard", "standard_only"]);
  return TIERS.find((tier) => tier === word) ?? (word === undefined ? undefined : "default");
}

const TIERS = ["auto", "default", "priority", "flex", "fast", "scale"] as const;

function checkStreamOptions(body: Place): void {
  const options = objectOf(body, "stream_options");
  if (!options) return;
  booleanOf(options, "include_usage");
  if (member(body, "stream") === true) return;
  throw invalidValue(
    "stream_options",
    "Invalid 'stream_options': it is only allowed when 'stream' is true",
  );
}

function stopSequences(body: Place): readonly string[] | undefined {
  const value = member(body, "stop");
  const found = typeof value === "string" ? [value] : stringsOf(body, "stop");
  return found?.length === 0 ? undefined : found;
}

/** The effort, and the extension `thinking`, whose words go before it where both speak. */
function reasoning(body: Place, output: Place | undefined, losses: Losses): Reasoning | undefined {
  const word = (output && wordOf(output, "effort", EFFORTS)) ??
    wordOf(body, "reasoning_effort", [...EFFORTS, "default"]);
  // Groq's word for what the model does by itself.
  const effort = word === "default" ? undefined : word;
  const thinking = objectOf(body, "thinking");
  reportUnknown(thinking, ["type", "budget_tokens", "display"], losses);
  reportUnknown(output, ["effort", "format"], losses);
  if (!thinking && effort === undefined) return undefined;
  return present({
    effort,
    mode: thinking && wordOf(thinking, "type", ["enabled", "adaptive", "disabled", "between_tools"]),
    budget: thinking && countOf(thinking, "budget_tokens"),
    display: thinking && stringOf(thinking, "display"),
  });
}

function reportUnknown(place: Place | undefined, known: readonly string[], losses: Losses): void {
  for (const key of Object.keys(place?.value ?? {})) {
    if (!place || known.includes(key) || member(place, key) === undefined) continue;
    const message = `'${place.path}.${key}' was left out`;
    losses.push({ field: `${place.path}.${key}`, code: place.path, refuse: false, message });
  }
}

function responseFormat(body: Place): ResponseFormat | undefined {
  const format = objectOf(body, "response_format");
  if (!format) return undefined;
  requiredString(format, "type");
  const type = wordOf(format, "type", ["text", "json_object", "json_schema"]);
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return undefined;
  const schema = requiredObject(format, "json_schema");
  return {
    type: "schema",
    schema: objectOf(schema, "schema")?.value ?? {},
    ...present({
      name: stringOf(schema, "name"),
      description: stringOf(schema, "description"),
      strict: booleanOf(schema, "strict"),
    }),
  };
}

/** The extension `output_config.format`. */
function outputFormat(output: Place | undefined): ResponseFormat | undefined {
  const format = output && objectOf(output, "format");
  if (!format) return undefined;
  wordOf(format, "type", ["json_schema"]);
  return { type: "schema", schema: requiredObject(format, "schema").value };
}

/** The client places its cache marks itself. */
function explicitCache(body: Place): true | undefined {
  const options = objectOf(body, "prompt_cache_options");
  return options && wordOf(options, "mode", ["implicit", "explicit"]) === "explicit" ? true : undefined;
}

/** The extension `anthropic_beta`: a list, or one text with commas. */
function betas(body: Place): readonly string[] | undefined {
  const value = member(body, "anthropic_beta");
  const names = typeof value === "string" ? value.split(",") : stringsOf(body, "anthropic_beta") ?? [];
  const found = names.map((name) => name.trim()).filter((name) => name !== "");
  // They go into a header, which takes nothing else.
  if (found.some((name) => !/^[\x21-\x7e]+$/.test(name))) {
    throw invalidValue(
      "anthropic_beta",
      "Invalid 'anthropic_beta': expected names of visible ASCII characters",
    );
  }
  return found.length === 0 ? undefined : found;
}
