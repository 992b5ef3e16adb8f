/** The table in README.md and the tests of this folder speak of the same faults. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const FOLDER = new URL("./", import.meta.url);

test("every row of the table has a test, and every test a row", async () => {
  const table = await readFile(new URL("README.md", FOLDER), "utf8");
  const rows = [...table.matchAll(/^\| (F\d+)\s*\|/gm)].map(([, id]) => id);
  assert.equal(new Set(rows).size, rows.length, "An id has two rows");
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, FOLDER), "utf8")));
  // A title begins with its id; one that is put together may have its id in a literal of its own.
  const titled = texts.flatMap((text) => [...text.matchAll(/["'`](F\d+)(?::|["'`])/g)].map(([, id]) => id));
  assert.deepEqual([...new Set(titled)].sort(), rows.sort());
});
