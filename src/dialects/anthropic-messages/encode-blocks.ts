/**
 * Content blocks as the stream of the Messages API has them: one after the other, numbered from 0 without a gap, each
 * started once and stopped once. What arrives beside the open block waits in a line behind it.
 */

import { append } from "../../append.ts";
import type { ChatEvent } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, tryParseJson } from "../../json.ts";
import { closingBrace } from "../../json-scan.ts";
import { customInput, toolUseId } from "./encode-reply.ts";
import type { BlockDelta, ReplyBlock, StreamEvent } from "./wire-reply.ts";

/** The blocks of one answer; each function gives the events to send. */
export interface BlockLine {
  text(text: string): StreamEvent[];
  thinkingStart(): StreamEvent[];
  thinkingDelta(text: string): StreamEvent[];
  thinkingEnd(signature: string | undefined): StreamEvent[];
  redacted(data: string): StreamEvent[];
  callStart(start: CallStart): StreamEvent[];
  callDelta(index: number, input: string): StreamEvent[];
  callEnd(index: number): StreamEvent[];
  /** No more will come: closes what is open and sends what waits. */
  finish(): StreamEvent[];
}

type CallStart = Extract<ChatEvent, { type: "tool-call-start" }>;

/** A block of the line. */
interface Block {
  readonly kind: "text" | "thinking" | "redacted" | "function" | "custom";
  readonly start: ReplyBlock;
  /** Pieces that were not sent yet. */
  waiting: string[];
  /** A call's pieces, all of them: they tell whether it is whole. */
  readonly input: string[];
  /** Looks for the end of a call's arguments, each piece once; how many of the pieces it has seen. */
  readonly isClosed: (piece: string) => boolean;
  looked: number;
  signature?: string;
  /** It began on the wire. */
  open: boolean;
  /** No piece of it will come any more. */
  complete: boolean;
  /** It ended on the wire. */
  closed: boolean;
}

/**
 * A line of blocks. A call's block ends when the call is said to have ended, or when something else begins and the
 * call's arguments are a whole JSON object; until then what follows waits.
 */
export function blockLine(requestId: string): BlockLine {
  /** Blocks that are not closed; those before `head` are. */
  let line: Block[] = [];
  let head = 0;
  /** Those that grew since a block was last added: no other can have become whole. */
  let grew = new Set<Block>();
  const calls = new Map<number, Block>();
  let thought: Block | undefined;
  let nextIndex = 0;

  const add = (block: Block): Block => {
    for (const before of grew) before.complete ||= isWhole(before);
    grew = new Set([block]);
    line.push(block);
    return block;
  };

  /** Sends what the head of the line has; when it is complete, closes it and goes on to the next. */
  const advance = (): StreamEvent[] => {
    const events: StreamEvent[] = [];
    for (let block = line[head]; block; block = line[++head]) {
      append(events, sendPieces(block, nextIndex));
      if (!block.complete) break;
      append(events, close(block, nextIndex));
      if (block.open) nextIndex++;
    }
    if (head > MOST_CLOSED) {
      line = line.slice(head);
      head = 0;
    }
    return events;
  };

  const think = (): Block => thought ??= add(newBlock("thinking"));

  const grow = (block: Block, piece: string): StreamEvent[] => {
    if (block.closed) {
      if (piece.trim() === "") return [];
      throw new GatewayError(
        "upstream_invalid_event",
        "A tool call goes on after its arguments were complete",
        {
          failure: "invalid",
        },
      );
    }
    if (piece === "") return advance();
    block.waiting.push(piece);
    if (isCall(block)) block.input.push(piece);
    grew.add(block);
    return advance();
  };

  return {
    text(text) {
      if (text === "") return [];
      const last = head < line.length ? line.at(-1) : undefined;
      return grow(last?.kind === "text" ? last : add(newBlock("text")), text);
    },
    thinkingStart() {
      thought = add(newBlock("thinking"));
      return advance();
    },
    thinkingDelta: (text) => grow(think(), text),
    thinkingEnd(signature) {
      const block = think();
      if (signature !== undefined) block.signature = signature;
      block.complete = true;
      thought = undefined;
      return advance();
    },
    redacted(data) {
      add({ ...newBlock("redacted", { type: "redacted_thinking", data }), complete: true });
      return advance();
    },
    callStart({ index, id, name, kind }) {
      const toolId = toolUseId(id, requestId, calls.size);
      calls.set(index, add(newBlock(kind, { type: "tool_use", id: toolId, name, input: {} })));
      return advance();
    },
    callDelta(index, input) {
      const block = calls.get(index);
      return block ? grow(block, input) : [];
    },
    callEnd(index) {
      const block = calls.get(index);
      if (block) block.complete = true;
      return advance();
    },
    finish() {
      for (const block of line.slice(head)) block.complete = true;
      return advance();
    },
  };
}

