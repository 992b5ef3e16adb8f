/** Data URLs of files: what their label says, in whatever order, and what percent signs encode. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { partOfFile } from "../../../src/dialects/openai-chat/sources.ts";

const textOf = (url: string) => {
  const { source } = partOfFile(url, undefined, "f");
  return source.type === "text" ? source.text : source.type;
};

test("a percent sign encodes two hexadecimal digits, of either case, and else stands for itself", () => {
  for (
    const [written, read] of [
      ["a%20b", "a b"],
      ["%c3%A9", "é"],
      ["100%", "100%"],
      ["%2", "%2"],
      ["%zz%4", "%zz%4"],
      ["%%41", "%A"],
      ["%4G", "%4G"],
      ["%@A", "%@A"],
      ["%`a", "%`a"],
      ["é%41", "éA"],
    ] as const
  ) assert.equal(textOf(`data:text/plain,${written}`), read, written);
});

test("base64 is a parameter wherever it stands, and no part of another one's name or value", () => {
  for (
    const label of [
      "text/plain;base64",
      "text/plain;charset=utf-8;base64",
      "text/plain;BASE64;charset=utf-8",
      "text/plain; base64 ",
      "text/plain ;name=a.txt; base64;x=y",
    ]
  ) assert.equal(textOf(`data:${label},aGk=`), "hi", label);
  for (const label of ["text/plain;x=base64", "text/plain;base641", "text/plain;a base64", "text/plain"]) {
    assert.equal(textOf(`data:${label},aGk=`), "aGk=", label);
  }
});
