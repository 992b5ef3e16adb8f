import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { digestOf, hashOf, isKey, makeKey, parseExpiry } from "../../src/access/keys.ts";

test("a key is aip_ and 43 base64url characters that hold all its random bits", () => {
  for (let round = 0; round < 50; round++) {
    const random = randomBytes(32);
    const key = makeKey(random);
    assert.match(key, /^aip_[A-Za-z0-9_-]{43}$/);
    assert.ok(isKey(key));
    assert.deepEqual(Buffer.from(key.slice(4), "base64url"), random);
  }
  assert.throws(() => makeKey(new Uint8Array(31)), RangeError);
});

test("the hash of a key is the SHA-256 of the whole of it", () => {
  const key = makeKey(randomBytes(32));
  const digest = createHash("sha256").update(key).digest("hex");
  assert.equal(hashOf(key), `sha256:${digest}`);
  assert.equal(digestOf(hashOf(key)), digest);
  assert.equal(digestOf(hashOf(key).toUpperCase().replace("SHA256", "sha256")), digest);
});

test("a malformed hash has no digest", () => {
  for (
    const hash of ["", "sha256:", "a".repeat(64), `sha256:${"a".repeat(63)}`, `sha256:${"g".repeat(64)}`]
  ) {
    assert.equal(digestOf(hash), undefined);
  }
});

const DATES: [string, number | undefined][] = [
  ["2027-01-01", Date.UTC(2027, 0, 1)],
  ["2028-02-29", Date.UTC(2028, 1, 29)],
  ["2027-01-01T12:00Z", Date.UTC(2027, 0, 1, 12)],
  ["2027-01-01T00:30:00+01:00", Date.UTC(2026, 11, 31, 23, 30)],
  ["2027-02-29", undefined],
  ["2027-02-30", undefined],
  ["2027-13-01", undefined],
  ["2027-01-01T25:00Z", undefined],
  ["2027-01-01T12:00", undefined],
  ["2027-1-1", undefined],
  ["01.01.2027", undefined],
  ["tomorrow", undefined],
  ["", undefined],
];

for (const [text, expected] of DATES) {
  test(`"${text}" is ${expected === undefined ? "no date" : "a date"}`, () =>
    assert.equal(parseExpiry(text), expected));
}
