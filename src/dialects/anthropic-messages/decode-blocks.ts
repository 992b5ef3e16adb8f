/**
 * The content blocks of an answer, read as a stream has them: each begins, grows by deltas and stops, under an index
 * that is the only thing to find it by (blocks may interleave). A whole message is the same with no deltas.
 */

import type { ChatEvent, ToolKind } from "../../chat.ts";
import type { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject, stringifyJson, tryParseJson } from "../../json.ts";
import type { Undo } from "../dialect.ts";
import type { Answered } from "./stop-reasons.ts";

export interface Blocks {
  start(index: Json | undefined, block: Json | undefined): ChatEvent[];
  delta(index: Json | undefined, delta: Json | undefined): ChatEvent[];
  stop(index: Json | undefined): ChatEvent[];
  /** Stops what is still open, in the order of its beginning. */
  stopAll(): ChatEvent[];
  answered(): Answered;
}

/** Makes the error for something that is not as the API says. */
export type Malformed = (what: string) => GatewayError;

/** Reads blocks one by one; throws what `malformed` makes for a block or delta that is not as the API says. */
export function readBlocks(undo: Undo, malformed: Malformed): Blocks {
  const reading: Reading = { undo, malformed, textLength: 0, calls: 0, structured: false };
  const open = new Map<number, OpenBlock>();

  const at = (index: Json | undefined): number => {
    if (typeof index === "number" && Number.isInteger(index) && index >= 0) return index;
    throw malformed(`a block has the index ${stringifyJson(index ?? null)}`);
  };

  const stop = (index: number): ChatEvent[] => {
    const block = open.get(index);
    open.delete(index);
    return block?.stop() ?? [];
  };

  return {
    start(wireIndex, block) {
      const index = at(wireIndex);
      if (!isObject(block)) throw malformed("a block begins without `content_block`");
      if (open.has(index)) throw malformed(`the block ${index} begins twice`);
      const type = text(block, "type", reading);
      const opened = READERS.get(type)?.(block, reading) ?? leftOut(type);
      open.set(index, opened);
      return [...opened.first];
    },
    delta(wireIndex, delta) {
      const index = at(wireIndex);
      if (!isObject(delta)) throw malformed("a block grows without `delta`");
      const block = open.get(index);
      if (!block) throw malformed(`the block ${index} grows and is not open`);
      if (!block.deltas) return [];
      const type = text(delta, "type", reading);
      const take = block.deltas.get(type);
      if (!take && KNOWN_DELTAS.has(type)) throw malformed(`the block ${index} cannot grow by "${type}"`);
      return take?.(delta) ?? [];
    },
    stop: (wireIndex) => stop(at(wireIndex)),
    stopAll: () => [...open.keys()].flatMap(stop),
    answered: () => ({ calls: reading.calls > 0, structured: reading.structured }),
  };
}

/** What the blocks of one answer share. */
interface Reading {
  readonly undo: Undo;
  readonly malformed: Malformed;
  /** UTF-16 units of text so far, which citations count by. */
  textLength: number;
  /** Calls of the client's tools so far. */
  calls: number;
  structured: boolean;
}

/** A block between its start and its stop. */
interface OpenBlock {
  /** What its start gives. */
  readonly first: readonly ChatEvent[];
  /** By the delta's type; absent for a block that is left out with all its deltas. */
  readonly deltas?: Deltas;
  stop(): ChatEvent[];
}

type Deltas = ReadonlyMap<string, (delta: JsonObject) => ChatEvent[]>;

const READERS: ReadonlyMap<string, (block: JsonObject, reading: Reading) => OpenBlock> = new Map([
  ["text", textBlock],
  ["thinking", thinkingBlock],
  ["redacted_thinking", redactedBlock],
  ["tool_use", toolBlock],
]);

/** Deltas that must meet a block of their kind; others are new to us and bring nothing that we could carry. */
const KNOWN_DELTAS: ReadonlySet<string> = new Set([
  "text_delta",
  "input_json_delta",
  "thinking_delta",
  "signature_delta",
  "citations_delta",
]);

/** Blocks of tools that the provider ran by itself: they must never reach a client as calls to make. */
const PROVIDER_TOOL = /^(?:server_tool_use|mcp_tool_use|container_upload|.+_tool_result)$/;

function textBlock(block: JsonObject, reading: Reading): OpenBlock {
  const start = reading.textLength;
  const citations: Json[] = Array.isArray(block.citations) ? [...block.citations] : [];
  return {
    first: say(optionalText(block.text), reading),
    deltas: new Map([
      ["text_delta", (delta) => say(text(delta, "text", reading), reading)],
      ["citations_delta", (delta) => {
        citations.push(delta.citation ?? null);
        return [];
      }],
    ]),
    stop: () => citations.map((citation) => readCitation(citation, start, reading.textLength)),
  };
}

