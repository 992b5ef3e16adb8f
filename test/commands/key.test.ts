import assert from "node:assert/strict";
import { test } from "node:test";
import { authenticate } from "../../src/access/authenticate.ts";
import { load, NOW } from "../config/_load.ts";
import { run } from "./_run.ts";

test("a key is printed once, with an entry for the file that lets it in", async () => {
  const { code, stdout, stderr } = await run(["key", "--name", "ci", "--expires", "2027-01-01"]);
  assert.equal(code, 0);
  const [key = "", entry = "", ...rest] = stdout.split("\n");
  assert.match(key, /^aip_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(rest, [""]);
  assert.equal(stderr.includes(key), false);
  const keys = [JSON.parse(entry)];
  assert.deepEqual(Object.keys(keys[0]), ["hash", "name", "expires"]);
  const { policy, problems } = await load({
    users: { ann: { keys, models: [{ name: "m" }] } },
    models: { m: { provider: "openai" } },
  });
  assert.deepEqual(problems, []);
  assert.ok(policy);
  const caller = { headers: { authorization: `Bearer ${key}` }, peer: "203.0.113.1" };
  assert.deepEqual(authenticate(caller, policy, NOW), { user: "ann", key: "ci" });
});

test("no two keys are the same", async () => {
  const outputs = await Promise.all(Array.from({ length: 5 }, () => run(["key"])));
  assert.equal(new Set(outputs.map(({ stdout }) => stdout)).size, 5);
  assert.deepEqual(Object.keys(JSON.parse(outputs[0]?.stdout.split("\n")[1] ?? "")), ["hash"]);
});

const MISUSED: [string[], RegExp][] = [
  [["--expires", "2027-02-30"], /--expires takes a date such as 2027-01-01, not "2027-02-30"/],
  [["--expires", "2020-01-01"], /"2020-01-01" is past/],
  [["--name", "a\nb"], /--name: The name "a\\nb" holds control characters/],
  [["--name="], /--name: The name is empty/],
  [["--nam", "x"], /Unknown flag "--nam": did you mean "--name"\?/],
  [["extra"], /Unexpected argument "extra"/],
];

for (const [args, message] of MISUSED) {
  test(`key ${JSON.stringify(args)} is bad usage and prints no key`, async () => {
    const { code, stdout, stderr } = await run(["key", ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().includes("\n"), false);
  });
}
