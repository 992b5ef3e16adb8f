/** The OpenAI SDK against a Claude model: everything is translated, there and back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import type { ChatCompletionMessageParam as Message } from "openai/resources/chat/completions";
import { configOf, type Proxy, until, withProxy } from "../tools/proxy.ts";

const CLAUDE = "claude-sonnet-4-20250514";
const config = configOf({ sonnet: { provider: "anthropic", model: CLAUDE } });
const hello: Message[] = [{ role: "user", content: "Hello, usage 8/20" }];

function claude(title: string, run: (proxy: Proxy, client: OpenAI) => Promise<void>, pace = 0): void {
  test(title, () => withProxy({ config, pace }, (proxy) => run(proxy, proxy.openai("ann"))));
}

/** What the provider got last. */
// deno-lint-ignore no-explicit-any -- a test says by its assertions what it expects to find
function sent(proxy: Proxy): any {
  return JSON.parse(proxy.providers.attempts.at(-1)?.body ?? "");
}

claude("a chat is answered with every field that strict clients demand", async (proxy, client) => {
  const { data, response } = await client.chat.completions.create({ model: "sonnet", messages: hello })
    .withResponse();
  assert.match(data.id, /^chatcmpl-/);
  assert.equal(data.object, "chat.completion");
  assert(Number.isInteger(data.created));
  assert.equal(data.model, CLAUDE);
  assert.equal(data.system_fingerprint, null);
  const [choice] = data.choices;
  assert.equal(choice?.finish_reason, "stop");
  assert.equal(choice?.logprobs, null);
  assert.equal(choice?.message.role, "assistant");
  assert.equal(choice?.message.refusal, null);
  assert.deepEqual(
    [data.usage?.prompt_tokens, data.usage?.completion_tokens, data.usage?.total_tokens],
    [8, 20, 28],
  );
  assert.equal(response.headers.get("x-ai-proxy-model"), "sonnet");
  assert.match(response.headers.get("x-upstream-request-id") ?? "", /^req_simulated_/);
  assert.match(response.headers.get("server-timing") ?? "", /^proxy;dur=[\d.]+, upstream;dur=[\d.]+$/);
  const { headers, path } = proxy.providers.attempts.at(-1) ?? {};
  assert.equal(path, "/v1/messages");
  assert.equal(headers?.["anthropic-version"], "2023-06-01");
  assert.equal(headers?.["authorization"], undefined);
  assert.equal(headers?.["x-user"], undefined);
});

claude(
  "a stream has one role, one finish reason, and usage where it was asked for",
  async (proxy, client) => {
    const stream = client.chat.completions.stream({
      model: "sonnet",
      messages: hello,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const completion = await stream.finalChatCompletion();
    const plain = await client.chat.completions.create({ model: "sonnet", messages: hello });
    assert.equal(completion.choices[0]?.message.content, plain.choices[0]?.message.content);
    assert.equal(completion.choices[0]?.finish_reason, "stop");
    assert.equal(completion.usage?.total_tokens, 28);
    assert.equal(chunks.filter((chunk) => chunk.choices[0]?.delta.role).length, 1);
    assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1);
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.equal(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size, 1);

    const bare = await proxy.post("ann", "/v1/chat/completions", {
      model: "sonnet",
      messages: hello,
      stream: true,
    });
    assert(!bare.text.includes('"usage"'));
    assert(bare.text.endsWith("data: [DONE]\n\n"));
    assert.equal(bare.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(bare.headers["cache-control"], "no-cache, no-transform");
    assert.equal(bare.headers["x-accel-buffering"], "no");
    const entry = await proxy.logged(3);
    assert.equal(entry.usageSource, "provider");
    assert.deepEqual([entry.usage?.input, entry.usage?.output], [8, 20]);
  },
);

const tools = ["get_weather", "get_time"].map((name): OpenAI.ChatCompletionTool => ({
  type: "function",
  function: {
    name,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}));

for (const streamed of [false, true]) {
  claude(
    `a tool loop of three turns with parallel calls, ${streamed ? "streamed" : "plain"}`,
    async (proxy, client) => {
      const ask = async (messages: Message[]): Promise<OpenAI.ChatCompletionMessage> => {
        const request = { model: "sonnet", messages, tools };
        const completion = streamed
          ? await client.chat.completions.stream(request).finalChatCompletion()
          : await client.chat.completions.create(request);
        const [choice] = completion.choices;
        assert(choice);
        assert.equal(choice.finish_reason, choice.message.tool_calls?.length ? "tool_calls" : "stop");
        return choice.message;
      };
      const results = (message: OpenAI.ChatCompletionMessage): Message[] =>
        (message.tool_calls ?? []).map(({ id }, index) => ({
          role: "tool",
          tool_call_id: id,
          content: `result ${index}`,
        }));

      const messages: Message[] = [{ role: "user", content: "Use both tools" }];
      const first = await ask(messages);
      const calls = first.tool_calls ?? [];
      assert.deepEqual(calls.map((call) => call.type === "function" && call.function.name), [
        "get_weather",
        "get_time",
      ]);
      for (const call of calls) {
        assert(call.type === "function");
        assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
      }
      messages.push(first, ...results(first));
      const second = await ask(messages);
      assert.match(second.content ?? "", /The tools said: "result 0" and "result 1"/);
      messages.push(second, { role: "user", content: "Now both again" });
      const third = await ask(messages);
      assert.equal(third.tool_calls?.length, 2);

      const history = sent(proxy).messages;
      assert.deepEqual(history.map(({ role }: Message) => role), [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
      ]);
      assert.deepEqual(
        history[2].content.map((
          block: { type: string; tool_use_id: string },
        ) => [block.type, block.tool_use_id]),
        calls.map(({ id }) => ["tool_result", id]),
      );
    },
  );
}

/** One red pixel. */
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const PDF = btoa("%PDF-1.4\n%%EOF\n");

claude("images and PDF files reach Claude as what they are", async (proxy, client) => {
  const reply = await client.chat.completions.create({
    model: "sonnet",
    messages: [{
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
        { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } },
      ],
    }],
  });
  assert.match(reply.choices[0]?.message.content ?? "", /I see 1 image \(image\/png.* and 1 document/);
  const [, image, document] = sent(proxy).messages[0].content;
  assert.deepEqual(image.source, { type: "base64", media_type: "image/png", data: PNG });
  assert.deepEqual(document.source, { type: "base64", media_type: "application/pdf", data: PDF });
  assert.equal(document.title, "a.pdf");
});

claude("a structured answer is JSON that fits its schema", async (_, client) => {
  const reply = await client.chat.completions.create({
    model: "sonnet",
    messages: [{ role: "user", content: "Who?" }],
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "person",
        strict: true,
        schema: {
          type: "object",
          properties: { name: { type: "string" }, age: { type: "integer" } },
          required: ["name", "age"],
          additionalProperties: false,
        },
      },
    },
  });
  const [choice] = reply.choices;
  assert.equal(choice?.finish_reason, "stop");
  assert.equal(choice?.message.tool_calls, undefined);
  const person = JSON.parse(choice?.message.content ?? "");
  assert.equal(typeof person.name, "string");
  assert(Number.isInteger(person.age));
});

