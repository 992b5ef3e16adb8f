import assert from "node:assert/strict";
import { test } from "node:test";
import { limitHeaders } from "../../../src/dialects/anthropic-messages/limit-headers.ts";

const NOW = Date.parse("2026-01-21T04:05:00Z");

test("Limits are read with their resets in seconds from now", () => {
  const headers = {
    "anthropic-ratelimit-requests-limit": "20000",
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": "2026-01-21T04:05:15Z",
    "anthropic-ratelimit-tokens-limit": "24000000",
    "anthropic-ratelimit-tokens-remaining": "23999000",
    "anthropic-ratelimit-tokens-reset": "2026-01-21T04:04:00Z",
    "anthropic-ratelimit-input-tokens-limit": "1",
    "anthropic-ratelimit-output-tokens-limit": "2",
  };
  assert.deepEqual(limitHeaders.read(headers, NOW), {
    requests: { limit: 20000, remaining: 0, reset: 15 },
    tokens: { limit: 24000000, remaining: 23999000, reset: 0 },
  });
});

test("Where the limit over all tokens is missing, that of input tokens stands in", () => {
  const headers = { "anthropic-ratelimit-input-tokens-remaining": "7" };
  assert.deepEqual(limitHeaders.read(headers, NOW), { tokens: { remaining: 7 } });
});

test("What is no number or no time is left out", () => {
  const headers = {
    "anthropic-ratelimit-requests-limit": "many",
    "anthropic-ratelimit-requests-remaining": "-1",
    "anthropic-ratelimit-tokens-reset": "soon",
  };
  assert.deepEqual(limitHeaders.read(headers, NOW), {});
  assert.deepEqual(limitHeaders.read({}, NOW), {});
});

test("Limits are written under this API's names, resets left out", () => {
  assert.deepEqual(
    limitHeaders.write({ requests: { limit: 10, remaining: 0, reset: 5 }, tokens: { remaining: 7 } }),
    {
      "anthropic-ratelimit-requests-limit": "10",
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-tokens-remaining": "7",
    },
  );
  assert.deepEqual(limitHeaders.write({}), {});
});
