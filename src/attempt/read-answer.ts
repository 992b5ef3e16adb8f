/** A provider's answer, read until it is sure to be one, within limits on what it may send. */

import { type ChatEvent, type ChatReply, isContent } from "../chat.ts";
import { beginningOf } from "./beginning.ts";
import type { Deadline } from "./deadline.ts";
import type { Brought, Prepared, Step } from "../dialects/bridge.ts";
import { createCollector, streamInterrupted } from "../dialects/collect.ts";
import type { HeaderRecord, ReplyOptions } from "../dialects/dialect.ts";
import { GatewayError } from "../errors.ts";
import { readBytes } from "../http.ts";
import type { Clock } from "../services.ts";
import { inSlices } from "../slices.ts";
import { SMALL } from "../work.ts";
import { openSteps, type Steps } from "./steps.ts";
import type { UpstreamResponse } from "../upstream/send.ts";

export type AnswerBody =
  | { readonly kind: "whole"; readonly brought: Brought }
  /** `held` is what came before the answer was sure; the rest is read as the client takes it. */
  | { readonly kind: "stream"; readonly held: readonly Step[]; readonly rest: Steps };

/** No answer that is not streamed to its client is larger, decoded. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;
/** What a stream may send before its first content, decoded; the largest event fits twice. */
const MAX_EARLY_BYTES = 32 * 1024 * 1024;
const MAX_BLANK_BYTES = 16 * 1024 * 1024;
/** And in so many events; of signs of life only the first are kept. */
const MAX_EARLY_EVENTS = 100_000;
const MAX_HELD_EVENTS = 10_000;
const MAX_HELD_SIGNS = 100;

export interface Reading {
  readonly prepared: Prepared;
  /** The client wants the answer as a stream. */
  readonly streamed: boolean;
  /** No other target is left: a stream is passed on from its first event, nothing is held back. */
  readonly last: boolean;
  readonly options: ReplyOptions;
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Seconds of silence between pieces. */
  readonly idle: number;
}

/**
 * Reads until it is sure that there is an answer. A stream is what begins as one, whatever its content type says; only
 * what begins as nothing we know is told by that.
 * @throws GatewayError for every failure before the answer is sure
 */
export async function readAnswer(response: UpstreamResponse, reading: Reading): Promise<AnswerBody> {
  const { prepared, streamed, last, options, deadline, clock, idle } = reading;
  const came = prepared.stream ? upTo(MAX_BLANK_BYTES, tooMuch) : pieceOfWhole(deadline, idle);
  const { kind, body } = await beginningOf(response.body, came);
  const isStream = kind === "events" ||
    (prepared.stream && kind !== "json" && isEventStream(response.headers));
  if (!isStream) {
    if (prepared.stream && kind === "other") {
      throw invalidAnswer(
        `The provider's answer is not an event stream${typeOf(response.headers)}`,
        "not-a-stream",
      );
    }
    const bytes = await readWhole(body, pieceOfWhole(deadline, idle));
    deadline.release();
    const brought = bytes.length <= SMALL ? prepared.reply(bytes) : await inSlices(prepared.replying(bytes));
    if (!streamed) return { kind: "whole", brought };
    throw invalidAnswer(
      `The provider gave a whole answer${typeOf(response.headers)}, not the stream asked for`,
      "not-a-stream",
    );
  }
  const steps = openSteps(body, prepared.steps(options), { deadline, clock, idle });
  if (streamed) return await streamedBody(steps, last);
  // Its bytes cannot be relayed as a whole answer.
  if (!prepared.gathered) {
    throw invalidAnswer(
      `The provider gave a stream${typeOf(response.headers)}, not the whole answer asked for`,
      "stream",
    );
  }
  return { kind: "whole", brought: prepared.gathered(await collected(steps)) };
}

/** Reads a stream until it is sure to be an answer. */
async function streamedBody(rest: Steps, last: boolean): Promise<AnswerBody> {
  const held: Step[] = [];
  let sure = false;
  let [count, signs] = [0, 0];
  for (let steps = await rest.next(); steps; steps = await rest.next()) {
    count += steps.length;
    for (const step of steps) {
      if (saysSomething(step) || ++signs <= MAX_HELD_SIGNS) held.push(step);
      for (const event of step.events) {
        if (event.type === "error" && !sure) throw event.error;
        sure ||= last ? isAnything(event) : isContent(event) || event.type === "end";
      }
    }
    if (sure) return { kind: "stream", held, rest };
    if (rest.bytes() > MAX_EARLY_BYTES || count > MAX_EARLY_EVENTS || held.length > MAX_HELD_EVENTS) {
      throw tooMuch();
    }
  }
  throw streamInterrupted();
}

/** Reads a stream to its end, for a client that wants the answer whole. */
async function collected(rest: Steps): Promise<ChatReply> {
  const collector = createCollector();
  for (let steps = await rest.next(); steps; steps = await rest.next()) {
    for (const { events } of steps) events.forEach(collector.take);
    if (rest.bytes() > MAX_REPLY_BYTES) throw tooLarge(MAX_REPLY_BYTES);
  }
  return collector.reply();
}

/** Whether a step is more than a sign of life, which is none any more when the answer is there. */
function saysSomething({ out, events }: Step): boolean {
  return events.length > 0 ? events.some(({ type }) => type !== "ping") : out !== undefined && out.length > 0;
}

function isAnything(event: ChatEvent): boolean {
  return event.type !== "ping" && event.type !== "warning" && event.type !== "error";
}

/**
 * The whole of an answer's body.
 * @param came told how many bytes a piece has
 */
export async function readWhole(
  body: AsyncIterable<Uint8Array>,
  came: (bytes: number) => void,
): Promise<Uint8Array> {
  try {
    return await readBytes(body, MAX_REPLY_BYTES, () => tooLarge(MAX_REPLY_BYTES), came);
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.failure !== "connect") throw thrown;
    // The provider had begun to answer: what broke off is its answer, not the connection to it.
    throw invalidAnswer("The provider's answer broke off", thrown.detail ?? "reset", thrown);
  }
}

/** Blanks count as pieces of a whole answer: some providers send them while the model is at work. */
export function pieceOfWhole(deadline: Deadline, idle: number): (bytes: number) => void {
  const count = upTo(MAX_REPLY_BYTES, () => tooLarge(MAX_REPLY_BYTES));
  let begun = false;
  return (bytes) => {
    count(bytes);
    if (begun) deadline.touch();
    else deadline.arm(idle, "further part of the answer");
    begun = true;
  };
}

function upTo(limit: number, error: () => GatewayError): (bytes: number) => void {
  let all = 0;
  return (bytes) => {
    all += bytes;
    if (all > limit) throw error();
  };
}

function isEventStream(headers: HeaderRecord): boolean {
  const type = headers["content-type"];
  return type === undefined || type.toLowerCase().includes("text/event-stream");
}

const LONGEST_TYPE = 100;

/** The content type for a message, in brackets. */
function typeOf(headers: HeaderRecord): string {
  const type = headers["content-type"]?.split(";")[0]?.trim() ?? "";
  return type === "" ? "" : ` (${type.slice(0, LONGEST_TYPE)})`;
}

function tooMuch(): GatewayError {
  return new GatewayError("upstream_invalid_event", "The provider sent too much before its answer began", {
    failure: "invalid",
    detail: "too-large",
  });
}

export function tooLarge(limit: number): GatewayError {
  return invalidAnswer(`The provider's answer has more than ${limit} bytes`, "too-large");
}

export function invalidAnswer(message: string, detail: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", message, { failure: "invalid", detail, cause });
}
