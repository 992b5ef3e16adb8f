import { deepEqual, equal, notEqual, ok, throws } from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "../src/errors.ts";
import { parseBody } from "../src/http.ts";
import { readingBody } from "../src/json.ts";
import { atOnce } from "../src/work.ts";
import {
  ANSWER_LIMITS,
  closingBrace,
  doubledKey,
  endOfString,
  type JsonLimits,
  type Members,
  REQUEST_LIMITS,
  scanText,
  withMembers,
} from "../src/json-scan.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** The members of a text, which may be anything. */
function scan(text: string): Members {
  const found = atOnce(readingBody(bytesOf(text), text));
  if ("kind" in found) throw new Error(found.kind);
  return found.members;
}

/** What of a text goes beyond the limits; undefined if nothing does. */
function excess(text: string, limits: JsonLimits = REQUEST_LIMITS): string | undefined {
  const found = scanText(text, limits);
  return "excess" in found ? found.excess : undefined;
}

/** The texts of the top-level members. */
function membersOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...scan(text)].map(([key, { start, end }]) => [key, textOf(bytesOf(text).subarray(start, end))]),
  );
}

/** Reads a text as the body of a request, which must be an object. */
function body(text: string): void {
  parseBody(bytesOf(text));
}

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof GatewayError && thrown.code === expected;

test("the top-level members of an object are found, without the white space around them", () => {
  const cases: readonly (readonly [string, Record<string, string>])[] = [
    ["{}", {}],
    [' { "a" : 1 , "b":\n[1, {"c": 2}]\t} ', { a: "1", b: '[1, {"c": 2}]' }],
    ['{"a":"x,}:{\\"","b":null}', { a: '"x,}:{\\""', b: "null" }],
    ['{"mod\\u0065l":"m"}', { model: '"m"' }],
    ['{"a":{"a":{"a":1}}}', { a: '{"a":{"a":1}}' }],
    ['[{"a":1}]', {}],
    ['"a"', {}],
    ['{"é":"…😀","a":1,"\u0080":"ß"}', { é: '"…😀"', a: "1", "\u0080": '"ß"' }],
  ];
  for (const [text, expected] of cases) deepEqual(membersOf(text), expected, text);
});

test("the members found are those that the parser finds", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2), (value, indent) => {
    const text = JSON.stringify(value, null, indent);
    const found = Object.entries(membersOf(text)).map(([key, json]) => [key, JSON.parse(json)]);
    deepEqual(Object.fromEntries(found), JSON.parse(text));
  }));
});

test("a key that stands twice in one object is refused, at any depth and however it is written", () => {
  for (
    const text of [
      '{"model":"a","model":"b"}',
      '{"model":"a","mod\\u0065l":"b"}',
      '{"a":[{"b":{"c":1,"d":2,"c":3}}]}',
      '{"__proto__":1,"__proto__":2}',
      '{"":1,"":2}',
      '{"a\\/b":1,"a/b":2}',
      '{"é":1,"\\u00e9":2}',
      '{"a":"…","€":{"€":1,"\\u20ac":2}}',
    ]
  ) throws(() => body(text), code("invalid_value"), text);
});

test("a key that appears once is never taken for one that appears twice", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
    const text = JSON.stringify(value);
    equal(doubledKey(text, (key) => JSON.parse(`"${key}"`)), undefined);
    notEqual("kind" in atOnce(readingBody(bytesOf(text), text)), true, text);
  }));
});

test("a key is cut nowhere, however large the body is", () => {
  const before = '{"id":1,"pad":"';
  for (let cut = -2; cut <= 8; cut++) {
    const pad = "p".repeat(1024 * 1024 - before.length - 4 - cut);
    body(`${before}${pad}","id2":2}`);
  }
});

test("the refusal of a key names it as the field at fault, cut if it is long", () => {
  const key = "k".repeat(1000);
  throws(() => body('{"mod\\u0065l":1,"model":2}'), { param: "model" });
  throws(() => body(`{"${key}":1,"${key}":2}`), { param: `${"k".repeat(64)}…` });
});

test("the same key in two objects is nothing to refuse", () => {
  scan('[{"a":1},{"a":{"a":2,"b":"a"}}]');
  scan('{"a":["b","b"],"b":"b"}');
});

