/** Looks after all bodies that are being read: one that comes too slowly is given up. One timer serves them all. */

import { GatewayError } from "../errors.ts";
import type { Limits } from "./limits.ts";

/**
 * Watches a body from now on.
 * @param tooSlow called once, with `request_timeout`, if it does not come in time
 */
export type SpeedWatch = (tooSlow: (error: GatewayError) => void) => Watched;

export interface Watched {
  /** So many bytes came. */
  count(bytes: number): void;
  unwatch(): void;
}

interface Body {
  readonly began: number;
  bytes: number;
  readonly tooSlow: (error: GatewayError) => void;
}

/** How often a slow body is looked after: so many times in its grace. */
const LOOKS = 5;

/** @returns the watch, and what ends it */
export function createSpeedWatch(
  { body, bodyGrace, bodyRate }: Pick<Limits, "body" | "bodyGrace" | "bodyRate">,
): { readonly watch: SpeedWatch; stop(): void } {
  const bodies = new Set<Body>();
  const look = () => {
    const now = performance.now();
    for (const one of bodies) {
      const ms = now - one.began;
      if (ms < body && (ms < bodyGrace || one.bytes * 1000 >= bodyRate * ms)) continue;
      bodies.delete(one);
      one.tooSlow(new GatewayError("request_timeout", "The request body did not come in time"));
    }
  };
  const timer = setInterval(look, bodyGrace / LOOKS);
  timer.unref();
  return {
    watch: (tooSlow) => {
      const one: Body = { began: performance.now(), bytes: 0, tooSlow };
      bodies.add(one);
      return { count: (bytes) => void (one.bytes += bytes), unwatch: () => void bodies.delete(one) };
    },
    stop: () => clearInterval(timer),
  };
}
