/** Reads requests as the Anthropic API does. */

import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Attachment, OfferedTool, Prompt } from "./answers.ts";
import { objectsOf, sizeOfBase64, textOf } from "./read.ts";
import { estimateInput, wholeNumber } from "./usage.ts";

/** Reads a request that was checked. */
export function readAnthropic(body: JsonObject, seed: string): Prompt {
  const messages = objectsOf(body["messages"]);
  const lastUser = messages.findLast((message) => message["role"] === "user");
  const last = messages.at(-1)?.["role"] === "user" ? objectsOf(lastUser?.["content"]) : [];
  const choice = isObject(body["tool_choice"]) ? body["tool_choice"] : {};
  return {
    api: "anthropic",
    model: textOf(body["model"]),
    instructions: textOf(body["system"]),
    question: textOf(lastUser?.["content"]),
    results: last.filter((block) => block["type"] === "tool_result").map((block) => textOf(block["content"])),
    attachments: messages.flatMap((message) => attachmentsOf(message["content"])),
    tools: objectsOf(body["tools"]).flatMap(toolOf),
    toolChoice: choiceOf(choice),
    parallel: choice["disable_parallel_tool_use"] !== true,
    schema: schemaOf(body["output_config"]),
    thinking: thinkingOf(body["thinking"]),
    maxTokens: wholeNumber(body["max_tokens"]),
    stop: [body["stop_sequences"]].flat().filter((stop) => typeof stop === "string"),
    stream: body["stream"] === true,
    includeUsage: true,
    choices: 1,
    legacyFunctions: false,
    inputTokens: inputTokens(body),
    cached: cachedOf(body),
    seed,
  };
}

/** Estimated tokens of a request. */
export function inputTokens(body: JsonObject): number {
  return estimateInput([body["system"] ?? null, body["messages"] ?? null, body["tools"] ?? null]);
}

/** A request with cache marks writes all but its last message to the cache. */
function cachedOf(body: JsonObject): Prompt["cached"] {
  const marks = JSON.stringify(body).match(/"cache_control":\{[^}]*\}/g) ?? [];
  if (marks.length === 0) return { cacheWrite: 0, cacheWrite1h: 0 };
  const earlier = objectsOf(body["messages"]).slice(0, -1);
  const cacheWrite = inputTokens({ ...body, messages: earlier });
  return { cacheWrite, cacheWrite1h: marks.some((mark) => mark.includes('"1h"')) ? cacheWrite : 0 };
}

function toolOf(tool: JsonObject): OfferedTool[] {
  const schema = tool["input_schema"];
  return isObject(schema) ? [{ name: textOf(tool["name"]), schema }] : [];
}

function choiceOf(choice: JsonObject): Prompt["toolChoice"] {
  if (choice["type"] === "none") return "none";
  if (choice["type"] === "any") return "required";
  return choice["type"] === "tool" ? { name: textOf(choice["name"]) } : "auto";
}

function schemaOf(config: Json | undefined): JsonObject | undefined {
  const format = isObject(config) ? config["format"] : undefined;
  return isObject(format) && isObject(format["schema"]) ? format["schema"] : undefined;
}

function thinkingOf(thinking: Json | undefined): Prompt["thinking"] {
  if (!isObject(thinking) || thinking["type"] === "disabled" || thinking["type"] === undefined) return "none";
  return thinking["display"] === "omitted" ? "omitted" : "shown";
}

function attachmentsOf(content: Json | undefined): Attachment[] {
  return objectsOf(content).flatMap((block) => {
    const { type, source } = block;
    if (type === "tool_result") return attachmentsOf(block["content"]);
    if ((type !== "image" && type !== "document") || !isObject(source)) return [];
    return [{ kind: type, detail: detailOf(source) }];
  });
}

function detailOf(source: JsonObject): string {
  const data = textOf(source["data"]);
  if (source["type"] === "base64") return sizeOfBase64(textOf(source["media_type"]), data);
  if (source["type"] === "text") return `text/plain, ${data.length} characters`;
  return textOf(source["url"] ?? source["file_id"]);
}
