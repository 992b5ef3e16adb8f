/** What the Anthropic API refuses in the messages of a request: roles, empty texts, tools that do not pair. */

import { isObject, type Json, type JsonObject } from "../json.ts";
import { isSigned } from "./answers.ts";
import type { Problem } from "./api.ts";
import { anthropicProblem } from "./problems.ts";
import { objectsOf } from "./read.ts";

/** The fields of the blocks that a client writes; server tools' blocks are not checked. */
const BLOCKS: ReadonlyMap<string, readonly string[]> = new Map([
  ["text", ["text", "cache_control", "citations"]],
  ["image", ["source", "cache_control", "transformations"]],
  ["document", ["source", "cache_control", "citations", "context", "title"]],
  ["tool_use", ["id", "input", "name", "cache_control", "caller", "toolset_name"]],
  ["tool_result", ["tool_use_id", "cache_control", "content", "is_error", "toolset_name"]],
  ["thinking", ["signature", "thinking"]],
  ["redacted_thinking", ["data"]],
]);
const OTHER_BLOCKS = /^(search_result|server_tool_use|container_upload|compaction|.*_tool_result)$/;
const IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"];
const TOOL_ID = /^[a-zA-Z0-9_-]+$/;
/** Models that know no system messages but the first. */
const OLD_MODEL = /claude-3|(opus|sonnet|haiku)-4(?!-8)/;

/** A message with the blocks of all that follow it in the same role: what the API makes of them. */
interface Turn {
  readonly index: number;
  readonly role: Json | undefined;
  readonly blocks: JsonObject[];
}

/** What the messages and the system text would be refused for; the first thing found counts. */
export function* checkAnthropicMessages(body: JsonObject): Iterable<Problem> {
  const messages = body["messages"];
  if (!Array.isArray(messages)) {
    const message = messages === undefined
      ? "messages: Field required"
      : "messages: Input should be a valid list";
    yield anthropicProblem(400, message);
    return;
  }
  if (messages.length === 0) yield anthropicProblem(400, "messages: at least one message is required");
  if (Array.isArray(body["system"])) {
    for (const [index, block] of body["system"].entries()) yield* checkBlock(block, `system.${index}`);
  }
  for (const [index, message] of messages.entries()) yield* checkMessage(message, index, messages, body);
  const turns = turnsOf(objectsOf(messages));
  for (const [index, turn] of turns.entries()) yield* checkPairs(turn, turns[index - 1], turns[index + 1]);
  yield* checkThoughtFirst(turns, body["thinking"]);
}

function* checkMessage(
  message: Json,
  index: number,
  messages: readonly Json[],
  body: JsonObject,
): Iterable<Problem> {
  const at = `messages.${index}`;
  if (!isObject(message)) {
    yield anthropicProblem(400, `${at}: Input should be an object`);
    return;
  }
  const { role, content } = message;
  if (role !== "user" && role !== "assistant" && role !== "system") {
    yield anthropicProblem(400, `${at}.role: Input should be 'user' or 'assistant'`);
  }
  if (role === "system" && (index === 0 || OLD_MODEL.test(String(body["model"])))) {
    yield anthropicProblem(400, "role 'system' is not supported on this model");
  }
  if (role === "assistant" && index === 0) {
    yield anthropicProblem(400, 'messages: first message must use the "user" role');
  }
  const extra = Object.keys(message).find((key) => key !== "role" && key !== "content");
  if (extra !== undefined) yield anthropicProblem(400, `${at}.${extra}: Extra inputs are not permitted`);
  const last = index === messages.length - 1;
  if (
    (content === "" || (Array.isArray(content) && content.length === 0)) && !(last && role === "assistant")
  ) {
    const words = "all messages must have non-empty content except for the optional final assistant message";
    yield anthropicProblem(400, `${at}: ${words}`);
  }
  if (typeof content === "string") {
    if (content !== "" && content.trim() === "") yield blankText();
  } else if (!Array.isArray(content)) {
    yield anthropicProblem(400, `${at}.content: Input should be a valid string or list`);
  } else {
    // What an assistant said may be blank beside its tool calls; what a user says may not.
    const blank = role === "assistant" && content.length > 1;
    for (const [block, value] of content.entries()) yield* checkBlock(value, `${at}.content.${block}`, blank);
  }
}

function* checkBlock(block: Json, at: string, blank = false): Iterable<Problem> {
  const type = isObject(block) ? block["type"] : undefined;
  const fields = typeof type === "string" ? BLOCKS.get(type) : undefined;
  if (!isObject(block) || fields === undefined) {
    if (typeof type !== "string" || !OTHER_BLOCKS.test(type)) {
      yield anthropicProblem(
        400,
        `${at}: Input tag '${type}' found using 'type' does not match any of the expected tags`,
      );
    }
    return;
  }
  const extra = Object.keys(block).find((key) => key !== "type" && !fields.includes(key));
  if (extra !== undefined) {
    yield anthropicProblem(400, `${at}.${type}.${extra}: Extra inputs are not permitted`);
  }
  switch (type) {
    case "text":
      return yield* checkText(block["text"], at, blank);
    case "image":
      return yield* checkImage(block["source"], at);
    case "tool_use":
      return yield* checkToolUse(block, at);
    case "tool_result":
      return yield* checkResult(block["content"], at);
    case "thinking":
      if (!isSigned(String(block["thinking"]), String(block["signature"]))) {
        yield anthropicProblem(400, `${at}: Invalid \`signature\` in \`thinking\` block`);
      }
  }
}

