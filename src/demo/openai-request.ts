/** Reads requests as the OpenAI API does. */

import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Attachment, OfferedTool, Prompt } from "./answers.ts";
import { objectsOf, sizeOfBase64, textOf } from "./read.ts";
import { estimateInput, wholeNumber } from "./usage.ts";

/** Reads a request that was checked. */
export function readOpenAI(body: JsonObject, seed: string): Prompt {
  const messages = objectsOf(body["messages"]);
  const legacy = objectsOf(body["functions"]);
  const tools = [...objectsOf(body["tools"]).map(toolOf), ...legacy.map((tool) => functionOf(tool))];
  const after = messages.slice(messages.findLastIndex((message) => message["role"] === "assistant") + 1);
  const streamOptions = body["stream_options"];
  const effort = body["reasoning_effort"];
  return {
    api: "openai",
    model: textOf(body["model"]),
    instructions: messages.filter(isInstruction).map((message) => textOf(message["content"])).join("\n"),
    question: textOf(messages.findLast((message) => message["role"] === "user")?.["content"]),
    results: after.filter(isResult).map((message) => textOf(message["content"])),
    attachments: messages.flatMap((message) => objectsOf(message["content"]).flatMap(attachmentOf)),
    tools,
    toolChoice: choiceOf(body["tool_choice"] ?? body["function_call"]),
    parallel: body["parallel_tool_calls"] !== false && legacy.length === 0,
    schema: schemaOf(body["response_format"]),
    thinking: typeof effort === "string" && effort !== "none" ? "shown" : "none",
    maxTokens: wholeNumber(body["max_completion_tokens"]) ?? wholeNumber(body["max_tokens"]),
    stop: [body["stop"]].flat().filter((stop) => typeof stop === "string"),
    stream: body["stream"] === true,
    includeUsage: isObject(streamOptions) && streamOptions["include_usage"] === true,
    choices: wholeNumber(body["n"]) ?? 1,
    legacyFunctions: legacy.length > 0,
    inputTokens: estimateInput([body["messages"] ?? null, body["tools"] ?? null]),
    cached: { cacheWrite: 0, cacheWrite1h: 0 },
    seed,
  };
}

function isInstruction(message: JsonObject): boolean {
  return message["role"] === "system" || message["role"] === "developer";
}

function isResult(message: JsonObject): boolean {
  return message["role"] === "tool" || message["role"] === "function";
}

function toolOf(tool: JsonObject): OfferedTool {
  if (isObject(tool["custom"])) return { name: textOf(tool["custom"]["name"]) };
  return functionOf(isObject(tool["function"]) ? tool["function"] : {});
}

function functionOf(tool: JsonObject): OfferedTool {
  return { name: textOf(tool["name"]), schema: tool["parameters"] ?? { type: "object" } };
}

function choiceOf(choice: Json | undefined): Prompt["toolChoice"] {
  if (choice === "none" || choice === "required") return choice;
  if (!isObject(choice)) return "auto";
  const named = isObject(choice["function"])
    ? choice["function"]
    : isObject(choice["custom"])
    ? choice["custom"]
    : choice;
  return typeof named["name"] === "string" ? { name: named["name"] } : "auto";
}

function schemaOf(format: Json | undefined): JsonObject | undefined {
  if (!isObject(format)) return undefined;
  if (format["type"] === "json_object") {
    return { type: "object", properties: { simulated: { type: "boolean" } } };
  }
  const wanted = format["json_schema"];
  return isObject(wanted) && isObject(wanted["schema"]) ? wanted["schema"] : undefined;
}

function attachmentOf(part: JsonObject): Attachment[] {
  const { image_url: image, file, input_audio: audio } = part;
  if (isObject(image)) return [{ kind: "image", detail: placeOf(textOf(image["url"])) }];
  if (isObject(file)) {
    return [{ kind: "document", detail: placeOf(textOf(file["file_data"] ?? file["file_id"])) }];
  }
  if (!isObject(audio)) return [];
  return [{ kind: "audio", detail: sizeOfBase64(`audio/${textOf(audio["format"])}`, textOf(audio["data"])) }];
}

function placeOf(url: string): string {
  const data = /^data:([^;,]*);base64,/.exec(url);
  return data ? sizeOfBase64(data[1] ?? "", url.slice(data[0].length)) : url;
}
