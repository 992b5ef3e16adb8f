import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MemberRules, rewriteMembers } from "../../src/dialects/rewrite-members.ts";
import { run } from "../../src/dialects/stepper.ts";

const RULES: MemberRules = {
  names: new Map([["a_1", "a[b]"], ["q", 'say "so"']]),
  absent: new Set(["n", "m"]),
};

const TEXTS: readonly [string, string, string][] = [
  ["nothing to change", '{"a": 1, "b": [true, null, "x"]}', '{"a": 1, "b": [true, null, "x"]}'],
  ["a name", '{"a_1":1}', '{"a[b]":1}'],
  ["a name deep inside", '{"x":[{"a_1":{"a_1":[]}}]}', '{"x":[{"a[b]":{"a[b]":[]}}]}'],
  ["a name with a quote", '{ "q" : 1 }', '{ "say \\"so\\"" : 1 }'],
  ["a name in escapes", '{"\\u0061_1":1}', '{"a[b]":1}'],
  ["a name that is a value", '["a_1",{"x":"a_1"}]', '["a_1",{"x":"a_1"}]'],
  ["quotes in texts", '{"x":"\\"a_1\\":{","a_1":2}', '{"x":"\\"a_1\\":{","a[b]":2}'],
  ["an absent first", '{"n":null,"x":1}', '{"x":1}'],
  ["an absent last", '{"x":1, "n":null}', '{"x":1}'],
  ["absent ones between", '{"x":1,"n": null,\n"m":null , "y":2}', '{"x":1, "y":2}'],
  ["only absent ones", '{"n":null,"m":null}', "{}"],
  ["only absent ones, with spaces", '{ "n" : null }', "{ }"],
  ["null of another name", '{"x":null}', '{"x":null}'],
  ["another value of the name", '{"n":0,"m":{"n":null}}', '{"n":0,"m":{}}'],
  ["null in a list", '{"n":[null]}', '{"n":[null]}'],
  ["absent ones in objects of a list", '[{"n":null,"x":1},{"n":1}]', '[{"x":1},{"n":1}]'],
  ["no JSON", 'I cannot {"n":null} do that', 'I cannot {"n":null} do that'],
  ["half an answer", '{"x":1,"n":nul', '{"x":1,"n":nul'],
  ["half a name", '{"x":1,"a_', '{"x":1,"a_'],
  ["what is no null", '{"n":nope,"x":1}', '{"n":nope,"x":1}'],
  ["two values", '{"n":null}{"n":null,"x":1}', '{}{"x":1}'],
];
for (const [what, text, expected] of TEXTS) {
  test(`members in ${what}`, () => {
    equal(run(rewriteMembers(RULES), [text]).join(""), expected);
    equal(run(rewriteMembers(RULES), [...text]).join(""), expected, "in single characters");
  });
}

test("any JSON means the same, whatever pieces it comes in, but for what the rules say", () => {
  const key = fc.oneof(fc.constantFrom("a_1", "n", "x"), fc.string());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    ),
  }));
  const expected = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(expected);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).filter(([name, inner]) => !(RULES.absent?.has(name) && inner === null))
        .map(([name, inner]) => [RULES.names?.get(name) ?? name, expected(inner)]),
    );
  };
  fc.assert(fc.property(tree, fc.integer({ min: 1, max: 7 }), fc.boolean(), (value, size, spaced) => {
    const text = JSON.stringify(value, null, spaced ? 2 : 0);
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    deepEqual(JSON.parse(run(rewriteMembers(RULES), pieces).join("")), expected(value));
  }));
});
