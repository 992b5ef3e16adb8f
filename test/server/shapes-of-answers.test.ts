/** Answers in the shapes of real servers, through the whole proxy: relayed as they are, translated for what they mean. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { warningsHeader } from "../../src/bring-back.ts";
import type { Recording } from "../../src/demo/replay.ts";
import { isObject, type JsonObject, tryParseJson } from "../../src/json.ts";
import { configOf, type Proxy, withProxy } from "../tools/proxy.ts";

const usage = { prompt_tokens: 15, completion_tokens: 19, total_tokens: 34 };
const noCall = { index: 0, id: "", type: "function", function: { name: "", arguments: "" } };

const json = (body: JsonObject): Recording => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const sse = (chunks: readonly (JsonObject | string)[]): Recording => ({
  headers: { "content-type": "text/event-stream" },
  body: chunks.map((chunk) => `data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`).join(
    "",
  ),
});
const whole = (choice: JsonObject): Recording =>
  json({ id: "c", model: "m", choices: [{ index: 0, ...choice }], usage });
const streamed = (
  delta: JsonObject,
  finish_reason: string,
  end: readonly (JsonObject | string)[] = [{ choices: [], usage }, "[DONE]"],
) =>
  sse([{ id: "c", model: "m", choices: [{ index: 0, delta }] }, {
    choices: [{ index: 0, delta: {}, finish_reason }],
  }, ...end]);

interface Case {
  readonly plain: Recording;
  readonly stream: Recording;
  /** What a client of the other API reads. */
  readonly stop: string;
  readonly text: string;
  readonly warnings: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "a choice that a filter took away": {
    plain: whole({ finish_reason: "content_filter" }),
    stream: streamed({}, "content_filter"),
    stop: "refusal",
    text: "",
    warnings: [],
  },
  "an answer that the server aborted": {
    plain: whole({ message: { content: "half a sent" }, finish_reason: "abort" }),
    stream: streamed({ content: "half a sent" }, "abort"),
    stop: "max_tokens",
    text: "half a sent",
    warnings: [],
  },
  "an answer that ends with an unknown word": {
    plain: whole({ message: { content: "half a sent" }, finish_reason: "brand_new" }),
    stream: streamed({ content: "half a sent" }, "brand_new"),
    stop: "max_tokens",
    text: "half a sent",
    warnings: ["finish_reason"],
  },
  "a word for calls without a call": {
    plain: whole({ message: { content: "all done", tool_calls: [] }, finish_reason: "tool_calls" }),
    stream: streamed({ content: "all done" }, "tool_calls"),
    stop: "end_turn",
    text: "all done",
    warnings: [],
  },
  "a call that is none": {
    plain: whole({
      message: { content: "hello", tool_calls: [noCall], function_call: noCall.function },
      finish_reason: "stop",
    }),
    stream: streamed({ content: "hello", tool_calls: [noCall] }, "stop"),
    stop: "end_turn",
    text: "hello",
    warnings: [],
  },
  "a picture": {
    plain: whole({ message: { content: "here", images: [{ type: "image_url" }] }, finish_reason: "stop" }),
    stream: streamed({ content: "here", images: [{ type: "image_url" }] }, "stop"),
    stop: "end_turn",
    text: "here",
    warnings: ["images"],
  },
};

const replies = new Map<string, Recording>();
const models: Record<string, unknown> = { spare: { provider: "openai", model: "gpt-5" } };
for (const [title, { plain, stream }] of Object.entries(CASES)) {
  for (const [form, recording] of [["plain", plain], ["stream", stream]] as const) {
    replies.set(`${title} ${form}`, recording);
    models[`${title} ${form}`] = { provider: "openai", model: `${title} ${form}` };
  }
}
const failover = Object.fromEntries([...replies.keys()].map((name) => [name, "spare"]));
const config = configOf(models, failover);
const body = (model: string) => ({ model, max_tokens: 50, messages: [{ role: "user", content: "Hi" }] });

