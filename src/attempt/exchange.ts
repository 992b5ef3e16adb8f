/** One HTTP exchange with a provider: send a prepared request, and read until it is sure to be an answer. */

import type { Target } from "../access/policy.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import type { Prepared } from "../dialects/bridge.ts";
import type { Dialect, HeaderRecord, ReplyOptions } from "../dialects/dialect.ts";
import { amended, asGatewayError, GatewayError, isUpstreams } from "../errors.ts";
import { readBytes } from "../http.ts";
import type { Services } from "../services.ts";
import { NO_STEPS } from "./steps.ts";
import { type AnswerBody, invalidAnswer, readAnswer, tooLarge } from "./read-answer.ts";
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
  readonly status: number;
  /** The answer's headers as the provider sent them. */
  readonly headers: HeaderRecord;
  readonly options: ReplyOptions;
  readonly body: AnswerBody;
}

/** @throws GatewayError for every failure before the answer is sure */
export async function exchange(
  asked: Exchange,
  { clock, send }: Pick<Services, "clock" | "send">,
): Promise<Exchanged> {
  const { prepared, target: { timeouts }, upstream, streamed } = asked;
  const deadline = createDeadline(clock, asked.left);
  let answer: UpstreamResponse | undefined;
  try {
    deadline.arm(streamed ? timeouts.firstByteStream : timeouts.firstByte, "answer");
    const options = () => ({ ...asked.options, created: Math.floor(clock.now() / 1000) });
    let response;
    try {
      response = await sendReady(asked, upstream.path, deadline, send);
      answer = response;
    } catch (thrown) {
      return answeredByRefusal(thrown, asked, options());
    }
    const { last } = asked;
    const { idle } = timeouts;
    const dated = options();
    const body = await readAnswer(response, {
      prepared,
      streamed,
      last,
      options: dated,
      deadline,
      clock,
      idle,
    });
    const { status, headers } = response;
    return { status, headers, options: dated, body };
  } catch (thrown) {
    deadline.abandon();
    throw answer && thrown instanceof GatewayError && !thrown.upstream
      ? amended(thrown, { upstream: { status: answer.status, headers: answer.headers } })
      : thrown;
  }
}

/** @throws what was thrown, unless it is an answer in truth */
function answeredByRefusal(
  thrown: unknown,
  { prepared, streamed }: Exchange,
  options: ReplyOptions,
): Exchanged {
  const found = thrown instanceof GatewayError ? prepared.cutShort(thrown) : undefined;
  if (!found || !(thrown instanceof GatewayError)) throw thrown;
  const body: AnswerBody = streamed
    ? { kind: "stream", held: found.steps(options), rest: NO_STEPS }
    : { kind: "whole", brought: found.brought };
  const { status, headers } = thrown.upstream ?? { status: thrown.status, headers: {} };
  return { status, headers, options, body };
}

/**
 * Sends a request to a path below the target's base URL.
 * @returns the provider's answer, which has a status from 200 to 299
 * @throws GatewayError for any other answer, or none
 */
export async function sendReady(
  ready: Ready,
  path: string,
  deadline: Deadline,
  send: Send,
): Promise<UpstreamResponse> {
  const { prepared, target, upstream, credential } = ready;
  const { connect, idle } = target.timeouts;
  const response = await send({
    url: `${target.upstream.baseURL}${path}`,
    // The client's own come last: a relayed body is written for the version that its client names. No credential is among
    // them.
    headers: { ...upstream.headers(credential), ...target.upstream.headers, ...prepared.headers },
    body: prepared.body,
    signal: deadline.signal,
    connectTimeout: connect,
    proxy: target.upstream.proxy,
    stream: prepared.stream,
  });
  if (response.status >= 400) throw await errorAnswer(response, prepared, idle, deadline);
  if (response.status >= 200 && response.status < 300) return response;
  throw invalidAnswer(`The provider answered with status ${response.status}`, "status");
}

/** The status of an error is known; its body is not worth a longer wait, nor more memory. */
const ERROR_BODY_SECONDS = 10;
const MAX_ERROR_BYTES = 1024 * 1024;

/** The error that a provider answered with. A body that cannot be read takes nothing from its status and headers. */
async function errorAnswer(
  response: UpstreamResponse,
  prepared: Prepared,
  idle: number,
  deadline: Deadline,
): Promise<GatewayError> {
  const { status, headers } = response;
  deadline.arm(Math.min(ERROR_BODY_SECONDS, idle), "body of the error");
  let text = "";
  let detail: string | undefined;
  try {
    const bytes = await readBytes(response.body, MAX_ERROR_BYTES, () => tooLarge(MAX_ERROR_BYTES));
    text = new TextDecoder().decode(bytes);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (!isUpstreams(error)) throw error;
    detail = error.detail;
    deadline.abandon();
  }
  deadline.release();
  const error = prepared.error(status, text, headers);
  return detail === undefined ? error : amended(error, { detail: `unread-${detail}` });
}
