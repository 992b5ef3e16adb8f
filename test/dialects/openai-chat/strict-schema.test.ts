import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { isStrict, strictSchema } from "../../../src/dialects/openai-chat/strict-schema.ts";
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

function many(count: number, schema: JsonObject = text): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, schema]));
}

function nested(depth: number): JsonObject {
  return depth === 1 ? objectOf({}) : objectOf({ a: nested(depth - 1) });
}

const choice = (count: number, length: number): JsonObject => ({
  type: "string",
  enum: Array.from({ length: count }, (_, at) => `${at}`.padStart(length, "x")),
});

const TAKEN: readonly [string, JsonObject, boolean][] = [
  ["a closed object", objectOf({ a: text }), true],
  ["an object without properties", objectOf({}), true],
  ["an open object", objectOf({}, { additionalProperties: true }), false],
  ["an object that does not say whether it is open", { type: "object", properties: {}, required: [] }, false],
  ["an optional property", objectOf({ a: text }, { required: [] }), false],
  ["a required property that is not described", objectOf({ a: text }, { required: ["a", "b"] }), false],
  ["no required list", { type: "object", properties: { a: text }, additionalProperties: false }, false],
  ["a root of another type", { type: "array", items: text }, false],
  ["alternatives at the root", objectOf({}, { anyOf: [objectOf({})] }), false],
  ["alternatives inside", objectOf({ a: { anyOf: [text, { type: "null" }] } }), true],
  ["an open alternative", objectOf({ a: { anyOf: [text, { type: "object" }] } }), false],
  ["exclusive alternatives", objectOf({ a: { oneOf: [text] } }), false],
  ["a conjunction", objectOf({ a: { allOf: [text, text] } }), false],
  ["a negation", objectOf({ a: { not: text } }), false],
  ["conditions", objectOf({ a: text }, { if: {}, then: {} }), false],
  ["patterns of names", objectOf({}, { patternProperties: { x: text } }), false],
  ["numbers between two", objectOf({ a: { type: "integer", minimum: 1, exclusiveMaximum: 5 } }), true],
  ["a longest text", objectOf({ a: { type: "string", maxLength: 1 } }), false],
  ["a known format", objectOf({ a: { type: "string", format: "uuid" } }), true],
  ["an unknown keyword", objectOf({ a: { type: "string", "x-a": 1 } }), false],
  ["a property called like a keyword", objectOf({ not: text, oneOf: text }), true],
  ["a list of anything", objectOf({ a: { type: "array" } }), false],
  ["a list of texts", objectOf({ a: { type: "array", items: text, minItems: 2 } }), true],
  ["a value of any type", objectOf({ a: {} }), false],
  ["true for a schema", objectOf({ a: true }), false],
  ["a recursion", objectOf({ a: { $ref: "#" } }), true],
  ["a definition", objectOf({ a: { $ref: "#/$defs/x" } }, { $defs: { x: text } }), true],
  ["a reference to nothing", objectOf({ a: { $ref: "#/$defs/x" } }), false],
  ["words beside a reference", objectOf({ a: { $ref: "#", description: "b" } }), false],
  ["an object to choose", objectOf({ a: { enum: [{}] } }), false],
  ["ten objects in each other", nested(10), true],
  ["eleven objects in each other", nested(11), false],
  ["5,000 properties", objectOf(many(5000)), true],
  ["5,001 properties", objectOf(many(5001)), false],
  ["1,000 values to choose from", objectOf(many(4, choice(250, 5))), true],
  ["1,001 values to choose from", objectOf({ ...many(4, choice(250, 5)), a: choice(1, 1) }), false],
  ["251 short values", objectOf({ a: choice(251, 5) }), true],
  ["251 long values", objectOf({ a: choice(251, 60) }), false],
];
for (const [what, schema, expected] of TAKEN) {
  test(`strict mode ${expected ? "takes" : "does not take"} ${what}`, () =>
    equal(isStrict(schema), expected));
}

