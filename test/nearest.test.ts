import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearest } from "../src/nearest.ts";

const NAMES = ["check-config", "serve", "ask", "key", "claude-sonnet"];
const CASES: [string, string | undefined][] = [
  ["claude-sonet", "claude-sonnet"],
  ["sevre", "serve"],
  ["SERVE", "serve"],
  ["aks", "ask"],
  ["kye", "key"],
  ["chek-confg", "check-config"],
  ["help", undefined],
  ["x", undefined],
  ["", undefined],
  ["zzzzzzzzzzzz", undefined],
];

for (const [name, expected] of CASES) {
  test(`the nearest to "${name}" is ${expected ?? "nothing"}`, () =>
    assert.equal(nearest(name, NAMES), expected));
}

test("a suggestion is the end of a sentence, or nothing", () => {
  assert.equal(didYouMean("ak", NAMES), ': did you mean "ask"?');
  assert.equal(didYouMean("quite another", NAMES), "");
});
