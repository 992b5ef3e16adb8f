import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { arranged, noteOrder, type Place } from "../src/block-order.ts";
import type { Part } from "../src/chat.ts";

const thought = (signature: string): Part => ({ type: "thinking", text: "", signature });
const text = (words: string): Part => ({ type: "text", text: words });
const call = (id: string): Part => ({ type: "tool-call", id, name: "f", input: "{}", kind: "function" });

/** An order in short: `T` for a thought, `c1` for a call, a number for text. */
function places(words: string): Place[] {
  return words.split(" ").map((word): Place =>
    word === "T"
      ? { kind: "thought" }
      : word.startsWith("c")
      ? { kind: "call", ...(word.length > 1 && { id: word }) }
      : { kind: "text", length: Number(word) }
  );
}

function shown(parts: readonly Part[]): string {
  return parts.map((part) => {
    if (part.type === "thinking") return part.signature;
    if (part.type === "text") return `'${part.text}'`;
    return part.type === "tool-call" ? part.id : part.type;
  }).join(" ");
}

const PARTS = [thought("S1"), thought("S2"), text("abcdef"), call("c1"), call("c2")];
const ORDERS: readonly [string, string, string][] = [
  ["a thought between calls", "T c1 T c2", "S1 c1 S2 c2 'abcdef'"],
  ["text cut by a thought", "T 2 T 4 c1 c2", "S1 'ab' S2 'cdef' c1 c2"],
  ["text behind a call", "T T 2 c1 4 c2", "S1 S2 'ab' c1 'cdef' c2"],
  ["calls without names", "T c T c", "S1 c1 S2 c2 'abcdef'"],
  ["calls in another order", "T c2 T c1", "S1 c2 S2 c1 'abcdef'"],
  ["more than there is", "T 99 T c1 c9 T", "S1 'abcdef' S2 c1 c2"],
  ["less than there is", "3 T", "S2 'abc' S1 'def' c1 c2"],
];
for (const [what, order, expected] of ORDERS) {
  test(`parts at their places: ${what}`, () => {
    const found = arranged(PARTS, places(order));
    const kinds = (parts: readonly Part[]) =>
      parts.flatMap((part) => part.type === "text" ? [] : [shown([part])]).sort();
    deepEqual(kinds(found), kinds(PARTS), "nothing is lost");
    equal(found.flatMap((part) => part.type === "text" ? [part.text] : []).join(""), "abcdef");
    equal(shown(found), expected);
  });
}

test("a cache mark stays at the end of its text", () => {
  const marked: Part = { type: "text", text: "abcd", cache: {} };
  deepEqual(arranged([thought("S"), marked], places("2 T")), [
    text("ab"),
    thought("S"),
    { type: "text", text: "cd", cache: {} },
  ]);
});

test("an order that every message is read in says nothing, and neither does one without an end", () => {
  const usual = noteOrder();
  usual.thought();
  usual.text(3);
  usual.text(0);
  usual.text(2);
  usual.call("a");
  equal(usual.places(), undefined);
  deepEqual(usual.all(), [{ kind: "thought" }, { kind: "text", length: 5 }, { kind: "call", id: "a" }]);
  usual.thought();
  deepEqual(usual.places()?.length, 4);
  for (let count = 0; count < 100_000; count++) usual.call();
  equal(usual.places(), undefined);
  equal(usual.all().length, 1000);
});
