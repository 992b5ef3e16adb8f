/** A bound on the memory that the bodies of all requests under way may take together. */

import { GatewayError } from "./errors.ts";

export interface ByteBudget {
  /**
   * Takes bytes.
   * @returns gives them back, once
   * @throws GatewayError `overloaded` when there are not so many left
   */
  take(bytes: number): () => void;
}

/** A body takes four times its size and more while it is parsed and sent: this many bytes keep the process below 1 GiB. */
export const MAX_BYTES = 128 * 1024 * 1024;

/** @param random a number in [0, 1): clients that are sent away do not all come back at once */
export function createByteBudget(random: () => number, limit = MAX_BYTES): ByteBudget {
  let taken = 0;
  return {
    take: (bytes) => {
      if (taken + bytes > limit) {
        const message = "Too many large requests are under way";
        throw new GatewayError("overloaded", message, { retryAfter: 1 + Math.floor(random() * 3) });
      }
      taken += bytes;
      let given = false;
      return () => {
        if (!given) taken -= bytes;
        given = true;
      };
    },
  };
}
