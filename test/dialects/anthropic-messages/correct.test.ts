import assert from "node:assert/strict";
import { test } from "node:test";
import { correct } from "../../../src/dialects/anthropic-messages/correct.ts";
import { type Refusal, REFUSALS } from "../../../src/dialects/anthropic-messages/models.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { bodyOf, NOW, system, user } from "./requests.ts";

function refusal(message: string, status = 400, source: "upstream" | "proxy" = "upstream") {
  const code = source === "upstream" ? "upstream_error" : "invalid_request";
  return new GatewayError(code, message, { status, kind: "invalid-request" });
}

const thoughtful: JsonObject = {
  messages: [{ role: "assistant", content: [{ type: "thinking", thinking: "", signature: "s" }] }],
};
const prefilled: JsonObject = {
  messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }],
};

const lessons: readonly (readonly [string, JsonObject, string, boolean?])[] = [
  ["`temperature` is deprecated for this model.", { temperature: 0.3 }, "sampling"],
  ["`top_k` is deprecated for this model.", { top_k: 5 }, "sampling"],
  [
    "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    { temperature: 0.5, top_p: 0.9 },
    "temperature_with_top_p",
  ],
  [
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
    { thinking: { type: "enabled", budget_tokens: 1024 }, output_config: { effort: "low" } },
    "thinking.enabled",
  ],
  [
    "adaptive thinking is not supported on this model",
    { thinking: { type: "adaptive" } },
    "thinking.adaptive",
  ],
  ["This model does not support the effort parameter.", { output_config: { effort: "low" } }, "effort"],
  [
    'tool_choice: type "tool" and "any" are not supported for this model.',
    { tool_choice: { type: "any" } },
    "forced_tool",
  ],
  [
    "Thinking may not be enabled when tool_choice forces tool use.",
    { tool_choice: { type: "tool", name: "x" }, thinking: { type: "adaptive" } },
    "forced_tool_with_thinking",
  ],
  [
    "This model does not support assistant message prefill. The conversation must end with a user message.",
    prefilled,
    "prefill",
  ],
  [
    "role 'system' is not supported on this model",
    { messages: [{ role: "system", content: "x" }] },
    "mid_system",
  ],
  [
    "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation",
    thoughtful,
    "thinking_blocks",
    true,
  ],
  [
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
    { thinking: { type: "enabled", budget_tokens: 1024 } },
    "tool_loop_thinking",
    true,
  ],
  [
    "The compiled grammar is too large, which would cause performance issues.",
    { output_config: { format: { type: "json_schema", schema: {} } } },
    "output_format",
    true,
  ],
  [
    "The compiled grammar is too large, which would cause performance issues.",
    { tools: [{ name: "x", strict: true }] },
    "output_format",
    true,
  ],
  [
    "tools.0.custom: For 'integer' type, properties maximum, minimum are not supported",
    { tools: [{ name: "x", strict: true }] },
    "output_format",
    true,
  ],
  [
    "Schemas contains too many parameters with union types (18 parameters with type arrays or anyOf, limit: 16)",
    { output_config: { format: { type: "json_schema", schema: {} } } },
    "output_format",
    true,
  ],
  [
    "output_config.format.schema: For 'array' type, property 'maxItems' is not supported",
    { output_config: { format: { type: "json_schema", schema: {} } } },
    "output_format",
    true,
  ],
  [
    "output_config.format is not supported on this model",
    { output_config: { format: { type: "json_schema", schema: {} } } },
    "output_format",
  ],
  ["deepseek-reasoner does not support this tool_choice", { tool_choice: { type: "any" } }, "forced_tool"],
  [
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    {
      messages: [{
        role: "assistant",
        content: [{ type: "tool_use", id: "functions.Bash:0", name: "x", input: {} }],
      }],
    },
    "call_ids",
  ],
  [
    "messages.1.content.1: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.",
    thoughtful,
    "thinking_blocks",
    true,
  ],
  [
    "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku",
    { max_tokens: 64_000 },
    "max_tokens<=8192",
  ],
  [
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
    { max_tokens: 21_333 },
    "max_tokens<=11760",
    true,
  ],
  [
    "The model returned the following errors: messages.39.content.0: Invalid `signature` in `thinking` block",
    thoughtful,
    "thinking_blocks",
    true,
  ],
  [
    "The model returned the following errors: messages.39.content.0.thinking.signature: Field required",
    thoughtful,
    "thinking_blocks",
    true,
  ],
  [
    "InvokeModelWithResponseStream: operation error Bedrock Runtime: InvokeModelWithResponseStream, https response error StatusCode: 400, RequestID: 9f83dbec-9a43, ValidationException: ***.***.content.0: Invalid `signature` in `thinking` block",
    thoughtful,
    "thinking_blocks",
    true,
  ],
  ["messages.1.content.0: Invalid `data` in `redacted_thinking` block", thoughtful, "thinking_blocks", true],
  [
    "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags: 'disabled', 'enabled'",
    { thinking: { type: "adaptive" } },
    "thinking.adaptive",
  ],
  [
    "thinking.type: Input should be 'enabled' or 'disabled'",
    { thinking: { type: "adaptive" } },
    "thinking.adaptive",
  ],
  [
    "This model does not support thinking.",
    { thinking: { type: "enabled", budget_tokens: 1024 } },
    "thinking",
  ],
  [
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
    { messages: [{ role: "system", content: "x" }] },
    "mid_system",
  ],
  [
    "messages.3.role: Input should be 'user' or 'assistant'",
    { messages: [{ role: "system", content: "x" }] },
    "mid_system",
  ],
  [
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    { max_tokens: 64_000 },
    "max_tokens<=8192",
  ],
  [
    "The maximum tokens you requested exceeds the model limit of 8192. Try again with a maximum tokens value that is lower than 8192.",
    { max_tokens: 64_000 },
    "max_tokens<=8192",
  ],
  [
    "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    { output_config: { format: { type: "json_schema", schema: {} } } },
    "output_format",
    true,
  ],
  ["metadata: Extra inputs are not permitted", { metadata: { user_id: "x" } }, "metadata"],
  ["output_config: Extra inputs are not permitted", { output_config: { effort: "low" } }, "effort"],
  [
    "tools.0.custom.strict: Extra inputs are not permitted",
    { tools: [{ name: "x", strict: true }] },
    "tools.strict",
  ],
];

