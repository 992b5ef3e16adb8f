/** The simulated OpenAI API: Chat Completions, plain and streamed, in the shapes that the real one has. */

import { type Json, type JsonObject, members } from "../json.ts";
import type { Answer, Call, Prompt } from "./answers.ts";
import type { Api, Frame, Headers, Style } from "./api.ts";
import { checkOpenAI } from "./openai-check.ts";
import { readOpenAI } from "./openai-request.ts";
import { openaiProblem } from "./problems.ts";
import { bearerOf } from "./read.ts";
import { slicesOf, tokensOf, type Usage } from "./usage.ts";

const FINISH = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "tool-calls": "tool_calls",
  refusal: "stop",
} as const;
const MODELS = ["gpt-5", "gpt-5-mini", "gpt-4o"];
const DONE: Frame = { text: "data: [DONE]\n\n", tokens: 0, done: true };

export const openai: Api = {
  name: "openai",
  path: "/v1/chat/completions",
  credential: (headers) => bearerOf(headers),
  authenticate(headers) {
    const key = openai.credential(headers);
    if (key === undefined) {
      const message = "You didn't provide an API key. You need to provide your API key in an Authorization " +
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
      return openaiProblem(401, message);
    }
    return key.startsWith("bad") ? openai.badKey(key) : undefined;
  },
  check: checkOpenAI,
  read: readOpenAI,
  other(method, path) {
    if (method !== "GET" || path !== "/v1/models") return undefined;
    const data = MODELS.map((id) => ({ id, object: "model", created: 1754425777, owned_by: "simulated" }));
    return { body: { object: "list", data } };
  },
  headers: limitHeaders,
  plain,
  stream,
  error: (problem) => ({ error: problem.error }),
  errorFrame: (problem) => `data: ${JSON.stringify({ error: problem.error })}\n\n`,
  badKey: (key) =>
    openaiProblem(
      401,
      `Incorrect API key provided: ${masked(key)}. You can find your API key at ` +
        "https://platform.openai.com/account/api-keys.",
      "invalid_api_key",
    ),
  invalid: (message, param) => openaiProblem(400, message, null, param ?? null),
  notFound: (message) => openaiProblem(404, message, "model_not_found"),
};

function limitHeaders(requestId: string): Headers {
  return {
    "x-request-id": requestId,
    "openai-processing-ms": "12",
    "openai-version": "2020-10-01",
    "openai-organization": "simulated-organization",
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-limit-tokens": "800000",
    "x-ratelimit-remaining-tokens": "799000",
    "x-ratelimit-reset-tokens": "7s",
    "set-cookie": "__cf_bm=simulated; path=/; HttpOnly",
  };
}

/** The first eight and the last four characters, stars between; a short key is quoted as it is. */
function masked(key: string): string {
  if (key.length <= 12) return key;
  return `${key.slice(0, 8)}${"*".repeat(key.length - 12)}${key.slice(-4)}`;
}

function plain(prompt: Prompt, answer: Answer): JsonObject {
  const message = members([
    ["role", "assistant"],
    ["content", contentOf(answer)],
    ["refusal", answer.finish === "refusal" ? answer.text : null],
    ["annotations", []],
    ["reasoning_content", answer.thinking?.text || undefined],
    ...callMembers(prompt, answer),
  ]);
  return members([
    ...envelope(prompt, "chat.completion"),
    [
      "choices",
      choicesOf(prompt).map((index) => ({
        index,
        message,
        logprobs: null,
        finish_reason: finishOf(prompt, answer),
      })),
    ],
    ["usage", answer.usage && usageOf(answer.usage, prompt.choices)],
  ]);
}

function contentOf(answer: Answer): string | null {
  const empty = answer.finish === "refusal" || (answer.text === "" && answer.calls.length > 0);
  return empty ? null : answer.text;
}

function callMembers(prompt: Prompt, answer: Answer): [string, Json][] {
  const [first] = answer.calls;
  if (first === undefined) return [];
  if (prompt.legacyFunctions) return [["function_call", { name: first.name, arguments: first.input }]];
  return [["tool_calls", answer.calls.map(callOf)]];
}

