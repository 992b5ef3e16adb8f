/** A clock that stands still until it is told to go on. */

import type { Clock } from "../../src/services.ts";

export interface FakeClock extends Clock {
  /** Lets so many milliseconds pass: what is due within them is called, in the order of its time. */
  advance(ms: number): void;
  /** Timers that are neither due nor cancelled. */
  readonly pending: number;
}

/** @param start milliseconds since 1970 at the clock's zero */
export function fakeClock(start = Date.UTC(2026, 10, 22, 9, 15, 2)): FakeClock {
  const timers = new Set<{ at: number; callback: () => void }>();
  let time = 0;
  const next = (until: number) =>
    [...timers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at)[0];
  return {
    now: () => start + time,
    monotonic: () => time,
    after: (ms, callback) => {
      const timer = { at: time + Math.max(0, ms), callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const until = time + ms;
      for (let due = next(until); due; due = next(until)) {
        timers.delete(due);
        time = Math.max(time, due.at);
        due.callback();
      }
      time = until;
    },
    get pending() {
      return timers.size;
    },
  };
}
