import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Budget,
  cleanSchema,
  isEnforceable,
  isStrictSchema,
  newBudget,
} from "../../../src/dialects/anthropic-messages/schema.ts";
import type { JsonObject } from "../../../src/json.ts";

function objectOf(properties: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    type: "object",
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
    ...more,
  };
}

const text: JsonObject = { type: "string" };

const enforceable: readonly (readonly [string, JsonObject, boolean])[] = [
  ["a closed object", objectOf({ city: text }), true],
  ["an object that does not say whether it is open", { type: "object", properties: { city: text } }, true],
  ["an object with any other properties", objectOf({}, { additionalProperties: true }), false],
  ["a map", objectOf({}, { additionalProperties: text }), false],
  ["patterns of names", objectOf({}, { patternProperties: { "^x": text } }), false],
  ["an object without properties", { type: "object" }, false],
  ["an open object deep inside", objectOf({ list: { type: "array", items: { type: "object" } } }), false],
  ["a value of any type", objectOf({ anything: {} }), false],
  ["true for a schema", objectOf({ anything: true }), false],
  ["no schema", {}, false],
  ["itself inside", objectOf({ next: { $ref: "#" } }), false],
  [
    "a cycle of definitions",
    objectOf({ a: { $ref: "#/$defs/a" } }, { $defs: { a: objectOf({ b: { $ref: "#/$defs/a" } }) } }),
    false,
  ],
  [
    "one definition in two places",
    objectOf({ a: { $ref: "#/$defs/x" }, b: { $ref: "#/$defs/x" } }, { $defs: { x: text } }),
    true,
  ],
  ["a chain of 5,000 references", chain(5000, text), true],
  ["a chain of 5,000 references that ends in the first", chain(5000, { $ref: "#/$defs/d0" }), false],
  ["a chain of 5,000 references that ends in an open object", chain(5000, { type: "object" }), false],
  ["a recursion behind a reference that was followed before", {
    ...objectOf({ a: { $ref: "#/$defs/x" }, b: { $ref: "#/$defs/y" } }),
    $defs: { x: text, y: objectOf({ x: { $ref: "#/$defs/x" }, y: { $ref: "#/$defs/y" } }) },
  }, false],
  ["100,000 alternatives", objectOf({ a: { anyOf: Array.from({ length: 100_000 }, () => text) } }), true],
  ["a reference to nothing", objectOf({ a: { $ref: "#/$defs/none" } }), false],
  ["a reference elsewhere", objectOf({ a: { $ref: "https://example.com/x.json" } }), false],
  ["24 optional properties", objectOf(many(24), { required: [] }), true],
  ["25 optional properties", objectOf(many(25), { required: [] }), false],
  [
    "25 optional properties in two objects",
    objectOf({ a: objectOf(many(12), { required: [] }), b: objectOf(many(13), { required: [] }) }),
    false,
  ],
  ["16 properties of two types", objectOf(many(16, { type: ["string", "null"] })), true],
  ["17 properties of two types", objectOf(many(17, { type: ["string", "null"] })), false],
  ["17 properties with alternatives", objectOf(many(17, { anyOf: [text, { type: "null" }] })), false],
  ["objects among the values to choose from", objectOf({ a: { enum: [{ b: 1 }] } }), false],
  [
    "a reference inside `allOf`",
    objectOf({ a: { allOf: [{ $ref: "#/$defs/x" }] } }, { $defs: { x: text } }),
    false,
  ],
];

function many(count: number, schema: JsonObject = text): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, schema]));
}

/** Definitions each of which refers to the next one. */
function chain(length: number, last: JsonObject): JsonObject {
  const definitions = Array.from({ length }, (_, at): [string, JsonObject] => [
    `d${at}`,
    at + 1 < length ? objectOf({ a: { $ref: `#/$defs/d${at + 1}` } }) : last,
  ]);
  return objectOf({ a: { $ref: "#/$defs/d0" } }, { $defs: Object.fromEntries(definitions) });
}

for (const [what, schema, expected] of enforceable) {
  test(`a schema with ${what} can ${expected ? "" : "not "}be enforced`, () => {
    assert.equal(isEnforceable(schema, newBudget()), expected);
  });
}

