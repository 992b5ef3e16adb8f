import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";
import { secret } from "../src/secret.ts";

const CANARY = "sk-canary-0123456789";

test("only reveal gives the text", () => {
  equal(secret(CANARY).reveal(), CANARY);
});

test("a secret prints as redacted, however it is printed", () => {
  const hidden = secret(CANARY);
  const printed = [
    `${hidden}`,
    String(hidden),
    "" + hidden,
    [hidden].join(),
    JSON.stringify({ hidden, list: [hidden] }),
    inspect(hidden),
    inspect({ deep: [{ hidden }] }, { depth: null, showHidden: true }),
    format("%s %o %j", hidden, hidden, hidden),
    String(new Error(`with ${hidden}`)),
  ];
  for (const text of printed) {
    equal(text.includes("canary"), false, text);
    equal(text.includes("[redacted]"), true, text);
  }
});

test("a copy, its keys and its values show nothing", () => {
  const hidden = secret(CANARY);
  equal(JSON.stringify({ ...hidden }).includes("canary"), false);
  equal(inspect({ ...hidden }, { showHidden: true }).includes("canary"), false);
  deepEqual(Object.keys(hidden), ["reveal"]);
});
