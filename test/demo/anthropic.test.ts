/** The simulated Anthropic API, asked by the official SDK. */

import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Providers, startProviders } from "../../src/demo/providers.ts";

let providers: Providers;
let client: Anthropic;
before(async () => {
  providers = await startProviders({ pace: 0 });
  client = new Anthropic({ baseURL: providers.anthropicURL, apiKey: "any key", maxRetries: 0 });
});
after(() => providers.close());

type Parameters = Anthropic.MessageCreateParamsNonStreaming;
const MODEL = "claude-sonnet-4-20250514";
const WEATHER: Anthropic.Tool = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const TIME: Anthropic.Tool = { name: "get_time", input_schema: { type: "object" } };

function request(content: string, more: Partial<Parameters> = {}): Parameters {
  return { model: MODEL, max_tokens: 1000, messages: [{ role: "user", content }], ...more };
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => block.type === "text" ? block.text : "").join("");
}

test("an answer says that it is simulated and has the usage that the prompt orders", async () => {
  const message = await client.messages.create(request("Where is Paris? usage 8/20"));
  assert.match(textOf(message), /simulated answer from claude-sonnet-4-20250514.*Where is Paris/);
  assert.equal(message.stop_reason, "end_turn");
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [8, 20]);
});

test("a stream adds up to the plain message", async () => {
  const body = request("both please", { tools: [WEATHER, TIME], thinking: { type: "adaptive" } });
  const plain = await client.messages.create(body);
  const streamed = await client.messages.stream(body).finalMessage();
  assert.deepEqual(plain.content.map((block) => block.type), ["thinking", "text", "tool_use", "tool_use"]);
  assert.equal(plain.stop_reason, "tool_use");
  assert.deepEqual(streamed.content, plain.content);
  assert.equal(streamed.usage.output_tokens, plain.usage.output_tokens);
  assert.equal(streamed.usage.input_tokens, plain.usage.input_tokens);
});

test("every event of a stream names its type twice and message_start has the input", async () => {
  const response = await client.messages.create({ ...request("hello"), stream: true }).asResponse();
  const events = (await response.text()).trim().split("\n\n").map((event) => event.split("\n"));
  const types = events.map(([name, data]) => {
    const type: string = JSON.parse(data?.slice("data: ".length) ?? "").type;
    assert.equal(name, `event: ${type}`);
    return type;
  });
  assert.deepEqual(types.slice(0, 3), ["message_start", "content_block_start", "ping"]);
  assert.deepEqual(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
});

test("a conversation with thinking and tools goes on when it comes back unchanged, and only then", async () => {
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: "Weather?" }];
  const options = { tools: [WEATHER], thinking: { type: "enabled" as const, budget_tokens: 1024 } };
  const first = await client.messages.create({ ...request("", options), max_tokens: 4000, messages });
  const call = first.content.find((block) => block.type === "tool_use");
  assert.ok(call);
  assert.deepEqual(call.input, { city: "simulated city" });
  const result: Anthropic.MessageParam = {
    role: "user",
    content: [{ type: "tool_result", tool_use_id: call.id, content: "18 degrees" }],
  };
  const next = (content: Anthropic.ContentBlockParam[]) =>
    client.messages.create({
      ...request("", options),
      max_tokens: 4000,
      messages: [...messages, { role: "assistant", content }, result],
    });
  const unchanged = first.content.filter((block) => block.type !== "text");
  assert.match(textOf(await next(unchanged)), /The tools said: "18 degrees"/);
  const changed = unchanged.map((block) => block.type === "thinking" ? { ...block, thinking: "No" } : block);
  await assert.rejects(next(changed), /Invalid `signature` in `thinking` block/);
  await assert.rejects(next(unchanged.slice(1)), /must start with a thinking block/);
  await assert.rejects(next(unchanged.slice(0, 1)), /unexpected `tool_use_id`/);
});

test("a JSON schema is answered with JSON that fits it", async () => {
  const schema = {
    type: "object",
    properties: { ok: { type: "boolean" }, when: { type: "string", format: "date" } },
    required: ["ok", "when"],
    additionalProperties: false,
  };
  const message = await client.messages.create(
    request("JSON", { output_config: { format: { type: "json_schema", schema } } }),
  );
  assert.deepEqual(JSON.parse(textOf(message)), { ok: true, when: "2026-01-31" });
  const asked = request("JSON", { system: "Reply with one valid JSON object and nothing else." });
  assert.equal(JSON.parse(textOf(await client.messages.create(asked))).simulated, true);
});

test("limits and stop sequences are honoured, and no tokens at all are an empty answer", async () => {
  const short = await client.messages.create(request("A story in 200 words", { max_tokens: 7 }));
  assert.deepEqual([short.stop_reason, short.usage.output_tokens], ["max_tokens", 7]);
  const none = await client.messages.create(request("Warm the cache", { max_tokens: 0 }));
  assert.deepEqual([none.stop_reason, none.content], ["max_tokens", []]);
  const stopped = await client.messages.create(request("before STOP after", { stop_sequences: ["STOP"] }));
  assert.deepEqual([stopped.stop_reason, stopped.stop_sequence], ["stop_sequence", "STOP"]);
});

