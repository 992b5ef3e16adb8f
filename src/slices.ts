/** Long work in slices, so that it holds up nobody else: who works asks now and then whether others are due. */

import type { Work } from "./work.ts";

/** Undefined to go on at once; else a promise of the next turn. */
export type Pause = () => Promise<void> | undefined;

/** Milliseconds; several of them fit into what a client may notice. */
const SLICE_MS = 5;

/** Gives others a turn whenever a slice of time is used up. */
export function slices(): Pause {
  let began = performance.now();
  return () => {
    if (performance.now() - began < SLICE_MS) return undefined;
    return turn().then(() => {
      began = performance.now();
    });
  };
}

/**
 * Does work in slices. What fits into one is done at once: a small request pays for no promise.
 * @param check told after each pause; what it throws ends the work
 */
export function inSlices<Result>(work: Work<Result>, check: () => void = () => {}): Result | Promise<Result> {
  const pause = slices();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    const due = pause();
    if (due) return goOn(work, due, pause, check);
  }
}

async function goOn<Result>(
  work: Work<Result>,
  first: Promise<void>,
  pause: Pause,
  check: () => void,
): Promise<Result> {
  let due: Promise<void> | undefined = first;
  for (;;) {
    if (due) {
      await due;
      check();
    }
    const { done, value } = work.next();
    if (done) return value;
    due = pause();
  }
}

/** Those who wait for their next slice, in the order in which they came. */
const waiting: (() => void)[] = [];

/**
 * The next turn: one slice of one piece of work in each round of the event loop, however many are at work. By a timer:
 * on Deno, `setImmediate` comes before sockets.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setTimeout(next, 0);
  });
}

function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setTimeout(next, 0);
}
