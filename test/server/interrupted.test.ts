/** Failures after the first content: too late for failover, so the stream ends with an honest error. */

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { configOf, type Proxy, rejected, withProxy } from "../tools/proxy.ts";

const PROVIDERS = ["openai", "anthropic"] as const;
type Provider = (typeof PROVIDERS)[number];
const HEALTHY = { openai: "gpt-5", anthropic: "claude-sonnet-4-20250514" } as const;
const FAULTS = {
  "cut-3": "upstream_stream_interrupted",
  "reset-midstream-3": "upstream_stream_interrupted",
  "eof-3": "upstream_stream_interrupted",
  "malformed-event-7": "upstream_invalid_event",
  "stall-3": "upstream_timeout",
  "error-midstream-3": "upstream_error",
} as const;
const messages = [{ role: "user" as const, content: "Hello" }];

for (const [fault, code] of Object.entries(FAULTS)) {
  for (const failing of PROVIDERS) {
    const interrupts = (title: string, read: (proxy: Proxy) => Promise<void>) =>
      test(`${fault} of ${failing}: ${title}`, () => interrupted(failing, fault, code, read));
    interrupts("the OpenAI SDK throws, and saw no finish reason", readOpenAI);
    interrupts("the Anthropic SDK throws", readAnthropic);
    interrupts("the last event is an error, and nothing says that all is well", readRaw);
  }
}

async function interrupted(
  failing: Provider,
  fault: string,
  code: string,
  read: (proxy: Proxy) => Promise<void>,
): Promise<void> {
  const other = failing === "openai" ? "anthropic" : "openai";
  const config = configOf({
    first: { provider: failing, model: `${HEALTHY[failing]}-demo-${fault}`, timeouts: { idle: 0.3 } },
    second: { provider: other, model: HEALTHY[other] },
  }, { first: "second" });
  // A pause between two tokens, so that what was sent before a reset is read before it.
  await withProxy({ config, pace: 15 }, async (proxy) => {
    await read(proxy);
    const entry = await proxy.logged();
    assert.equal(entry.outcome, "stream_interrupted");
    assert.equal(entry.error, code);
    assert.equal(entry.status, 200);
    assert.equal(entry.tries, 1);
    assert.equal(entry.failover, undefined);
    // One API says at the start what the request cost, the other at the end only.
    assert.equal(entry.usageSource, failing === "anthropic" ? "partial" : "estimated");
    assert.equal(proxy.providers.attempts.length, 1);
  });
}

async function readOpenAI(proxy: Proxy): Promise<void> {
  let seen = "";
  const read = async () => {
    const stream = await proxy.openai("ann").chat.completions.create({
      model: "first",
      messages,
      stream: true,
    });
    for await (const chunk of stream) {
      seen += chunk.choices[0]?.delta.content ?? "";
      assert.equal(chunk.choices[0]?.finish_reason ?? null, null);
    }
  };
  const error = await rejected(read());
  assert(error instanceof OpenAI.APIError, `${error}`);
  assert.match(seen, /^This is/);
}

async function readAnthropic(proxy: Proxy): Promise<void> {
  let seen = "";
  const stream = proxy.anthropic("ann").messages.stream({ model: "first", max_tokens: 1000, messages });
  const error = await rejected(stream.on("text", (text) => seen += text).finalMessage());
  assert(error instanceof Anthropic.APIError, `${error}`);
  assert.match(seen, /^This is/);
}

async function readRaw(proxy: Proxy): Promise<void> {
  const body = { model: "first", messages, stream: true, max_tokens: 1000 };
  const { status, text, broken } = await proxy.post("ann", "/v1/chat/completions", body);
  assert.equal(status, 200);
  assert(!broken);
  assert(!text.includes("[DONE]"));
  assert(!/"finish_reason":"/.test(text));
  const { error } = JSON.parse(text.trimEnd().split("\n").at(-1)?.slice("data: ".length) ?? "");
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
}
