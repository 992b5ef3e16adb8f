/** One request in flight at a simulated provider: what it asked, and the ways to answer, to wait and to break off. */

import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Answer, answerTo, ARGUMENT_SLICE, type Prompt } from "./answers.ts";
import type { Api, Frame, Headers, Problem, Style } from "./api.ts";
import type { Attempt, LedgerEntry } from "./ledger.ts";
import { slicesOf } from "./usage.ts";

export interface Exchange {
  readonly api: Api;
  readonly prompt: Prompt;
  readonly attempt: Attempt;
  readonly entry: LedgerEntry;
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** Milliseconds between two tokens. */
  readonly pace: number;
  /** The base URL of the other provider. */
  readonly elsewhere: string;
  /** Aborted when the response is over, whoever ended it. */
  readonly over: AbortSignal;
  /** Requests that this provider got for the same model before this one. */
  readonly earlier: number;
  /** Milliseconds since the first of them. */
  readonly sinceFirst: number;
}

export const STYLE: Style = { usage: "end", argumentSlice: ARGUMENT_SLICE };
const PLAIN_SLICES = 16;
/** A plain answer does not take longer than so many tokens of a stream. */
const MOST_PLAIN_WAIT = 20;

/** The healthy answer, in pieces; a plain one is cut into some equal ones. */
export function framesOf(exchange: Exchange, answer?: Answer, style: Style = STYLE): Frame[] {
  const { api, prompt } = exchange;
  const given = answer ?? answerTo(prompt);
  if (prompt.stream) return api.stream(prompt, given, style);
  const text = JSON.stringify(api.plain(prompt, given));
  const slices = slicesOf(text, Math.ceil(text.length / PLAIN_SLICES));
  const output = given.usage?.output ?? slices.length;
  const upTo = (count: number) => Math.floor(output * count / slices.length);
  return slices.map((slice, index) => ({
    text: slice,
    tokens: upTo(index + 1) - upTo(index),
    ...(index === slices.length - 1 ? { done: true, ...(given.usage ? { usage: given.usage } : {}) } : {}),
  }));
}

/** Sends a whole answer at the provider's pace and ends it. */
export async function give(
  exchange: Exchange,
  frames: readonly Frame[],
  headers: Headers = {},
): Promise<void> {
  await send(exchange, frames, headers);
  finish(exchange);
}

/** Sends pieces at the provider's pace, with a status before the first; the answer stays open. */
export async function send(
  exchange: Exchange,
  frames: readonly Frame[],
  headers: Headers = {},
): Promise<void> {
  const { prompt, pace, over } = exchange;
  if (!prompt.stream) await wait(exchange, pace * Math.min(frames.length, MOST_PLAIN_WAIT));
  begin(exchange, 200, headers);
  for (const frame of frames) {
    if (prompt.stream && frame.tokens > 0) await wait(exchange, pace);
    if (over.aborted) return;
    await write(exchange, frame.text);
    sent(exchange, frame);
  }
}

/** Counts a piece as sent. */
export function sent(exchange: Exchange, frame: Frame): void {
  if (exchange.over.aborted) return;
  exchange.entry.tokensSent += frame.tokens;
  if (frame.usage) exchange.entry.usage = frame.usage;
}

/** Sends status and headers, if they have not gone yet. */
export function begin(exchange: Exchange, status: number, headers: Headers = {}): void {
  const { api, prompt, response, requestId, entry } = exchange;
  if (response.headersSent || exchange.over.aborted) return;
  entry.status = status;
  const type = prompt.stream && status === 200 ? "text/event-stream; charset=utf-8" : "application/json";
  response.writeHead(status, { "content-type": type, ...api.headers(requestId), ...headers });
  response.flushHeaders();
}

/** Writes to the body; resolves when the connection has taken it, or is gone. */
export function write(exchange: Exchange, data: string | Uint8Array): Promise<void> {
  const { response, entry, over } = exchange;
  if (over.aborted || data.length === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      over.removeEventListener("abort", done);
      resolve();
    };
    over.addEventListener("abort", done);
    response.write(data, done);
    entry.bytesSent += typeof data === "string" ? Buffer.byteLength(data) : data.length;
  });
}

/** Ends the answer as HTTP wants it. */
export function finish(exchange: Exchange): void {
  if (!exchange.over.aborted) exchange.response.end();
}

/** A whole answer that is no piece of the API: any status, type and body. */
export function reply(
  exchange: Exchange,
  status: number,
  body: string | Uint8Array,
  headers: Headers = {},
): void {
  begin(exchange, status, { "content-length": String(Buffer.byteLength(body)), ...headers });
  exchange.entry.bytesSent += Buffer.byteLength(body);
  if (!exchange.over.aborted) exchange.response.end(body);
}

/** Answers with an error of the API. */
export function refuse(exchange: Exchange, problem: Problem): void {
  const { api, requestId } = exchange;
  const body = JSON.stringify(api.error(problem, requestId));
  reply(exchange, problem.status, body, { "content-type": "application/json", ...problem.headers });
}

/** Closes the connection in the middle of whatever was going on. */
export function breakOff(exchange: Exchange, how: "close" | "reset" = "close"): void {
  exchange.entry.outcome = "broken";
  if (how === "reset") exchange.socket.resetAndDestroy();
  else exchange.socket.destroy();
}

/** Resolves after some milliseconds, or when the response is over. */
export function wait(exchange: Exchange, milliseconds: number): Promise<void> {
  const { over } = exchange;
  if (over.aborted || milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      over.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(milliseconds, 2 ** 31 - 1));
    over.addEventListener("abort", done);
  });
}

/** Resolves when the client has gone, or the provider was closed. */
export function untilOver(exchange: Exchange): Promise<void> {
  const { over } = exchange;
  if (over.aborted) return Promise.resolve();
  return new Promise((resolve) => over.addEventListener("abort", () => resolve(), { once: true }));
}
