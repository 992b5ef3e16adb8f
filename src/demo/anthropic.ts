/** The simulated Anthropic API: Messages, plain and streamed, in the shapes that the real one has. */

import { isObject, type JsonObject } from "../json.ts";
import { checkAnthropic } from "./anthropic-check.ts";
import { inputTokens, readAnthropic } from "./anthropic-request.ts";
import type { Answer, Prompt, Thought } from "./answers.ts";
import type { Api, Frame, Headers, Style } from "./api.ts";
import { anthropicProblem } from "./problems.ts";
import { bearerOf } from "./read.ts";
import { slicesOf, tokensOf, type Usage } from "./usage.ts";

const STOP_REASONS = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  "tool-calls": "tool_use",
  refusal: "refusal",
} as const;
const VERSIONS = ["2023-06-01", "2026-10-21"];
const COUNT_PATH = "/v1/messages/count_tokens";

export const anthropic: Api = {
  name: "anthropic",
  path: "/v1/messages",
  // The official SDK sends its key as a bearer token since 1.0; curl examples send `x-api-key`.
  credential: (headers) => headers["x-api-key"] || bearerOf(headers),
  authenticate(headers) {
    const key = anthropic.credential(headers);
    if (key === undefined) {
      return anthropicProblem(401, "x-api-key header is required", "authentication_error");
    }
    if (headers["x-api-key"] !== undefined && headers["authorization"] !== undefined) {
      return anthropicProblem(
        401,
        "Send either x-api-key or Authorization, not both",
        "authentication_error",
      );
    }
    if (key.startsWith("bad")) return anthropic.badKey(key);
    const version = headers["anthropic-version"];
    if (version === undefined) return anthropicProblem(400, "anthropic-version: header is required");
    if (VERSIONS.includes(version)) return undefined;
    return anthropicProblem(400, `anthropic-version: "${version}" is not a valid version`);
  },
  check: checkAnthropic,
  read: readAnthropic,
  other(method, path, body, headers) {
    if (method !== "POST" || path !== COUNT_PATH) return undefined;
    const [problem] = checkAnthropic(body, headers, true);
    return problem ? { problem } : { body: { input_tokens: inputTokens(body) } };
  },
  headers: limitHeaders,
  plain,
  stream,
  error: (problem, requestId) => ({ type: "error", error: problem.error, request_id: requestId }),
  errorFrame: (problem, requestId) => event("error", anthropic.error(problem, requestId)),
  badKey: () => anthropicProblem(401, "invalid x-api-key", "authentication_error"),
  invalid: (message) => anthropicProblem(400, message),
  notFound: (message) => anthropicProblem(404, message, "not_found_error"),
};

function limitHeaders(requestId: string): Headers {
  const reset = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    "request-id": requestId,
    "anthropic-organization-id": "simulated-organization",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": reset,
    "anthropic-ratelimit-tokens-limit": "480000",
    "anthropic-ratelimit-tokens-remaining": "479000",
    "anthropic-ratelimit-tokens-reset": reset,
    "anthropic-ratelimit-output-tokens-limit": "80000",
    "anthropic-ratelimit-output-tokens-remaining": "80000",
    "anthropic-ratelimit-output-tokens-reset": reset,
    "set-cookie": "__cf_bm=simulated; path=/; HttpOnly",
  };
}

function plain(prompt: Prompt, answer: Answer): JsonObject {
  return {
    ...opening(prompt),
    content: [
      ...(answer.thinking ? [thoughtBlock(answer.thinking)] : []),
      ...(answer.text === "" ? [] : [{ type: "text", text: answer.text }]),
      ...answer.calls.map((call) => ({
        type: "tool_use",
        id: call.id,
        name: call.name,
        input: inputOf(call.input),
        caller: { type: "direct" },
      })),
    ],
    ...ending(answer),
    ...(answer.usage ? { usage: wholeUsage(answer.usage) } : {}),
  };
}

function opening(prompt: Prompt): JsonObject {
  return { id: `msg_01${prompt.seed.slice(0, 22)}`, type: "message", role: "assistant", model: prompt.model };
}

function thoughtBlock(thought: Thought): JsonObject {
  if (thought.redacted) return { type: "redacted_thinking", data: thought.signature };
  return { type: "thinking", thinking: thought.text, signature: thought.signature };
}

/** Arguments that were cut are no object: the API gives what it could read of them, here nothing. */
function inputOf(text: string): JsonObject {
  try {
    const input = JSON.parse(text);
    return isObject(input) ? input : {};
  } catch {
    return {};
  }
}

