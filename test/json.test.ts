import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asNumber, isObject, members, parseJson, stringifyJson, tryParseJson } from "../src/json.ts";

/** Numbers that a JavaScript number would change. */
const EXACT = [
  "9007199254740993",
  "-9007199254740993",
  "12345678901234567890123",
  "0.12345678901234567890",
  "3.1415926535897932384626433",
  "1e400",
  "-1e400",
  "1e-400",
  "5e-325",
  "123456789.123456789e300",
  "1.00000000000000000000000000000000000001",
] as const;

/** Numbers that it holds, however they are written. */
const HELD = [
  "0",
  "1",
  "-1",
  "0.1",
  "1.50e3",
  "9007199254740992",
  "1e100",
  "1.0000000000000000000",
  "10000000000000000000000",
];

test("a number that a JavaScript number cannot hold keeps its text", () => {
  for (const number of EXACT) {
    for (const text of [number, `[${number}]`, `{"a":{"b":[1,${number}]}}`]) {
      equal(stringifyJson(parseJson(text)), text);
    }
  }
});

test("a number that a JavaScript number holds is one", () => {
  for (const number of HELD) deepEqual(parseJson(`[${number}]`), JSON.parse(`[${number}]`));
});

test("either form of a number is a number to those who calculate with it", () => {
  equal(asNumber(parseJson("7")), 7);
  equal(asNumber(parseJson("9007199254740993")), 9007199254740992);
  equal(asNumber(parseJson("1e400")), Infinity);
  for (const other of [null, true, "7", [7], {}]) equal(asNumber(other), undefined);
  equal(asNumber(undefined), undefined);
});

test("an exact number is no object", () => {
  equal(isObject(parseJson("9007199254740993")), false);
  equal(isObject(parseJson("{}")), true);
  for (const other of [null, [], "a", 1]) equal(isObject(other), false);
});

test("tool arguments keep their numbers on the way through a body", () => {
  const given = `{"id":9007199254740993,"price":0.10000000000000000555,"list":[18446744073709551615]}`;
  const body = stringifyJson({ input: parseJson(given) });
  equal(body, `{"input":${given}}`);
});

test("any value that JSON.parse reads is read as the same value", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), fc.boolean(), (value, padded) => {
    // A long number beside it takes the careful path.
    const text = padded ? `[9007199254740993,${JSON.stringify(value)}]` : JSON.stringify(value);
    const parsed = parseJson(text);
    const read = padded && Array.isArray(parsed) ? parsed[1] : parsed;
    deepEqual(read, JSON.parse(JSON.stringify(value)));
  }));
});

test("no string can pass for a number, not even one that imitates how numbers are kept", () => {
  const hostile = fc.oneof(
    fc.constantFrom("#1", "#9007199254740993", "=#1", "==", "=", "#", "\\u00231", "\\u0023", '\\"', "\\\\#1"),
    fc.string().map((text) => JSON.stringify(text).slice(1, -1)),
  );
  fc.assert(fc.property(hostile, hostile, (key, value) => {
    const text = `{"${key}":["${value}","${value}"],"n":9007199254740993}`;
    const { n: _, ...expected } = JSON.parse(text);
    const parsed = parseJson(text);
    ok(isObject(parsed));
    const { n, ...rest } = parsed;
    if (key !== "n") equal(stringifyJson(n ?? null), "9007199254740993");
    deepEqual(rest, expected);
  }));
});

test("text that JSON.parse refuses is refused, with long numbers in it or not", () => {
  const texts = [
    "",
    "{9007199254740993:1}",
    '{"a":1,9007199254740993:1}',
    "[09007199254740993]",
    "[+9007199254740993]",
    "[9007199254740993.]",
    "[9007199254740993e]",
    "[9007199254740993 1]",
    '"9007199254740993',
    "9007199254740993x",
    "x9007199254740993",
    "[1e400,]",
    "[.9007199254740993]",
    "-",
    "NaN",
  ];
  for (const text of texts) {
    throws(() => JSON.parse(text), SyntaxError);
    throws(() => parseJson(text), SyntaxError, text);
    equal(tryParseJson(text), undefined);
  }
  const token = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "9007199254740993",
    "1e400",
    "1",
    " ",
    "\\",
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 8 }), (tokens) => {
      const text = tokens.join("");
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      equal(tryParseJson(text) !== undefined, valid, text);
    }),
    { numRuns: 2000 },
  );
});

test("keys named like parts of a prototype are own properties and reach no prototype", () => {
  const names = [...Object.getOwnPropertyNames(Object.prototype), "prototype"];
  for (const number of ["1", "9007199254740993"]) {
    for (const name of names) {
      const text = `{"${name}":{"polluted":${number}}}`;
      const value = parseJson(text);
      ok(isObject(value));
      ok(Object.hasOwn(value, name));
      equal(Object.getPrototypeOf(value), Object.prototype);
      equal("polluted" in {}, false);
      equal(stringifyJson(value), text);
      const copy = members(Object.entries(value));
      ok(Object.hasOwn(copy, name));
      equal(stringifyJson(copy), text);
    }
  }
});

test("members leaves out what is undefined and keeps the order", () => {
  equal(stringifyJson(members([["b", 1], ["a", undefined], ["c", null]])), '{"b":1,"c":null}');
});

test("properties that are undefined are left out, beside exact numbers too", () => {
  equal(stringifyJson({ a: undefined, b: parseJson("9007199254740993") }), '{"b":9007199254740993}');
  equal(stringifyJson({ a: undefined, b: 1 }), '{"b":1}');
});

test("strings are written so that every reader can read them", () => {
  const odd = '\ud800 \u2028 \u0000 " \\';
  equal(JSON.parse(stringifyJson(odd)), odd);
  equal(stringifyJson([odd, parseJson("1e400")]), `[${JSON.stringify(odd)},1e400]`);
});

test("what is nested too deep is refused, never a stack overflow", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  equal(stringifyJson(parseJson(nested(512))), nested(512));
  throws(() => parseJson(nested(513)), SyntaxError);
  throws(() => parseJson("[".repeat(1e7)), SyntaxError);
  throws(() => parseJson('{"a":'.repeat(1e6)), SyntaxError);
  equal(tryParseJson(nested(1e6)), undefined);
  const brackets = JSON.stringify("[{".repeat(2000));
  equal(parseJson(brackets), "[{".repeat(2000));
  notEqual(tryParseJson(`[${"[],".repeat(5000)}1]`), undefined);
});
