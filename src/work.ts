/**
 * Work in steps. What may take long for the largest input says where others may have their turn; whether they get it
 * is decided by who does the work: at once, or in slices of time (`slices.ts`).
 */

/** Yields wherever it may be interrupted; its result comes at its end. */
export type Work<Result> = Generator<void, Result, void>;

/** What is no larger, in bytes or characters, is done at once: it takes no millisecond, and steps would double that. */
export const SMALL = 64 * 1024;

/** True while work is done that nobody interrupts. */
let hurried = false;

/** Whether the work under way may be interrupted: to be asked before each `yield`, which costs more than the answer. */
export function mayPause(): boolean {
  return !hurried;
}

/** Does all of the work without a pause. */
export function atOnce<Result>(work: Work<Result>): Result {
  const before = hurried;
  hurried = true;
  try {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
    }
  } finally {
    hurried = before;
  }
}

/** Items in one step: some of them take about a millisecond, and a step costs far less. */
const ITEMS = 64;

/** `items.map(each)` in steps. */
export function* mapped<Item, Result>(
  items: readonly Item[],
  each: (item: Item, index: number) => Result,
): Work<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at++) {
    if (at % ITEMS === ITEMS - 1 && !hurried) yield;
    results.push(each(items[at]!, at));
  }
  return results;
}