for (const [title, { stop, text, warnings }] of Object.entries(CASES)) {
  test(`${title}: a client of the same API gets the provider's bytes, and nobody else is asked`, () =>
    withProxy({ config, replies }, async (proxy) => {
      for (const form of ["plain", "stream"]) {
        const stream = form === "stream";
        const options = stream ? { stream, stream_options: { include_usage: true } } : {};
        const reply = await proxy.post("ann", "/v1/chat/completions", {
          ...body(`${title} ${form}`),
          ...options,
        });
        assert.equal(reply.status, 200);
        assert.equal(reply.text, replies.get(`${title} ${form}`)?.body);
        await logged(proxy, stream ? 2 : 1);
      }
    }));

  test(`${title}: a client of the other API reads what it means, and nobody else is asked`, () =>
    withProxy({ config, replies }, async (proxy) => {
      const plain = await proxy.post("ann", "/v1/messages", body(`${title} plain`));
      const message = JSON.parse(plain.text) as JsonObject;
      assert.deepEqual([plain.status, message.stop_reason], [200, stop]);
      assert.deepEqual(message.content, text === "" ? [] : [{ type: "text", text }]);
      assert.deepEqual(plain.headers["x-ai-proxy-warnings"]?.split(";") ?? [], warnings);
      assert.deepEqual((await logged(proxy, 1)).warnings, warnings);
      const stream = await proxy.post("ann", "/v1/messages", { ...body(`${title} stream`), stream: true });
      const events = eventsOf(stream.text);
      const delta = events.find(({ type }) => type === "message_delta")?.delta;
      assert.equal(isObject(delta) && delta.stop_reason, stop);
      assert.equal(events.at(-1)?.type, "message_stop");
      assert.deepEqual((await logged(proxy, 2)).warnings, warnings);
    }));
}

/** The newest entry: the only target answered, and its provider counted. */
async function logged(proxy: Proxy, count: number) {
  const entry = await proxy.logged(count);
  assert.deepEqual([entry.outcome, entry.tries, entry.failover, entry.usageSource], [
    "ok",
    1,
    undefined,
    "provider",
  ]);
  assert.deepEqual([entry.usage?.input, entry.usage?.output], [15, 19]);
  return entry;
}

function eventsOf(text: string): JsonObject[] {
  return text.split("\n").flatMap((line) => {
    const value = line.startsWith("data:") ? tryParseJson(line.slice(5)) : undefined;
    return isObject(value) ? [value] : [];
  });
}

test("a client and the log are given the same estimate of an answer that nobody counted", () => {
  const tool = { index: 0, id: "a", function: { name: "get_weather", arguments: '{"city":"Paris"}' } };
  const delta = { content: "Let me look.", reasoning_content: "Hm.", tool_calls: [tool] };
  const uncounted = new Map([
    ["plain", json({ choices: [{ message: delta, finish_reason: "tool_calls" }] })],
    ["stream", streamed(delta, "tool_calls", [])],
  ]);
  const names = configOf({ plain: { provider: "openai" }, stream: { provider: "openai" } });
  return withProxy({ config: names, replies: uncounted }, async (proxy) => {
    const plain = await proxy.post("ann", "/v1/messages", body("plain"));
    const stream = await proxy.post("ann", "/v1/messages", { ...body("stream"), stream: true });
    const shown = [
      JSON.parse(plain.text),
      eventsOf(stream.text).find(({ type }) => type === "message_delta"),
    ];
    await proxy.logged(2);
    const outputs = shown.map((each, at) => {
      const { usage, usageSource, warnings } = proxy.entries[at] ?? {};
      assert.deepEqual([usageSource, warnings], ["estimated", ["usage_estimated"]]);
      assert.deepEqual([each?.usage.input_tokens, each?.usage.output_tokens], [usage?.input, usage?.output]);
      return usage?.output;
    });
    assert.equal(outputs[0], outputs[1]);
  });
});

test("sources that a stream has no place for are in the log", () => {
  const citation = { url: "https://a.example", title: "A", start_index: 0, end_index: 1 };
  const delta = { content: "A", annotations: [{ type: "url_citation", url_citation: citation }] };
  const names = configOf({ cited: { provider: "openai" } });
  const cited = new Map([["cited", streamed(delta, "stop")]]);
  return withProxy({ config: names, replies: cited }, async (proxy) => {
    await proxy.post("ann", "/v1/messages", { ...body("cited"), stream: true });
    assert.deepEqual((await proxy.logged(1)).warnings, ["citations_dropped"]);
  });
});

test("a list of warnings that does not fit says that there are more", () => {
  const code = (length: number) => "w".repeat(length);
  const header = (...codes: readonly string[]) => warningsHeader(codes)["x-ai-proxy-warnings"];
  assert.equal(header(), undefined);
  assert.equal(header("a", "b"), "a;b");
  assert.equal(header(code(1024)), code(1024));
  assert.equal(header(code(1025)), "more");
  assert.equal(header("a", code(1023)), "a;more");
  for (const count of [100, 1000]) {
    const many = header(...Array.from({ length: count }, (_, at) => `warning_number_${at}`)) ?? "";
    assert.ok(many.length <= 1024 && many.startsWith("warning_number_0;") && many.endsWith(";more"), many);
  }
});
