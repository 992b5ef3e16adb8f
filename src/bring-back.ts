/** From an answer to what goes over the client's connection: headers, a whole body, or a stream kept alive. */

import type { Answer, Receiver } from "./attempt/call.ts";
import type { Step } from "./dialects/bridge.ts";
import { writeEvent } from "./dialects/sse.ts";
import { asGatewayError, type GatewayError } from "./errors.ts";
import type { Out, Outgoing } from "./http.ts";
import { headerSafe, providerHeaders } from "./attempt/provider-headers.ts";
import { keepAnswer, type Kept, watchAnswer } from "./recall.ts";
import { redactError } from "./redact.ts";
import type { Services } from "./services.ts";

/** What an answer's response is made of; the gateway adds what every response has. */
export type Reply = Pick<Outgoing, "status" | "headers" | "body">;

/**
 * The response for an answer that came before the client had to be told anything. What it needs of the request is the
 * receiver: a stream may run for an hour, and its request's body is not to be kept for so long.
 */
export function bringBack(answer: Answer, receiver: Receiver, services: Services): Reply {
  const headers = answerHeaders(answer, receiver, services);
  if (answer.body.kind === "stream") {
    return {
      status: 200,
      headers: { ...STREAM_HEADERS, ...headers },
      body: (out) => pass(answer, receiver, services, out),
    };
  }
  const { brought } = answer.body;
  receiver.entry.answered(brought.reply);
  const keep = keeper(answer, receiver, services);
  if (keep) keepAnswer(brought.reply, keep);
  const category = brought.reply.finish.refusal?.category;
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      ...headers,
      ...warningsHeader(receiver.entry.warnings),
      ...(category !== undefined && { "x-ai-proxy-refusal-category": headerSafe(category) }),
    },
    body: brought.body(answer.options),
  };
}

/**
 * The response for an answer that is silent for so long that the stream is begun without it: the status is out, and
 * signs of life go to the client until the answer comes, or an error event says that none will.
 */
export function bringBackLate(coming: Promise<Answer>, receiver: Receiver, services: Services): Reply {
  return {
    status: 200,
    headers: STREAM_HEADERS,
    body: async (out) => {
      const life = keepAlive(receiver, services, out);
      let answer: Answer;
      try {
        life.sign();
        answer = await coming;
      } catch (thrown) {
        const error = asGatewayError(thrown);
        receiver.entry.failed(error);
        await out.write(errorEvent(error, receiver));
        return;
      } finally {
        life.stop();
      }
      await pass(answer, receiver, services, out);
    },
  };
}

/** Passes a stream on, step by step, as fast as the client takes it. */
async function pass(answer: Answer, receiver: Receiver, services: Services, out: Out): Promise<void> {
  if (answer.body.kind !== "stream") throw new Error("Only a stream is passed on");
  const { held, rest } = answer.body;
  const keep = keeper(answer, receiver, services);
  const watch = keep && watchAnswer(keep);
  const life = keepAlive(receiver, services, out);
  /** What goes to the client for a step. */
  const seen = (step: Step): string | Uint8Array | undefined => {
    let error: GatewayError | undefined;
    for (const event of step.events) {
      receiver.entry.saw(event);
      watch?.(event);
      if (event.type === "error") error = event.error;
    }
    return error ? lastWord(error, step, answer, receiver, services) : step.out;
  };
  const take = (steps: readonly Step[]): void | Promise<void> => {
    const pieces: (string | Uint8Array)[] = [];
    for (const step of steps) {
      const piece = seen(step);
      if (piece !== undefined && piece.length > 0) pieces.push(piece);
    }
    const piece = joined(pieces);
    if (piece === undefined) return;
    const slow = out.write(piece);
    life.wrote();
    return slow;
  };
  try {
    await take(held);
    await rest.each(take);
  } finally {
    life.stop();
  }
}

/** How a stream ends that breaks off: the provider's own error as it came, else an error event of ours. */
function lastWord(
  thrown: GatewayError,
  step: Step,
  answer: Answer,
  receiver: Receiver,
  services: Services,
): string | Uint8Array {
  const { redactor } = receiver;
  const error = asGatewayError(redactError(thrown, redactor));
  receiver.entry.failed(error);
  answer.trial.end(services.clock.monotonic(), error);
  if (error.source !== "upstream" || !(step.out instanceof Uint8Array)) return errorEvent(error, receiver);
  return redactor.cut(new TextDecoder().decode(step.out));
}

function errorEvent(error: GatewayError, receiver: Receiver): string {
  const { dialect, entry } = receiver;
  return writeEvent(dialect.encodeErrorEvent(error, entry.requestId));
}

/** Signs of life for a stream that is silent for as long as the policy says. */
function keepAlive(receiver: Receiver, { clock }: Services, out: Out) {
  const ms = receiver.policy.keepAlive * 1000;
  const sign = writeEvent(receiver.dialect.keepAlive);
  let last = clock.monotonic();
  let cancel: (() => void) | undefined;
  const check = () => {
    const due = last + ms - clock.monotonic();
    if (due <= 0) {
      // A client that has yet to take what it was sent has no need of a sign of life.
      if (!out.blocked?.()) void out.write(sign);
      last = clock.monotonic();
    }
    cancel = clock.after(due > 0 ? due : ms, check);
  };
  if (ms > 0) cancel = clock.after(ms, check);
  return {
    wrote: () => last = clock.monotonic(),
    sign: () => void out.write(sign),
    stop: () => cancel?.(),
  };
}

/** Neighbouring pieces as one, so that what came in one read goes out in one write; undefined where there is nothing. */
function joined(pieces: readonly (string | Uint8Array)[]): string | Uint8Array | undefined {
  if (pieces.length < 2) return pieces[0];
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  const bytes = pieces.map((piece) => typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  const all = new Uint8Array(bytes.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of bytes) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** What keeps parts of the answer for the next turn; none where the client's own API carries them all. */
function keeper(
  answer: Answer,
  receiver: Receiver,
  { recall }: Services,
): ((callId: string, kept: Kept) => void) | undefined {
  const { target } = answer;
  if (!target.thinkingCache || answer.upstream === receiver.dialect) return undefined;
  const provider = target.upstream.name;
  return (callId, kept) =>
    recall.keep(receiver.principal.user, target.upstreamModel, callId, { ...kept, provider });
}

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

/** What the client is told beside an answer: whose it is, and what its provider's headers say. */
export function answerHeaders(
  answer: Pick<Answer, "headers" | "upstream" | "target">,
  { entry, dialect }: Receiver,
  { clock }: Services,
): Record<string, string> {
  return {
    ...providerHeaders(answer.headers, answer.upstream, dialect, clock.now()),
    "x-ai-proxy-model": headerSafe(answer.target.model),
    "x-ai-proxy-provider": headerSafe(answer.target.upstream.name),
    ...warningsHeader(entry.warnings),
  };
}

const MAX_WARNINGS_HEADER = 1024;

/** Codes only, in ASCII, and no more than fits: a list that goes on says so. */
export function warningsHeader(warnings: readonly string[]): { "x-ai-proxy-warnings"?: string } {
  if (warnings.length === 0) return {};
  const codes = warnings.map(headerSafe);
  const all = codes.join(";");
  if (all.length <= MAX_WARNINGS_HEADER) return { "x-ai-proxy-warnings": all };
  let header = "";
  for (const code of codes) {
    if (header.length + code.length + MORE.length + 1 > MAX_WARNINGS_HEADER) break;
    header += `${code};`;
  }
  return { "x-ai-proxy-warnings": header + MORE };
}

const MORE = "more";
