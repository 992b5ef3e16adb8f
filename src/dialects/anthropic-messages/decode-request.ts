/** A body of the Messages API as a neutral request. What it cannot say is named among the losses. */

import { append } from "../../append.ts";
import type { ChatRequest, Loss, Message, Part, Reasoning, ResponseFormat, ServiceTier } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, type JsonObject } from "../../json.ts";
import { atOnce, mapped, mayPause, type Work } from "../../work.ts";
import type { HeaderRecord, RequestHead } from "../dialect.ts";
import { normalizing } from "../normal-form.ts";
import {
  boolean,
  type Field,
  field,
  given,
  integer,
  list,
  malformed,
  number,
  object,
  oneOf,
  optional,
  string,
} from "./read.ts";
import { unpairedLosses } from "./unpaired.ts";
import { type Lose, readCache, readContent } from "./request-parts.ts";
import { readToolChoice, readTools } from "./request-tools.ts";

/**
 * What routing needs of a request.
 * @throws GatewayError `model_missing`, or `invalid_value` for a `model`, `messages` or `stream` of another type
 */
export function readHead(body: JsonObject): RequestHead {
  const model = optional(field(body, "model"), string) ?? "";
  if (model === "") {
    throw new GatewayError("model_missing", "Model not specified in request", { param: "model" });
  }
  optional(field(body, "messages"), list);
  return { model, stream: readStream(body), includeUsage: true };
}

/** As `decodingRequest`, without a pause. */
export function decodeRequest(body: JsonObject, headers: HeaderRecord): ChatRequest {
  return atOnce(decodingRequest(body, headers));
}

/**
 * @param headers by lower-case name; `anthropic-beta` is read
 * @throws GatewayError `invalid_value` with the path of a malformed field, also at the start of its message
 */
export function* decodingRequest(body: JsonObject, headers: HeaderRecord): Work<ChatRequest> {
  const losses: Loss[] = [];
  const lose: Lose = (loss) => losses.push(loss);
  const { model, stream, includeUsage } = readHead(body);
  const system = readSystem(field(body, "system"), lose);
  const said = yield* readMessages(field(body, "messages"), lose);
  if (mayPause()) yield;
  append(losses, unpairedLosses(said));
  if (mayPause()) yield;
  const messages = yield* normalizing([...system, ...said]);
  const { tools, losses: lostTools, leftOut } = readTools(field(body, "tools"));
  append(losses, lostTools);
  append(losses, loseFields(body));
  const betas = readBetas(headers);
  return {
    model,
    messages,
    tools,
    ...readToolChoice(field(body, "tool_choice"), { tools, leftOut }, lose),
    ...given("maxTokens", optional(field(body, "max_tokens"), (limit) => integer(limit, 0))),
    ...given("temperature", optional(field(body, "temperature"), (value) => number(value, 0, 1))),
    ...given("topP", optional(field(body, "top_p"), (value) => number(value, 0, 1))),
    ...given("topK", optional(field(body, "top_k"), (value) => integer(value, 0))),
    ...given("stop", optional(field(body, "stop_sequences"), (stop) => list(stop).map(string))),
    ...given("reasoning", readReasoning(body)),
    ...given("format", readFormat(body)),
    ...given("endUser", optional(field(body, "metadata"), readEndUser)),
    ...given("serviceTier", optional(field(body, "service_tier"), readTier)),
    ...given("cache", readCache(body, "")),
    ...(betas.length > 0 ? { betas } : {}),
    stream,
    includeUsage,
    legacyFunctions: false,
    losses,
  };
}

function readStream(body: JsonObject): boolean {
  return optional(field(body, "stream"), boolean) ?? false;
}

function readSystem(system: Field, lose: Lose): Message[] {
  const parts = optional(system, (content) => readContent(content, "system", lose)) ?? [];
  return [{ role: "system", content: parts.flatMap(withoutBilling) }];
}

/**
 * Claude Code begins its instructions with a line that differs in every request and means nothing to another
 * provider, where it would defeat every cache (1rgs/claude-code-proxy#99).
 */
const BILLING = "x-anthropic-billing-header:";

