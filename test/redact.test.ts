import { equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
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

/** As a credential may be that somebody chose. */
const ODD_KEYS = [
  `Ab1<c>"d'&e/F%2Fg+h=i\\jk~!@Lm,nO;pQ`,
  "pass%20word%25of%2Fmine==",
  `"quoted-key-0123456789"`,
  "C:\\keys\\new\\u0041bc",
  "{env:OPENAI_API_KEY},$(key)",
];

test("a key with signs in it is cut to its end, whatever quotes it", () => {
  const html = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const json = (text: string) => JSON.stringify(text).slice(1, -1);
  const ways: readonly ((key: string) => string)[] = [
    (key) => key,
    json,
    (key) => json(json(key)),
    (key) => json(json(json(key))),
    html,
    (key) => html(key).replaceAll("'", "&#39;"),
    (key) => json(html(key)),
    encodeURIComponent,
    (key) => encodeURIComponent(encodeURIComponent(key)),
    (key) => json(encodeURIComponent(key)),
    (key) => new URLSearchParams({ key }).toString().slice(4),
    (key) => Buffer.from(key).toString("hex"),
    (key) => Buffer.from(key).toString("hex").toUpperCase(),
  ];
  for (const key of ODD_KEYS) {
    for (const [index, way] of ways.entries()) {
      equal(redact(`<${way(key)}> is wrong`, key), `<${CUT}> is wrong`, `${key}, way ${index}`);
    }
  }
});

test("a long part of a key is cut too, where its beginning stands apart or nowhere", () => {
  const key = "vendor-key-0123456789abcdefghijklmnopqrstuvwxyz";
  equal(redact(`ends in ${key.slice(8)}`, key), `ends in ${CUT}`);
  equal(redact(`in ${key.slice(5, -5)}, it says`, key), `in ${CUT}, it says`);
  equal(redact(`${key.slice(0, 20)}\n${key.slice(20)}`, key), `${CUT}\n${CUT}`);
  equal(redact("pqrstu, defgh", key), "pqrstu, defgh");
});

test("a word for a key leaves errors what they are", () => {
  equal(redact('{"error": {"type": "error"}}', "error"), `{"error": {"type": "${CUT}"}}`);
  equal(redact('{"code" : null, "status": 400, "list": [400, 1]}', "null").includes("null"), true);
  equal(redact('{"code" : null, "status": 400, "list": [400, 1]}', "400").includes(CUT), false);
  equal(redact("The key 12345 is wrong", "12345"), `The key ${CUT} is wrong`);
  equal(
    redact("Keys begin with sk-... or sk-…", "sk-proj-0123456789abcdef"),
    "Keys begin with sk-... or sk-…",
  );
});

test("a text is read through once for all keys, so that one of a megabyte holds nobody up", () => {
  const keys = [
    ...Array.from({ length: 60 }, (_, index) => `sk-proj-${index}abcdefghijklmnopqrstuvwxyz${index}`),
    ...ODD_KEYS,
    "x".repeat(200),
    "....................",
  ];
  const { cut } = createRedactor(keys);
  const hostile = [
    ..."\\ %25 sk- &#65; \\u0041 ..x sk.. ..z1 …a **a xx. sk-proj-".split(" "),
    `${keys[0]?.slice(0, 9)} `,
    `${"x".repeat(63)}..`,
    `..${"x".repeat(63)}`,
    keys[3] ?? "",
  ];
  const cost = (piece: string, size: number) => {
    const text = piece.repeat(Math.ceil(size / piece.length));
    const began = process.cpuUsage().user;
    cut(text);
    return (process.cpuUsage().user - began) / 1000;
  };
  for (const piece of hostile) {
    cost(piece, 256 * 1024);
    // Some 20 ms on a machine of its own: only what is of another order fails.
    const ms = cost(piece, 1024 * 1024);
    ok(ms < 1_000, `${JSON.stringify(piece.slice(0, 20))} took ${ms} ms`);
  }
});

test("an error that goes on and on is cut off", () => {
  const cut = redact("sk- ".repeat(1024 * 1024), KEY);
  ok(cut.length <= 1024 * 1024 + 1 && cut.endsWith("…"));
  const error = redactErrorWith(new GatewayError("upstream_error", "x".repeat(1024 * 1024)), redactorOf(KEY));
  ok(error instanceof GatewayError && error.message.length <= 64 * 1024);
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
