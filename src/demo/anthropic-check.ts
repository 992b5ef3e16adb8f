/** What the Anthropic API refuses a request for, in its words: the first thing found counts. */

import { asNumber, isObject, type Json, type JsonObject } from "../json.ts";
import type { Headers, Problem } from "./api.ts";
import { checkAnthropicMessages } from "./anthropic-messages-check.ts";
import { anthropicProblem } from "./problems.ts";
import { hasOpenObject, objectsOf } from "./read.ts";
import { wholeNumber } from "./usage.ts";

const PARAMETERS = new Set(
  ("model messages max_tokens system tools tool_choice temperature top_p top_k stop_sequences stream metadata " +
    "thinking output_config service_tier speed cache_control container diagnostics inference_geo " +
    "user_profile_id workspace_id").split(" "),
);
/** Accepted beside them where the request names a beta. */
const BETA_PARAMETERS = new Set(
  "compaction context_management fallbacks fallback_credit_token mcp_servers output_format billing_policy thread"
    .split(" "),
);
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const MOST_CACHE_MARKS = 4;
const LEAST_BUDGET = 1024;

/**
 * What the Anthropic API would refuse the request for.
 * @param counting the request only wants its tokens counted, and needs no `max_tokens`
 */
export function* checkAnthropic(body: JsonObject, headers: Headers, counting = false): Iterable<Problem> {
  for (const key of Object.keys(body)) {
    const known = PARAMETERS.has(key) ||
      (headers["anthropic-beta"] !== undefined && BETA_PARAMETERS.has(key));
    if (!known) yield anthropicProblem(400, `${key}: Extra inputs are not permitted`);
  }
  if (typeof body["model"] !== "string" || body["model"] === "") {
    yield anthropicProblem(400, "model: Field required");
  }
  if (!counting) yield* checkMaxTokens(body);
  yield* checkSampling(body, headers["anthropic-version"] ?? "");
  yield* checkThinking(body);
  yield* checkTools(body);
  yield* checkOutput(body);
  yield* checkMarks(body);
  yield* checkAnthropicMessages(body);
}

function* checkMaxTokens(body: JsonObject): Iterable<Problem> {
  const value = body["max_tokens"];
  if (value === undefined) yield anthropicProblem(400, "max_tokens: Field required");
  else if (wholeNumber(value) === undefined) {
    yield anthropicProblem(400, "max_tokens: Input should be a valid integer, at least 0");
  }
}

function* checkSampling(body: JsonObject, version: string): Iterable<Problem> {
  for (const key of ["temperature", "top_p", "top_k"]) {
    const value = body[key];
    if (value === undefined) continue;
    if (version >= "2026-10-21") {
      yield anthropicProblem(400, `${key}: Extra inputs are not permitted with anthropic-version ${version}`);
    }
    const number = asNumber(value);
    const most = key === "top_k" ? Infinity : 1;
    if (number === undefined) yield anthropicProblem(400, `${key}: Input should be a valid number`);
    else if (number < 0 || number > most) yield anthropicProblem(400, `${key}: range: 0..${most}`);
  }
  const stops = body["stop_sequences"];
  if (Array.isArray(stops) && stops.some((stop) => typeof stop !== "string" || stop.trim() === "")) {
    yield anthropicProblem(400, "stop_sequences: each stop sequence must contain non-whitespace");
  }
}

function* checkThinking(body: JsonObject): Iterable<Problem> {
  const thinking = body["thinking"];
  if (!isObject(thinking) || thinking["type"] !== "enabled") return;
  const budget = wholeNumber(thinking["budget_tokens"]);
  if (budget === undefined) yield anthropicProblem(400, "thinking.enabled.budget_tokens: Field required");
  else if (budget < LEAST_BUDGET) {
    const message =
      `thinking.enabled.budget_tokens: Input should be greater than or equal to ${LEAST_BUDGET}`;
    yield anthropicProblem(400, message);
  } else if (budget >= (wholeNumber(body["max_tokens"]) ?? Infinity)) {
    yield anthropicProblem(400, "`max_tokens` must be greater than `thinking.budget_tokens`");
  }
  const temperature = asNumber(body["temperature"]) ?? 1;
  if (temperature !== 1) {
    yield anthropicProblem(400, "`temperature` may only be set to 1 when thinking is enabled");
  }
  const choice = body["tool_choice"];
  if (isObject(choice) && (choice["type"] === "any" || choice["type"] === "tool")) {
    yield anthropicProblem(400, "Thinking may not be enabled when tool_choice forces tool use.");
  }
}

function* checkTools(body: JsonObject): Iterable<Problem> {
  const tools = objectsOf(body["tools"]);
  const names = new Set<Json | undefined>();
  for (const [index, tool] of tools.entries()) {
    if (tool["type"] !== undefined && tool["type"] !== "custom") continue;
    const at = `tools.${index}.custom`;
    const name = tool["name"];
    if (typeof name !== "string" || !TOOL_NAME.test(name)) {
      yield anthropicProblem(400, `${at}.name: String should match pattern '${TOOL_NAME.source}'`);
    }
    if (names.has(name)) yield anthropicProblem(400, "tools: Tool names must be unique.");
    names.add(name);
    const schema = tool["input_schema"];
    if (!isObject(schema)) yield anthropicProblem(400, `${at}.input_schema: Field required`);
    else if (schema["type"] !== "object") {
      yield anthropicProblem(400, `${at}.input_schema.type: Input should be 'object'`);
    }
  }
  const choice = body["tool_choice"];
  if (!isObject(choice)) return;
  if (tools.length === 0 && choice["type"] !== "none") {
    yield anthropicProblem(400, "tool_choice: `tool_choice` may only be specified while providing `tools`.");
  }
  if (choice["type"] === "tool" && !tools.some((tool) => tool["name"] === choice["name"])) {
    yield anthropicProblem(400, `Tool '${choice["name"]}' not found in provided tools`);
  }
}

function* checkOutput(body: JsonObject): Iterable<Problem> {
  const metadata = body["metadata"];
  if (isObject(metadata)) {
    const extra = Object.keys(metadata).find((key) => key !== "user_id");
    if (extra !== undefined) {
      yield anthropicProblem(400, `metadata.${extra}: Extra inputs are not permitted`);
    }
  }
  const config = body["output_config"];
  const format = isObject(config) ? config["format"] : undefined;
  if (!isObject(format)) return;
  if (!isObject(format["schema"])) {
    yield anthropicProblem(400, "output_config.format.schema: Field required");
  } else if (hasOpenObject(format["schema"])) {
    const message =
      "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly " +
      "set to false";
    yield anthropicProblem(400, message);
  }
}

function* checkMarks(body: JsonObject): Iterable<Problem> {
  const marks = countMarks([body["tools"] ?? null, body["system"] ?? null, body["messages"] ?? null]);
  if (marks > MOST_CACHE_MARKS) {
    const message =
      `A maximum of ${MOST_CACHE_MARKS} blocks with cache_control may be provided. Found ${marks}.`;
    yield anthropicProblem(400, message);
  }
}

/** How many blocks carry a cache mark; schemas and tool input are not looked into. */
function countMarks(value: Json): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMarks(item), 0);
  if (!isObject(value)) return 0;
  return (isObject(value["cache_control"]) ? 1 : 0) + countMarks(value["content"] ?? null);
}
