import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { difference } from "../../src/config/difference.ts";
import { configWith, found, load } from "./_load.ts";

const keys = [{ hash: hashOf(makeKey(new Uint8Array(32).fill(7))) }];
const keyed = (origins: unknown) =>
  configWith({ users: { ann: { keys, models: [{ name: "m" }] } }, cors: { origins } });

test("origins as browsers send them are taken, and the policy has them", async () => {
  const origins = [
    "https://app.example",
    "http://localhost:3000",
    "http://[::1]:8080",
    "chrome-extension://abcdef",
  ];
  assert.deepEqual(await found(keyed(origins)), []);
  assert.deepEqual((await load(keyed(origins))).policy?.cors, new Set(origins));
  assert.deepEqual(await found(keyed(["*"])), []);
  assert.equal((await load(keyed(["*"]))).policy?.cors, "any");
  assert.equal((await load(configWith({}))).policy?.cors, undefined);
});

const WRONG: Readonly<Record<string, RegExp>> = {
  "https://app.example/": /did you mean "https:\/\/app\.example"\?/,
  "https://app.example/path": /did you mean "https:\/\/app\.example"\?/,
  "https://App.Example": /did you mean "https:\/\/app\.example"\?/,
  "https://app.example:443": /did you mean "https:\/\/app\.example"\?/,
  "app.example": /did you mean "https:\/\/app\.example"\?/,
  "https://*.example": /no patterns/,
  "null": /sandbox/,
  "": /write it as/,
  "https://": /write it as/,
};

for (const [origin, message] of Object.entries(WRONG)) {
  test(`${JSON.stringify(origin)} is no origin, and the problem says what to do`, async () => {
    const { problems } = await load(keyed([origin]));
    const [problem] = problems;
    assert.equal(problems.length, 1);
    assert.deepEqual([problem?.severity, problem?.path], ["problem", "cors.origins[0]"]);
    assert.match(problem?.message ?? "", message);
  });
}

test("every page stands alone in its list, and one that is listed twice is said", async () => {
  assert.deepEqual(await found(keyed(["https://a.example", "*"])), ["problem cors.origins[1]"]);
  assert.deepEqual(await found(keyed(["https://a.example", "https://a.example"])), [
    "warning cors.origins[1]",
  ]);
  assert.deepEqual(await found(keyed([])), ["warning cors.origins"]);
});

test("pages and header mode do not go together", async () => {
  for (const origins of [["*"], ["https://app.example"]]) {
    assert.deepEqual(await found(configWith({ cors: { origins } })), ["problem cors"]);
  }
});

test("what is no list of origins, and unknown keys, are problems", async () => {
  assert.deepEqual(await found(keyed("https://a.example")), ["problem cors.origins"]);
  assert.deepEqual(await found(configWith({ users: { ann: { keys, models: [{ name: "m" }] } }, cors: {} })), [
    "problem cors.origins",
  ]);
  const wrong = {
    users: { ann: { keys, models: [{ name: "m" }] } },
    cors: { origins: [], credentials: true },
  };
  assert((await found(configWith(wrong))).includes("problem cors.credentials"));
});

test("a reload says that the pages have changed", async () => {
  const [before, after] = [
    await load(keyed(["https://a.example"])),
    await load(keyed(["https://b.example"])),
  ];
  assert(before.policy && after.policy);
  const told = await difference(before.policy, after.policy, () => undefined);
  assert.equal(told.text, "settings ~cors");
});
