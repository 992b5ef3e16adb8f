import assert from "node:assert/strict";
import { test } from "node:test";
import { pipe, run, type Stepper } from "../../src/dialects/stepper.ts";

/** Gives inputs two by two, and at the end what is left. */
function pairs<T>(): Stepper<T, T[]> {
  let held: T[] = [];
  return {
    push(input) {
      held.push(input);
      if (held.length < 2) return [];
      const pair = held;
      held = [];
      return [pair];
    },
    end: () => held.length > 0 ? [held] : [],
  };
}

test("A run gives what the pushes give and then what was held", () => {
  assert.deepEqual(run(pairs<number>(), [1, 2, 3]), [[1, 2], [3]]);
  assert.deepEqual(run(pairs<number>(), []), []);
});

test("Two stages as one give what the second makes of the first's", () => {
  assert.deepEqual(run(pipe(pairs<number>(), pairs<number[]>()), [1, 2, 3, 4, 5]), [[[1, 2], [3, 4]], [[5]]]);
});

test("At the end the first stage's rest goes through the second before that gives its own", () => {
  const piped = pipe(pairs<number>(), pairs<number[]>());
  assert.deepEqual(piped.push(1), []);
  assert.deepEqual(piped.push(2), []);
  assert.deepEqual(piped.push(3), []);
  assert.deepEqual(piped.end(), [[[1, 2], [3]]]);
});

test("Several outputs of one push all go on, in order", () => {
  const letters: Stepper<string, string> = { push: (word) => [...word], end: () => ["."] };
  const upper: Stepper<string, string> = { push: (letter) => [letter.toUpperCase()], end: () => ["!"] };
  assert.deepEqual(run(pipe(letters, upper), ["ab", "c"]), ["A", "B", "C", ".", "!"]);
});
