/**
 * The content blocks of an answer, read as a stream has them: each begins, grows by deltas and stops, under an index
 * that is the only thing to find it by (blocks may interleave). A whole message is the same with no deltas.
 */

import type { ChatEvent, Warning } from "../../chat.ts";
import { isObject, type Json, type JsonObject, stringifyJson } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import type { Undo } from "../dialect.ts";
import { answerCoded, codedCalls, toolBlock } from "./decode-calls.ts";
import { type Malformed, type OpenBlock, optionalText, type Reading, say, text } from "./open-block.ts";
import type { Answered } from "./stop-reasons.ts";

export interface Blocks {
  /** The answer has an id. */
  named(reply: string): void;
  start(index: Json | undefined, block: Json | undefined): ChatEvent[];
  delta(index: Json | undefined, delta: Json | undefined): ChatEvent[];
  stop(index: Json | undefined): ChatEvent[];
  /** No block will come any more: stops what is still open, in the order of its beginning. */
  stopAll(): ChatEvent[];
  answered(): Answered;
}

/** Reads blocks one by one; throws what `malformed` makes for a block or delta that is not as the API says. */
export function readBlocks(undo: Undo, malformed: Malformed): Blocks {
  const reading = newReading(undo, malformed);
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
    named: (reply) => reading.reply = reply,
    start(wireIndex, block) {
      const index = at(wireIndex);
      if (open.has(index)) throw malformed(`the block ${index} begins twice`);
      const opened = openBlock(block, reading);
      open.set(index, opened);
      return [...opened.first];
    },
    delta(wireIndex, delta) {
      const index = at(wireIndex);
      if (isAbsent(delta)) return [];
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
    stopAll: () => [
      ...[...open.keys()].flatMap(stop),
      ...codedCalls(reading),
      // No structured answer came: what was said is the answer.
      ...say(reading.beside.splice(0).join(""), reading),
    ],
    answered: () => ({
      calls: reading.calls > 0,
      cutCall: reading.cutCall,
      pending: reading.pending.size > 0,
    }),
  };
}

function newReading(undo: Undo, malformed: Malformed): Reading {
  return {
    undo,
    malformed,
    reply: "",
    textLength: 0,
    calls: 0,
    ids: new Set(),
    cutCall: false,
    pending: new Set(),
    coded: new Map(),
    results: new Set(),
    structured: false,
    beside: [],
  };
}

/** A block that says nothing is an empty text; deltas of another kind would be malformed. */
function openBlock(block: Json | undefined, reading: Reading): OpenBlock {
  if (isAbsent(block)) return textBlock({}, reading);
  if (!isObject(block)) throw reading.malformed("a block begins without `content_block`");
  const type = text(block, "type", reading);
  if (type === "") throw reading.malformed("a block has no type");
  return READERS.get(type)?.(block, reading) ?? leftOut(type, block, reading);
}

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

/** Blocks that only requests have in the API itself. */
const MEDIA: ReadonlyMap<string, Warning> = new Map([
  ["image", "images"],
  ["document", "files"],
  ["audio", "audio"],
  ["video", "video"],
]);

/** Blocks of tools that the provider ran by itself: they must never reach a client as calls to make. */
const PROVIDER_TOOL = /^(?:server_tool_use|mcp_tool_use|container_upload|.+_tool_result)$/;

function textBlock(block: JsonObject, reading: Reading): OpenBlock {
  const start = reading.textLength;
  const citations: Json[] = Array.isArray(block.citations) ? [...block.citations] : [];
  return {
    first: speak(text(block, "text", reading), reading),
    deltas: new Map([
      ["text_delta", (delta) => speak(text(delta, "text", reading), reading)],
      ["citations_delta", (delta) => {
        citations.push(delta.citation ?? null);
        return [];
      }],
    ]),
    stop: () => citations.map((citation) => readCitation(citation, start, reading.textLength)),
  };
}

/** Words of the model's: where the answer is to be structured, they are not sure to be part of it. */
function speak(words: string, reading: Reading): ChatEvent[] {
  if (reading.undo.jsonTool === undefined || words === "") return say(words, reading);
  if (reading.structured) return words.trim() === "" ? [] : [{ type: "warning", warning: "content_dropped" }];
  reading.beside.push(words);
  return [];
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
  const data = text(block, "data", reading);
  return {
    first: data === "" ? [] : [{ type: "redacted-thinking", data }],
    deltas: new Map(),
    stop: () => [],
  };
}

function leftOut(type: string, block: JsonObject, reading: Reading): OpenBlock {
  const answered = optionalText(block.tool_use_id);
  if (answered !== "") {
    reading.pending.delete(answered);
    answerCoded(answered, reading);
  } else if (/_tool_use$/.test(type)) reading.pending.add(optionalText(block.id));
  const other = MEDIA.get(type) ?? "content_dropped";
  const warning = PROVIDER_TOOL.test(type) ? "server_tool_dropped" : other;
  return { first: [{ type: "warning", warning }], stop: () => [] };
}

/** Only a source with an address can be named; places in the client's own documents have no counterpart. */
function readCitation(wire: Json, start: number, end: number): ChatEvent {
  const fields = isObject(wire) ? wire : {};
  const url = fields.type === "search_result_location" ? fields.source : fields.url;
  return typeof url === "string" && /^https?:\/\//i.test(url)
    ? { type: "citation", citation: { url, title: optionalText(fields.title), start, end } }
    : { type: "warning", warning: "citations_dropped" };
}
