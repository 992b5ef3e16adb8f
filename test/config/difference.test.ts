import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetwork } from "../../src/access/network.ts";
import type { KeyHolder, Policy } from "../../src/access/policy.ts";
import { difference } from "../../src/config/difference.ts";
import { secret } from "../../src/secret.ts";
import { policyOf, routeOf, targetOf } from "../tools/targets.ts";

const BASE = policyOf("ann", [routeOf("openai/gpt-5", "anthropic/sonnet"), routeOf("anthropic/sonnet")]);

function keyed(...holders: readonly Partial<KeyHolder>[]): Policy["identity"] {
  const keys = holders.map((holder, index): KeyHolder => ({
    digest: `d${index}`,
    user: "ann",
    name: undefined,
    expires: undefined,
    ...holder,
  }));
  return { mode: "keys", keys: new Map(keys.map((key) => [key.digest, key])) };
}

function headed(...networks: readonly string[]): Policy["identity"] {
  const trusted = networks.flatMap((text) => parseNetwork(text) ?? []);
  return { mode: "header", header: "x-user", trusted };
}

function withUpstream(change: Parameters<typeof targetOf>[1]): Policy {
  const target = targetOf("openai/gpt-5", change);
  return policyOf("ann", [{ requested: "gpt-5", targets: [target] }]);
}

const PLAIN = withUpstream({});

const ROWS:
  readonly (readonly [title: string, before: Policy, after: Policy, text: string, providers: string[]])[] = [
    ["nothing", BASE, BASE, "", []],
    ["an equal policy of other objects", PLAIN, withUpstream({}), "", []],
    ["a user for another", BASE, { ...BASE, users: policyOf("bob", []).users }, "users +bob -ann", []],
    [
      "a model less for a user, and in all",
      BASE,
      policyOf("ann", [routeOf("openai/gpt-5", "anthropic/sonnet")]),
      "users ~ann",
      [],
    ],
    [
      "another failover",
      BASE,
      policyOf("ann", [routeOf("openai/gpt-5"), routeOf("anthropic/sonnet")]),
      "users ~ann",
      [],
    ],
    [
      "another model, new to all",
      PLAIN,
      policyOf("ann", [routeOf("openai/gpt-5"), routeOf("openai/o3")]),
      "users ~ann; models +o3",
      [],
    ],
    ["an address", PLAIN, withUpstream({ baseURL: "http://other.test" }), "providers ~openai", ["openai"]],
    ["a setting", PLAIN, { ...PLAIN, keepAlive: 5 }, "settings ~keepAlive", []],
    ["what moves on", PLAIN, { ...PLAIN, failoverOn: new Set(["429"] as const) }, "settings ~failoverOn", []],
    ["keys at all", PLAIN, { ...PLAIN, identity: keyed({}) }, "users ~ann; settings ~auth", []],
    [
      "who is trusted",
      { ...PLAIN, identity: headed("10.0.0.0/8") },
      { ...PLAIN, identity: headed("10.0.0.0/8", "::1") },
      "settings ~auth",
      [],
    ],
    [
      "no network",
      { ...PLAIN, identity: headed("10.0.0.0/8") },
      { ...PLAIN, identity: headed("10.0.0.0/8") },
      "",
      [],
    ],
    [
      "a key less",
      { ...PLAIN, identity: keyed({}, {}) },
      { ...PLAIN, identity: keyed({}) },
      "users ~ann",
      [],
    ],
    [
      "a key's end",
      { ...PLAIN, identity: keyed({}) },
      { ...PLAIN, identity: keyed({ expires: 5 }) },
      "users ~ann",
      [],
    ],
  ];

for (const [title, before, after, text, providers] of ROWS) {
  test(`a difference in ${title} is told`, async () => {
    assert.deepEqual(await difference(before, after, () => undefined), { text, providers });
  });
}

test("another secret is told by its provider's name alone", async () => {
  const { text, providers } = await difference(
    withUpstream({ secret: secret("sk-one") }),
    withUpstream({ secret: secret("sk-two") }),
    () => undefined,
  );
  assert.equal(text, "providers ~openai");
  assert.deepEqual(providers, ["openai"]);
});

test("many changes are counted rather than listed", async () => {
  const routes = Array.from({ length: 200 }, (_, index) => routeOf(`openai/m${index}`));
  const { text } = await difference(
    PLAIN,
    policyOf("ann", [routeOf("openai/gpt-5"), ...routes]),
    () => undefined,
  );
  assert.equal(
    text,
    `users ~ann; models ${Array.from({ length: 20 }, (_, index) => `+m${index}`).join(" ")} and 180 more`,
  );
});

test("tens of thousands of users with keys are compared in slices, each with its own", async () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `u${index}`);
  const users = new Map(names.map((name) => [name, { name, routes: new Map() }]));
  const identity = (end: number) =>
    keyed(...names.map((user, index) => ({ digest: user, user, expires: index && end })));
  const before = { ...PLAIN, users, identity: identity(1) };
  const after = { ...PLAIN, users, identity: identity(2) };
  // Each user against each key would take minutes.
  let looks = 0;
  const { text } = await difference(before, after, () => void looks++);
  assert.match(text, /^users ~u1 .* and 19979 more$/);
  assert.ok(looks >= names.length, `${looks} questions whether others are due`);
});
