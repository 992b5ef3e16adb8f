/**
 * Faults on the way through a stream. N counts pieces with content, so that 0 is before any; a plain answer is
 * treated as a stream of some slices.
 */

import { Buffer } from "node:buffer";
import type { Frame } from "./api.ts";
import {
  begin,
  breakOff,
  type Exchange,
  finish,
  framesOf,
  give,
  refuse,
  send,
  sent,
  STYLE,
  untilOver,
  wait,
  write,
} from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { TROUBLES } from "./problems.ts";

export const STREAM_FAULTS: Readonly<Record<string, Fault>> = {
  "overloaded-stream": {
    about: "200, then an error event before any content",
    play: (exchange) => failAfter(exchange, 0),
  },
  "error-midstream": {
    about: "an error event after N pieces (5)",
    play: (exchange, n = 5) => failAfter(exchange, n),
  },
  cut: {
    about: "the connection is closed after N pieces (5)",
    play: (exchange, n = 5) => cutAfter(exchange, n, "close"),
  },
  "reset-midstream": {
    about: "the connection is reset after N pieces (5)",
    play: (exchange, n = 5) => cutAfter(exchange, n, "reset"),
  },
  eof: { about: "a clean end after N pieces (5), nothing says that it is complete", play: endAfter },
  stall: { about: "silence after N pieces (5)", play: stallAfter },
  pause: { about: "N seconds (3) of silence in the middle, then on", play: pause },
  "no-done": { about: "complete, but without [DONE] or message_stop", play: withoutDone },
  "malformed-event": { about: "event N (5) is not JSON, then on", play: malformed },
  "unknown-event": { about: "an event of an unknown type between all others", play: unknownEvents },
  pings: { about: "signs of life between all events", play: pings },
  order: { about: "the first content before the start of the answer", play: contentFirst },
  crlf: { about: "lines end with CRLF", play: (exchange) => give(exchange, mapText(exchange, toCrlf)) },
  slice: { about: "written N bytes (1) at a time", play: sliced },
  "usage-every-chunk": {
    about: "the usage so far in every chunk",
    play: (exchange) => give(exchange, framesOf(exchange, undefined, { ...STYLE, usage: "every" })),
  },
  "usage-last": {
    about: "usage in the chunk with the finish reason",
    play: (exchange) => give(exchange, framesOf(exchange, undefined, { ...STYLE, usage: "finish" })),
  },
  "tool-bytes": {
    about: "tool arguments one character at a time",
    play: (exchange) => argumentsBy(exchange, 1),
  },
  "tool-lump": { about: "tool arguments in one piece", play: (exchange) => argumentsBy(exchange, 1_000_000) },
};

/** How long a peer may take to read what was sent to it. */
const READING_MS = 50;

/** The pieces before the one with content number `count`, counted from 0; never all that have content. */
function before(frames: readonly Frame[], count: number): Frame[] {
  const places = frames.flatMap((frame, index) => frame.tokens > 0 ? [index] : []);
  return frames.slice(0, places[Math.min(count, places.length - 1)] ?? 0);
}

async function failAfter(exchange: Exchange, count: number): Promise<void> {
  const { api, prompt, requestId } = exchange;
  const problem = TROUBLES["overloaded"]?.[api.name];
  if (!problem) return;
  if (!prompt.stream) return refuse(exchange, problem);
  await send(exchange, before(framesOf(exchange), count));
  await write(exchange, api.errorFrame(problem, requestId));
  finish(exchange);
}

async function cutAfter(exchange: Exchange, count: number, how: "close" | "reset"): Promise<void> {
  await send(exchange, before(framesOf(exchange), count));
  // A reset throws away what its peer has not read yet.
  if (how === "reset") await wait(exchange, READING_MS);
  breakOff(exchange, how);
}

async function endAfter(exchange: Exchange, count = 5): Promise<void> {
  await give(exchange, before(framesOf(exchange), count));
}

async function stallAfter(exchange: Exchange, count = 5): Promise<void> {
  await send(exchange, before(framesOf(exchange), count));
  await untilOver(exchange);
}

async function pause(exchange: Exchange, seconds = 3): Promise<void> {
  const frames = framesOf(exchange);
  const first = before(frames, 5);
  await send(exchange, first);
  await wait(exchange, seconds * 1000);
  await give(exchange, frames.slice(first.length));
}

async function withoutDone(exchange: Exchange): Promise<void> {
  const frames = framesOf(exchange);
  await give(exchange, exchange.prompt.stream ? frames.filter((frame) => !frame.done) : frames);
}

async function malformed(exchange: Exchange, count = 5): Promise<void> {
  const frames = framesOf(exchange);
  const first = frames.slice(0, Math.max(count - 1, 0));
  const broken = exchange.prompt.stream ? 'data: {"simulated": [not json\n\n' : "[not json";
  await give(exchange, [...first, { text: broken, tokens: 0 }, ...frames.slice(first.length)]);
}

async function unknownEvents(exchange: Exchange): Promise<void> {
  const text = exchange.api.name === "anthropic"
    ? 'event: simulated_future\ndata: {"type":"simulated_future","index":0}\n\n'
    : 'data: {"id":"","object":"simulated.future","created":0,"model":"","choices":[]}\n\n';
  await give(exchange, between(exchange, text));
}

async function pings(exchange: Exchange): Promise<void> {
  const ping = exchange.api.name === "anthropic"
    ? 'event: ping\ndata: {"type":"ping"}\n\n'
    : ": keep-alive\n\n";
  await give(exchange, between(exchange, ping));
}

/** A streamed answer with the same text in front of all pieces but the first. */
function between(exchange: Exchange, text: string): Frame[] {
  const frames = framesOf(exchange);
  if (!exchange.prompt.stream) return frames;
  return frames.flatMap((frame, index) => index === 0 ? [frame] : [{ text, tokens: 0 }, frame]);
}

async function contentFirst(exchange: Exchange): Promise<void> {
  const frames = framesOf(exchange);
  const content = frames.findIndex((frame) => frame.tokens > 0);
  const moved = exchange.prompt.stream ? frames.slice(content, content + 1) : [];
  await give(exchange, [...moved, ...frames.filter((frame) => !moved.includes(frame))]);
}

function mapText(exchange: Exchange, change: (text: string) => string): Frame[] {
  return framesOf(exchange).map((frame) => ({ ...frame, text: change(frame.text) }));
}

function toCrlf(text: string): string {
  return text.replaceAll("\n", "\r\n");
}

async function sliced(exchange: Exchange, size = 1): Promise<void> {
  begin(exchange, 200);
  for (const frame of framesOf(exchange)) {
    const bytes = Buffer.from(frame.text);
    for (let at = 0; at < bytes.length; at += Math.max(size, 1)) {
      await write(exchange, bytes.subarray(at, at + Math.max(size, 1)));
    }
    sent(exchange, frame);
  }
  finish(exchange);
}

async function argumentsBy(exchange: Exchange, argumentSlice: number): Promise<void> {
  await give(exchange, framesOf(exchange, undefined, { ...STYLE, argumentSlice }));
}