function withoutBilling(part: Part): Part[] {
  if (part.type !== "text" || !part.text.includes(BILLING)) return [part];
  const lines = part.text.split("\n").filter((line) => !line.startsWith(BILLING));
  return lines.length > 0 ? [{ ...part, text: lines.join("\n") }] : [];
}

function* readMessages(messages: Field, lose: Lose): Work<Message[]> {
  const items = list(messages);
  if (mayPause()) yield;
  if (items.length === 0) throw malformed(messages.path, "At least one message is required");
  return yield* mapped(items, (item): Message => {
    const message = object(item);
    const role = oneOf(field(message, "role", item.path), ["user", "assistant", "system"]);
    return { role, content: readContent(field(message, "content", item.path), role, lose) };
  });
}

const MODES = ["enabled", "adaptive", "disabled", "between_tools"] as const;
const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;

function readReasoning(body: JsonObject): Reasoning | undefined {
  const effort = optional(outputField(body, "effort"), (value) => oneOf(value, EFFORTS));
  const thinking = optional(field(body, "thinking"), (config) => {
    const value = object(config);
    const at = (name: string) => field(value, name, config.path);
    const mode = oneOf(at("type"), MODES);
    return {
      mode,
      ...(mode === "enabled" ? { budget: integer(at("budget_tokens"), 1) } : {}),
      ...given("display", optional(at("display"), string)),
    };
  });
  if (effort === undefined && thinking === undefined) return undefined;
  return { ...thinking, ...given("effort", effort) };
}

/** The form of the answer; its older place is the top level. */
function readFormat(body: JsonObject): ResponseFormat | undefined {
  const current = outputField(body, "format");
  return optional(current.value === undefined ? field(body, "output_format") : current, (format) => {
    const value = object(format);
    oneOf(field(value, "type", format.path), ["json_schema"]);
    return {
      type: "schema",
      name: "response",
      schema: object(field(value, "schema", format.path)),
      strict: true,
    };
  });
}

function outputField(body: JsonObject, name: string): Field {
  return field(optional(field(body, "output_config"), object) ?? {}, name, "output_config");
}

function readEndUser(metadata: Field): string | undefined {
  return optional(field(object(metadata), "user_id", metadata.path), string);
}

function readTier(tier: Field): ServiceTier {
  return oneOf(tier, ["auto", "standard_only"]) === "auto" ? "auto" : "default";
}

function readBetas(headers: HeaderRecord): string[] {
  return (headers["anthropic-beta"] ?? "").split(",").map((beta) => beta.trim()).filter((beta) =>
    beta !== ""
  );
}

/** Fields that have a place in the neutral request. */
const READ = new Set([
  ...[
    "model",
    "messages",
    "system",
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
  ],
  ...["thinking", "output_config", "output_format", "tools", "tool_choice", "metadata", "service_tier"],
  ...["cache_control"],
]);

/** State that the provider keeps, or servers that it would call: without them the answer would be another one. */
const REFUSED = new Set(["thread", "mcp_servers", "container"]);

function loseFields(body: JsonObject): Loss[] {
  const unknown = Object.keys(body).filter((name) => !READ.has(name) && asksFor(body, name));
  const unknownOutput = Object.keys(optional(field(body, "output_config"), object) ?? {})
    .filter((name) => name !== "effort" && name !== "format");
  return [
    ...unknown.map((name) => lost(name, REFUSED.has(name))),
    ...(unknownOutput.length > 0 ? [lost("output_config", false)] : []),
    // The API demands a limit; counting a request's tokens does not.
    ...(field(body, "max_tokens").value === undefined ? [MISSING_LIMIT] : []),
  ];
}

const MISSING_LIMIT: Loss = {
  field: "max_tokens",
  code: "invalid_value",
  refuse: true,
  message: "max_tokens: Field required",
};

function lost(name: string, refuse: boolean): Loss {
  return {
    field: name,
    code: refuse ? "unsupported_parameter" : name,
    refuse,
    message: `${name}: The target model's API has no counterpart for this field`,
  };
}

/** Null, nothing and the default are no wish. */
function asksFor(body: JsonObject, name: string): boolean {
  const { value } = field(body, name);
  if (value === undefined || (name === "speed" && value === "standard")) return false;
  return !(Array.isArray(value) && value.length === 0) &&
    !(isObject(value) && Object.keys(value).length === 0);
}
