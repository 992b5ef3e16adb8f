/** A bound on the requests that are at providers at once: each may hold a connection, and those have descriptors. */

import { GatewayError } from "./errors.ts";

export interface InFlight {
  /**
   * Takes a place.
   * @returns gives it back, once
   * @throws GatewayError `overloaded` when there is none
   */
  enter(): () => void;
  /** How many places are taken. */
  readonly count: number;
}

/** @param random a number in [0, 1): clients that are sent away do not all come back at once */
export function createInFlight(random: () => number, limit: number): InFlight {
  let count = 0;
  return {
    get count() {
      return count;
    },
    enter: () => {
      if (count >= limit) throw tooMany(random);
      count++;
      let left = false;
      return () => {
        if (!left) count--;
        left = true;
      };
    },
  };
}

/** The refusal of a request for which there is no room. */
export function tooMany(random: () => number): GatewayError {
  const retryAfter = 1 + Math.floor(random() * 3);
  return new GatewayError("overloaded", "Too many requests are under way", { retryAfter });
}
