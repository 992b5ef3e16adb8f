import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { modernSchema } from "../../src/dialects/modern-schema.ts";
import type { JsonObject } from "../../src/json.ts";

const text: JsonObject = { type: "string" };

const SCHEMAS: readonly [string, JsonObject, JsonObject][] = [
  ["an exclusive bound", { minimum: 0, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: true }, {
    exclusiveMinimum: 0,
    exclusiveMaximum: 9,
  }],
  ["a bound that is not exclusive", { minimum: 0, exclusiveMinimum: false }, { minimum: 0 }],
  ["an exclusive bound without a bound", { type: "number", exclusiveMaximum: true }, { type: "number" }],
  ["an older draft's name", { $schema: "http://json-schema.org/draft-04/schema#", type: "object" }, {
    type: "object",
  }],
  ["its own address", { id: "http://example.com/a", type: "object" }, { type: "object" }],
  ["an anchor", { properties: { a: { id: "#a", type: "string" }, b: { $id: "#b" } } }, {
    properties: { a: { $anchor: "a", type: "string" }, b: { $anchor: "b" } },
  }],
  ["a tuple", { items: [text, { type: "null" }], additionalItems: false }, {
    prefixItems: [text, { type: "null" }],
    items: false,
  }],
  ["a tuple of tuples", { items: [{ items: [text] }] }, { prefixItems: [{ prefixItems: [text] }] }],
  ["additional items of no tuple", { items: text, additionalItems: false }, { items: text }],
  ["dependencies", { dependencies: { a: ["b"], c: { required: ["d"] }, e: "f" } }, {
    dependentRequired: { a: ["b"], e: ["f"] },
    dependentSchemas: { c: { required: ["d"] } },
  }],
  ["a divisor", { divisibleBy: 2 }, { multipleOf: 2 }],
  ["properties that say themselves that they are required", {
    properties: { a: { type: "string", required: true }, b: { required: false } },
  }, { properties: { a: text, b: {} }, required: ["a"] }],
  ["a name that is required twice", { required: ["a", "a"] }, { required: ["a"] }],
  ["nulls that say nothing", { type: null, required: null, enum: null, default: null, const: null }, {
    default: null,
    const: null,
  }],
  ["any type", { properties: { a: { type: "any" }, b: { type: ["any", "null"] } } }, {
    properties: { a: {}, b: {} },
  }],
  [
    "older words deep inside",
    { $defs: { a: { anyOf: [{ not: { minimum: 1, exclusiveMinimum: true } }] } } },
    {
      $defs: { a: { anyOf: [{ not: { exclusiveMinimum: 1 } }] } },
    },
  ],
];
for (const [what, schema, expected] of SCHEMAS) {
  test(`a schema with ${what} says the same in newer words`, () => deepEqual(modernSchema(schema), expected));
}

test("a schema in newer words is the very same value, whatever its properties are called", () => {
  const schema: JsonObject = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    properties: { id: text, items: text, dependencies: text, required: text },
    enum: [{ exclusiveMinimum: true }],
    default: { items: [] },
  };
  equal(modernSchema(schema), schema);
});
