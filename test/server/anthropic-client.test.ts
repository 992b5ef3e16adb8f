/** The Anthropic SDK against Claude, which is relayed, and against GPT, which is translated. */

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { configOf, type Proxy, rejected, until, withProxy } from "../tools/proxy.ts";

const CLAUDE = "claude-sonnet-4-20250514";
const config = configOf({
  claude: { provider: "anthropic", model: CLAUDE },
  gpt: { provider: "openai", model: "gpt-5" },
  "gpt-unknown": { provider: "openai" },
  "gpt-busy": { provider: "openai", model: "gpt-5-demo-overloaded" },
  "claude-busy": { provider: "anthropic", model: "claude-demo-529" },
  "gpt-limited": { provider: "openai", model: "gpt-5-demo-429" },
  "claude-limited": { provider: "anthropic", model: "claude-demo-429" },
  "gpt-refused": { provider: "openai", model: "gpt-5-demo-400" },
  "claude-refused": { provider: "anthropic", model: "claude-demo-400" },
});
const MODELS = ["claude", "gpt"];
const hello = (content = "Hello, usage 8/20") => ({
  max_tokens: 1000,
  messages: [{ role: "user" as const, content }],
});

function through(title: string, run: (proxy: Proxy, client: Anthropic) => Promise<void>, pace = 0): void {
  test(title, () => withProxy({ config, pace }, (proxy) => run(proxy, proxy.anthropic("ann"))));
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => block.type === "text" ? block.text : "").join("");
}

