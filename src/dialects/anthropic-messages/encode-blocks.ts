/**
 * Content blocks as the stream of the Messages API has them: one after the other, numbered from 0 without a gap, each
 * started once and stopped once. What arrives beside the open block waits in a line behind it.
 */

import type { ChatEvent } from "../../chat.ts";
import { GatewayError } from "../../errors.ts";
import { isObject, tryParseJson } from "../../json.ts";
import { toolInput, toolUseId } from "./encode-reply.ts";
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
  /** All pieces so far, and how many of them were sent. */
  readonly pieces: string[];
  sent: number;
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
  const line: Block[] = [];
  const calls = new Map<number, Block>();
  let thought: Block | undefined;
  let nextIndex = 0;

  const add = (block: Block): Block => {
    for (const before of line) before.complete ||= isWhole(before);
    line.push(block);
    return block;
  };

  /** Sends what the head of the line has; when it is complete, closes it and goes on to the next. */
  const advance = (): StreamEvent[] => {
    const events: StreamEvent[] = [];
    for (let head = line[0]; head; head = line[0]) {
      events.push(...sendPieces(head, nextIndex));
      if (!head.complete) break;
      events.push(...close(head, nextIndex));
      if (head.open) nextIndex++;
      line.shift();
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
    if (piece !== "") block.pieces.push(piece);
    return advance();
  };

  return {
    text(text) {
      if (text === "") return [];
      const last = line.at(-1);
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
      for (const block of line) block.complete = true;
      return advance();
    },
  };
}

const EMPTY_TEXT: ReplyBlock = { type: "text", text: "", citations: null };
const EMPTY_THOUGHT: ReplyBlock = { type: "thinking", thinking: "", signature: "" };

function newBlock(
  kind: Block["kind"],
  start: ReplyBlock = kind === "text" ? EMPTY_TEXT : EMPTY_THOUGHT,
): Block {
  return { kind, start, pieces: [], sent: 0, open: false, complete: false, closed: false };
}

/** Complete because something else begins: a call only if its arguments are an object, which nothing can go on. */
function isWhole({ kind, pieces }: Block): boolean {
  switch (kind) {
    case "text":
    case "thinking":
      return true;
    case "function":
      return isObject(tryParseJson(pieces.join("")));
    default:
      return false;
  }
}

/** A block with nothing in it yet is not begun, save for calls, whose name is worth knowing at once. */
function sendPieces(block: Block, index: number): StreamEvent[] {
  const waiting = block.kind === "custom" ? [] : block.pieces.slice(block.sent);
  const events = waiting.length > 0 || !isThoughtOrText(block) ? begin(block, index) : [];
  block.sent += waiting.length;
  return [...events, ...waiting.map((piece) => grown(index, delta(block.kind, piece)))];
}

function close(block: Block, index: number): StreamEvent[] {
  block.closed = true;
  const last = lastDelta(block);
  const events = last ? [...begin(block, index), grown(index, last)] : [];
  return block.open ? [...events, { type: "content_block_stop", index }] : [];
}

function begin(block: Block, index: number): StreamEvent[] {
  if (block.open) return [];
  block.open = true;
  return [{ type: "content_block_start", index, content_block: block.start }];
}

/** What a block says when it ends: a thought its signature, a call its input if none was sent. */
function lastDelta({ kind, pieces, signature }: Block): BlockDelta | undefined {
  if (kind === "thinking" && signature) return { type: "signature_delta", signature };
  if (kind === "custom") return delta(kind, JSON.stringify(toolInput(pieces.join(""), kind)));
  // Clients that parse the pieces themselves fail on no text at all (litellm#5063).
  return kind === "function" && pieces.length === 0 ? delta(kind, "{}") : undefined;
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
