import { equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { amended, GatewayError } from "../src/errors.ts";
import { createRedactor, CUT, redactError as redactErrorWith } from "../src/redact.ts";

const redactorOf = (credential: string | undefined) =>
  createRedactor(credential === undefined ? [] : [credential]);
const redact = (text: string, credential: string | undefined) => redactorOf(credential).cut(text);
const redactError = (thrown: unknown, credential: string) => redactErrorWith(thrown, redactorOf(credential));

const KEY = 'canary-4f9d/Q7+x=2b:Zz"w\\k8-WXYZ';

test("a credential is cut in every form that it may be written in", () => {
  const base64 = Buffer.from(KEY).toString("base64");
  const forms: readonly string[] = [
    KEY,
    encodeURIComponent(KEY),
    encodeURIComponent(KEY).toLowerCase().replace("canary-4f9d%2fq7", "canary-4f9d%2fQ7"),
    JSON.stringify(KEY).slice(1, -1),
    JSON.stringify(KEY).slice(1, -1).replaceAll("/", "\\/"),
    base64,
    base64.replace(/=+$/, ""),
    Buffer.from(KEY).toString("base64url"),
    `${KEY.slice(0, 8)}`,
    `${KEY.slice(0, 12)}`,
    `${KEY.slice(0, 4)}...${KEY.slice(-4)}`,
    `${KEY.slice(0, 3)}****************${KEY.slice(-4)}`,
    `${KEY.slice(0, 9)}********${KEY.slice(-4)}`,
    `${KEY.slice(0, 6)}…`,
    `${KEY.slice(0, 6)}\\u2026${KEY.slice(-2)}`,
    `••••${KEY.slice(-4)}`,
  ];
  for (const form of forms) {
    equal(redact(`Incorrect API key provided: ${form}`, KEY), `Incorrect API key provided: ${CUT}`, form);
    equal(redact(`{"error":"${form}"}`, KEY), `{"error":"${CUT}"}`, form);
    equal(redact(`(${form}) and (${form})`, KEY), `(${CUT}) and (${CUT})`, form);
  }
});

test("no part of a credential is left behind the character that a key usually ends at", () => {
  for (
    const key of ["abcdefgh:secret", 'abcdefgh"secret', "abcdefgh secret", "sk-abcdefghijklmnopqrst!secret"]
  ) {
    for (const form of [key, JSON.stringify(key), encodeURIComponent(key)]) {
      equal(redact(`Bad key: ${form}.`, key).includes("secret"), false, form);
    }
  }
});

test("a masked key is cut whatever stands against it", () => {
  const key = "sk-ab12cdefghijklmnopqrstuvwxyz7890";
  equal(redact("Wrong:\\nsk-ab12****7890", key), `Wrong:\\n${CUT}`);
  equal(redact("key%3Dsk-ab12...7890", key), `key%3D${CUT}`);
  equal(
    redact(`Not sk-ab12***************7890. See https://example.com`, key),
    `Not ${CUT}. See https://example.com`,
  );
});

test("whatever has the shape of a provider's key is cut, configured or not", () => {
  const others = [
    "sk-proj-0123456789abcdefXYZ",
    "sk-ant-api03-0123456789abcdef",
    "aip_0123456789abcdef0123",
    "gsk_0123456789abcdef",
  ];
  for (const other of others) {
    equal(redact(`The key ${other}, sorry`, undefined), `The key ${CUT}, sorry`);
    equal(redact(`The key ${other}, sorry`, KEY), `The key ${CUT}, sorry`);
  }
});

test("a short credential is cut as a word, not out of others", () => {
  equal(
    redact("Incorrect API key provided: bad. A badge, not-bad, bad", "bad"),
    `Incorrect API key provided: ${CUT}. A badge, not-bad, ${CUT}`,
  );
});

test("texts that hold no credential stay as they are", () => {
  for (
    const text of [
      "",
      "Overloaded",
      "…",
      "Wait... then **try** again",
      "risk-free",
      "a.b.c",
      "0..1",
      "task-list",
    ]
  ) {
    equal(redact(text, KEY), text);
    equal(redact(text, undefined), text);
    equal(redact(text, ""), text);
  }
});

test("eight characters in a row of a credential's beginning never get through", () => {
  const characters = fc.string({ unit: "grapheme-ascii", minLength: 8, maxLength: 80 });
  fc.assert(fc.property(characters, fc.string(), fc.string(), (key, before, after) => {
    for (const form of [key, encodeURIComponent(key), JSON.stringify(key).slice(1, -1)]) {
      fc.pre(!before.includes(form.slice(0, 8)) && !CUT.includes(form.slice(0, 8)));
      const cut = redact(`${before} ${form} ${after}`, key);
      ok(cut.includes(CUT));
      ok(!cut.includes(form));
    }
  }));
});

test("a credential of any characters is read as text, never as a pattern", () => {
  equal(redact("x aaaaaaaab y", "(.*a+)+$[b]{2}"), "x aaaaaaaab y");
  equal(redact("x (.*a+)+$[b]{2} y", "(.*a+)+$[b]{2}"), `x ${CUT} y`);
  equal(redact("x $&$1$& y", "$&$1$&-and-more"), "x $&$1$& y");
  equal(redact("x \ud800 y", "\ud800-lone-surrogate"), "x \ud800 y");
});

test("a text of a megabyte is read through, whatever it repeats", () => {
  const key = "a".repeat(200);
  const size = 1024 * 1024;
  for (const piece of ["a", "aaaaaaa ", ".", "a..", "a...a", "*", "sk-", "sk-a*", "…", "\\u2026", "-_"]) {
    const text = piece.repeat(size / piece.length);
    equal(redact(text, KEY).length > 0, true);
    equal(redact(text, key).includes("aaaaaaaa"), false);
  }
});

test("an upstream's error loses the credential in its message and its body, and nothing else", () => {
  const error = new GatewayError("upstream_error", `Incorrect API key: ${KEY}`, {
    status: 401,
    kind: "authentication",
    said: "invalid_api_key",
    retryAfter: 3,
    upstream: {
      status: 401,
      headers: {},
      body: JSON.stringify({ error: { message: `Incorrect API key: ${KEY}` } }),
    },
  });
  const cut = redactError(error, KEY);
  ok(cut instanceof GatewayError);
  equal(cut.message, `Incorrect API key: ${CUT}`);
  equal(cut.upstream?.body, `{"error":{"message":"Incorrect API key: ${CUT}"}}`);
  const { message, upstream } = error;
  equal(JSON.stringify(amended(cut, { message, upstream })), JSON.stringify(error));
});

test("errors of ours and foreign ones stay as they are", () => {
  const own = new GatewayError("invalid_value", "Invalid");
  equal(redactError(own, KEY), own);
  const foreign = new TypeError("x");
  equal(redactError(foreign, KEY), foreign);
});
