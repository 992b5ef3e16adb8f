/** Long work in slices: others have their turn, one slice in each round, and who left is not worked for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices, slices } from "../src/slices.ts";
import { atOnce, mapped, type Work } from "../src/work.ts";

/** Longer than a slice. */
const LONG_MS = 8;

/** So many steps of which each takes longer than a slice. */
function* slow(steps: number, each: (step: number) => void = () => {}): Work<string> {
  for (let step = 0; step < steps; step++) {
    each(step);
    const began = performance.now();
    while (performance.now() - began < LONG_MS);
    yield;
  }
  return "done";
}

test("work that fits into a slice is done at once", () => {
  assert.deepEqual(inSlices(mapped([1, 2, 3], (item) => item * 2)), [2, 4, 6]);
  assert.equal(slices()(), undefined);
});

test("mapped gives what map gives, in steps, however many items there are", () => {
  for (const length of [0, 1, 63, 64, 65, 1000]) {
    const items = Array.from({ length }, (_, index) => index);
    assert.deepEqual(
      atOnce(mapped(items, (item, index) => item + index)),
      items.map((item, index) => item + index),
    );
  }
  const many = mapped(Array.from({ length: 1000 }), () => 0);
  assert.equal(many.next().done, false);
});

test("long work gives others their turn", async () => {
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  const result = inSlices(slow(5));
  assert.ok(result instanceof Promise);
  assert.equal(await result, "done");
  clearInterval(others);
  assert.ok(turns >= 3, `${turns} turns`);
});

test("several who work long take turns, each a slice", async () => {
  const order: string[] = [];
  const work = ["a", "b", "c"].map((name) => inSlices(slow(3, () => order.push(name))));
  await Promise.all(work);
  assert.deepEqual(order, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
});

test("between two slices others have their turn, however many work", async () => {
  let working = true;
  let last = "";
  let inARow = 0;
  let most = 0;
  const seen = (who: string) => {
    inARow = who === last ? inARow + 1 : 1;
    last = who;
    if (who === "work") most = Math.max(most, inARow);
  };
  const other = () => {
    seen("other");
    if (working) setTimeout(other, 0);
  };
  const work = Array.from({ length: 5 }, () => inSlices(slow(4, () => seen("work"))));
  // The first slice of each was done when it was given.
  most = inARow = 0;
  setTimeout(other, 0);
  await Promise.all(work);
  working = false;
  assert.ok(most <= 2, `${most} slices in a row`);
});

test("work is given up when it is asked to, and another's goes on", async () => {
  let steps = 0;
  const left = new AbortController();
  const given = inSlices(slow(100, () => steps++), () => left.signal.throwIfAborted());
  const other = inSlices(slow(3));
  left.abort(new Error("left"));
  await assert.rejects(async () => await given, { message: "left" });
  assert.equal(await other, "done");
  assert.equal(steps, 1);
});

test("what fails in a later slice rejects, and what fails in the first one throws", async () => {
  const failing = function* (after: number): Work<never> {
    yield* slow(after);
    throw new Error("no");
  };
  assert.throws(() => inSlices(failing(0)), { message: "no" });
  await assert.rejects(async () => await inSlices(failing(2)), { message: "no" });
});
