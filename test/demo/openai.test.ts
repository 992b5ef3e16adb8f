/** The simulated OpenAI API, asked by the official SDK. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { type Providers, startProviders } from "../../src/demo/providers.ts";

let providers: Providers;
let client: OpenAI;
before(async () => {
  providers = await startProviders({ pace: 0 });
  client = new OpenAI({ baseURL: providers.openaiURL, apiKey: "any key", maxRetries: 0 });
});
after(() => providers.close());

const WEATHER = {
  type: "function" as const,
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", minLength: 3 },
        unit: { enum: ["celsius", "fahrenheit"] },
        days: { type: "integer", minimum: 2, maximum: 7 },
      },
      required: ["city", "unit"],
    },
  },
};
const TIME = { type: "function" as const, function: { name: "get_time", parameters: { type: "object" } } };

function ask(content: string, more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) {
  return client.chat.completions.create({ model: "gpt-5", messages: [{ role: "user", content }], ...more });
}

test("an answer says that it is simulated, quotes the question and has usage that adds up", async () => {
  const answer = await ask("Where is Paris?");
  assert.match(answer.choices[0]?.message.content ?? "", /simulated answer from gpt-5.*"Where is Paris\?"/);
  assert.equal(answer.choices[0]?.finish_reason, "stop");
  const usage = answer.usage;
  assert.ok(usage && usage.prompt_tokens > 0 && usage.completion_tokens > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});

test("equal requests get equal answers", async () => {
  const [one, other] = [await ask("Say it again"), await ask("Say it again")];
  assert.deepEqual(one.choices, other.choices);
  assert.equal(one.id, other.id);
  assert.notEqual((await ask("Say something else")).id, one.id);
});

test("a prompt asks for a length and orders its usage", async () => {
  const answer = await ask("Tell me a story in 60 words, usage 8/20, cache 3/2");
  assert.equal(answer.choices[0]?.message.content?.split(/\s+/).length, 60);
  assert.equal(answer.usage?.prompt_tokens, 8);
  assert.equal(answer.usage?.completion_tokens, 20);
  assert.equal(answer.usage?.total_tokens, 28);
  assert.equal(answer.usage?.prompt_tokens_details?.cached_tokens, 3);
  assert.equal((await ask("hi", { model: "gpt-demo-usage-5-6" })).usage?.total_tokens, 11);
});

test("a stream gives the plain answer in pieces, and usage only to who asks for it", async () => {
  const plain = await ask("hello");
  for (const include_usage of [true, false]) {
    const stream = await client.chat.completions.create({
      model: "gpt-5",
      messages: [{ role: "user", content: "hello" }],
      stream: true,
      stream_options: { include_usage },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(text, plain.choices[0]?.message.content);
    assert.ok(chunks.length > 5);
    assert.deepEqual(chunks.at(-1)?.usage, include_usage ? plain.usage : undefined);
    assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason === "stop").length, 1);
  }
});

test("an offered tool is called with arguments that fit its schema", async () => {
  const answer = await ask("What is the weather?", { tools: [WEATHER, TIME] });
  const calls = answer.choices[0]?.message.tool_calls ?? [];
  assert.equal(answer.choices[0]?.finish_reason, "tool_calls");
  assert.equal(answer.choices[0]?.message.content, null);
  assert.equal(calls.length, 1);
  assert.ok(calls[0]?.type === "function");
  assert.equal(calls[0].function.name, "get_weather");
  assert.deepEqual(JSON.parse(calls[0].function.arguments), {
    city: "simulated city",
    unit: "celsius",
    days: 2,
  });
});

test("two tools are called in parallel when the user names both, streamed or not", async () => {
  const names = ["get_weather", "get_time"];
  for (const content of ["I want both", "Call get_weather, then get_time"]) {
    const answer = await ask(content, { tools: [WEATHER, TIME] });
    const calls = answer.choices[0]?.message.tool_calls ?? [];
    assert.deepEqual(calls.map((call) => call.type === "function" && call.function.name), names);
    assert.equal(new Set(calls.map((call) => call.id)).size, 2);
    const streamed = await client.chat.completions.stream({
      model: "gpt-5",
      messages: [{ role: "user", content }],
      tools: [WEATHER, TIME],
    }).finalChatCompletion();
    assert.deepEqual(
      streamed.choices[0]?.message.tool_calls?.map((call) =>
        call.type === "function" && call.function.arguments
      ),
      calls.map((call) => call.type === "function" && call.function.arguments),
    );
  }
  const single = await ask("I want both", { tools: [WEATHER, TIME], parallel_tool_calls: false });
  assert.equal(single.choices[0]?.message.tool_calls?.length, 1);
});

test("tool results are answered with a text that quotes them", async () => {
  const answer = await client.chat.completions.create({
    model: "gpt-5",
    tools: [WEATHER],
    messages: [
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        tool_calls: [{ id: "call_1", type: "function", function: { name: "get_weather", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "18 degrees" },
    ],
  });
  assert.match(answer.choices[0]?.message.content ?? "", /The tools said: "18 degrees"/);
  assert.equal(answer.choices[0]?.finish_reason, "stop");
});

test("tool_choice forces and forbids, and custom tools and functions keep their shapes", async () => {
  const none = await ask("hi", { tools: [WEATHER], tool_choice: "none" });
  assert.equal(none.choices[0]?.message.tool_calls, undefined);
  const named = await ask("hi", {
    tools: [WEATHER, TIME],
    tool_choice: { type: "function", function: { name: "get_time" } },
  });
  const call = named.choices[0]?.message.tool_calls?.[0];
  assert.equal(call?.type === "function" && call.function.name, "get_time");
  const custom = await ask("hi", { tools: [{ type: "custom", custom: { name: "shell" } }] });
  const shell = custom.choices[0]?.message.tool_calls?.[0];
  assert.equal(shell?.type === "custom" && shell.custom.input, "simulated input of shell");
  const legacy = await ask("hi", { functions: [{ name: "old", parameters: { type: "object" } }] });
  assert.deepEqual(legacy.choices[0]?.message.function_call, { name: "old", arguments: "{}" });
  assert.equal(legacy.choices[0]?.finish_reason, "function_call");
});

test("a JSON schema is answered with JSON that fits it", async () => {
  const answer = await ask("A person", {
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "person",
        strict: true,
        schema: {
          type: "object",
          properties: {
            name: { type: "string" },
            age: { type: ["integer", "null"] },
            tags: { type: "array", items: { $ref: "#/$defs/tag" } },
          },
          required: ["name", "age", "tags"],
          additionalProperties: false,
          $defs: { tag: { enum: ["a", "b"] } },
        },
      },
    },
  });
  const content = JSON.parse(answer.choices[0]?.message.content ?? "");
  assert.deepEqual(content, { name: "simulated name", age: 1, tags: ["a"] });
});

test("limits, stop sequences, reasoning and choices are honoured", async () => {
  const short = await ask("A long story in 500 words", { max_completion_tokens: 7 });
  assert.equal(short.choices[0]?.finish_reason, "length");
  assert.equal(short.usage?.completion_tokens, 7);
  const stopped = await ask("before STOP after", { stop: ["STOP"] });
  assert.match(stopped.choices[0]?.message.content ?? "", /"before $/);
  const thought = await ask("Think", { reasoning_effort: "low" });
  assert.ok(thought.choices[0] && "reasoning_content" in thought.choices[0].message);
  assert.ok((thought.usage?.completion_tokens_details?.reasoning_tokens ?? 0) > 0);
  assert.equal((await ask("Three", { n: 3 })).choices.length, 3);
});

test("images and files are acknowledged with their types and sizes", async () => {
  const answer = await client.chat.completions.create({
    model: "gpt-5",
    messages: [{
      role: "user",
      content: [
        { type: "text", text: "Look" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${btoa("x".repeat(68))}` } },
        {
          type: "file",
          file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${btoa("pdf")}` },
        },
      ],
    }],
  });
  const text = answer.choices[0]?.message.content ?? "";
  assert.match(text, /I see 1 image \(image\/png, 68 bytes\) and 1 document \(application\/pdf, 3 bytes\)/);
});

const REFUSED: readonly [string, number, string | null, Record<string, unknown>][] = [
  ["a tool result without its call", 400, null, {
    messages: [{ role: "tool", tool_call_id: "x", content: "" }],
  }],
  ["a call without its result", 400, null, {
    messages: [{ role: "assistant", tool_calls: [{ id: "c", type: "function", function: {} }] }, {
      role: "user",
      content: "hi",
    }],
  }],
  ["a role that is none", 400, "invalid_value", { messages: [{ role: "robot", content: "" }] }],
  ["no messages", 400, "missing_required_parameter", { messages: undefined }],
  ["messages that are no list", 400, "invalid_type", { messages: "hi" }],
  ["a parameter of another API", 400, "unknown_parameter", { top_k: 3 }],
  ["a temperature out of range", 400, null, { temperature: 3 }],
  ["a model that is not there", 404, "model_not_found", { model: "gpt-unknown" }],
  ["a fault that is not there", 404, "model_not_found", { model: "demo-nonsense" }],
  ["an open object in a strict schema", 400, null, {
    response_format: {
      type: "json_schema",
      json_schema: { name: "x", strict: true, schema: { type: "object" } },
    },
  }],
];
for (const [what, status, code, more] of REFUSED) {
  test(`${what} is refused`, async () => {
    await assert.rejects(ask("hi", more), (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.deepEqual([error.status, error.code], [status, code]);
      return true;
    });
  });
}

test("a bad key is refused and quoted in part, and no key is refused too", async () => {
  const bad = new OpenAI({ baseURL: providers.openaiURL, apiKey: "bad-0123456789-key", maxRetries: 0 });
  await assert.rejects(bad.models.list(), /401 Incorrect API key provided: bad-0123\*{6}-key\./);
  const response = await fetch(`${providers.openaiURL}/models`);
  assert.equal(response.status, 401);
  await response.body?.cancel();
  assert.ok((await client.models.list()).data.some((model) => model.id === "gpt-5"));
});
