/** A streamed answer for a client of the Messages API. */

import type { ChatEvent, Finish, Usage } from "../../chat.ts";
import { asGatewayError } from "../../errors.ts";
import type { ReplyOptions } from "../dialect.ts";
import { countAnswer } from "../estimate.ts";
import type { SseEvent } from "../sse.ts";
import type { Stepper } from "../stepper.ts";
import { type BlockLine, blockLine } from "./encode-blocks.ts";
import { messageId, unsaid } from "./encode-reply.ts";
import { encodeErrorEvent } from "./error.ts";
import { encodeStop } from "./stop-reasons.ts";
import { encodeDeltaUsage, encodeUsage, estimatedUsage } from "./usage.ts";
import type { StreamEvent } from "./wire-reply.ts";

/**
 * Events in, server-sent events out. The input tokens of `message_start` are the provider's if they are known by
 * then and the estimate of the request otherwise; those of `message_delta` are the provider's. An error is the last
 * event, with no `message_stop` behind it.
 */
export function encodeEvents(options: ReplyOptions): Stepper<ChatEvent, SseEvent> {
  const blocks = blockLine(options.requestId);
  let started = false;
  let done = false;
  let usage: Usage | undefined;
  let finish: Finish = { reason: "stop" };
  let calls = false;
  /** The end of the text so far, and how long all of it is. */
  let text = "";
  let textLength = 0;
  const answer = countAnswer();

  const start = (id: string, model: string): StreamEvent[] => {
    if (started) return [];
    started = true;
    return [messageStart(messageId(id, options.requestId), model, usage, options), { type: "ping" }];
  };

  const end = (): StreamEvent[] => {
    const missing = unsaid(finish, text, textLength);
    return [
      ...(missing === "" ? [] : blocks.text(missing)),
      ...blocks.finish(),
      {
        type: "message_delta",
        delta: encodeStop(finish, calls),
        usage: encodeDeltaUsage(usage ?? estimatedUsage(options.estimatedInput, answer.tokens())),
      },
      { type: "message_stop" },
    ];
  };

  /** Keeps no more of the text than tells whether it ends with a refusal's words: a stream may run for an hour. */
  const said = (piece: string): void => {
    text += piece;
    textLength += piece.length;
    if (text.length > 2 * LONGEST_END) text = text.slice(-LONGEST_END);
  };

  /** Takes note of what the end of the stream will tell. */
  const note = (event: ChatEvent): void => {
    answer.take(event);
    if (event.type === "text-delta") said(event.text);
    else if (event.type === "usage") usage = event.usage;
    else if (event.type === "finish") finish = event.finish;
    else if (event.type === "tool-call-start") calls = true;
  };

  const written = (event: ChatEvent): StreamEvent[] => {
    note(event);
    switch (event.type) {
      case "start":
        return start(event.id, event.model);
      case "ping":
        return [{ type: "ping" }];
      case "end":
        return [...start("", ""), ...end()];
      case "usage":
      case "finish":
      case "warning":
      case "citation":
      case "attached":
      case "error":
        return [];
      default:
        return [...start("", ""), ...writeBlocks(blocks, event)];
    }
  };

  const failed = (thrown: unknown): SseEvent[] => {
    done = true;
    return [encodeErrorEvent(asGatewayError(thrown), options.requestId)];
  };

  return {
    push(event) {
      if (done) return [];
      if (event.type === "error") return failed(event.error);
      done = event.type === "end";
      try {
        return written(event).map(framed);
      } catch (thrown) {
        return failed(thrown);
      }
    },
    end: () => [],
  };
}

const LONGEST_END = 16 * 1024;

type Content =
  | "text-delta"
  | "thinking-start"
  | "thinking-delta"
  | "thinking-end"
  | "redacted-thinking"
  | "tool-call-start"
  | "tool-call-delta"
  | "tool-call-end";
type BlockEvent = Extract<ChatEvent, { type: Content }>;

function writeBlocks(blocks: BlockLine, event: BlockEvent): StreamEvent[] {
  switch (event.type) {
    case "text-delta":
      return blocks.text(event.text);
    case "thinking-start":
      return blocks.thinkingStart();
    case "thinking-delta":
      return blocks.thinkingDelta(event.text);
    case "thinking-end":
      return blocks.thinkingEnd(event.signature);
    case "redacted-thinking":
      return blocks.redacted(event.data);
    case "tool-call-start":
      return blocks.callStart(event);
    case "tool-call-delta":
      return blocks.callDelta(event.index, event.input);
    case "tool-call-end":
      return blocks.callEnd(event.index);
  }
}

function messageStart(
  id: string,
  model: string,
  usage: Usage | undefined,
  options: ReplyOptions,
): StreamEvent {
  return {
    type: "message_start",
    message: {
      id,
      type: "message",
      role: "assistant",
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      // Some clients take their input figure from here alone (vercel/ai#17326).
      usage: encodeUsage(usage ?? estimatedUsage(options.estimatedInput, 0)),
    },
  };
}

function framed(event: StreamEvent): SseEvent {
  return { event: event.type, data: JSON.stringify(event) };
}