test("objects are closed, unknown constraints told and known keywords kept", () => {
  const clean = cleanSchema({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    description: "A person",
    properties: {
      name: { type: "string", minLength: 1, pattern: "^[A-Z]" },
      mail: { type: "string", format: "email" },
      phone: { type: "string", format: "phone", description: "With country" },
      tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 1, maxItems: 3 },
      kind: { oneOf: [{ const: "x" }, objectOf({ y: { type: "integer", minimum: 0 } })] },
      boss: { $ref: "#/$defs/person", description: "Whose report" },
    },
    required: ["name"],
    $defs: { person: { type: ["object", "null"], properties: { id: text } } },
  });
  assert.deepEqual(clean, {
    type: "object",
    description: "A person",
    properties: {
      name: { type: "string", description: 'minLength: 1; pattern: "^[A-Z]"' },
      mail: { type: "string", format: "email" },
      phone: { type: "string", description: 'With country\nformat: "phone"' },
      tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 1, description: "maxItems: 3" },
      kind: { anyOf: [{ const: "x" }, objectOf({ y: { type: "integer", description: "minimum: 0" } })] },
      boss: { $ref: "#/$defs/person" },
    },
    required: ["name"],
    $defs: { person: { type: ["object", "null"], properties: { id: text }, additionalProperties: false } },
    additionalProperties: false,
  });
});

test("two sets of alternatives do not overwrite each other", () => {
  const clean = cleanSchema({ anyOf: [text], oneOf: [{ const: "x" }] });
  assert.deepEqual(clean, { anyOf: [text], description: 'oneOf: [{"const":"x"}]' });
});

test("properties may have any name", () => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}',
  );
  assert.equal(
    JSON.stringify(cleanSchema(schema)),
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"additionalProperties":false}',
  );
  const budget = newBudget();
  assert.equal(isEnforceable(schema, budget), true);
  assert.deepEqual(budget, { ...newBudget(), optional: newBudget().optional - 2 });
});

const strict: readonly (readonly [string, JsonObject, boolean])[] = [
  ["closed objects", objectOf({ a: objectOf({}) }), true],
  ["an open object inside", objectOf({ a: { type: "object", properties: {} } }), false],
  ["an open root", { type: "object", properties: {} }, false],
  [
    "an open object in a definition",
    objectOf({}, { $defs: { a: { type: "object", properties: {} } } }),
    false,
  ],
  ["optional properties", objectOf({ a: text }, { required: [] }), true],
  ["known formats and defaults", objectOf({ a: { type: "string", format: "uuid", default: "x" } }), true],
  ["a least number", objectOf({ a: { type: "integer", minimum: 1 } }), false],
  ["a longest text", objectOf({ a: { type: "string", maxLength: 1 } }), false],
  ["a pattern", objectOf({ a: { type: "string", pattern: "^a" } }), false],
  ["an unknown format", objectOf({ a: { type: "string", format: "phone" } }), false],
  ["a list of one at least", objectOf({ a: { type: "array", items: text, minItems: 1 } }), true],
  ["a list of two at least", objectOf({ a: { type: "array", items: text, minItems: 2 } }), false],
  ["exclusive alternatives", objectOf({ a: { oneOf: [text] } }), false],
  ["a property that is called `minimum`", objectOf({ minimum: text }), true],
  ["itself inside", objectOf({ a: { $ref: "#" } }), false],
  [
    "a cycle behind a property",
    objectOf({ a: { $ref: "#/$defs/a" } }, {
      $defs: { a: objectOf({ b: { $ref: "#/$defs/a" } }) },
    }),
    false,
  ],
  ["an array schema that says nothing of its items", objectOf({ a: { type: "array" } }), true],
];

for (const [what, schema, expected] of strict) {
  test(`a tool whose schema has ${what} may ${expected ? "" : "not "}be strict`, () => {
    assert.equal(isStrictSchema(schema, newBudget()), expected);
  });
}

test("what schemas cost is counted over the whole request, and what does not fit costs nothing", () => {
  const budget: Budget = { tools: 2, optional: 5, unions: 5 };
  const three = objectOf(many(3), { required: [] });
  assert.equal(isStrictSchema(three, budget), true);
  assert.equal(isStrictSchema(three, budget), false);
  assert.deepEqual(budget, { tools: 1, optional: 2, unions: 5 });
  assert.equal(isStrictSchema(objectOf({}), budget), true);
  assert.equal(isStrictSchema(objectOf({}), budget), false);
});
