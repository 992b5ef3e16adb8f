/** A provider's stream, read piece by piece as the client takes it. */

import type { Deadline } from "./deadline.ts";
import { type ChatEvent, isContent } from "../chat.ts";
import type { Step } from "../dialects/bridge.ts";
import { isLastWord } from "../dialects/last-word.ts";
import type { Stepper } from "../dialects/stepper.ts";
import { asGatewayError, type GatewayError } from "../errors.ts";
import type { Clock } from "../services.ts";

export interface Steps {
  /** The next steps, undefined after the last. The last one holds an `end` or an `error` event. Never throws. */
  next(): Promise<readonly Step[] | undefined>;
  /** Hands over all that is left as it comes, and waits for a `take` that gives a promise. Throws only what that does. */
  each(take: (steps: readonly Step[]) => void | Promise<void>): Promise<void>;
  /** How many bytes of the body were read so far. */
  bytes(): number;
}

export interface StepsOptions {
  readonly deadline: Deadline;
  readonly clock: Clock;
  /** Seconds of silence between pieces, once content has come; before it, the deadline is as it was armed. */
  readonly idle: number;
}

/** Of a stream that has said all. */
export const NO_STEPS: Steps = {
  next: () => Promise.resolve(undefined),
  each: () => Promise.resolve(),
  bytes: () => 0,
};

/** How long a finished stream may take to close, so that its connection can serve again. */
const CLOSING_MS = 1000;

export function openSteps(
  body: AsyncIterable<Uint8Array>,
  stepper: Stepper<Uint8Array, Step>,
  { deadline, clock, idle }: StepsOptions,
): Steps {
  const bytes = body[Symbol.asyncIterator]();
  let read = 0;
  let flowing = false;
  let over = false;

  /** The steps up to the last word: what a provider sends behind it, in the same breath or later, is not its answer. */
  const seen = (steps: readonly Step[]): readonly Step[] => {
    let count = 0;
    for (const { events } of steps) {
      count++;
      if (!flowing && events.some(isSignOfLife)) {
        flowing = true;
        deadline.arm(idle, "further event");
      }
      if (!events.some(isLastWord)) continue;
      over = true;
      return steps.slice(0, count);
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

  const nextPiece = (): Promise<IteratorResult<Uint8Array>> => {
    if (flowing) deadline.touch();
    return bytes.next();
  };

  const came = (piece: IteratorResult<Uint8Array>): readonly Step[] => {
    if (piece.done) {
      over = true;
      deadline.release();
      return seen(stepper.end());
    }
    read += piece.value.length;
    const steps = seen(stepper.push(piece.value));
    // Until the next read it is the client that we wait for.
    if (flowing) deadline.pause();
    if (over) close(bytes, steps, deadline, clock);
    return steps;
  };

  const broken = (thrown: unknown): readonly Step[] => {
    over = true;
    const error = asGatewayError(thrown);
    const rest = ending(error);
    deadline.abandon();
    return ownReason(error) ? rest.map((step) => ({ ...step, events: step.events.map(blame(error)) })) : rest;
  };

  return {
    next: async () => {
      if (over) return undefined;
      try {
        return came(await nextPiece());
      } catch (thrown) {
        return broken(thrown);
      }
    },
    // One wait for each piece, and no more: a promise costs as much as the work between two of them.
    each: async (take) => {
      while (!over) {
        let steps;
        try {
          steps = came(await nextPiece());
        } catch (thrown) {
          steps = broken(thrown);
        }
        const slow = take(steps);
        if (slow) await slow;
      }
    },
    bytes: () => read,
  };
}

/** The start of a thought commits nothing, but the model is at work. */
function isSignOfLife(event: ChatEvent): boolean {
  return isContent(event) || event.type === "thinking-start";
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