test("each limit holds at the limit and is passed by one more", () => {
  const limits: JsonLimits = { depth: 3, values: 5, keysPerObject: 2 };
  const within = ["[[[1]]]", '{"a":{"b":[1]}}', "[1,2,3,4]", '{"a":1,"b":2}', '[{"a":1,"b":2}]', '"[[[[["'];
  const beyond = ["[[[[1]]]]", '{"a":{"b":[{}]}}', "[1,2,3,4,5]", '{"a":1,"b":2,"c":3}'];
  for (const text of within) equal(excess(text, limits), undefined, text);
  for (const text of beyond) ok(excess(text, limits), text);
});

test("the limits of requests are 64 levels, 200,000 values and 10,000 keys", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const wide = (values: number) => `[${"1,".repeat(values - 2)}1]`;
  const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"${n}":1`).join(",")}}`;
  for (const text of [nested(64), wide(200_000), keys(10_000)]) equal(excess(text), undefined);
  equal(excess(nested(65)), "levels");
  equal(excess(wide(200_001)), "values");
  equal(excess(keys(10_001)), "keys in one object");
  throws(() => body(nested(65)), code("json_too_complex"));
});

test("the limits of answers are 512 levels and 4,000,000 values", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const wide = (values: number) => `[${"1,".repeat(values - 2)}1]`;
  for (const text of [nested(512), wide(4_000_000)]) equal(excess(text, ANSWER_LIMITS), undefined);
  equal(excess(nested(513), ANSWER_LIMITS), "levels");
  equal(excess(wide(4_000_001), ANSWER_LIMITS), "values");
});

