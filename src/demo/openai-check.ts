/** What the OpenAI API refuses a request for, in its words: the first thing found counts. */

import { asNumber, isObject, type Json, type JsonObject } from "../json.ts";
import type { Problem } from "./api.ts";
import { openaiProblem } from "./problems.ts";
import { hasOpenObject, objectsOf } from "./read.ts";
import { wholeNumber } from "./usage.ts";

const PARAMETERS = new Set(
  ("messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens " +
    "max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty " +
    "prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format " +
    "safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools " +
    "top_logprobs top_p user verbosity web_search_options").split(" "),
);
const ROLES = ["system", "assistant", "user", "function", "tool", "developer"];
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  temperature: [0, 2],
  top_p: [0, 1],
  presence_penalty: [-2, 2],
  frequency_penalty: [-2, 2],
  n: [1, 128],
};
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** What the OpenAI API would refuse the request for; the first counts. */
export function* checkOpenAI(body: JsonObject): Iterable<Problem> {
  if (typeof body["model"] !== "string" || body["model"] === "") {
    yield openaiProblem(400, "you must provide a model parameter");
  }
  for (const key of Object.keys(body)) {
    if (!PARAMETERS.has(key)) {
      yield openaiProblem(400, `Unknown parameter: '${key}'.`, "unknown_parameter", key);
    }
  }
  yield* checkSettings(body);
  yield* checkTools(body);
  const messages = body["messages"];
  if (messages === undefined) {
    yield openaiProblem(
      400,
      "Missing required parameter: 'messages'.",
      "missing_required_parameter",
      "messages",
    );
  } else if (!Array.isArray(messages)) {
    yield invalidType("messages", "an array of objects", messages);
  } else if (messages.length === 0) {
    yield openaiProblem(400, "Invalid 'messages': empty array.", "empty_array", "messages");
  } else {
    yield* checkMessages(messages);
  }
}

function* checkSettings(body: JsonObject): Iterable<Problem> {
  for (const [key, [least, most]] of Object.entries(RANGES)) {
    const value = body[key];
    if (value === undefined || value === null) continue;
    const number = asNumber(value);
    if (number === undefined) yield invalidType(key, "a decimal", value);
    else if (number < least || number > most) {
      yield openaiProblem(
        400,
        `Invalid '${key}': must be from ${least} to ${most}, but got ${number}.`,
        null,
        key,
      );
    }
  }
  const stop = body["stop"];
  if (Array.isArray(stop) && stop.length > 4) {
    yield openaiProblem(400, "Invalid 'stop': array too long.", "array_above_max_length", "stop");
  }
  if (body["stream_options"] != null && body["stream"] !== true) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    yield openaiProblem(400, message, null, "stream_options");
  }
  for (const key of ["max_tokens", "max_completion_tokens"]) {
    const value = body[key];
    if (value != null && (wholeNumber(value) ?? 0) < 1) {
      yield openaiProblem(
        400,
        `Invalid '${key}': integer below minimum value.`,
        "integer_below_min_value",
        key,
      );
    }
  }
  yield* checkFormat(body);
}

function* checkFormat(body: JsonObject): Iterable<Problem> {
  const format = body["response_format"];
  if (!isObject(format)) return;
  if (format["type"] === "json_object" && !/json/i.test(JSON.stringify(body["messages"] ?? ""))) {
    const message =
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    yield openaiProblem(400, message, null, "messages");
  }
  if (format["type"] !== "json_schema") return;
  const wanted = format["json_schema"];
  if (!isObject(wanted) || typeof wanted["name"] !== "string") {
    const param = "response_format.json_schema.name";
    yield openaiProblem(400, `Missing required parameter: '${param}'.`, "missing_required_parameter", param);
  } else if (wanted["strict"] === true && hasOpenObject(wanted["schema"])) {
    const message =
      `Invalid schema for response_format '${wanted["name"]}': 'additionalProperties' is required ` +
      "to be supplied and to be false.";
    yield openaiProblem(400, message, null, "response_format");
  }
}

function* checkTools(body: JsonObject): Iterable<Problem> {
  for (const [index, tool] of objectsOf(body["tools"]).entries()) {
    const name =
      (isObject(tool["function"]) ? tool["function"] : isObject(tool["custom"]) ? tool["custom"] : {})[
        "name"
      ];
    if (typeof name === "string" && TOOL_NAME.test(name)) continue;
    const param = `tools[${index}].function.name`;
    yield openaiProblem(
      400,
      `Invalid '${param}': string does not match pattern.`,
      "invalid_value",
      param,
    );
  }
  const choice = body["tool_choice"];
  if (choice != null && !Array.isArray(body["tools"])) {
    const message =
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
    yield openaiProblem(400, message, null, "tool_choice");
  }
}

function* checkMessages(messages: readonly Json[]): Iterable<Problem> {
  let open = new Set<Json | undefined>();
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    if (!isObject(message)) {
      yield invalidType(at, "an object", message);
      continue;
    }
    const role = message["role"];
    if (typeof role !== "string" || !ROLES.includes(role)) {
      const message = `Invalid value: '${role}'. Supported values are: ${
        ROLES.map((name) => `'${name}'`).join(", ")
      }.`;
      yield openaiProblem(400, message, "invalid_value", `${at}.role`);
    }
    const content = message["content"] ?? null;
    if (content === null && role !== "assistant" && role !== "function") {
      const message = "Invalid value for 'content': expected a string, got null.";
      yield openaiProblem(400, message, null, `messages.[${index}].content`);
    }
    if (role === "tool") {
      if (!open.delete(message["tool_call_id"])) yield unpairedResult(at);
      continue;
    }
    yield* unanswered(open, index);
    open = new Set(objectsOf(message["tool_calls"]).map((call) => call["id"]));
  }
  yield* unanswered(open, messages.length);
}

function unpairedResult(at: string): Problem {
  const message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message " +
    "with 'tool_calls'.";
  return openaiProblem(400, message, null, `${at}.role`);
}

function* unanswered(open: ReadonlySet<Json | undefined>, index: number): Iterable<Problem> {
  if (open.size === 0) return;
  const message =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each " +
    `'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;
  yield openaiProblem(400, message, null, `messages.[${index}].role`);
}

function invalidType(param: string, expected: string, got: Json): Problem {
  const type = got === null ? "null" : Array.isArray(got) ? "an array" : `a ${typeof got}`;
  const message = `Invalid type for '${param}': expected ${expected}, but got ${type} instead.`;
  return openaiProblem(400, message, "invalid_type", param);
}
