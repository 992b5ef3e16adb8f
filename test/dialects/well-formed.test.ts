import { equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wellFormed } from "../../src/dialects/well-formed.ts";

const TEXTS: readonly [string, string, string][] = [
  ["the first half of a character", "a \ud83d b", "a \ufffd b"],
  ["the second half", "\ude00", "\ufffd"],
  ["both halves in the wrong order", "\ude00\ud83d", "\ufffd\ufffd"],
  ["a whole character", "😀", "😀"],
  ["a half behind a whole", "😀\ud83d", "😀\ufffd"],
  ["the escape as text", "\\ud83d", "\\ud83d"],
  ["a half behind a backslash", "\\\ud83d", "\\\ufffd"],
  ["other escapes", '\u0001\n"\\', '\u0001\n"\\'],
];
for (const [what, text, expected] of TEXTS) {
  test(`well-formed: ${what}, as a value and as a key`, () => {
    equal(JSON.parse(wellFormed(JSON.stringify(text))), expected);
    equal(Object.keys(JSON.parse(wellFormed(JSON.stringify({ [text]: 1 }))))[0], expected);
  });
}

test("what is written is what `toWellFormed` gives, and as valid as it was", () => {
  const unit = fc.constantFrom("\ud83d", "\ude00", "\\", "u", "d83d", '"', "a");
  fc.assert(fc.property(fc.array(unit).map((units) => units.join("")), (text) => {
    const written = wellFormed(JSON.stringify(text));
    equal(/[\ud800-\udfff]/.test(JSON.parse(written).replaceAll("\ud83d\ude00", "")), false);
    equal(JSON.parse(written).length, text.length);
  }));
});
