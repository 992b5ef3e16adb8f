/**
 * The law of cost: what takes twice the bytes takes less than three times the time, whatever shape a client or a
 * provider gives them. The shapes are the tables of `test/cost/`; `deno task cost` measures them at full length.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { splitFrames } from "../src/dialects/sse.ts";
import { leastTime, numberFor, type Way, WAYS } from "./cost/ways.ts";

/** Short enough for all of the tables to take some seconds, long enough for a square to show. */
const SMALL = 32 * 1024;
const DOUBLINGS = 2;
/** A quick step: what takes less than this at the larger size is not told apart from noise. */
const NOTHING = 2;
/** What takes so many milliseconds is slow, and is not tried again. */
const HOPELESS = 1000;
/** How often a way is measured anew before it is believed to be slow: other tests run beside this one. */
const TRIES = 12;

for (const kind of ["request", "answer", "stream"]) {
  test(`${kind}s of every shape take a time in proportion to their length`, () => {
    const ways = WAYS.filter(({ name }) => name.startsWith(kind));
    assert.ok(ways.length > 40);
    assert.deepEqual(ways.map(slowness).filter((problem) => problem !== undefined), []);
  });
}

/** What is wrong with a way's cost; undefined if nothing is. */
function slowness(way: Way): string | undefined {
  const n = numberFor(way, SMALL);
  const [small, large] = [way.make(n), way.make(n * 2 ** DOUBLINGS)];
  const allowed = (large.bytes / small.bytes) ** Math.log2(3);
  let [less, more] = [Infinity, Infinity];
  for (let tries = 1; tries <= TRIES; tries++) {
    more = Math.min(more, leastTime(large.run, 1));
    if (more < NOTHING) return undefined;
    less = Math.min(less, leastTime(small.run, tries));
    if (more < allowed * less) return undefined;
    if (more > HOPELESS) break;
  }
  return `${way.name}: ${small.bytes} bytes ${less.toFixed(1)} ms, ${large.bytes} bytes ${
    more.toFixed(1)
  } ms`;
}

test("what says nothing makes no more frames than reads, however much of it comes", () => {
  for (
    const nothing of [
      "\n",
      "\r\n",
      "\r",
      ": x\n\n",
      ":\r\r",
      "event: x\n\n",
      "data:\n\n",
      "data\n\n",
      "id: 1\r\n\r\n",
    ]
  ) {
    const split = splitFrames();
    const bytes = new TextEncoder().encode(nothing.repeat(50_000));
    for (let read = 0; read < 5; read++) assert.ok(split.push(bytes).length <= 1);
  }
});
