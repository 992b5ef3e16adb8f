import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { schemaText } from "../tools/write-schema.ts";
import { configWith, load } from "./_load.ts";

test("rbac.schema.json is what the schema says: run test/tools/write-schema.ts", () => {
  assert.equal(readFileSync(new URL("../../rbac.schema.json", import.meta.url), "utf8"), schemaText());
});

/** Part of a configuration → the place and the message that it gives. */
const MALFORMED: [Record<string, unknown>, string, RegExp][] = [
  [{ timeouts: { idle: 0 } }, "timeouts.idle", /^Takes seconds above 0, up to 86400, not 0$/],
  [{ timeouts: { idle: "5" } }, "timeouts.idle", /^Expected a number, found a string$/],
  [
    { timeouts: { first: 1 } },
    "timeouts.first",
    /^Unknown key "first": the keys here are connect, firstByte,/,
  ],
  [
    { timeouts: { firstbyte: 1 } },
    "timeouts.firstbyte",
    /^Unknown key "firstbyte": did you mean "firstByte"\?$/,
  ],
  [{ keepAlive: -1 }, "keepAlive", /^Takes seconds from 0/],
  [
    { failoverOn: "5xx" },
    "failoverOn",
    /^Expected a list, found a string: write \["timeout", "429", "5xx"\]$/,
  ],
  [{ failoverOn: ["200"] }, "failoverOn[0]", /not "200"$/],
  [{ failoverOn: [600] }, "failoverOn[0]", /not 600$/],
  [{ auth: { userHeader: true } }, "auth.userHeader", /^Takes a header's name, or false$/],
  [{ auth: { userHeader: "x user" } }, "auth.userHeader", /not "x user"$/],
  [{ auth: null }, "auth", /^Expected an object, found null: write \{"userHeader": "x-user"\}$/],
  [{ users: [] }, "users", /^Expected an object, found a list: write \{"NAME": \{"models":/],
  [{ models: { m: { provider: "openai", repair: "yes" } } }, "models.m.repair", /boolean|true or false/],
  [{ models: { m: { provider: "openai", maxOutputTokens: 1.5 } } }, "models.m.maxOutputTokens", /not 1.5$/],
  [{ models: { m: { provider: "openai", retries: 1 } } }, "models.m.retries", /^Unknown key "retries"/],
  [
    { providers: { openai: { retries: 0.5 } } },
    "providers.openai.retries",
    /^Takes a whole number from 0 to 10/,
  ],
  [{ providers: { openai: { headers: {} } } }, "providers.openai.headers", /^Unknown key "headers"/],
  [
    { providers: { openai: { apiKey: { env: "A", file: "b" } } } },
    "providers.openai.apiKey",
    /never the key itself$/,
  ],
  [
    { users: { ann: { models: [{ name: "m", failover: 5 }] } } },
    "users.ann.models[0].failover",
    /^Takes a model's name/,
  ],
  [
    { models: { m: { provider: "openai" }, "a.b": {} } },
    'models["a.b"].provider',
    /^The key "provider" is missing$/,
  ],
];

for (const [part, path, message] of MALFORMED) {
  test(`${JSON.stringify(part)} is refused at ${path}`, async () => {
    const { policy, problems } = await load(configWith(part));
    assert.equal(policy, undefined);
    const wrong = problems.filter(({ severity }) => severity === "problem");
    assert.deepEqual(wrong.map((one) => one.path), [path]);
    assert.match(wrong[0]?.message ?? "", message);
  });
}

test("every unknown key of an object is named, not the first alone", async () => {
  const { problems } = await load(configWith({ one: 1, two: 2, three: 3 }));
  assert.deepEqual(problems.map(({ path }) => path), ["one", "two", "three"]);
});
