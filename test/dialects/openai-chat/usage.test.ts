import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../../../src/chat.ts";
import { mergeUsage, readUsage, writeUsage } from "../../../src/dialects/openai-chat/usage.ts";
import type { JsonObject } from "../../../src/json.ts";

const of = (input: number, output: number, more: Partial<Usage> = {}): Usage => (
  { input, output, cacheRead: 0, cacheWrite: 0, reasoning: 0, ...more }
);
const plain = (more: JsonObject): JsonObject => ({
  prompt_tokens: 20,
  completion_tokens: 30,
  total_tokens: 50,
  ...more,
});

const READ: readonly [title: string, usage: JsonObject, expected: Usage][] = [
  [
    "the API's own",
    plain({ prompt_tokens_details: { cached_tokens: 10, cache_write_tokens: 5 } }),
    of(20, 30, { cacheRead: 10, cacheWrite: 5 }),
  ],
  ["cached tokens at the top", plain({ cached_tokens: 10 }), of(20, 30, { cacheRead: 10 })],
  [
    "cached tokens at the top, and a zero in the details",
    plain({ cached_tokens: 10, prompt_tokens_details: { cached_tokens: 0 } }),
    of(20, 30, { cacheRead: 10 }),
  ],
  [
    "cache hits and misses",
    plain({ prompt_cache_hit_tokens: 16, prompt_cache_miss_tokens: 4 }),
    of(20, 30, { cacheRead: 16 }),
  ],
  [
    "the Messages API's words for the cache",
    plain({ cache_read_input_tokens: 8, cache_creation_input_tokens: 2 }),
    of(20, 30, { cacheRead: 8, cacheWrite: 2 }),
  ],
  ["the Responses API's words", {
    input_tokens: 20,
    output_tokens: 30,
    input_tokens_details: { cached_tokens: 3 },
    output_tokens_details: { reasoning_tokens: 4 },
  }, of(20, 30, { cacheRead: 3, reasoning: 4 })],
  [
    "details that are null",
    plain({ prompt_tokens_details: null, completion_tokens_details: null }),
    of(20, 30),
  ],
  ["reasoning at the top", plain({ reasoning_tokens: 12 }), of(20, 30, { reasoning: 12 })],
  [
    "reasoning within the completion",
    plain({ completion_tokens_details: { reasoning_tokens: 25 } }),
    of(20, 30, { reasoning: 25 }),
  ],
  [
    "reasoning beside the completion",
    plain({ total_tokens: 75, completion_tokens_details: { reasoning_tokens: 25 } }),
    of(20, 55, { reasoning: 25 }),
  ],
  [
    "reasoning beside the completion, and a cache within the prompt",
    plain({
      total_tokens: 75,
      prompt_tokens_details: { cached_tokens: 19 },
      completion_tokens_details: { reasoning_tokens: 25 },
    }),
    of(20, 55, { cacheRead: 19, reasoning: 25 }),
  ],
  ["reasoning larger than the completion", {
    prompt_tokens: 20,
    completion_tokens: 0,
    completion_tokens_details: { reasoning_tokens: 60 },
  }, of(20, 60, { reasoning: 60 })],
  ["thinking that the total alone counts", plain({ total_tokens: 450 }), of(20, 430, { reasoning: 400 })],
  ["a cache larger than the prompt", {
    prompt_tokens: 10,
    completion_tokens: 213,
    total_tokens: 223,
    prompt_tokens_details: { cached_tokens: 161, text_tokens: 10 },
  }, of(171, 213, { cacheRead: 161 })],
  [
    "a cache beside the prompt, by the total",
    plain({ total_tokens: 65, prompt_tokens_details: { cached_tokens: 15 } }),
    of(35, 30, { cacheRead: 15 }),
  ],
  [
    "a cache and reasoning, both beside",
    plain({ total_tokens: 72, cached_tokens: 15, completion_tokens_details: { reasoning_tokens: 7 } }),
    of(35, 37, { cacheRead: 15, reasoning: 7 }),
  ],
  ["a total that is too small", plain({ total_tokens: 1 }), of(20, 30)],
  ["a total that is no count", plain({ total_tokens: -1 }), of(20, 30)],
  ["no completion", { prompt_tokens: 20 }, of(20, 0)],
];
for (const [title, usage, expected] of READ) {
  test(`usage: ${title}`, () => {
    deepEqual(readUsage(usage), expected);
    // One reading in the answer and in the log.
    deepEqual(readUsage(writeUsage(expected)), expected);
  });
}

test("usage that counts nothing is none", () => {
  for (
    const usage of [undefined, null, {}, { total_tokens: 5 }, { prompt_tokens: null }, { prompt_tokens: "5" }]
  ) {
    equal(readUsage(usage), undefined);
  }
});

const MERGED: readonly [title: string, updates: readonly JsonObject[], expected: Usage][] = [
  ["running totals", [plain({ completion_tokens: 1, total_tokens: 21 }), plain({})], of(20, 30)],
  ["zeros at the end", [plain({ cached_tokens: 10 }), {
    prompt_tokens: 0,
    completion_tokens: 0,
    total_tokens: 0,
    cached_tokens: 0,
  }], of(20, 30, { cacheRead: 10 })],
  ["an end without details", [
    plain({ prompt_tokens_details: { cached_tokens: 10 } }),
    plain({ completion_tokens: 31, total_tokens: 51 }),
  ], of(20, 31, { cacheRead: 10 })],
  ["a smaller number at the end", [plain({}), { prompt_tokens: 18, completion_tokens: 29 }], of(18, 29)],
  ["the prompt first, the completion later", [{ prompt_tokens: 20 }, {
    prompt_tokens: 0,
    completion_tokens: 30,
  }], of(20, 30)],
];
for (const [title, updates, expected] of MERGED) {
  test(`usage of a stream: ${title}`, () => deepEqual(readUsage(updates.reduce(mergeUsage, {})), expected));
}

test("zeros at the end of a stream take nothing from a total that has more than its parts", () => {
  const real = {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 115,
    completion_tokens_details: { reasoning_tokens: 100 },
  };
  const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  for (const updates of [[real, zeros], [zeros, real], [zeros, real, zeros, {}], [real, real]]) {
    const merged = updates.reduce<JsonObject>(mergeUsage, {});
    deepEqual(readUsage(merged), of(10, 105, { reasoning: 100 }));
  }
});