test("hostile texts are refused without filling the stack or the memory", () => {
  for (
    const text of [
      "[".repeat(1e7),
      '{"a":'.repeat(2e6),
      `[${"{},".repeat(3e6)}{}]`,
      "{},".repeat(3e6),
      ",".repeat(1e7),
      `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`).join(",")}}`,
    ]
  ) throws(() => body(text), code("json_too_complex"));
});

test("text that is not JSON is left to the parser", () => {
  for (
    const text of ["", "}", "]]]]", '"', '{"a', '{"a\\', '{"\\u00"', "{:,}", "nonsense", "]{[}", '{"a":"\\"}']
  ) {
    equal(excess(text), undefined, text);
    throws(() => body(text), code("invalid_json"), text);
  }
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]:,"\\a1 \n') }), (text) => {
    try {
      body(text);
    } catch (thrown) {
      ok(code("invalid_value")(thrown) || code("invalid_json")(thrown));
    }
  }));
});

test("a string ends at its quote, not at an escaped one", () => {
  equal(endOfString('"a"b', 0), 3);
  equal(endOfString('x"a\\"b" ', 1), 7);
  equal(endOfString('"\\\\"', 0), 4);
  equal(endOfString('"never', 0), 6);
  fc.assert(fc.property(fc.string(), fc.string(), (text, after) => {
    const written = JSON.stringify(text);
    equal(endOfString(written + after, 0), written.length);
  }));
});

test("members are replaced and added, and every other byte stays", () => {
  const cases: readonly (readonly [string, Record<string, string>, string])[] = [
    ['{"model":"a","n":1}', { model: '"b"' }, '{"model":"b","n":1}'],
    [' { "model" : "a" } \n', { model: '"b"', x: "{}" }, ' { "model" : "b" ,"x":{}} \n'],
    ["{}", { model: '"b"' }, '{"model":"b"}'],
    ["{ }", { a: "1", b: "2" }, '{ "a":1,"b":2}'],
    [
      '{"mod\\u0065l":"a","z":9007199254740993}',
      { model: '"b"' },
      '{"mod\\u0065l":"b","z":9007199254740993}',
    ],
    ['{"x":{"model":"a"},"model":"a"}', { model: '"b"' }, '{"x":{"model":"a"},"model":"b"}'],
    ['{"b":1,"a":2}', { a: "3", b: "4" }, '{"b":4,"a":3}'],
    ['{"a":1}', {}, '{"a":1}'],
    [
      '{"é":"…","model":"ä","x":"😀"}',
      { model: '"ö😀"', y: '"…"' },
      '{"é":"…","model":"ö😀","x":"😀","y":"…"}',
    ],
  ];
  for (const [text, replacements, expected] of cases) {
    equal(textOf(withMembers(bytesOf(text), scan(text), replacements)), expected);
  }
});

test("bytes that nothing changes in are not copied", () => {
  const bytes = bytesOf('{"model":"é","n":1}');
  const found = scan(textOf(bytes));
  equal(withMembers(bytes, found, { model: '"é"' }), bytes);
  equal(withMembers(bytes, found, {}), bytes);
  ok(withMembers(bytes, found, { model: '"e"' }) !== bytes);
});

test("what withMembers changes is what it was asked to change, and nothing else", () => {
  const keys = fc.constantFrom("model", "stream", "__proto__", "constructor", 'q"uote', "\u2028", "");
  const objects = fc.dictionary(fc.oneof(keys, fc.string()), fc.jsonValue({ maxDepth: 3 }));
  const edits = fc.dictionary(keys, fc.jsonValue({ maxDepth: 2 }));
  fc.assert(fc.property(objects, edits, fc.nat(3), (value, wanted, indent) => {
    const text = `${JSON.stringify(value, null, indent)}\n`;
    const replacements = Object.fromEntries(
      Object.entries(wanted).map(([key, item]) => [key, JSON.stringify(item)]),
    );
    const edited = textOf(withMembers(bytesOf(text), scan(text), replacements));
    const expected = Object.entries<unknown>(JSON.parse(text));
    const result = new Map(Object.entries(JSON.parse(edited)));
    for (const [key, item] of expected) {
      deepEqual(result.get(key), Object.hasOwn(wanted, key) ? JSON.parse(JSON.stringify(wanted[key])) : item);
    }
    for (const [key, item] of Object.entries(wanted)) {
      deepEqual(result.get(key), JSON.parse(JSON.stringify(item)));
    }
    equal(result.size, new Set([...expected.map(([key]) => key), ...Object.keys(wanted)]).size);
    const untouched = (whole: string) =>
      Object.entries(membersOf(whole)).filter(([key]) => !Object.hasOwn(wanted, key));
    deepEqual(untouched(edited), untouched(text));
  }));
});

test("a number of any length that means something is let through, an endless one is refused", () => {
  equal(membersOf(`{"a":${"9".repeat(1000)},"b":2}`)["a"]?.length, 1000);
  for (const text of [`{"a":${"9".repeat(1001)}}`, "9".repeat(5_000_000), `[1, -1.${"0".repeat(4000)}, 2]`]) {
    equal(excess(text), "characters in one number");
    throws(() => body(text), code("json_too_complex"));
  }
});

test("words outside of strings are looked at once, however many there are", () => {
  const words = `${"x".repeat(1000)} `.repeat(4000);
  const before = process.cpuUsage();
  throws(() => body(`{"a": ${words}}`), code("invalid_json"));
  const { user, system } = process.cpuUsage(before);
  ok(user + system < 2_000_000);
});

test("a long number is told from one that a JavaScript number holds", () => {
  const found = (number: string) => {
    const scan = scanText(`[${number}]`, REQUEST_LIMITS);
    return "values" in scan && scan.longNumbers;
  };
  for (
    const number of ["1", "1.5e3", "0.8414709848078965", "-0.7568024953079282", "1e99", "123456789012345"]
  ) {
    equal(found(number), false, number);
  }
  for (const number of ["9007199254740993", "1e400", "1e-400", "-1E+999", "0.10000000000000000555"]) {
    equal(found(number), true, number);
  }
});

test("the brace that closes an object is found in whatever piece it comes", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.nat(40)), (value, cuts) => {
    const text = JSON.stringify(value);
    const closes = closingBrace();
    let from = 0;
    for (const cut of cuts) {
      const to = Math.min(from + cut, text.length - 1);
      equal(closes(text.slice(from, to)), false);
      from = to;
    }
    equal(closes(text.slice(from)), true);
  }));
});

test("white space of any length changes nothing", () => {
  for (const length of [1, 62, 63, 64, 65, 66, 200, 100_000]) {
    const space = " \n".repeat(length);
    deepEqual(membersOf(`{${space}"a"${space}:${space}1${space},${space}"b":[2${space}]${space}}${space}`), {
      a: "1",
      b: `[2${space}]`,
    });
  }
});
