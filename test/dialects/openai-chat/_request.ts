/** A request around the fields that a test is about. */

import { readFileSync } from "node:fs";
import type { ChatRequest } from "../../../src/chat.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { isObject, type JsonObject, parseJson } from "../../../src/json.ts";

const FIXTURES = new URL("../../fixtures/openai-chat/", import.meta.url);

export function body(fields: JsonObject): JsonObject {
  return { model: "gpt-5", messages: [{ role: "user", content: "go" }], ...fields };
}

export function decode(fields: JsonObject): ChatRequest {
  return openaiChat.decodeRequest(body(fields), {});
}

export function user(...content: JsonObject[]): JsonObject {
  return { messages: [{ role: "user", content }] };
}

export function fixtureText(path: string): string {
  return readFileSync(new URL(path, FIXTURES), "utf8");
}

export function fixture(path: string): JsonObject {
  const value = parseJson(fixtureText(path));
  if (!isObject(value)) throw new Error(`${path} is not an object`);
  return value;
}
