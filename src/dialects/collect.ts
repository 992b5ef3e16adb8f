/** A streamed answer made whole, for a call that the provider streams and the client wants in one piece. */

import type { ChatEvent, ChatReply, Citation, Finish, ReplyPart, ToolKind, Usage, Warning } from "../chat.ts";
import { GatewayError } from "../errors.ts";
import { isObject, type JsonObject, stringifyJson, tryParseJson } from "../json.ts";

/**
 * The reply that all the events of one answer make.
 * @throws GatewayError the error that the stream ends with, or `upstream_stream_interrupted` if it does not end
 */
export function collect(events: Iterable<ChatEvent>): ChatReply {
  const collector = createCollector();
  for (const event of events) collector.take(event);
  return collector.reply();
}

/** Parts in the making: what grows is a list of pieces. */
type Growing =
  | { readonly type: "text"; readonly pieces: string[] }
  | { readonly type: "thinking"; readonly pieces: string[]; signature?: string }
  | { readonly type: "redacted-thinking"; readonly data: string }
  | { readonly type: "tool-call"; readonly pieces: string[]; readonly start: ToolCallStart };

type GrowingCall = Extract<Growing, { type: "tool-call" }>;
type ToolCallStart = Extract<ChatEvent, { type: "tool-call-start" }>;

/** A reply in the making. `take` throws the error that the stream ends with, `reply` what `collect` throws. */
export function createCollector() {
  const parts: Growing[] = [];
  const calls = new Map<number, GrowingCall>();
  const citations: Citation[] = [];
  const warnings = new Set<Warning>();
  let start: Extract<ChatEvent, { type: "start" }> | undefined;
  let thought: Extract<Growing, { type: "thinking" }> | undefined;
  let attached: JsonObject | undefined;
  let usage: Usage | undefined;
  let finish: Finish | undefined;
  let ended = false;

  const text = (piece: string) => {
    const last = parts.at(-1);
    if (last?.type === "text") last.pieces.push(piece);
    else if (piece !== "") parts.push({ type: "text", pieces: [piece] });
  };

  const think = () => {
    if (!thought) parts.push(thought = { type: "thinking", pieces: [] });
    return thought;
  };

  return {
    take(event: ChatEvent): void {
      switch (event.type) {
        case "start":
          start = event;
          break;
        case "text-delta":
          text(event.text);
          break;
        case "thinking-start":
          thought = undefined;
          think();
          break;
        case "thinking-delta":
          think().pieces.push(event.text);
          break;
        case "thinking-end":
          if (event.signature !== undefined) think().signature = event.signature;
          thought = undefined;
          break;
        case "redacted-thinking":
          parts.push({ type: "redacted-thinking", data: event.data });
          break;
        case "tool-call-start": {
          const call: GrowingCall = { type: "tool-call", pieces: [], start: event };
          calls.set(event.index, call);
          parts.push(call);
          break;
        }
        case "tool-call-delta":
          calls.get(event.index)?.pieces.push(event.input);
          break;
        case "citation":
          citations.push(event.citation);
          break;
        case "attached":
          attached = event.attached;
          break;
        case "usage":
          usage = event.usage;
          break;
        case "finish":
          finish = event.finish;
          break;
        case "warning":
          warnings.add(event.warning);
          break;
        case "end":
          ended = true;
          break;
        case "error":
          throw event.error;
        case "tool-call-end":
        case "ping":
          break;
      }
    },
    reply(): ChatReply {
      if (!ended || !finish) throw streamInterrupted();
      return {
        id: start?.id ?? "",
        model: start?.model ?? "",
        content: parts.map(whole).filter(saysSomething),
        citations,
        ...(attached && { attached }),
        finish,
        ...(usage && { usage }),
        ...(start?.serviceTier !== undefined && { serviceTier: start.serviceTier }),
        warnings: [...warnings],
      };
    },
  };
}

/** A thought without words and without a proof is none. */
function saysSomething(part: ReplyPart): boolean {
  return part.type !== "thinking" || part.text !== "" || part.signature !== undefined;
}

function whole(part: Growing): ReplyPart {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.pieces.join("") };
    case "thinking":
      return {
        type: "thinking",
        text: part.pieces.join(""),
        ...(part.signature !== undefined && { signature: part.signature }),
      };
    case "redacted-thinking":
      return part;
    case "tool-call": {
      const { id, name, kind, extra } = part.start;
      const input = canonical(part.pieces.join(""), kind);
      return { type: "tool-call", id, name, input, kind, ...(extra && { extra }) };
    }
  }
}

/** A function's arguments as a whole answer has them: the spaces between the pieces of a stream are not the model's. */
function canonical(input: string, kind: ToolKind): string {
  const value = kind === "function" ? tryParseJson(input) : undefined;
  return isObject(value) ? stringifyJson(value) : input;
}

/** A stream that ended before its answer did. */
export function streamInterrupted(): GatewayError {
  return new GatewayError(
    "upstream_stream_interrupted",
    "The provider's stream ended before the answer was complete",
    { failure: "invalid" },
  );
}
