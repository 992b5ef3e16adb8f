/** A bound on the memory that the bodies of all requests under way may take together, and on one user's part of it. */

import { GatewayError } from "./errors.ts";

export interface ByteBudget {
  /**
   * Takes bytes for a user.
   * @returns gives them back, once
   * @throws GatewayError `overloaded` when there are not so many left, for all or for this user
   */
  take(user: string, bytes: number): () => void;
  /** How many users hold some now. */
  readonly users: number;
}

/** A body takes four times its size and more while it is parsed and sent: this many bytes keep the process below 1 GiB. */
export const MAX_BYTES = 128 * 1024 * 1024;
/** Of which one user may have three quarters: the largest body of somebody else still has room. */
const SHARE = 3 / 4;

/** @param random a number in [0, 1): clients that are sent away do not all come back at once */
export function createByteBudget(random: () => number, limit = MAX_BYTES): ByteBudget {
  /** Who holds nothing is not in it. */
  const byUser = new Map<string, number>();
  let taken = 0;
  const overloaded = (message: string) =>
    new GatewayError("overloaded", message, { retryAfter: 1 + Math.floor(random() * 3) });
  const change = (user: string, bytes: number) => {
    taken += bytes;
    const now = (byUser.get(user) ?? 0) + bytes;
    if (now > 0) byUser.set(user, now);
    else byUser.delete(user);
  };
  return {
    get users() {
      return byUser.size;
    },
    take: (user, bytes) => {
      if (taken + bytes > limit) throw overloaded("Too many large requests are under way");
      if ((byUser.get(user) ?? 0) + bytes > limit * SHARE) {
        throw overloaded("Too many large requests of this user are under way");
      }
      change(user, bytes);
      let given = false;
      return () => {
        if (!given) change(user, -bytes);
        given = true;
      };
    },
  };
}
