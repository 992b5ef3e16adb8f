import assert from "node:assert/strict";
import { test } from "node:test";
import { authenticate } from "../../src/access/authenticate.ts";
import { makeKey } from "../../src/access/keys.ts";
import { parseNetwork } from "../../src/access/network.ts";
import { GatewayError } from "../../src/errors.ts";
import { sha256 } from "../../src/digest.ts";
import type { Identity, Policy, Principal } from "../../src/access/policy.ts";

const NOW = Date.UTC(2026, 10, 22);
const LOOPBACK = ["127.0.0.0/8", "::1/128"].flatMap((text) => parseNetwork(text) ?? []);

function policyWith(identity: Identity): Policy {
  const user = (name: string) => [name, { name, routes: new Map() }] as const;
  return {
    identity,
    users: new Map([user("ann"), user("bob")]),
    models: new Map(),
    failoverOn: new Set(),
    keepAlive: 15,
  };
}

const keyOf = (fill: number) => makeKey(new Uint8Array(32).fill(fill));
const holder = (key: string, user: string, name?: string, expires?: number) =>
  [sha256(key), { digest: sha256(key), user, name, expires }] as const;
const SHORT = "aip_short";
const KEYS = policyWith({
  mode: "keys",
  keys: new Map([
    holder(keyOf(1), "ann", "ci"),
    holder(keyOf(2), "bob"),
    holder(keyOf(3), "bob", "old", NOW),
    holder(keyOf(4), "bob", "new", NOW + 1),
    holder(SHORT, "bob"),
  ]),
});
const HEADER = policyWith({ mode: "header", header: "x-user", trusted: LOOPBACK });

function ask(policy: Policy, headers: Record<string, string>, peer = "127.0.0.1"): Principal {
  return authenticate({ headers, peer }, policy, NOW);
}

function refusal(policy: Policy, headers: Record<string, string>, peer?: string) {
  try {
    ask(policy, headers, peer);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    const { status, code, message, param, final } = error;
    return { status, code, message, param, final };
  }
  assert.fail(`Let in: ${JSON.stringify(headers)}`);
}

test("a key names its holder, in either header", () => {
  assert.deepEqual(ask(KEYS, { authorization: `Bearer ${keyOf(1)}` }), { user: "ann", key: "ci" });
  assert.deepEqual(ask(KEYS, { authorization: `bearer  ${keyOf(2)}` }), { user: "bob" });
  assert.deepEqual(ask(KEYS, { "x-api-key": keyOf(1) }), { user: "ann", key: "ci" });
  assert.deepEqual(ask(KEYS, { "x-api-key": keyOf(1), authorization: `Bearer ${keyOf(1)}` }).user, "ann");
  assert.deepEqual(ask(KEYS, { "x-api-key": "", authorization: `Bearer ${keyOf(1)}` }).user, "ann");
  assert.deepEqual(ask(KEYS, { "x-api-key": keyOf(4) }), { user: "bob", key: "new" });
});

test("the headers of other vendors' clients carry a key too", () => {
  for (const name of ["x-api-key", "api-key", "x-goog-api-key"]) {
    assert.deepEqual(ask(KEYS, { [name]: keyOf(1) }), { user: "ann", key: "ci" }, name);
    assert.equal(refusal(KEYS, { [name]: keyOf(9) }).code, "invalid_api_key");
  }
  const all = { "x-api-key": keyOf(2), "api-key": keyOf(2), "x-goog-api-key": keyOf(2) };
  assert.equal(ask(KEYS, { ...all, authorization: `Bearer ${keyOf(2)}` }).user, "bob");
});

test("what has not the form of a key does not stand in the way of one that has", () => {
  const others = [
    "Basic eDp5",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
    "Bearer",
    "Bearer sk-none",
    'Digest a="b", c="d"',
  ];
  for (const authorization of others) {
    assert.equal(ask(KEYS, { authorization, "x-api-key": keyOf(1) }).user, "ann", authorization);
    assert.equal(ask(KEYS, { authorization, "api-key": keyOf(2) }).user, "bob", authorization);
  }
  assert.equal(ask(KEYS, { authorization: `Bearer ${keyOf(1)}`, "x-api-key": "sk-none" }).user, "ann");
  assert.equal(ask(KEYS, { "x-api-key": keyOf(1), "api-key": keyOf(1).toUpperCase() }).user, "ann");
});

