import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Edit, editedObject, editedText } from "../src/json-edit.ts";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../src/json.ts";

/** Title, text, edits, the text afterwards. */
const TABLE: readonly (readonly [string, string, readonly Edit[], string])[] = [
  ["nothing to edit", ' { "a" : 1.50 } ', [], ' { "a" : 1.50 } '],
  [
    "a member replaced, all else as it was",
    ' { "a" : 1.50 ,\n "b":"\\u00e9" } ',
    [{ path: ["a"], value: 2 }],
    ' { "a" : 2 ,\n "b":"\\u00e9" } ',
  ],
  ["the first member taken out", '{"a":1, "b":2}', [{ path: ["a"], value: undefined }], '{ "b":2}'],
  ["the last member taken out", '{"a":1, "b":2 }', [{ path: ["b"], value: undefined }], '{"a":1}'],
  ["the only member taken out", '{ "a" : [1] }', [{ path: ["a"], value: undefined }], "{}"],
  ["a member added", '{"a":1}', [{ path: ["b"], value: "x" }], '{"a":1,"b":"x"}'],
  ["a member added to nothing", "{ }", [{ path: ["b"], value: [] }], '{"b":[] }'],
  [
    "items deep inside",
    '{"m":[{"c":[{"t":"]}\\""},{"x":0.10},3]},{"c":"s"}]}',
    [{ path: ["m", 0, "c", 0], value: undefined }, { path: ["m", 1, "c"], value: null }],
    '{"m":[{"c":[{"x":0.10},3]},{"c":null}]}',
  ],
  ["an item appended", '{"m":[1 ]}', [{ path: ["m", 1], value: { a: 1 } }], '{"m":[1 ,{"a":1}]}'],
  ["all items taken out and one appended", '{"m":[1,2]}', [
    { path: ["m", 0], value: undefined },
    { path: ["m", 1], value: undefined },
    { path: ["m", 2], value: 3 },
  ], '{"m":[3]}'],
  ["a key written with escapes", '{"\\u0061":1}', [{ path: ["a"], value: 2 }], '{"\\u0061":2}'],
  [
    "a key of the prototype's",
    '{"__proto__":{"a":1}}',
    [{ path: ["__proto__", "a"], value: 2 }],
    '{"__proto__":{"a":2}}',
  ],
  ["an edit inside of what goes", '{"a":{"b":1},"c":[[2]]}', [
    { path: ["a"], value: undefined },
    { path: ["a", "b"], value: 5 },
    { path: ["c", 0, 0], value: 5 },
    { path: ["c", 0], value: 6 },
  ], '{"c":[6]}'],
  ["a place that is not there", '{"a":1}', [{ path: ["a", "b", 0], value: 2 }], '{"a":1}'],
];

for (const [title, text, edits, expected] of TABLE) {
  test(`edited text: ${title}`, () => equal(editedText(text, edits), expected));
}

test("edits change a value as they change its text", () => {
  const place = fc.array(fc.oneof(fc.constantFrom("a", "b", "__proto__"), fc.nat(2)), {
    minLength: 1,
    maxLength: 3,
  });
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean());
  const json = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("node"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "c", '"', "__proto__"), tie("node"), { maxKeys: 4 }),
    ),
  })).node;
  const object = fc.dictionary(fc.constantFrom("a", "b", "c"), json);
  const edit = fc.record({ path: place, value: fc.oneof(leaf, fc.constant(undefined)) });
  fc.assert(fc.property(object, fc.array(edit, { maxLength: 3 }), fc.nat(2), (value, edits, indent) => {
    const text = JSON.stringify(value, null, indent);
    const parsed = parseJson(text) as JsonObject;
    const expected = stringifyJson(editedObject(parsed, edits as Edit[]));
    deepEqual(parseJson(editedText(text, edits as Edit[])), parseJson(expected) as Json);
  }));
});

test("twice the text takes no more than about twice the work", () => {
  const text = (items: number) => `{"m":[${Array(items).fill('{"c":[{"t":"x"},"y"]}').join(",")}]}`;
  const edits = (items: number): Edit[] =>
    Array.from({ length: items }, (_, at) => ({ path: ["m", at, "c", 0], value: undefined }));
  const took = (items: number) => {
    const given = [text(items), edits(items)] as const;
    const began = performance.now();
    editedText(...given);
    return performance.now() - began;
  };
  took(5_000);
  const least = (items: number) => Math.min(...Array.from({ length: 4 }, () => took(items)));
  // Eight times the text: eight times the work, or 64 times where a list is walked through for each.
  const [once, eight] = [least(5_000), least(40_000)];
  equal(eight < 24 * once + 200, true, `${once} ms, then ${eight} ms`);
});
