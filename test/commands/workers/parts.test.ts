/** The parts of a supervisor that touch no process. */

import { deepEqual, equal } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { restartAfter } from "../../../src/commands/workers/restart.ts";
import { wholeLines } from "../../../src/commands/workers/whole-lines.ts";

const PIECES:
  readonly (readonly [string, pieces: readonly string[], passed: readonly string[], rest: string])[] = [
    ["a whole line", ["one\n"], ["one\n"], ""],
    ["several lines", ["one\ntwo\n\nthree\n"], ["one\ntwo\n\nthree\n"], ""],
    ["a line and a half", ["one\ntw"], ["one\n"], "tw"],
    ["a line in pieces", ["o", "n", "e\nt", "wo", "\n"], ["", "", "one\n", "", "two\n"], ""],
    ["a line end of its own", ["one", "\n"], ["", "one\n"], ""],
    ["nothing", [""], [""], ""],
    ["other separators", ["a\rb\u2028c\n"], ["a\rb\u2028c\n"], ""],
  ];

for (const [title, pieces, passed, rest] of PIECES) {
  test(`lines are passed on when they are whole: ${title}`, () => {
    const lines = wholeLines();
    deepEqual(pieces.map((piece) => lines.push(Buffer.from(piece))), passed);
    equal(lines.rest(), rest);
  });
}

test("however bytes are cut, the same lines come out, characters whole", () => {
  const text = "é1\n…2\n\u{1f600}3\n\nlast";
  const bytes = Buffer.from(text);
  for (let from = 0; from <= bytes.length; from++) {
    for (let to = from; to <= bytes.length; to++) {
      const { push, rest } = wholeLines();
      const pieces = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
      const passed = pieces.map((piece) => push(piece));
      equal(passed.every((lines) => lines === "" || lines.endsWith("\n")), true);
      equal(passed.join("") + rest(), text);
    }
  }
});

const LIVES: readonly (readonly [string, lived: readonly number[], pauses: readonly number[]])[] = [
  ["the first time at once", [0.2], [0]],
  ["growing pauses for one that keeps dying", [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 1, 2, 4, 8, 16, 30, 30, 30]],
  ["at once after a long life", [1, 1, 1, 60, 1, 1], [0, 1, 2, 0, 0, 1]],
  ["at once each time for one that lives long", [3600, 60, 61], [0, 0, 0]],
];

for (const [title, lived, pauses] of LIVES) {
  test(`a worker is started again: ${title}`, () => {
    let shortLives = 0;
    const found = lived.map((seconds) => {
      const restart = restartAfter(shortLives, seconds);
      shortLives = restart.shortLives;
      return restart.pause;
    });
    deepEqual(found, pauses);
  });
}
