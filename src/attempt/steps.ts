/** A provider's stream, read piece by piece as the client takes it. */

import type { Deadline } from "./deadline.ts";
import { type ChatEvent, isContent } from "../chat.ts";
import type { Step } from "../dialects/bridge.ts";
import type { Stepper } from "../dialects/stepper.ts";
import { asGatewayError, type GatewayError } from "../errors.ts";
import type { Clock } from "../services.ts";

export interface Steps {
  /** The next steps, undefined after the last. The last one holds an `end` or an `error` event. Never throws. */
  next(): Promise<readonly Step[] | undefined>;
}

export interface StepsOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Seconds of silence between pieces, once content has come; before it, the deadline is as it was armed. */
  readonly idle: number;
}

/** How long a finished stream may take to close, so that its connection can serve again. */
const CLOSING_MS = 1000;

export function openSteps(
  body: AsyncIterable<Uint8Array>,
  stepper: Stepper<Uint8Array, Step>,
  { deadline, clock, idle }: StepsOptions,
): Steps {
  const bytes = body[Symbol.asyncIterator]();
  let flowing = false;
  let over = false;

  /** The steps up to the last word: what a provider sends behind it, in the same breath or later, is not its answer. */
  const seen = (steps: readonly Step[]): readonly Step[] => {
    for (const [index, { events }] of steps.entries()) {
      // The start of a thought is a sign of life, though it commits nothing: the model is at work.
      if (!flowing && events.some((event) => isContent(event) || event.type === "thinking-start")) {
        flowing = true;
        deadline.arm(idle, "further event");
      }
      if (!events.some(isLast)) continue;
      over = true;
      return steps.slice(0, index + 1);
    }
    return steps;
  };

  /** What was still held; nothing but the error where that cannot be told either. */
  const ending = (error: GatewayError): readonly Step[] => {
    try {
      return seen(stepper.end());
    } catch {
      return [{ out: undefined, events: [{ type: "error", error }] }];
    }
  };

  const broken = (thrown: unknown): readonly Step[] => {
    over = true;
    const error = asGatewayError(thrown);
    const rest = ending(error);
    return ownReason(error) ? rest.map((step) => ({ ...step, events: step.events.map(blame(error)) })) : rest;
  };

  return {
    next: async () => {
      if (over) return undefined;
      try {
        if (flowing) deadline.touch();
        const piece = await bytes.next();
        if (piece.done) {
          over = true;
          deadline.release();
          return seen(stepper.end());
        }
        const steps = seen(stepper.push(piece.value));
        // Until the next read it is the client that we wait for.
        if (flowing) deadline.pause();
        if (over) close(bytes, steps, deadline, clock);
        return steps;
      } catch (thrown) {
        const steps = broken(thrown);
        deadline.abandon();
        return steps;
      }
    },
  };
}

function isLast(event: ChatEvent): boolean {
  return event.type === "end" || event.type === "error";
}

/** A time limit, a client that left and our own end say more than that the stream broke off. */
function ownReason({ code }: GatewayError): boolean {
  return code !== "upstream_unreachable" && code !== "upstream_invalid_response";
}

function blame(error: GatewayError): (event: ChatEvent) => ChatEvent {
  return (event) => event.type === "error" ? { type: "error", error } : event;
}

/** Lets a stream that said its last word close by itself, for a moment and beside the client's answer. */
function close(
  bytes: AsyncIterator<Uint8Array>,
  steps: readonly Step[],
  deadline: Deadline,
  clock: Clock,
): void {
  if (steps.some(({ events }) => events.some(({ type }) => type === "error"))) return deadline.abandon();
  const cancel = clock.after(CLOSING_MS, () => deadline.abandon());
  const rest = async () => {
    while (!(await bytes.next()).done);
  };
  rest().then(() => deadline.release(), () => deadline.abandon()).finally(cancel);
}
