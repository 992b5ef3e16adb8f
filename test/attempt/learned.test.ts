import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { createLearned } from "../../src/attempt/learned.ts";
import { fakeClock } from "../tools/fake-clock.ts";

test("what a model refuses is known of that model at that provider alone", () => {
  const learned = createLearned(fakeClock().monotonic);
  learned.add("one", "m", "temperature");
  learned.add("one", "m", "top_p");
  learned.add("one", "m", "top_p");
  deepEqual([...learned.refuses("one", "m")], ["temperature", "top_p"]);
  for (
    const [provider, model] of [["two", "m"], ["one", "n"], ['one","m', ""], ["__proto__", "m"]] as const
  ) {
    deepEqual([...learned.refuses(provider, model)], []);
  }
});

test("it is forgotten after a day, each for itself, and learned again", () => {
  const clock = fakeClock();
  const learned = createLearned(clock.monotonic);
  const hour = 60 * 60 * 1000;
  learned.add("one", "m", "temperature");
  clock.advance(12 * hour);
  learned.add("one", "m", "top_p");
  clock.advance(12 * hour - 1);
  deepEqual([...learned.refuses("one", "m")], ["temperature", "top_p"]);
  clock.advance(1);
  deepEqual([...learned.refuses("one", "m")], ["top_p"]);
  learned.add("one", "m", "temperature");
  clock.advance(12 * hour);
  deepEqual([...learned.refuses("one", "m")], ["temperature"]);
});

test("what was asked for stays as it was when more is learned", () => {
  const learned = createLearned(fakeClock().monotonic);
  const before = learned.refuses("one", "m");
  learned.add("one", "m", "temperature");
  deepEqual([...before], []);
});
