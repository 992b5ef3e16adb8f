/** Faults of the body: a 200 that is no answer, or one that does not end. */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Frame } from "./api.ts";
import { begin, type Exchange, finish, framesOf, reply, send, sent, write } from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { TROUBLES } from "./problems.ts";

const MEBIBYTE = 1024 * 1024;
const HTML =
  "<!doctype html><html><head><title>Simulated</title></head><body><h1>Please sign in</h1></body></html>";
const HTML_TYPE = { "content-type": "text/html; charset=utf-8" };

export const BODY_FAULTS: Readonly<Record<string, Fault>> = {
  html: { about: "HTML with 200", play: (exchange) => reply(exchange, 200, HTML, HTML_TYPE) },
  "html-502": { about: "HTML with 502", play: (exchange) => reply(exchange, 502, HTML, HTML_TYPE) },
  empty: { about: "200 with an empty body", play: (exchange) => reply(exchange, 200, "") },
  truncated: { about: "half of a JSON answer, properly ended", play: truncated },
  "wrong-schema": {
    about: "200 with JSON that is no answer",
    play: (exchange) => reply(exchange, 200, '{"hello":"world"}', { "content-type": "application/json" }),
  },
  "error-in-200": { about: "an error object with status 200", play: errorInside },
  gzip: { about: "a healthy answer, compressed", play: (exchange) => compressed(exchange, 0) },
  bomb: {
    about: "a compressed answer that swells to N MiB (128)",
    play: (exchange, n = 128) => compressed(exchange, n),
  },
  endless: { about: "an answer that goes on for N MiB (1024)", play: endless },
  "giant-line": { about: "one line of N MiB (32)", play: giantLine },
};

function truncated(exchange: Exchange): void {
  const text = textOf(exchange);
  reply(exchange, 200, text.slice(0, Math.floor(text.length / 2)));
}

function errorInside(exchange: Exchange): void {
  const { api, requestId } = exchange;
  const problem = TROUBLES["overloaded"]?.[api.name];
  if (!problem) return;
  reply(exchange, 200, JSON.stringify(api.error(problem, requestId)), { "content-type": "application/json" });
}

/** Compressed on the way, so that a bomb of any size takes no memory here. */
async function compressed(exchange: Exchange, mebibytes: number): Promise<void> {
  const frames = framesOf(exchange);
  begin(exchange, 200, { "content-encoding": "gzip" });
  const packed = Readable.from(swelling(exchange, frames, mebibytes)).pipe(createGzip());
  for await (const piece of packed) await write(exchange, piece);
  for (const frame of frames) sent(exchange, frame);
  finish(exchange);
}

/** White space, then the answer. */
function* swelling(exchange: Exchange, frames: readonly Frame[], mebibytes: number): Iterable<Buffer> {
  const filler = Buffer.alloc(MEBIBYTE, " ");
  for (let left = mebibytes; left > 0 && !exchange.over.aborted; left--) yield filler;
  // White space and an empty line are an event without a field.
  if (exchange.prompt.stream && mebibytes > 0) yield Buffer.from("\n\n");
  for (const frame of frames) yield Buffer.from(frame.text);
}

async function endless(exchange: Exchange, mebibytes = 1024): Promise<void> {
  const frames = framesOf(exchange);
  const content = frames.findIndex((frame) => frame.tokens > 0);
  await send(exchange, frames.slice(0, content + 1));
  const again = exchange.prompt.stream ? frames[content]?.text ?? "" : " simulated filler";
  await fill(exchange, again, mebibytes);
  finish(exchange);
}

async function giantLine(exchange: Exchange, mebibytes = 32): Promise<void> {
  begin(exchange, 200);
  await write(exchange, exchange.prompt.stream ? 'data: {"simulated":"' : '{"simulated":"');
  await fill(exchange, "x", mebibytes);
  finish(exchange);
}

/** Repeats a text until so much is written or the client has gone, no faster than the client reads. */
async function fill(exchange: Exchange, text: string, mebibytes: number): Promise<void> {
  const block = text.repeat(Math.ceil(65_536 / text.length));
  const size = Buffer.byteLength(block);
  for (let left = mebibytes * MEBIBYTE; left > 0 && !exchange.over.aborted; left -= size) {
    await write(exchange, block);
  }
}

function textOf(exchange: Exchange): string {
  return framesOf(exchange).map((frame) => frame.text).join("");
}
