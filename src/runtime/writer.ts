/** Writes an answer no faster than its client takes it. */

import { Buffer } from "node:buffer";
import type { Out } from "../http.ts";
import type { StallWatch } from "./stall-watch.ts";
import type { Visit } from "./visit.ts";

/** A client that takes one of these has taken something: what is written in one piece is seen to go as one. */
export const SLICE_BYTES = 16 * 1024;

/**
 * Remembers its one write that waits: what is written meanwhile goes behind it.
 * @param cut called when the client takes nothing for too long
 */
export function createWriter(visit: Visit, watch: StallWatch, cut: () => void): Required<Out> {
  const { response } = visit;
  let pending: Promise<void> | undefined;
  const inSlices = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length && !visit.over; at += SLICE_BYTES) {
      const took = response.write(bytes.subarray(at, at + SLICE_BYTES));
      if (!took) await taking(visit, "drain", watch, cut);
    }
  };
  const put = (piece: string | Uint8Array): void | Promise<void> => {
    if (visit.over) return;
    if (piece.length > SLICE_BYTES) return inSlices(typeof piece === "string" ? Buffer.from(piece) : piece);
    return response.write(piece) ? undefined : taking(visit, "drain", watch, cut);
  };
  const waitFor = (slow: Promise<void>): Promise<void> => {
    const mine = slow.finally(() => {
      if (pending === mine) pending = undefined;
    });
    return pending = mine;
  };
  return {
    // No accessor: each would be a hidden class of its own, which holds its request until all of the heap is collected.
    blocked: () => pending !== undefined,
    write: (piece) => {
      if (pending) return waitFor(pending.then(() => put(piece)));
      const slow = put(piece);
      return slow && waitFor(slow);
    },
  };
}

/** Resolves when the client has taken what was written, which an event of the response tells, or when it is over. */
export function taking(
  visit: Visit,
  event: "drain" | "finish",
  watch: StallWatch,
  cut: () => void,
): Promise<void> {
  if (visit.over) return Promise.resolve();
  return new Promise((resolve) => {
    const { response } = visit;
    const unwatch = watch(response, cut);
    const done = () => {
      unwatch();
      response.off(event, done);
      visit.ends.delete(done);
      resolve();
    };
    response.on(event, done);
    visit.ends.add(done);
  });
}