test("images, documents and cache marks are acknowledged", async () => {
  const message = await client.messages.create({
    ...request("", {
      system: [{ type: "text", text: "word ".repeat(100), cache_control: { type: "ephemeral", ttl: "1h" } }],
    }),
    messages: [{
      role: "user",
      content: [
        {
          type: "image",
          source: { type: "base64", media_type: "image/png", data: btoa("x".repeat(68)) },
        },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "four" } },
        { type: "text", text: "Look" },
      ],
    }],
  });
  assert.match(
    textOf(message),
    /I see 1 image \(image\/png, 68 bytes\) and 1 document \(text\/plain, 4 characters\)/,
  );
  const { usage } = message;
  assert.ok((usage.cache_creation_input_tokens ?? 0) >= 100);
  assert.equal(usage.cache_creation?.ephemeral_1h_input_tokens, usage.cache_creation_input_tokens);
});

test("tokens are counted", async () => {
  const { max_tokens: _, ...body } = request("word ".repeat(100));
  assert.ok((await client.messages.countTokens(body)).input_tokens >= 100);
  await assert.rejects(client.messages.countTokens({ ...body, messages: [] }), /at least one message/);
});

const REFUSED: readonly [string, number, RegExp, Record<string, unknown>][] = [
  ["no max_tokens", 400, /max_tokens: Field required/, { max_tokens: undefined }],
  ["a role that is none", 400, /role: Input should be/, { messages: [{ role: "tool", content: "x" }] }],
  ["an empty text block", 400, /must be non-empty/, {
    messages: [{ role: "user", content: [{ type: "text", text: "" }] }],
  }],
  ["a blank text", 400, /non-whitespace/, { messages: [{ role: "user", content: " \n" }] }],
  ["an unpaired result", 400, /unexpected `tool_use_id`/, {
    messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "x", content: "y" }] }],
  }],
  ["an unanswered call", 400, /without `tool_result` blocks/, {
    messages: [
      { role: "user", content: "x" },
      { role: "assistant", content: [{ type: "tool_use", id: "t", name: "n", input: {} }] },
      { role: "user", content: "y" },
    ],
  }],
  ["text before a result", 400, /without `tool_result` blocks/, {
    messages: [
      { role: "user", content: "x" },
      { role: "assistant", content: [{ type: "tool_use", id: "t", name: "n", input: {} }] },
      { role: "user", content: [{ type: "text", text: "z" }, { type: "tool_result", tool_use_id: "t" }] },
    ],
  }],
  ["a parameter of another API", 400, /frequency_penalty: Extra inputs/, { frequency_penalty: 1 }],
  ["sampling under the newer version", 400, /temperature: Extra inputs/, { temperature: 0.5 }],
  ["a block of another API", 400, /does not match any of the expected tags/, {
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }],
  }],
  ["an open object in a schema", 400, /additionalProperties/, {
    output_config: { format: { type: "json_schema", schema: { type: "object" } } },
  }],
  ["five cache marks", 400, /maximum of 4 blocks/, {
    system: Array.from(
      { length: 5 },
      () => ({ type: "text", text: "x", cache_control: { type: "ephemeral" } }),
    ),
  }],
  ["a model that is not there", 404, /model: claude-unknown/, { model: "claude-unknown" }],
];
for (const [what, status, words, more] of REFUSED) {
  test(`${what} is refused`, async () => {
    await assert.rejects(client.messages.create(request("hi", more)), (error) => {
      assert.ok(error instanceof Anthropic.APIError);
      assert.equal(error.status, status);
      assert.match(error.message, words);
      return true;
    });
  });
}

test("the older version takes a temperature from 0 to 1, and no version is refused", async () => {
  const post = async (version: Record<string, string>, temperature: number, key = "x") => {
    const response = await fetch(`${providers.anthropicURL}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key, ...version },
      body: JSON.stringify({ ...request("hi"), temperature }),
    });
    const body: unknown = await response.json();
    return [response.status, /"type":"(\w+_error)"/.exec(JSON.stringify(body))?.[1]];
  };
  const old = { "anthropic-version": "2023-06-01" };
  assert.deepEqual(await post(old, 0.5), [200, undefined]);
  assert.deepEqual(await post(old, 1.5), [400, "invalid_request_error"]);
  assert.deepEqual(await post({}, 0.5), [400, "invalid_request_error"]);
  assert.deepEqual(await post(old, 0.5, "bad key"), [401, "authentication_error"]);
  assert.deepEqual(await post({ ...old, authorization: "Bearer x" }, 0.5), [401, "authentication_error"]);
});
