import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCutJson, isNoInput, readArguments, wholeArguments } from "../../src/dialects/arguments.ts";
import type { Json } from "../../src/json.ts";

const OBJECT = '{"a": 1}';
const WHOLE: readonly [Json | undefined, string][] = [
  [OBJECT, OBJECT],
  [` ${OBJECT}`, ` ${OBJECT}`],
  [{ a: 1 }, '{"a":1}'],
  [undefined, ""],
  [null, ""],
  ["", ""],
  ["null", ""],
  [" null ", ""],
  ['""', ""],
  ["[]", ""],
  [[], ""],
  ['"null"', ""],
  [JSON.stringify(OBJECT), OBJECT],
  [JSON.stringify("{}"), "{}"],
  [JSON.stringify("hello"), '"hello"'],
  [JSON.stringify('{"a":'), JSON.stringify('{"a":')],
  ["{'a': 1}", "{'a': 1}"],
  ["hello", "hello"],
  ["[1]", "[1]"],
  [[1], "[1]"],
];
for (const [value, text] of WHOLE) {
  test(`the arguments ${JSON.stringify(value)} are ${JSON.stringify(text)}`, () =>
    equal(wholeArguments(value), text));
  test(`the arguments ${JSON.stringify(value)} are the same in pieces`, () => {
    if (typeof value !== "string") return;
    for (let size = 1; size <= value.length; size++) equal(streamed(value, size), text);
  });
}

function streamed(text: string, size: number): string {
  const reader = readArguments();
  let out = "";
  for (let at = 0; at < text.length; at += size) out += reader.push(text.slice(at, at + size));
  return out + reader.end();
}

test("an object goes on as it comes, and nothing of another text does", () => {
  const [object, other] = [readArguments(), readArguments()];
  deepEqual(["", " ", '{"a', '":1}'].map((piece) => object.push(piece)), ["", "", ' {"a', '":1}']);
  deepEqual(["nu", "ll"].map((piece) => other.push(piece)), ["", ""]);
});

test("an empty object before the arguments stands for them until they come", () => {
  const pieces: readonly (readonly [readonly string[], string])[] = [
    [["{}", '{"a"', ":1}"], '{"a":1}'],
    [["", " { } ", "", '{"a":1}'], '{"a":1}'],
    [["{}", "{}"], "{}"],
    [["{}"], "{}"],
    [["{}", "null"], "{}"],
    [["{}", JSON.stringify(OBJECT)], OBJECT],
    [["{", "}"], "{}"],
    [['{"a":', "{}", "}"], '{"a":{}}'],
    [["{}", '{"a":'], '{"a":'],
  ];
  for (const [given, text] of pieces) {
    const reader = readArguments();
    const out = given.map((piece) => reader.push(piece)).join("") + reader.end();
    equal(out, text);
    equal(reader.isCut(), text === '{"a":');
  }
});

test("an empty object is told where another call begins, and then once", () => {
  const reader = readArguments();
  deepEqual([reader.push("{}"), reader.pass(), reader.pass(), reader.end()], ["", "{}", "", ""]);
  const open = readArguments();
  deepEqual([open.push('{"a"'), open.pass(), open.push(":1}")], ['{"a"', "", ":1}"]);
});

test("arguments say nothing where there are none, and where they are an object without members", () => {
  for (const text of ["", "null", "{}", " { } ", '"{}"', "[]"]) equal(isNoInput(text), true, text);
  for (const text of ['{"a":1}', "0", "a", '{"":null}']) equal(isNoInput(text), false, text);
});

test("JSON that is cut anywhere is known to be cut, and whole JSON to be whole", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value);
      equal(isCutJson(text), false);
      for (let at = 1; at < text.length; at++) {
        equal(isCutJson(text.slice(0, at)), true, text.slice(0, at));
        const reader = readArguments();
        reader.push(text.slice(0, at));
        equal(reader.isCut(), true);
        reader.push(text.slice(at));
        equal(reader.isCut(), false);
      }
    }),
    { numRuns: 100 },
  );
});

test("text that is no JSON at all is not cut", () => {
  for (const text of ["", "  ", "null", "hello", 'say "hi', "{'a': 1}", "{}}", '{"a":1}{']) {
    equal(isCutJson(text), text === '{"a":1}{', text);
  }
});
