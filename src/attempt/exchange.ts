/** One HTTP exchange with a provider: send a prepared request, and read until it is sure to be an answer. */

import type { Target } from "../access/policy.ts";
import { type ChatEvent, isContent } from "../chat.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import type { Brought, Prepared, Step } from "../dialects/bridge.ts";
import { collect } from "../dialects/collect.ts";
import type { Dialect, HeaderRecord, ReplyOptions } from "../dialects/dialect.ts";
import { GatewayError } from "../errors.ts";
import { readBytes } from "../http.ts";
import type { Services } from "../services.ts";
import { openSteps, type Steps } from "./steps.ts";
import type { Send, UpstreamResponse } from "../upstream/send.ts";

/** A request ready to go to a target. */
export interface Ready {
  readonly prepared: Prepared;
  readonly target: Target;
  readonly upstream: Dialect;
  readonly credential: string | undefined;
}

export interface Exchange extends Ready {
  /** The client wants the answer as a stream. */
  readonly streamed: boolean;
  /** No other target is left: a stream is passed on from its first event, nothing is held back. */
  readonly last: boolean;
  readonly options: Omit<ReplyOptions, "created">;
  readonly left: AbortSignal;
}

export interface Exchanged {
  /** The answer's headers as the provider sent them. */
  readonly headers: HeaderRecord;
  readonly options: ReplyOptions;
  readonly body: AnswerBody;
}

export type AnswerBody =
  | { readonly kind: "whole"; readonly brought: Brought }
  /** `held` is what came before the answer was sure; the rest is read as the client takes it. */
  | { readonly kind: "stream"; readonly held: readonly Step[]; readonly rest: Steps };

/** No answer that is not streamed is larger, decoded. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 1024 * 1024;

/** @throws GatewayError for every failure before the answer is sure */
export async function exchange(
  asked: Exchange,
  { clock, send }: Pick<Services, "clock" | "send">,
): Promise<Exchanged> {
  const { prepared, target: { timeouts }, upstream, streamed } = asked;
  const deadline = createDeadline(clock, asked.left);
  try {
    deadline.arm(streamed ? timeouts.firstByteStream : timeouts.firstByte, "answer");
    const response = await sendReady(asked, upstream.path, deadline, send);
    const options = { ...asked.options, created: Math.floor(clock.now() / 1000) };
    const body = prepared.stream && isEventStream(response.headers)
      ? await streamBody(
        asked,
        openSteps(response.body, prepared.steps(options), { deadline, clock, idle: timeouts.idle }),
      )
      : await wholeBody(asked, response, deadline);
    return { headers: response.headers, options, body };
  } catch (thrown) {
    deadline.abandon();
    throw thrown;
  }
}

/**
 * Sends a request to a path below the target's base URL.
 * @returns the provider's 200
 * @throws GatewayError for any other answer, or none
 */
export async function sendReady(
  ready: Ready,
  path: string,
  deadline: Deadline,
  send: Send,
): Promise<UpstreamResponse> {
  const { prepared, target, upstream, credential } = ready;
  const response = await send({
    url: `${target.upstream.baseURL}${path}`,
    // The client's own come last: a relayed body is written for the version that its client names. No credential is among
    // them.
    headers: { ...upstream.headers(credential), ...target.upstream.headers, ...prepared.headers },
    body: prepared.body,
    signal: deadline.signal,
    connectTimeout: target.timeouts.connect,
    stream: prepared.stream,
  });
  if (response.status !== 200) throw await errorAnswer(response, prepared, deadline);
  return response;
}

async function wholeBody(
  asked: Exchange,
  response: UpstreamResponse,
  deadline: Deadline,
): Promise<AnswerBody> {
  const bytes = await readAnswer(response, asked.target.timeouts.idle, deadline);
  deadline.release();
  const brought = asked.prepared.reply(bytes);
  if (!asked.streamed) return { kind: "whole", brought };
  throw invalidAnswer("The provider's answer is not a stream", "not-a-stream");
}

/** Reads a stream until it is sure to be an answer, or, for a client that wants it whole, to its end. */
async function streamBody(asked: Exchange, rest: Steps): Promise<AnswerBody> {
  const held: Step[] = [];
  const events: ChatEvent[] = [];
  let sure = false;
  for (let steps = await rest.next(); steps; steps = await rest.next()) {
    for (const step of steps) {
      held.push(step);
      for (const event of step.events) {
        if (event.type === "error" && !sure) throw event.error;
        if (asked.streamed) {
          sure ||= asked.last ? isAnything(event) : isContent(event) || event.type === "end";
        } else events.push(event);
      }
    }
    if (sure) return { kind: "stream", held, rest };
  }
  return { kind: "whole", brought: asked.prepared.gathered(collect(events)) };
}

function isAnything(event: ChatEvent): boolean {
  return event.type !== "ping" && event.type !== "warning" && event.type !== "error";
}

async function errorAnswer(
  response: UpstreamResponse,
  prepared: Prepared,
  deadline: Deadline,
): Promise<GatewayError> {
  if (response.status < 400) {
    return invalidAnswer(`The provider answered with status ${response.status}`, "status");
  }
  const bytes = await readAnswer(response, ERROR_BODY_SECONDS, deadline, MAX_ERROR_BYTES);
  deadline.release();
  return prepared.error(response.status, new TextDecoder().decode(bytes), response.headers);
}

/** The status of an error is known; its body is not worth a long wait. */
const ERROR_BODY_SECONDS = 30;

/**
 * The whole of an answer's body.
 * @param idle seconds between its pieces
 */
export async function readAnswer(
  response: UpstreamResponse,
  idle: number,
  deadline: Deadline,
  limit = MAX_REPLY_BYTES,
): Promise<Uint8Array> {
  try {
    let begun = false;
    return await readBytes(
      response.body,
      limit,
      () => invalidAnswer(`The provider's answer has more than ${limit} bytes`, "too-large"),
      () => {
        if (begun) deadline.touch();
        else deadline.arm(idle, "further part of the answer");
        begun = true;
      },
    );
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.failure !== "connect") throw thrown;
    // The provider had begun to answer: what broke off is its answer, not the connection to it.
    throw invalidAnswer("The provider's answer broke off", thrown.detail ?? "reset", thrown);
  }
}

function isEventStream(headers: HeaderRecord): boolean {
  const type = headers["content-type"];
  return type === undefined || type.includes("text/event-stream");
}

function invalidAnswer(message: string, detail: string, cause?: unknown): GatewayError {
  return new GatewayError("upstream_invalid_response", message, { failure: "invalid", detail, cause });
}
