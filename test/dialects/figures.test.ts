import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { mergeFigures } from "../../src/dialects/figures.ts";
import type { JsonObject } from "../../src/json.ts";

const MERGED: readonly [title: string, known: JsonObject, update: JsonObject, expected: JsonObject][] = [
  ["a later number replaces an earlier one", { input: 10 }, { input: 9 }, { input: 9 }],
  ["a zero replaces nothing that is known", { input: 10, cached: 5 }, { input: 0, cached: 0 }, {
    input: 10,
    cached: 5,
  }],
  ["a null replaces nothing", { input: 10, parts: { a: 1 } }, { input: null, parts: null }, {
    input: 10,
    parts: { a: 1 },
  }],
  ["what is no count replaces no count", { input: 10 }, { input: -1 }, { input: 10 }],
  ["text replaces no count", { input: 10 }, { input: "many" }, { input: 10 }],
  ["a number replaces a zero", { input: 0 }, { input: 7 }, { input: 7 }],
  ["a zero is known where nothing was", {}, { input: 0 }, { input: 0 }],
  ["parts are merged one by one", { parts: { a: 1, b: 2 } }, { parts: { a: 0, b: 3 } }, {
    parts: { a: 1, b: 3 },
  }],
  ["an empty list replaces none that is full", { iterations: [{ a: 1 }] }, { iterations: [] }, {
    iterations: [{ a: 1 }],
  }],
];
const NAMES = ["input", "cached", "parts", "iterations"];
for (const [title, known, update, expected] of MERGED) {
  test(title, () => deepEqual(mergeFigures(known, update, NAMES), expected));
}

test("what is no figure is not kept", () => {
  deepEqual(mergeFigures({}, { input: 1, note: "x" }, NAMES), { input: 1 });
});
