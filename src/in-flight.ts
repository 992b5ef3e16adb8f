/** A bound on the requests that are at providers at once: each may hold a connection, and those have descriptors. */

import { GatewayError } from "./errors.ts";

export interface InFlight {
  /**
   * Takes a place for a user.
   * @param alone there is no other user to leave room for
   * @returns gives it back, once
   * @throws GatewayError `overloaded` when there is none, for all or for this user
   */
  enter(user: string, alone: boolean): () => void;
  /** How many places are taken. */
  readonly count: number;
}

/** One user may have three quarters of the places: a provider that is silent holds them for minutes. */
const SHARE = 3 / 4;

/** @param random a number in [0, 1): clients that are sent away do not all come back at once */
export function createInFlight(random: () => number, limit: number): InFlight {
  /** Who has no place is not in it. */
  const byUser = new Map<string, number>();
  let count = 0;
  const change = (user: string, by: 1 | -1) => {
    count += by;
    const now = (byUser.get(user) ?? 0) + by;
    if (now > 0) byUser.set(user, now);
    else byUser.delete(user);
  };
  return {
    get count() {
      return count;
    },
    enter: (user, alone) => {
      const most = alone ? limit : Math.ceil(limit * SHARE);
      if (count >= limit) throw tooMany(random);
      if ((byUser.get(user) ?? 0) >= most) {
        throw tooMany(random, "Too many requests of this user are under way");
      }
      change(user, 1);
      let left = false;
      return () => {
        if (!left) change(user, -1);
        left = true;
      };
    },
  };
}

/** The refusal of a request for which there is no room. */
export function tooMany(random: () => number, message = "Too many requests are under way"): GatewayError {
  return new GatewayError("overloaded", message, { retryAfter: 1 + Math.floor(random() * 3) });
}
