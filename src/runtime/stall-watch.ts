/** Looks after all answers that wait for their client to take some of them. One timer serves them all. */

import type { ServerResponse } from "node:http";

/**
 * Watches an answer of which something was written that the system has not taken yet.
 * @param cut called once, if the client takes nothing for too long
 * @returns ends the watch
 */
export type StallWatch = (response: ServerResponse, cut: () => void) => () => void;

interface Waiting {
  readonly response: ServerResponse;
  readonly cut: () => void;
  /** Bytes that were left to send. */
  left: number;
  /** Looks in a row that found no fewer. */
  idle: number;
}

/** How often an answer is looked after in the time that it may stand still. Looks are counted: a busy process cuts nobody. */
const LOOKS = 10;

/** @param stall milliseconds in which a client must take something */
export function createStallWatch(stall: number): { readonly watch: StallWatch; stop(): void } {
  const all = new Set<Waiting>();
  const look = () => {
    for (const one of all) {
      const { socket } = one.response;
      const left = socket?.writableLength ?? 0;
      // An answer that stands behind another on its connection has not begun to wait.
      if (!socket || left < one.left) one.idle = 0;
      else if (++one.idle >= LOOKS) {
        all.delete(one);
        one.cut();
      }
      one.left = left;
    }
  };
  const timer = setInterval(look, stall / LOOKS);
  timer.unref();
  return {
    watch: (response, cut) => {
      const one = { response, cut, left: response.socket?.writableLength ?? 0, idle: 0 };
      all.add(one);
      return () => void all.delete(one);
    },
    stop: () => clearInterval(timer),
  };
}