function thinkingBlock(block: JsonObject, reading: Reading): OpenBlock {
  let signature = optionalText(block.signature);
  const think = (thought: string): ChatEvent[] =>
    thought === "" ? [] : [{ type: "thinking-delta", text: thought }];
  return {
    first: [{ type: "thinking-start" }, ...think(optionalText(block.thinking))],
    deltas: new Map([
      ["thinking_delta", (delta) => think(text(delta, "thinking", reading))],
      ["signature_delta", (delta) => {
        signature = text(delta, "signature", reading);
        return [];
      }],
    ]),
    stop: () => [{ type: "thinking-end", ...(signature !== "" && { signature }) }],
  };
}

function redactedBlock(block: JsonObject, reading: Reading): OpenBlock {
  return {
    first: [{ type: "redacted-thinking", data: text(block, "data", reading) }],
    deltas: new Map(),
    stop: () => [],
  };
}

function toolBlock(block: JsonObject, reading: Reading): OpenBlock {
  const name = text(block, "name", reading);
  const { undo } = reading;
  if (name === undo.jsonTool) return structuredBlock(block, reading);
  return undo.customTools?.has(name) ? customBlock(block, reading) : functionBlock(block, reading);
}

function functionBlock(block: JsonObject, reading: Reading): OpenBlock {
  const call = beginCall(block, "function", reading);
  let sent = false;
  return {
    first: [call.start],
    deltas: inputDeltas(reading, (json) => {
      sent ||= json !== "";
      return call.add(json);
    }),
    stop: () => [...(sent ? [] : call.add(wholeInput(block))), call.end],
  };
}

/** A custom tool's text is inside the JSON that was made for it, and readable only when that is complete. */
function customBlock(block: JsonObject, reading: Reading): OpenBlock {
  const call = beginCall(block, "custom", reading);
  let json = "";
  return {
    first: [call.start],
    deltas: inputDeltas(reading, (piece) => {
      json += piece;
      return [];
    }),
    stop: () => [...call.add(unwrapInput(json === "" ? wholeInput(block) : json)), call.end],
  };
}

/** The call of the tool that stands for a structured answer: its input is the answer's text. */
function structuredBlock(block: JsonObject, reading: Reading): OpenBlock {
  reading.structured = true;
  let sent = false;
  return {
    first: [],
    deltas: inputDeltas(reading, (json) => {
      sent ||= json !== "";
      return say(json, reading);
    }),
    stop: () => sent ? [] : say(wholeInput(block), reading),
  };
}

function leftOut(type: string): OpenBlock {
  const warning = PROVIDER_TOOL.test(type) ? "server_tool_dropped" : "content_dropped";
  return { first: [{ type: "warning", warning }], stop: () => [] };
}

function say(text: string, reading: Reading): ChatEvent[] {
  reading.textLength += text.length;
  return text === "" ? [] : [{ type: "text-delta", text }];
}

function beginCall(block: JsonObject, kind: ToolKind, reading: Reading) {
  const sent = text(block, "name", reading);
  const name = reading.undo.toolNames?.get(sent) ?? sent;
  const id = text(block, "id", reading);
  const index = reading.calls++;
  return {
    start: { type: "tool-call-start", index, id, name, kind },
    add: (input: string): ChatEvent[] => input === "" ? [] : [{ type: "tool-call-delta", index, input }],
    end: { type: "tool-call-end", index },
  } as const;
}

function inputDeltas(reading: Reading, take: (json: string) => ChatEvent[]): Deltas {
  return new Map([["input_json_delta", (delta) => take(text(delta, "partial_json", reading))]]);
}

/** The input that a call began with: whole if nothing follows, `{}` where there is none (litellm#5063). */
function wholeInput(block: JsonObject): string {
  return stringifyJson(block.input ?? {});
}

/** The text that a custom tool was called with, out of the JSON made for it; as it stands if that was cut. */
function unwrapInput(json: string): string {
  const value = tryParseJson(json);
  return isObject(value) && typeof value.input === "string" ? value.input : json;
}

/** Only a source with an address can be named; places in the client's own documents have no counterpart. */
function readCitation(wire: Json, start: number, end: number): ChatEvent {
  const fields = isObject(wire) ? wire : {};
  const url = fields.type === "search_result_location" ? fields.source : fields.url;
  return typeof url === "string" && /^https?:\/\//i.test(url)
    ? { type: "citation", citation: { url, title: optionalText(fields.title), start, end } }
    : { type: "warning", warning: "citations_dropped" };
}

/** A member that must be text. */
function text(object: JsonObject, key: string, { malformed }: Reading): string {
  const value = object[key];
  if (typeof value === "string") return value;
  throw malformed(
    `${typeof object.type === "string" ? `"${object.type}"` : "a block"} has no text in \`${key}\``,
  );
}

function optionalText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