/** So many closed blocks are dropped at once: one by one, each would move all the others. */
const MOST_CLOSED = 1000;

const EMPTY_TEXT: ReplyBlock = { type: "text", text: "" };
const EMPTY_THOUGHT: ReplyBlock = { type: "thinking", thinking: "", signature: "" };

function newBlock(
  kind: Block["kind"],
  start: ReplyBlock = kind === "text" ? EMPTY_TEXT : EMPTY_THOUGHT,
): Block {
  return {
    kind,
    start,
    waiting: [],
    input: [],
    isClosed: closingBrace(),
    looked: 0,
    open: false,
    complete: false,
    closed: false,
  };
}

/** Complete because something else begins: a call only if its arguments are an object, which nothing can go on. */
function isWhole(block: Block): boolean {
  switch (block.kind) {
    case "text":
    case "thinking":
      return true;
    case "function":
      return isWholeObject(block);
    default:
      return false;
  }
}

/** Parses once at most, when the brace that opened the object was closed. */
function isWholeObject(block: Block): boolean {
  let closed = false;
  for (; block.looked < block.input.length; block.looked++) {
    closed = block.isClosed(block.input[block.looked] ?? "") || closed;
  }
  return closed && isObject(tryParseJson(block.input.join("")));
}

/** A block with nothing in it yet is not begun, save for calls, whose name is worth knowing at once. */
function sendPieces(block: Block, index: number): StreamEvent[] {
  const waiting = block.kind === "custom" ? [] : block.waiting;
  block.waiting = [];
  const events = waiting.length > 0 || !isThoughtOrText(block) ? begin(block, index) : [];
  for (const piece of waiting) events.push(grown(index, delta(block.kind, piece)));
  return events;
}

function close(block: Block, index: number): StreamEvent[] {
  block.closed = true;
  const last = lastDelta(block);
  const events = last ? [...begin(block, index), grown(index, last)] : [];
  block.input.length = 0;
  return block.open ? [...events, { type: "content_block_stop", index }] : [];
}

function begin(block: Block, index: number): StreamEvent[] {
  if (block.open) return [];
  block.open = true;
  return [{ type: "content_block_start", index, content_block: block.start }];
}

/** What a block says when it ends: a thought its signature, a call its input if none was sent. */
function lastDelta({ kind, input, signature }: Block): BlockDelta | undefined {
  if (kind === "thinking" && signature) return { type: "signature_delta", signature };
  if (kind === "custom") return delta(kind, JSON.stringify(customInput(input.join(""))));
  // Clients that parse the pieces themselves fail on no text at all (litellm#5063).
  return kind === "function" && input.length === 0 ? delta(kind, "{}") : undefined;
}

function delta(kind: Block["kind"], piece: string): BlockDelta {
  switch (kind) {
    case "text":
      return { type: "text_delta", text: piece };
    case "thinking":
      return { type: "thinking_delta", thinking: piece };
    default:
      return { type: "input_json_delta", partial_json: piece };
  }
}

function grown(index: number, delta: BlockDelta): StreamEvent {
  return { type: "content_block_delta", index, delta };
}

function isThoughtOrText({ kind }: Block): boolean {
  return kind === "text" || kind === "thinking";
}

function isCall({ kind }: Block): boolean {
  return kind === "function" || kind === "custom";
}
