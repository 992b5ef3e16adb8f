/** Values made from JSON schemas. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleOf } from "../../src/demo/example.ts";
import { slicesOf, tokensOf } from "../../src/demo/usage.ts";
import type { Json } from "../../src/json.ts";

const CASES: readonly [string, Json, Json][] = [
  ["a constant", { const: 7 }, 7],
  ["the first of an enumeration", { type: "string", enum: ["b", "a"] }, "b"],
  ["a number between bounds", { type: "integer", minimum: 5, maximum: 9 }, 5],
  ["a number above an exclusive bound", { type: "integer", exclusiveMinimum: 5 }, 6],
  ["a number below zero", { type: "number", maximum: -2 }, -2],
  ["a multiple", { type: "integer", minimum: 5, multipleOf: 4 }, 8],
  ["a text of some length", { type: "string", minLength: 18, maxLength: 18 }, "simulated value..."],
  ["a short text", { type: "string", maxLength: 3 }, "sim"],
  ["a date", { type: "string", format: "date" }, "2026-01-31"],
  ["enough items", { type: "array", items: { type: "boolean" }, minItems: 2 }, [true, true]],
  ["what may be null", { anyOf: [{ type: "null" }, { type: "boolean" }] }, true],
  ["all of several", {
    allOf: [{ type: "object", properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }],
  }, { a: 1, b: 2 }],
  [
    "a reference",
    { $ref: "#/$defs/a~1b", $defs: { "a/b": { const: "found" } } },
    "found",
  ],
  [
    "a dangerous key",
    JSON.parse('{"type":"object","properties":{"__proto__":{"const":1}}}'),
    JSON.parse('{"__proto__":1}'),
  ],
  ["a required property without a schema", { type: "object", required: ["x"] }, { x: "simulated x" }],
];
for (const [what, schema, value] of CASES) {
  test(`an example can be ${what}`, () => assert.deepEqual(exampleOf(schema), value));
}

test("a schema that refers to itself comes to an end", () => {
  const tree = {
    type: "object",
    properties: { next: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
    required: ["next"],
  };
  assert.match(JSON.stringify(exampleOf(tree)), /^(\{"next":)+null\}+$/);
  assert.ok(JSON.stringify(exampleOf({ $ref: "#" })).length < 100);
});

test("tokens and slices join to the text that they were cut from", () => {
  for (const text of ["", "a", "  leading and  double ", "long".repeat(20), "naïve 🙂🙂 text\n\nlines"]) {
    assert.equal(tokensOf(text).join(""), text);
    assert.equal(slicesOf(text, 3).join(""), text);
    assert.ok([...tokensOf(text), ...slicesOf(text, 1)].every((piece) => !/[\ud800-\udfff]/u.test(piece)));
  }
});