const NO_KEY: [string, Record<string, string>][] = [
  ["missing", {}],
  ["empty", { "x-api-key": "", authorization: "" }],
  ["an empty bearer", { authorization: "Bearer " }],
  ["of another scheme", { authorization: `Basic ${keyOf(1)}` }],
  ["bearer twice", { authorization: `Bearer Bearer ${keyOf(1)}` }],
  ["two keys in one header", { authorization: `Bearer ${keyOf(1)}, Bearer ${keyOf(1)}` }],
  ["unknown", { "x-api-key": keyOf(9) }],
  ["expired", { "x-api-key": keyOf(3) }],
  ["too short", { "x-api-key": keyOf(1).slice(0, -1) }],
  ["too long", { "x-api-key": `${keyOf(1)}A` }],
  ["malformed, though its hash is configured", { "x-api-key": SHORT }],
  ["with spaces", { "x-api-key": ` ${keyOf(1)}` }],
  ["its own hash", { "x-api-key": `sha256:${sha256(keyOf(1))}` }],
  ["one in each header, and they differ", { "x-api-key": keyOf(1), authorization: `Bearer ${keyOf(2)}` }],
  ["one in each header, and the last differs", {
    authorization: `Bearer ${keyOf(1)}`,
    "x-api-key": keyOf(1),
    "x-goog-api-key": keyOf(2),
  }],
  ["beside a list of others", {
    "x-api-key": keyOf(1),
    authorization: `Bearer ${keyOf(1)}, Bearer ${keyOf(2)}`,
  }],
  ["without its scheme", { authorization: keyOf(1) }],
  ["in a header of another name", { "x-key": keyOf(1), "proxy-authorization": `Bearer ${keyOf(1)}` }],
  ["only a user's name", { "x-user": "ann" }],
];

for (const [title, headers] of NO_KEY) {
  test(`a key that is ${title} gets the same answer as all others`, () => {
    assert.deepEqual(refusal(KEYS, headers), {
      status: 401,
      code: "invalid_api_key",
      message: "Invalid API key",
      param: undefined,
      final: true,
    });
  });
}

test("keys that begin alike are different keys", () => {
  const last = keyOf(1).slice(0, -1);
  for (const letter of "ABCDEFGH") {
    if (last + letter !== keyOf(1)) assert.equal(refusal(KEYS, { "x-api-key": last + letter }).status, 401);
  }
});

test("with keys the user's header is ignored", () => {
  assert.equal(ask(KEYS, { "x-api-key": keyOf(1), "x-user": "bob" }).user, "ann");
});

test("in header mode the header of a trusted peer names the user", () => {
  for (const peer of ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]) {
    assert.deepEqual(ask(HEADER, { "x-user": "ann" }, peer), { user: "ann" });
  }
});

test("in header mode the header of any other peer counts as missing", () => {
  for (const peer of ["10.0.0.1", "::2", "::ffff:10.0.0.1", "128.0.0.1", "", "/run/socket"]) {
    assert.deepEqual(refusal(HEADER, { "x-user": "ann" }, peer), refusal(HEADER, {}), peer);
  }
  assert.deepEqual([refusal(HEADER, {}).status, refusal(HEADER, {}).code], [401, "user_missing"]);
  assert.equal(refusal(HEADER, {}).message, "User not specified");
  assert.equal(refusal(HEADER, { "x-user": "" }).code, "user_missing");
});

test("in header mode nobody but a configured user is let in, whatever the name", () => {
  for (
    const name of [...Object.getOwnPropertyNames(Object.prototype), "Ann", "ann ", "аnn", "x".repeat(65536)]
  ) {
    const { status, code, message } = refusal(HEADER, { "x-user": name });
    assert.deepEqual([status, code, message], [403, "user_unknown", "User not authorized"]);
  }
});

test("a header that every object has is not taken for the client's", () => {
  for (const header of ["__proto__", "constructor", "toString"]) {
    const policy = policyWith({ mode: "header", header, trusted: LOOPBACK });
    assert.equal(refusal(policy, {}).code, "user_missing");
  }
});

test("when nobody can be known everybody is refused", () => {
  assert.equal(refusal(policyWith({ mode: "none" }), { "x-user": "ann" }).code, "invalid_api_key");
});