/** The SDK gathers no thoughts. */
async function gathered(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const [call, ...rest] = deltas.flatMap(({ tool_calls }) => tool_calls ?? []);
  assert(call);
  const name = call.function?.name ?? "";
  const input = [call, ...rest].map((piece) => piece.function?.arguments ?? "").join("");
  return {
    role: "assistant" as const,
    tool_calls: [{ id: call.id ?? "", type: "function" as const, function: { name, arguments: input } }],
    reasoning_content: deltas.map((delta) => Reflect.get(delta, "reasoning_content") ?? "").join(""),
  };
}

for (const streamed of [false, true]) {
  claude(
    `thinking comes back, and Claude gets it again with the next turn, ${streamed ? "streamed" : "plain"}`,
    async (proxy, client) => {
      const messages: Message[] = [{ role: "user", content: "Use get_weather" }];
      const request = {
        model: "sonnet",
        tools,
        reasoning_effort: "high" as const,
        max_completion_tokens: 20_000,
      };
      const message = streamed
        ? await gathered(await client.chat.completions.create({ ...request, messages, stream: true }))
        : (await client.chat.completions.create({ ...request, messages })).choices[0]?.message;
      assert(message?.tool_calls?.length === 1);
      assert.match(Reflect.get(message, "reasoning_content") ?? "", /simulated thought.*answered/);

      // What a client of this API sends back has no place for a signature.
      const { role, tool_calls } = message;
      await client.chat.completions.create({
        ...request,
        messages: [...messages, { role, tool_calls }, {
          role: "tool",
          tool_call_id: tool_calls[0]?.id ?? "",
          content: "sunny",
        }],
      });
      const [thought, ...rest] = sent(proxy).messages[1].content;
      assert.equal(thought.type, "thinking");
      assert.match(thought.thinking, /simulated thought/);
      assert(thought.signature.length > 0);
      assert.equal(rest.at(-1).type, "tool_use");
    },
  );
}

claude("an aborted stream ends the provider's work, and the log says who left", async (proxy, client) => {
  const stream = await client.chat.completions.create({
    model: "sonnet",
    messages: [{ role: "user", content: "in 900 words" }],
    stream: true,
  });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  stream.controller.abort();
  const entry = await proxy.logged();
  await until(() => proxy.providers.ledger[0]?.outcome === "client-closed");
  assert((proxy.providers.ledger[0]?.tokensSent ?? 900) < 900);
  assert.equal(entry.status, 499);
  assert.equal(entry.outcome, "client_disconnect");
  assert(entry.usageSource === "partial" || entry.usageSource === "estimated");
  assert((entry.usage?.input ?? 0) > 0);
}, 20);
