import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { isAbsent, listOf } from "../../src/dialects/absent.ts";
import type { Json } from "../../src/json.ts";
import { parseJson } from "../../src/json.ts";

const NOTHING: readonly (Json | undefined)[] = [
  undefined,
  null,
  "",
  0,
  false,
  [],
  {},
  [null, "", {}],
  { name: "", arguments: "" },
  { id: "", data: "", expires_at: 0, transcript: "" },
  { a: { b: [{ c: null }] } },
];
for (const value of NOTHING) {
  test(`${JSON.stringify(value)} says nothing`, () => equal(isAbsent(value), true));
}

const SOMETHING: readonly Json[] = [" ", "a", 1, -1, true, [0, 1], { a: { b: ["x"] } }, {
  name: "now",
  arguments: "",
}];
for (const value of SOMETHING) {
  test(`${JSON.stringify(value)} says something`, () => equal(isAbsent(value), false));
}

test("a number that keeps its digits is something unless it is zero", () => {
  equal(isAbsent(parseJson("12345678901234567890")), false);
  equal(isAbsent(parseJson("0.00000000000000000000")), true);
});

test("what says nothing is an empty list, a list is itself, and the rest is none", () => {
  for (const value of [null, undefined, "", {}, { id: "" }]) deepEqual(listOf(value), []);
  deepEqual(listOf([null]), [null]);
  for (const value of ["a", { id: "a" }, 1]) equal(listOf(value), undefined);
});
