/**
 * The deadline of one exchange with a provider, re-armed by phase: it judges silence, never the whole. One timer serves
 * all phases, and moving the deadline costs an assignment.
 */

import { GatewayError } from "../errors.ts";
import { clientLeft, whyLeft } from "../http.ts";
import type { Clock } from "../services.ts";

export interface Deadline {
  /** Aborts with a GatewayError as its reason: `upstream_timeout`, or `client_disconnect`. */
  readonly signal: AbortSignal;
  /** From now on, so many seconds until `what` has come. */
  arm(seconds: number, what: string): void;
  /** Something came: the phase's time begins anew. */
  touch(): void;
  /** The silence that follows is not the provider's: it counts again from the next `touch`. */
  pause(): void;
  /** The exchange is over; nothing is aborted any more. */
  release(): void;
  /** Gives the exchange up. */
  abandon(): void;
}

/** The timer looks so often, so that a phase that follows another seldom needs a timer of its own. */
const LOOK_MS = 30_000;

/** @param left aborts when the client leaves, or for the reason that it carries: the exchange ends with it */
export function createDeadline(clock: Clock, left: AbortSignal): Deadline {
  const controller = new AbortController();
  let milliseconds = 0;
  let until = 0;
  let phase = "";
  let cancelTimer: (() => void) | undefined;
  /** When the timer looks whether the deadline has come: it may have moved until then. */
  let lookAt = 0;
  let released = false;

  const onLeft = () => abort(whyLeft(left));
  const check = () => {
    cancelTimer = undefined;
    const now = clock.monotonic();
    if (until > now) look(now);
    else {
      const message = `No ${phase} from the provider within ${milliseconds / 1000} s`;
      abort(
        new GatewayError("upstream_timeout", message, {
          failure: "timeout",
          detail: phase.replaceAll(" ", "-"),
        }),
      );
    }
  };
  const look = (now: number) => {
    const ms = Math.min(until - now, milliseconds, LOOK_MS);
    lookAt = now + ms;
    cancelTimer = clock.after(ms, check);
  };
  const release = () => {
    released = true;
    cancelTimer?.();
    cancelTimer = undefined;
    left.removeEventListener("abort", onLeft);
  };
  const abort = (reason: GatewayError) => {
    if (released) return;
    release();
    controller.abort(reason);
  };

  if (left.aborted) onLeft();
  else left.addEventListener("abort", onLeft);

  return {
    signal: controller.signal,
    arm: (seconds, what) => {
      if (released) return;
      milliseconds = seconds * 1000;
      phase = what;
      const now = clock.monotonic();
      until = now + milliseconds;
      if (cancelTimer && lookAt <= until) return;
      cancelTimer?.();
      look(now);
    },
    touch: () => {
      until = clock.monotonic() + milliseconds;
    },
    pause: () => {
      until = Infinity;
    },
    release,
    abandon: () => abort(clientLeft()),
  };
}
