import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { nearestEffort, traitsOf } from "../../../src/dialects/openai-chat/models.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { body } from "./_request.ts";

test("a credential is a bearer token, and there is none without one", () => {
  deepEqual(openaiChat.headers("k"), { authorization: "Bearer k" });
  deepEqual(openaiChat.headers(undefined), {});
});

test("headers of the family are relayed, those that name the account are not", () => {
  const own = [
    "x-ratelimit-limit-requests",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
  ];
  const others = [
    "openai-organization",
    "openai-project",
    "authorization",
    "x-request-id",
    "set-cookie",
    "cf-ray",
  ];
  deepEqual(own.filter(openaiChat.ownHeader), own);
  deepEqual(others.filter(openaiChat.ownHeader), []);
});

const EDITS: readonly [string, JsonObject, JsonObject | undefined][] = [
  ["a plain call is left alone", {}, undefined],
  ["a stream is asked for usage", { stream: true }, { include_usage: true }],
  ["null options are none", { stream: true, stream_options: null }, { include_usage: true }],
  [
    "other options stay",
    { stream: true, stream_options: { include_obfuscation: false, include_usage: false } },
    { include_obfuscation: false, include_usage: true },
  ],
  ["usage that is asked for already", { stream: true, stream_options: { include_usage: true } }, undefined],
  ["malformed options are the provider's to refuse", { stream: true, stream_options: "x" }, undefined],
];
for (const [title, fields, expected] of EDITS) {
  test(`relaying: ${title}`, () => {
    const target = { model: "gpt-5", options: {}, refuses: new Set<string>() };
    const edits = expected === undefined ? [] : [{ path: ["stream_options"], value: expected }];
    deepEqual(openaiChat.relayEdits(body(fields), target), { edits, warnings: [] });
  });
}

const FRAMES: readonly [string, boolean][] = [
  ['{"choices":[],"usage":{"prompt_tokens":1}}', true],
  ['{"choices":[],"usage":null,"prompt_filter_results":[]}', false],
  ['{"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1}}', false],
  ['{"choices":[{"index":0,"delta":{"content":"\\"usage\\""}}]}', false],
  ["[DONE]", false],
  ["", false],
  ['{"choices":null,"usage":{"prompt_tokens":1}}', true],
  ['{"usage":{"prompt_tokens":1}}', true],
  ['{"choices": [ { "index":0 } ],"usage":{"prompt_tokens":1}}', false],
  ['{"choices":[{"delta":{"content":"\\"choices\\":[]"}}],"usage":{}}', false],
  ['{"choices":null}', false],
];
for (const [data, expected] of FRAMES) {
  test(`the frame ${data} is ${expected ? "taken out" : "left in"} where usage was not asked for`, () => {
    equal(openaiChat.isUnasked({ bytes: new Uint8Array(), event: undefined, data }), expected);
  });
}

test("rate limits are read from their headers", () => {
  deepEqual(
    openaiChat.limitHeaders.read({
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
      "x-ratelimit-remaining-tokens": "many",
      "x-ratelimit-reset-tokens": "1h2m3.5s",
    }, 0),
    { requests: { limit: 500, remaining: 499, reset: 0.12 }, tokens: { reset: 3723.5 } },
  );
  deepEqual(openaiChat.limitHeaders.read({ "x-ratelimit-reset-tokens": "soon" }, 0), {});
});

test("rate limits are written, with times as durations that are never too short", () => {
  const reset = (seconds: number) =>
    openaiChat.limitHeaders.write({ tokens: { reset: seconds } })["x-ratelimit-reset-tokens"];
  deepEqual([-5, 0, 0.1201, 7, 6.2, 60, 3723].map(reset), [
    "0ms",
    "0ms",
    "121ms",
    "7s",
    "7s",
    "1m0s",
    "1h2m3s",
  ]);
  deepEqual(openaiChat.limitHeaders.write({ requests: { limit: 5, remaining: 0 } }), {
    "x-ratelimit-limit-requests": "5",
    "x-ratelimit-remaining-requests": "0",
  });
});

const MODELS: readonly [string, boolean, boolean, string][] = [
  ["gpt-4o-mini", true, true, ""],
  ["chatgpt-4o-latest", true, true, ""],
  ["ft:gpt-4o:org::id", true, true, ""],
  ["gpt-5-chat-latest", true, true, ""],
  ["gpt-5", true, false, "minimal low medium high"],
  ["gpt-5-mini-2025-08-07", true, false, "minimal low medium high"],
  ["gpt-5.1", true, false, "none low medium high"],
  ["gpt-5.2", true, false, "none low medium high xhigh"],
  ["gpt-5.6", true, false, "none low medium high xhigh max"],
  ["gpt-6", true, false, "none low medium high xhigh max"],
  ["openai/o4-mini", true, false, "low medium high"],
  ["openai/gpt-oss-120b", false, true, "low medium high"],
  ["gemini-3-pro", false, true, "minimal low medium high"],
  ["qwen3", false, true, ""],
  ["deepseek-reasoner", false, true, ""],
];
for (const [model, completionTokens, sampling, efforts] of MODELS) {
  test(`what ${model} takes is known by its name`, () => {
    const traits = traitsOf(model);
    deepEqual([traits.completionTokens, traits.sampling, traits.efforts.join(" ")], [
      completionTokens,
      sampling,
      efforts,
    ]);
  });
}

test("an effort that is not there is the nearest below, or the lowest", () => {
  equal(nearestEffort("max", ["low", "high"]), "high");
  equal(nearestEffort("medium", ["low", "high"]), "low");
  equal(nearestEffort("none", ["low", "high"]), "low");
  equal(nearestEffort("low", []), undefined);
});