const MADE: readonly [string, JsonObject, JsonObject | undefined, string[]][] = [
  ["a schema that is strict stays", objectOf({ a: text }), objectOf({ a: text }), []],
  [
    "an optional property may be null",
    objectOf({ a: text, b: { type: "integer", minimum: 1 } }, { required: ["a"] }),
    objectOf({ a: text, b: { type: ["integer", "null"], minimum: 1 } }),
    ["b"],
  ],
  [
    "an optional choice, object, list or reference may be null",
    objectOf(
      {
        a: { type: "string", enum: ["x"] },
        b: objectOf({}),
        c: { type: "array", items: text },
        d: { $ref: "#" },
      },
      { required: [] },
    ),
    objectOf({
      a: { anyOf: [{ type: "string", enum: ["x"] }, { type: "null" }] },
      b: { anyOf: [objectOf({}), { type: "null" }] },
      c: { anyOf: [{ type: "array", items: text }, { type: "null" }] },
      d: { anyOf: [{ $ref: "#" }, { type: "null" }] },
    }),
    ["a", "b", "c", "d"],
  ],
  [
    "an optional property that may be null is required",
    objectOf({ a: { type: ["string", "null"] } }, { required: [] }),
    objectOf({ a: { type: ["string", "null"] } }),
    [],
  ],
  [
    "a name whose null means absence here and null there has no strict form",
    objectOf({ a: text, b: objectOf({ a: { type: ["string", "null"] } }) }, { required: ["b"] }),
    undefined,
    [],
  ],
  [
    "so has one whose null hides behind a reference",
    objectOf({ a: text, b: objectOf({ a: { $ref: "#/$defs/n" } }) }, {
      required: ["b"],
      $defs: { n: { anyOf: [text, { type: "null" }] } },
    }),
    undefined,
    [],
  ],
  [
    "optional properties deep inside",
    objectOf({ list: { type: "array", items: objectOf({ a: text }, { required: [] }) } }),
    objectOf({ list: { type: "array", items: objectOf({ a: { type: ["string", "null"] } }) } }),
    ["a"],
  ],
  [
    "what strict mode does not know is told",
    objectOf({ a: { type: "string", description: "A", format: "uri", default: "x", minLength: 1 } }),
    objectOf({ a: { type: "string", description: 'A\nformat: "uri"; default: "x"; minLength: 1' } }),
    [],
  ],
  [
    "words that say nothing of values go",
    objectOf({ a: { type: "string", examples: ["x"] } }, {
      $schema: "https://json-schema.org/draft/2020-12/schema",
    }),
    objectOf({ a: text }),
    [],
  ],
  [
    "words beside a reference stand around it",
    objectOf({ a: { $ref: "#/$defs/x", description: "A" } }, { $defs: { x: text } }),
    objectOf({ a: { description: "A", anyOf: [{ $ref: "#/$defs/x" }] } }, { $defs: { x: text } }),
    [],
  ],
  [
    "all of one is that one",
    objectOf({ a: { allOf: [text] } }),
    objectOf({ a: { anyOf: [text] } }),
    [],
  ],
  [
    "an object or nothing has none: an answer is an object",
    objectOf({ a: text }, { type: ["object", "null"], required: ["a"] }),
    undefined,
    [],
  ],
  ["an open object has none", objectOf({ a: { type: "object" } }), undefined, []],
  ["a map has none", objectOf({}, { additionalProperties: text }), undefined, []],
  [
    "a required property that is not described has none",
    objectOf({ a: text }, { required: ["b"] }),
    undefined,
    [],
  ],
];
for (const [title, schema, expected, absent] of MADE) {
  test(`strict form: ${title}`, () => {
    const made = strictSchema(schema);
    deepEqual(made?.schema, expected);
    deepEqual([...made?.absent ?? []].sort(), absent);
  });
}

test("a chain of references without an end is looked at for a while", () => {
  const $defs = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, at) => [`d${at}`, { $ref: `#/$defs/d${at + 1}` }]),
  );
  equal(strictSchema(objectOf({ a: { $ref: "#/$defs/d0" } }, { required: [], $defs })), undefined);
});
