import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { createLearned } from "../../src/attempt/learned.ts";
import { fakeClock } from "../tools/fake-clock.ts";
import { targetOf } from "../tools/targets.ts";

const TARGET = targetOf("one/m");

test("what a model refuses is known of that model at that provider in that dialect alone", () => {
  const learned = createLearned(fakeClock().monotonic);
  learned.add(TARGET, "temperature");
  learned.add(TARGET, "top_p");
  learned.add(TARGET, "top_p");
  deepEqual([...learned.refuses(TARGET)], ["temperature", "top_p"]);
  deepEqual([...learned.refuses({ ...TARGET, id: "other", model: "alias" })], ["temperature", "top_p"]);
  const others = [
    targetOf("two/m"),
    targetOf("one/n"),
    { ...targetOf("one/x"), upstreamModel: '","m' },
    targetOf("__proto__/m"),
    targetOf("one/m", { dialect: "anthropic-messages" }),
  ];
  for (const other of others) deepEqual([...learned.refuses(other)], [], other.id);
});

test("it is forgotten after a day, each for itself, and learned again", () => {
  const clock = fakeClock();
  const learned = createLearned(clock.monotonic);
  const hour = 60 * 60 * 1000;
  learned.add(TARGET, "temperature");
  clock.advance(12 * hour);
  learned.add(TARGET, "top_p");
  clock.advance(12 * hour - 1);
  deepEqual([...learned.refuses(TARGET)], ["temperature", "top_p"]);
  clock.advance(1);
  deepEqual([...learned.refuses(TARGET)], ["top_p"]);
  learned.add(TARGET, "temperature");
  clock.advance(12 * hour);
  deepEqual([...learned.refuses(TARGET)], ["temperature"]);
});

test("what was asked for stays as it was when more is learned", () => {
  const learned = createLearned(fakeClock().monotonic);
  const before = learned.refuses(TARGET);
  learned.add(TARGET, "temperature");
  deepEqual([...before], []);
});

test("a provider that names ever new refusals fills no memory: the oldest go", () => {
  const learned = createLearned(fakeClock().monotonic);
  for (let count = 0; count < 1000; count++) learned.add(TARGET, `field-${count}`);
  const known = learned.refuses(TARGET);
  equal(known.size, 64);
  equal(known.has("field-999"), true);
  equal(known.has("field-0"), false);
});

test("a provider that changed, and targets that are not configured any more, are forgotten", () => {
  const learned = createLearned(fakeClock().monotonic);
  const [other, gone] = [targetOf("two/m"), targetOf("two/gone")];
  for (const target of [TARGET, other, gone]) learned.add(target, "temperature");
  learned.forget("one");
  deepEqual([TARGET, other, gone].map((target) => learned.refuses(target).size), [0, 1, 1]);
  learned.keep([TARGET, other]);
  deepEqual([TARGET, other, gone].map((target) => learned.refuses(target).size), [0, 1, 0]);
});