function ending(answer: Answer): JsonObject {
  return {
    stop_reason: STOP_REASONS[answer.finish],
    stop_sequence: answer.stopSequence ?? null,
    stop_details: answer.finish === "refusal"
      ? { type: "refusal", category: "cyber", explanation: "This is a simulated refusal" }
      : null,
  };
}

function inputUsage(usage: Usage): JsonObject {
  return {
    input_tokens: usage.input - usage.cacheRead - usage.cacheWrite,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
  };
}

function wholeUsage(usage: Usage): JsonObject {
  return {
    ...inputUsage(usage),
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite - usage.cacheWrite1h,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    },
    output_tokens: usage.output,
    ...thinkingDetails(usage),
    service_tier: "standard",
    inference_geo: "not_available",
  };
}

function deltaUsage(usage: Usage): JsonObject {
  return { ...inputUsage(usage), output_tokens: usage.output, ...thinkingDetails(usage) };
}

function thinkingDetails(usage: Usage): JsonObject {
  return usage.reasoning > 0 ? { output_tokens_details: { thinking_tokens: usage.reasoning } } : {};
}

function stream(prompt: Prompt, answer: Answer, style: Style): Frame[] {
  const { usage } = answer;
  const first = usage && { ...usage, output: Math.min(usage.output, 1), reasoning: 0 };
  const message = {
    ...opening(prompt),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    ...(first ? { usage: wholeUsage(first) } : {}),
  };
  const start: Frame = { ...frame("message_start", { message }), ...(first ? { usage: first } : {}) };
  const blocks = blocksOf(answer, style).flatMap((block, index) => blockFrames(block, index));
  const last: Frame = {
    ...frame("message_delta", { delta: ending(answer), ...(usage ? { usage: deltaUsage(usage) } : {}) }),
    ...(usage ? { usage } : {}),
  };
  const body = style.usage === "every" && usage ? withRunningUsage(blocks, usage) : blocks;
  return [start, ...body, last, { ...frame("message_stop", {}), done: true }];
}

/** A block of the stream: how it opens, and its deltas with the tokens that each has. */
interface Block {
  readonly open: JsonObject;
  readonly openTokens: number;
  readonly deltas: readonly { readonly delta: JsonObject; readonly tokens: number }[];
}

function blocksOf(answer: Answer, style: Style): Block[] {
  return [
    ...(answer.thinking ? [thoughtDeltas(answer.thinking)] : []),
    ...(answer.text === "" ? [] : [{
      open: { type: "text", text: "" },
      openTokens: 0,
      deltas: tokensOf(answer.text).map((text) => ({ delta: { type: "text_delta", text }, tokens: 1 })),
    }]),
    ...answer.calls.map((call) => ({
      open: { type: "tool_use", id: call.id, name: call.name, input: {}, caller: { type: "direct" } },
      openTokens: 1,
      deltas: ["", ...slicesOf(call.input, style.argumentSlice)].map((json) => ({
        delta: { type: "input_json_delta", partial_json: json },
        tokens: json === "" ? 0 : 1,
      })),
    })),
  ];
}

function thoughtDeltas(thought: Thought): Block {
  if (thought.redacted) return { open: thoughtBlock(thought), openTokens: 1, deltas: [] };
  return {
    open: { type: "thinking", thinking: "", signature: "" },
    openTokens: 0,
    deltas: [
      ...tokensOf(thought.text).map((thinking) => ({
        delta: { type: "thinking_delta", thinking },
        tokens: 1,
      })),
      { delta: { type: "signature_delta", signature: thought.signature }, tokens: 0 },
    ],
  };
}

function blockFrames(block: Block, index: number): Frame[] {
  return [
    frame("content_block_start", { index, content_block: block.open }, block.openTokens),
    ...(index === 0 ? [frame("ping", {})] : []),
    ...block.deltas.map(({ delta, tokens }) => frame("content_block_delta", { index, delta }, tokens)),
    frame("content_block_stop", { index }),
  ];
}

/** The total so far after every piece, as servers do that report continuously. */
function withRunningUsage(frames: readonly Frame[], usage: Usage): Frame[] {
  let output = 0;
  return frames.flatMap((piece) => {
    output += piece.tokens;
    if (piece.tokens === 0) return [piece];
    const running = { ...usage, output };
    const delta = { stop_reason: null, stop_sequence: null };
    return [piece, { ...frame("message_delta", { delta, usage: deltaUsage(running) }), usage: running }];
  });
}

function frame(type: string, fields: JsonObject, tokens = 0): Frame {
  return { text: event(type, { type, ...fields }), tokens };
}

function event(name: string, data: JsonObject): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
