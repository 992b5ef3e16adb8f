import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../../src/dialects/anthropic-messages/index.ts";

test("A request carries the key and the version of the API, and no key where there is none", () => {
  assert.deepEqual(anthropicMessages.headers("sk-1"), {
    "x-api-key": "sk-1",
    "anthropic-version": "2023-06-01",
  });
  assert.deepEqual(anthropicMessages.headers(undefined), { "anthropic-version": "2023-06-01" });
});

const headers: [string, boolean][] = [
  ["anthropic-version", true],
  ["anthropic-beta", true],
  ["anthropic-ratelimit-requests-limit", true],
  ["retry-after", true],
  ["retry-after-ms", true],
  ["x-should-retry", true],
  ["anthropic-organization-id", false],
  ["x-api-key", false],
  ["authorization", false],
  ["request-id", false],
  ["set-cookie", false],
  ["cf-ray", false],
];
for (const [name, own] of headers) {
  test(`The header ${name} is ${own ? "" : "not "}relayed`, () => {
    assert.equal(anthropicMessages.ownHeader(name), own);
  });
}

test("A silent stream is kept alive by a ping", () => {
  assert.deepEqual(anthropicMessages.keepAlive, { event: "ping", data: '{"type":"ping"}' });
});

test("Tokens are estimated over all of a request, which need not say how long its answer may be", () => {
  const count = (body: object) => {
    const { input_tokens } = anthropicMessages.countTokens?.estimate({ model: "m", ...body }, {}) ?? {};
    assert.ok(typeof input_tokens === "number" && Number.isInteger(input_tokens));
    return input_tokens;
  };
  const hi = { role: "user", content: "Hi" };
  const call = { type: "tool_use", id: "toolu_1", name: "now", input: { zone: "Europe/Berlin ".repeat(50) } };
  const result = { type: "tool_result", tool_use_id: "toolu_1", content: "It is noon. ".repeat(50) };
  const short = count({ messages: [hi] });
  const called = count({
    messages: [hi, { role: "assistant", content: [call] }, { role: "user", content: [result] }],
  });
  assert.ok(short >= 1);
  assert.ok(called > short + 200);
});
