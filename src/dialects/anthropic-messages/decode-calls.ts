/** Tool calls among the content blocks of an answer. */

import type { ChatEvent, ToolKind } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { isObject, type JsonObject, tryParseJson } from "../../json.ts";
import { isNoInput, readArguments, wholeArguments } from "../arguments.ts";
import { type Deltas, type OpenBlock, optionalText, type Reading, say, text } from "./open-block.ts";

/** A `tool_use` block. One that has neither a name nor input is how some servers say that there is none. */
export function toolBlock(block: JsonObject, reading: Reading): OpenBlock {
  if (text(block, "name", reading).trim() === "") return namelessBlock(block, reading);
  return isCoded(block) ? codedBlock(block, reading) : callBlock(block, reading);
}

/**
 * Calls that code of the provider's made and whose answers are not in this message: the client is to run them. They
 * come at the end, since the code's own result, which says that they have been run, comes behind them.
 */
export function codedCalls(reading: Reading): ChatEvent[] {
  const calls = [...reading.coded.values()].flat();
  reading.coded.clear();
  return calls.filter(({ id }) => !reading.results.has(optionalText(id))).flatMap((block) => {
    const { first, stop } = callBlock(block, reading);
    return [...first, ...stop()];
  });
}

/** Takes away the calls that a result answers: its own, and those of the code that it is the result of. */
export function answerCoded(id: string, { coded, results }: Reading): void {
  if (!coded.delete(id) && coded.size > 0) results.add(id);
}

function callBlock(block: JsonObject, reading: Reading): OpenBlock {
  const { undo } = reading;
  const name = optionalText(block.name);
  if (name === undo.jsonTool) return structuredBlock(block, reading);
  return undo.customTools?.has(name) ? customBlock(block, reading) : functionBlock(block, reading);
}

function functionBlock(block: JsonObject, reading: Reading): OpenBlock {
  const call = beginCall(block, "function", reading);
  const input = readArguments();
  let sent = false;
  return {
    first: [call.start],
    deltas: inputDeltas(reading, (json) => {
      sent ||= json !== "";
      return call.add(input.push(json));
    }),
    stop: () => {
      reading.cutCall ||= input.isCut();
      return [...call.add(sent ? input.end() : wholeInput(block)), call.end];
    },
  };
}

/** A custom tool's text is inside the JSON that was made for it, and readable only when that is complete. */
function customBlock(block: JsonObject, reading: Reading): OpenBlock {
  const call = beginCall(block, "custom", reading);
  const input = gatherInput(block, reading);
  return {
    first: [call.start],
    deltas: input.deltas,
    stop: () => [...call.add(unwrapInput(input.json())), call.end],
  };
}

/**
 * The call of the tool that stands for a structured answer: its input is the answer's text, all of it. Words beside it
 * would make the answer something else than JSON.
 */
function structuredBlock(block: JsonObject, reading: Reading): OpenBlock {
  // Two answers in one text would be none.
  if (reading.structured) return { first: [{ type: "warning", warning: "content_dropped" }], stop: () => [] };
  reading.structured = true;
  const spoken = reading.beside.join("").trim() !== "";
  reading.beside = [];
  reading.textLength = 0;
  let sent = false;
  return {
    first: spoken ? [{ type: "warning", warning: "content_dropped" }] : [],
    deltas: inputDeltas(reading, (json) => {
      sent ||= json !== "";
      return say(json, reading);
    }),
    stop: () => sent ? [] : say(wholeInput(block), reading),
  };
}

function namelessBlock(block: JsonObject, reading: Reading): OpenBlock {
  const input = gatherInput(block, reading);
  return {
    first: [],
    deltas: input.deltas,
    stop: () => {
      if (isNoInput(input.json())) return [];
      throw reading.malformed('"tool_use" has no text in `name`');
    },
  };
}

function codedBlock(block: JsonObject, reading: Reading): OpenBlock {
  const input = gatherInput(block, reading);
  return {
    first: [],
    deltas: input.deltas,
    stop: () => {
      const caller = callerOf(block);
      const call = { ...block, input: input.json() };
      const calls = reading.coded.get(caller);
      if (calls) calls.push(call);
      else reading.coded.set(caller, [call]);
      return [];
    },
  };
}

/** Whether code that the provider runs makes the call: `caller` then names the call of the code itself. */
function isCoded(block: JsonObject): boolean {
  return isObject(block.caller) && block.caller.type !== "direct" && callerOf(block) !== "";
}

function callerOf({ caller }: JsonObject): string {
  return isObject(caller) ? optionalText(caller.tool_id) : "";
}

function beginCall(block: JsonObject, kind: ToolKind, reading: Reading) {
  const sent = optionalText(block.name);
  const name = reading.undo.toolNames?.get(sent) ?? sent;
  const index = reading.calls++;
  const given = text(block, "id", reading);
  // Some servers give one id to several calls.
  const id = given === "" || reading.ids.has(given) ? madeId(reading.reply, index, name) : given;
  reading.ids.add(id);
  return {
    start: { type: "tool-call-start", index, id, name, kind },
    add: (input: string): ChatEvent[] => input === "" ? [] : [{ type: "tool-call-delta", index, input }],
    end: { type: "tool-call-end", index },
  } as const;
}

/** An id for a call that came without one: the same for the same answer, streamed or not. */
function madeId(reply: string, index: number, name: string): string {
  return `toolu_${sha256(`${reply}:${index}:${name}`).slice(0, 24)}`;
}

function inputDeltas(reading: Reading, take: (json: string) => ChatEvent[]): Deltas {
  return new Map([["input_json_delta", (delta) => take(text(delta, "partial_json", reading))]]);
}

/** The input of a call, gathered until it is complete. */
function gatherInput(block: JsonObject, reading: Reading): { deltas: Deltas; json(): string } {
  const pieces: string[] = [];
  return {
    deltas: inputDeltas(reading, (piece) => {
      pieces.push(piece);
      return [];
    }),
    json: () => pieces.join("") || wholeInput(block),
  };
}

/** The input that a call began with: whole if nothing follows, `{}` where there is none (litellm#5063). */
function wholeInput(block: JsonObject): string {
  return wholeArguments(block.input) || "{}";
}

/** The text that a custom tool was called with, out of the JSON made for it; as it stands if that was cut. */
function unwrapInput(json: string): string {
  const value = tryParseJson(json);
  return isObject(value) && typeof value.input === "string" ? value.input : json;
}