function callOf(call: Call): JsonObject {
  if (call.custom) return { id: call.id, type: "custom", custom: { name: call.name, input: call.input } };
  return { id: call.id, type: "function", function: { name: call.name, arguments: call.input } };
}

function finishOf(prompt: Prompt, answer: Answer): string {
  return answer.finish === "tool-calls" && prompt.legacyFunctions ? "function_call" : FINISH[answer.finish];
}

function envelope(prompt: Prompt, object: string): [string, Json][] {
  return [
    ["id", `chatcmpl-${prompt.seed.slice(0, 29)}`],
    ["object", object],
    ["created", Math.floor(Date.now() / 1000)],
    ["model", prompt.model],
    ["service_tier", "default"],
    ["system_fingerprint", "fp_simulated"],
  ];
}

function usageOf(usage: Usage, choices: number): JsonObject {
  const output = usage.output * choices;
  return {
    prompt_tokens: usage.input,
    completion_tokens: output,
    total_tokens: usage.input + output,
    prompt_tokens_details: {
      cached_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite,
      audio_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning * choices,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function stream(prompt: Prompt, answer: Answer, style: Style): Frame[] {
  const head = envelope(prompt, "chat.completion.chunk");
  const usage = prompt.includeUsage ? answer.usage : undefined;
  let output = 0;
  const chunk = (index: number, delta: JsonObject, tokens: number, finish: string | null = null): Frame => {
    output += tokens;
    const running = usage && { ...usage, output };
    const reported = style.usage === "every"
      ? running
      : style.usage === "finish" && finish
      ? usage
      : undefined;
    const body = members([
      ...head,
      ["choices", [{ index, delta, logprobs: null, finish_reason: finish }]],
      ["usage", reported ? usageOf(reported, 1) : prompt.includeUsage ? null : undefined],
    ]);
    return { text: `data: ${JSON.stringify(body)}\n\n`, tokens, ...(reported ? { usage: reported } : {}) };
  };
  const frames = choicesOf(prompt).flatMap((index) => [
    chunk(index, { role: "assistant", content: answer.calls.length > 0 ? null : "", refusal: null }, 0),
    ...deltasOf(prompt, answer, style).map((delta) => chunk(index, delta, 1)),
    chunk(index, {}, 0, finishOf(prompt, answer)),
  ]);
  if (!usage || style.usage === "finish") return [...frames, DONE];
  const last = members([...head, ["choices", []], ["usage", usageOf(usage, prompt.choices)]]);
  return [...frames, { text: `data: ${JSON.stringify(last)}\n\n`, tokens: 0, usage }, DONE];
}

/** What the chunks say one after the other, each of one token. */
function deltasOf(prompt: Prompt, answer: Answer, style: Style): JsonObject[] {
  const key = answer.finish === "refusal" ? "refusal" : "content";
  return [
    ...tokensOf(answer.thinking?.text ?? "").map((token) => ({ reasoning_content: token })),
    ...tokensOf(answer.text).map((token) => ({ [key]: token })),
    ...answer.calls.flatMap((call, index) => callDeltas(prompt, call, index, style)),
  ];
}

function callDeltas(prompt: Prompt, call: Call, index: number, style: Style): JsonObject[] {
  const slices = slicesOf(call.input, style.argumentSlice);
  if (prompt.legacyFunctions) {
    return [
      { function_call: { name: call.name, arguments: "" } },
      ...slices.map((slice) => ({ function_call: { arguments: slice } })),
    ];
  }
  const opened = callOf({ ...call, input: "" });
  return [
    { tool_calls: [{ index, ...opened }] },
    ...slices.map((slice) => ({
      tool_calls: [{
        index,
        ...(call.custom ? { custom: { input: slice } } : { function: { arguments: slice } }),
      }],
    })),
  ];
}

function choicesOf(prompt: Prompt): number[] {
  return Array.from({ length: prompt.choices }, (_, index) => index);
}
