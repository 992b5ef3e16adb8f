/** Assistant messages of a request: what an earlier reply said, thought and called. */

import { append } from "../../append.ts";
import { arranged, type Place } from "../../block-order.ts";
import type { Part, RedactedThinkingPart, ThinkingPart, ToolCallPart } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { isObject, type JsonObject, members } from "../../json.ts";
import { cacheMark, contentParts, isText, type Losses, lost, PARTS } from "./decode-parts.ts";
import {
  arrayOf,
  member,
  objectOf,
  objectsOf,
  pathOf,
  type Place as FieldPlace,
  requiredObject,
  requiredString,
  stringOf,
} from "./fields.ts";
import { readDetail, readPlaces } from "./reasoning.ts";

/**
 * The parts of an assistant message: thinking, then text, then tool calls, unless the thinking says where it stood.
 * @param functionId the id of a call of the older shape, which has none of its own
 * @throws GatewayError `invalid_value` with the path of what is malformed
 */
export function assistantParts(
  place: FieldPlace,
  functionId: (name: string) => string,
  losses: Losses,
): Part[] {
  if ((arrayOf(place, "images") ?? []).length > 0) lost(pathOf(place, "images"), "images", losses);
  if (objectOf(place, "audio")) losses.push(lostAudio(pathOf(place, "audio")));
  const { thoughts, places } = thinkingParts(place, losses);
  const parts = [
    ...thoughts,
    ...textParts(place, losses),
    ...(objectsOf(place, "tool_calls") ?? []).map((call) => toolCall(call, losses)),
    ...functionCall(place, functionId),
  ];
  return places ? arranged(parts, places) : parts;
}

/** Members of a tool call that the API itself has; the rest is the provider's own and goes back to it. */
const CALL_MEMBERS = new Set(["id", "type", "index", "function", "custom", "cache_control"]);

/** What a provider attached to a tool call and wants back with it, such as a thought signature (pi#6733). */
export function callExtra(call: JsonObject): { extra?: JsonObject } {
  const own = Object.entries(call).filter(([key, value]) => !CALL_MEMBERS.has(key) && value !== null);
  return own.length === 0 ? {} : { extra: members(own) };
}

function textParts(place: FieldPlace, losses: Losses): Part[] {
  const content = member(place, "content") ?? "";
  const parts = contentParts(content, pathOf(place, "content"), PARTS.assistant, losses);
  const refusal = stringOf(place, "refusal") ?? "";
  if (refusal !== "") parts.push({ type: "text", text: refusal });
  // `content: ""` beside tool calls is how many servers say that there is none.
  return parts.filter((part) => !isText(part) || part.text !== "");
}

function toolCall(call: FieldPlace, losses: Losses): ToolCallPart {
  const id = requiredString(call, "id");
  const type = stringOf(call, "type") ?? (member(call, "custom") === undefined ? "function" : "custom");
  const rest = { ...cacheMark(call, losses), ...callExtra(call.value) };
  if (type === "custom") {
    const custom = requiredObject(call, "custom");
    const input = stringOf(custom, "input") ?? "";
    return { type: "tool-call", id, name: requiredString(custom, "name"), input, kind: "custom", ...rest };
  }
  if (type !== "function") {
    throw invalidValue(
      pathOf(call, "type"),
      `Invalid value: '${type.slice(0, 64)}'. Supported values are: 'function' and 'custom'`,
    );
  }
  const called = requiredObject(call, "function");
  const input = stringOf(called, "arguments") ?? "";
  return { type: "tool-call", id, name: requiredString(called, "name"), input, kind: "function", ...rest };
}

/** The call of the older shape. */
function functionCall(place: FieldPlace, functionId: (name: string) => string): ToolCallPart[] {
  const call = objectOf(place, "function_call");
  if (!call) return [];
  const name = requiredString(call, "name");
  const input = stringOf(call, "arguments") ?? "";
  return [{ type: "tool-call", id: functionId(name), name, input, kind: "function" }];
}

interface Thinking {
  readonly thoughts: readonly (ThinkingPart | RedactedThinkingPart)[];
  /** Where they stood, if that is not before all else. */
  readonly places?: readonly Place[];
}

/** Thinking from where the client kept it: with signatures if it did, else the bare text. */
function thinkingParts(place: FieldPlace, losses: Losses): Thinking {
  const thoughts: (ThinkingPart | RedactedThinkingPart)[] = [];
  const places: Place[] = [];
  for (const detail of objectsOf(place, "reasoning_details") ?? []) {
    const part = readDetail(detail.value);
    if (part === "foreign") losses.push(foreignThinking(detail.path));
    if (part === undefined || part === "foreign") continue;
    thoughts.push(part);
    append(places, readPlaces(detail.value));
    places.push({ kind: "thought" });
  }
  if (thoughts.length > 0) return places.length === thoughts.length ? { thoughts } : { thoughts, places };
  const blocks = (objectsOf(place, "thinking_blocks") ?? []).flatMap((block) => thinkingBlock(block.value));
  if (blocks.length > 0) return { thoughts: blocks };
  const text = stringOf(place, "reasoning_content") ?? "";
  return { thoughts: text === "" ? [] : [{ type: "thinking", text }] };
}

/** LiteLLM's way to hand thinking back. */
function thinkingBlock(block: JsonObject): (ThinkingPart | RedactedThinkingPart)[] {
  if (!isObject(block)) return [];
  const { type, thinking, signature, data } = block;
  if (type === "redacted_thinking" && typeof data === "string") return [{ type: "redacted-thinking", data }];
  if (type !== "thinking" || typeof thinking !== "string") return [];
  const signed = typeof signature === "string" && signature !== "" ? { signature } : {};
  return [{ type: "thinking", text: thinking, ...signed }];
}

function foreignThinking(field: string) {
  const message = `The encrypted thinking of '${field}' is another provider's and cannot be read`;
  return { field, code: "thinking_dropped", refuse: false, message };
}

function lostAudio(field: string) {
  const message = `An earlier audio answer cannot be resolved: '${field}'`;
  return { field, code: "unsupported_parameter", refuse: true, message };
}