for (const model of MODELS) {
  through(`${model} answers a chat, plain and streamed, with the same message`, async (proxy, client) => {
    const plain = await client.messages.create({ model, ...hello() });
    assert.equal(plain.type, "message");
    assert.equal(plain.role, "assistant");
    assert.match(plain.id, /^msg_/);
    assert.match(textOf(plain), /^This is a simulated answer/);
    assert.equal(plain.stop_reason, "end_turn");
    assert.equal(plain.stop_sequence, null);
    assert.deepEqual([plain.usage.input_tokens, plain.usage.output_tokens], [8, 20]);
    assert.equal(plain.usage.cache_read_input_tokens, 0);
    assert.equal(plain.usage.cache_creation_input_tokens, 0);

    const events: string[] = [];
    const stream = client.messages.stream({ model, ...hello() }).on(
      "streamEvent",
      ({ type }) => events.push(type),
    );
    const streamed = await stream.finalMessage();
    assert.equal(textOf(streamed), textOf(plain));
    assert.equal(streamed.stop_reason, "end_turn");
    assert.deepEqual([streamed.usage.input_tokens, streamed.usage.output_tokens], [8, 20]);
    assert.deepEqual(events.filter((type) => type !== "content_block_delta" && type !== "ping"), [
      "message_start",
      "content_block_start",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const entry = await proxy.logged(2);
    assert.equal(entry.usageSource, "provider");
    assert.deepEqual([entry.usage?.input, entry.usage?.output], [8, 20]);
  });

  through(`${model} calls tools in parallel and gets their results`, async (_, client) => {
    const tools = ["get_weather", "get_time"].map((name): Anthropic.Tool => ({
      name,
      input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    }));
    const question: Anthropic.MessageParam = { role: "user", content: "Use both tools" };
    for (const streamed of [false, true]) {
      const request: Anthropic.MessageCreateParamsNonStreaming = {
        model,
        tools,
        max_tokens: 1000,
        messages: [question],
      };
      const message: Anthropic.Message = streamed
        ? await client.messages.stream(request).finalMessage()
        : await client.messages.create(request);
      const calls = message.content.filter((block) => block.type === "tool_use");
      assert.equal(message.stop_reason, "tool_use");
      assert.deepEqual(calls.map(({ name }) => name), ["get_weather", "get_time"]);
      for (const { input } of calls) assert.deepEqual(Object.keys(input as object), ["city"]);
      const answer = await client.messages.create({
        ...request,
        messages: [question, { role: "assistant", content: message.content }, {
          role: "user",
          content: calls.map(({ id }, index) => ({
            type: "tool_result",
            tool_use_id: id,
            content: `result ${index}`,
          })),
        }],
      });
      assert.match(textOf(answer), /The tools said: "result 0" and "result 1"/);
    }
  });

  through(`an aborted stream of ${model} ends the provider's work`, async (proxy, client) => {
    const stream = client.messages.stream({
      model,
      max_tokens: 4000,
      messages: hello("in 900 words").messages,
    });
    for await (const event of stream) {
      if (event.type === "content_block_delta") break;
    }
    stream.abort();
    const entry = await proxy.logged();
    await until(() => proxy.providers.ledger[0]?.outcome === "client-closed");
    assert.equal(entry.status, 499);
    assert.equal(entry.outcome, "client_disconnect");
    // One API says at the start what the request cost, the other at the end only.
    assert.equal(entry.usageSource, model === "claude" ? "partial" : "estimated");
  }, 20);

  through(`a plain call of ${model} that is aborted ends the provider's work`, async (proxy, client) => {
    const leaving = new AbortController();
    const call = client.messages.create({ model, ...hello("in 900 words") }, { signal: leaving.signal });
    await until(() => proxy.providers.ledger.length === 1);
    leaving.abort();
    assert(await rejected(call) instanceof Anthropic.APIUserAbortError);
    const entry = await proxy.logged();
    await until(() => proxy.providers.ledger[0]?.outcome === "client-closed");
    assert.equal(entry.status, 499);
    assert.equal(entry.outcome, "client_disconnect");
    assert.equal(entry.usageSource, "estimated");
  }, 200);
}

through("tokens are counted by Claude's own provider, and estimated for GPT", async (proxy, client) => {
  const { messages } = hello("Count the tokens of this text, please");
  const own = await client.messages.countTokens({ model: "claude", messages });
  assert(own.input_tokens > 0);
  assert.equal(proxy.providers.attempts.at(-1)?.path, "/v1/messages/count_tokens");
  assert.equal(JSON.parse(proxy.providers.attempts.at(-1)?.body ?? "").model, CLAUDE);
  const other = await client.messages.countTokens({ model: "gpt", messages });
  const more = await client.messages.countTokens({
    model: "gpt",
    messages,
    tools: [{
      name: "get_weather",
      input_schema: { type: "object", properties: { city: { type: "string" } } },
    }],
  });
  assert(other.input_tokens > 0);
  assert(more.input_tokens > other.input_tokens);
  assert.equal(proxy.providers.attempts.length, 1);
  const error = await rejected(client.messages.countTokens({ model: "secret", messages }));
  assert(error instanceof Anthropic.NotFoundError);
});

const ERRORS = [
  ["secret", Anthropic.NotFoundError, 404, "not_found_error"],
  ["gpt-unknown", Anthropic.NotFoundError, 404, "not_found_error"],
  ["gpt-busy", Anthropic.InternalServerError, 529, "overloaded_error"],
  ["claude-busy", Anthropic.InternalServerError, 529, "overloaded_error"],
  ["gpt-limited", Anthropic.RateLimitError, 429, "rate_limit_error"],
  ["claude-limited", Anthropic.RateLimitError, 429, "rate_limit_error"],
  ["gpt-refused", Anthropic.BadRequestError, 400, "invalid_request_error"],
  ["claude-refused", Anthropic.BadRequestError, 400, "invalid_request_error"],
] as const;

for (const [model, type, status, word] of ERRORS) {
  through(`the failure of ${model} is an error of the SDK's own`, async (proxy, client) => {
    for (
      const call of [
        () => client.messages.create({ model, ...hello() }),
        () => client.messages.stream({ model, ...hello() }).finalMessage(),
      ]
    ) {
      const error = await rejected(call());
      assert(error instanceof type, `${error}`);
      assert(error instanceof Anthropic.APIError);
      assert.equal(error.status, status);
      assert.equal(Reflect.get(Object(Reflect.get(Object(error.error), "error")), "type"), word);
      assert(error.requestID);
      assert.equal(error.headers?.get("x-ai-proxy-error-source"), model === "secret" ? "proxy" : "upstream");
    }
    const entry = await proxy.logged(2);
    assert.equal(entry.usageSource, "none");
  });
}

through("the provider's advice when to ask again reaches the client", async (_, client) => {
  for (const model of ["gpt-limited", "claude-limited"]) {
    const error = await rejected(client.messages.create({ model, ...hello() }));
    assert(error instanceof Anthropic.RateLimitError);
    assert.equal(error.headers.get("retry-after"), "2");
  }
});

through(
  "the SDK's tool runner, which asks for a thread first, goes on without one",
  async (proxy, client) => {
    let calls = 0;
    const runner = client.beta.messages.toolRunner({
      model: "gpt",
      max_tokens: 1000,
      messages: [{ role: "user", content: "Please call now" }],
      max_iterations: 3,
      tools: [{
        name: "now",
        description: "The time",
        input_schema: { type: "object", properties: {} },
        parse: (content: unknown) => content,
        run: () => `${++calls} o'clock`,
      }],
    });
    assert.equal((await runner).role, "assistant");
    assert.ok(calls > 0);
    await proxy.logged(3);
    assert.ok(proxy.entries.some(({ status }) => status === 400), "it asked for a thread");
  },
);