function* checkText(text: Json | undefined, at: string, blank: boolean): Iterable<Problem> {
  if (typeof text !== "string") yield anthropicProblem(400, `${at}.text.text: Field required`);
  else if (text === "") yield anthropicProblem(400, "messages: text content blocks must be non-empty");
  else if (!blank && text.trim() === "") yield blankText();
}

function* checkImage(source: Json | undefined, at: string): Iterable<Problem> {
  if (!isObject(source)) {
    yield anthropicProblem(400, `${at}.image.source: Field required`);
  } else if (source["type"] === "base64") {
    const place = `${at}.image.source.base64`;
    if (!IMAGE_TYPES.includes(String(source["media_type"]))) {
      const types = IMAGE_TYPES.map((type) => `'${type}'`).join(", ");
      yield anthropicProblem(400, `${place}.media_type: Input should be one of ${types}`);
    }
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(String(source["data"]))) {
      yield anthropicProblem(400, `${place}.data: Input should be valid base64`);
    }
  }
}

function* checkToolUse(block: JsonObject, at: string): Iterable<Problem> {
  if (!TOOL_ID.test(String(block["id"]))) {
    yield anthropicProblem(400, `${at}.tool_use.id: String should match pattern '${TOOL_ID.source}'`);
  }
  if (!isObject(block["input"])) {
    yield anthropicProblem(400, `${at}.tool_use.input: Input should be a valid dictionary`);
  }
}

function* checkResult(content: Json | undefined, at: string): Iterable<Problem> {
  if (!Array.isArray(content)) return;
  for (const [index, block] of content.entries()) {
    yield* checkBlock(block, `${at}.tool_result.content.${index}`);
  }
}

function blankText(): Problem {
  return anthropicProblem(400, "messages: text content blocks must contain non-whitespace text");
}

/** Neighbours of one role as one turn. */
function turnsOf(messages: readonly JsonObject[]): Turn[] {
  const turns: Turn[] = [];
  for (const [index, message] of messages.entries()) {
    const { role, content } = message;
    const blocks = typeof content === "string" ? [{ type: "text", text: content }] : objectsOf(content);
    const last = turns.at(-1);
    if (last?.role === role) last?.blocks.push(...blocks);
    else turns.push({ index, role, blocks: [...blocks] });
  }
  return turns;
}

/** Every call is answered in the next turn, before anything else there; nothing else is answered. */
function* checkPairs(turn: Turn, before: Turn | undefined, after: Turn | undefined): Iterable<Problem> {
  const called = new Set(before?.blocks.filter(isCall).map((block) => block["id"]));
  for (const [index, block] of turn.blocks.entries()) {
    if (block["type"] !== "tool_result" || called.has(block["tool_use_id"])) continue;
    const message = `messages.${turn.index}.content.${index}: unexpected \`tool_use_id\` found in ` +
      `\`tool_result\` blocks: ${
        block["tool_use_id"]
      }. Each \`tool_result\` block must have a corresponding ` +
      "`tool_use` block in the previous message.";
    yield anthropicProblem(400, message);
  }
  const other = after?.blocks.findIndex((block) => block["type"] !== "tool_result") ?? -1;
  const leading = after?.blocks.slice(0, other === -1 ? undefined : other) ?? [];
  const answered = new Set(leading.map((block) => block["tool_use_id"]));
  const missing = turn.blocks.filter(isCall).map((block) => block["id"]).filter((id) => !answered.has(id));
  if (missing.length > 0) {
    const message = `messages.${turn.index}: \`tool_use\` ids were found without \`tool_result\` blocks ` +
      `immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding ` +
      "`tool_result` block in the next message.";
    yield anthropicProblem(400, message);
  }
}

/** With manual thinking the turn whose tools are being answered begins with its thought. */
function* checkThoughtFirst(turns: readonly Turn[], thinking: Json | undefined): Iterable<Problem> {
  if (!isObject(thinking) || thinking["type"] !== "enabled") return;
  const turn = turns.findLast(({ role }) => role === "assistant");
  const first = turn?.blocks[0]?.["type"];
  if (!turn?.blocks.some(isCall) || first === "thinking" || first === "redacted_thinking") return;
  const message =
    `messages.${turn.index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but ` +
    `found \`${first}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block.`;
  yield anthropicProblem(400, message);
}

function isCall(block: JsonObject): boolean {
  return block["type"] === "tool_use";
}