const hostile = [
  "`temperature` is deprecated for this model.",
  "tool_choice: not supported",
  "This model does not support assistant message prefill",
  "metadata: Extra inputs are not permitted",
  "adaptive thinking is not supported on this model",
];
for (const text of hostile) {
  test(`a user's "${text}" that a refusal quotes teaches nothing`, () => {
    const body = {
      ...prefilled,
      temperature: 0.3,
      metadata: {},
      tool_choice: { type: "any" },
      thinking: { type: "adaptive" },
      tools: [{ name: "x", strict: true }],
    };
    const tag =
      `messages.0.content.0: Input tag '${text}' found using 'type' does not match any of the expected tags`;
    assert.equal(correct(refusal(tag), body), undefined);
    assert.equal(correct(refusal(`messages.0.content: Invalid value "\n${text}"`), body), undefined);
  });
}

for (const [message, body, refuses, once] of lessons) {
  test(`"${message.slice(0, 60)}" teaches ${refuses}`, () => {
    const expected = once ? { refuses: [refuses], once } : { refuses: [refuses] };
    assert.deepEqual(correct(refusal(`${message} (request_id: req_1)`), body), expected);
  });

  test(`"${message.slice(0, 60)}" teaches nothing about a request without ${refuses}`, () => {
    assert.equal(correct(refusal(message), { messages: [{ role: "user", content: "hi" }] }), undefined);
  });
}

test("a refusal that a cloud or a gateway hands on as text is read", () => {
  const body = JSON.stringify({
    type: "error",
    error: { type: "invalid_request_error", message: "metadata: Extra inputs are not permitted" },
  });
  const gateway = `litellm.BadRequestError: AnthropicException - ${body}. Received Model Group=claude`;
  for (const message of [body, gateway]) {
    assert.deepEqual(correct(refusal(message), { metadata: {} }), { refuses: ["metadata"] });
  }
  assert.equal(correct(refusal(`${body} is no tool`), { metadata: {} }), undefined);
});

test("other refusals are final", () => {
  const body = { temperature: 0.3 };
  assert.equal(correct(refusal("max_tokens: too large"), body), undefined);
  assert.equal(correct(refusal("`temperature` is deprecated for this model.", 429), body), undefined);
  assert.equal(
    correct(refusal("`temperature` is deprecated for this model.", 400, "proxy"), body),
    undefined,
  );
});

test("a request that is encoded again leaves out what was learned, so that the lesson cannot repeat", () => {
  const chat = {
    messages: [user("one"), system("Be brief")],
    temperature: 0.5,
    tools: [NOW],
    toolChoice: { type: "required" },
    reasoning: { effort: "high" },
  } as const;
  for (const [message, body, refuses] of lessons) {
    if (!REFUSALS.includes(refuses as Refusal)) continue;
    assert.notEqual(correct(refusal(message), body), undefined);
    const model = refuses === "sampling" ? "claude-sonnet-4-5" : "claude-opus-5";
    const again = bodyOf(chat, model, { refuses: new Set([refuses]) });
    assert.equal(correct(refusal(message), again), undefined, refuses);
  }
});
