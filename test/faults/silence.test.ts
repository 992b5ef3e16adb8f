/** Streams that are silent for a while: signs of life, and what they must not spoil. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { withProxy } from "../tools/proxy.ts";
import { ask, each, read, routes, STREAMED } from "./_ways.ts";

const further = { keepAlive: 0.1 };
const SIGN = { openai: /^: .*\n\n/, anthropic: /^event: ping\ndata: \{"type": ?"ping"\}\n\n/ } as const;

test("F75: a silent stream gets signs of life before its first content, and then its answer", () =>
  each(
    STREAMED,
    (way) =>
      withProxy({ config: routes(way, { first: "demo-slow-0.5", further }) }, async (proxy) => {
        const reply = await ask(proxy, way, "first");
        assert.equal(reply.status, 200);
        assert.equal(reply.headers["cache-control"], "no-cache, no-transform");
        assert.equal(reply.headers["x-accel-buffering"], "no");
        assert.match(reply.text, SIGN[way.client]);
        const { complete, error, signs } = read(way, reply);
        assert(complete && !error && signs >= 2, reply.text);
        const { outcome, firstTokenMs } = await proxy.logged();
        assert.equal(outcome, "ok");
        assert(firstTokenMs !== undefined && firstTokenMs > 300);
      }),
  ));

test("F75: a stream that pauses after content gets signs of life, between events and never inside of one", () =>
  each(
    STREAMED,
    (way) =>
      withProxy({ config: routes(way, { first: "demo-pause-0.5", further }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        const { complete, error, signs } = read(way, reply);
        assert(complete && !error && signs >= 2, reply.text);
      }),
  ));

test("F75: after a sign of life the next target is still tried", () =>
  each(STREAMED, (way) =>
    withProxy({
      config: routes(way, { first: "demo-silent", further, timeouts: { firstByteStream: 0.4 } }),
    }, async (proxy) => {
      const reply = await ask(proxy, way, "first");
      assert.match(reply.text, SIGN[way.client]);
      const { text, complete, error } = read(way, reply);
      assert(complete && !error, reply.text);
      assert(text.includes("simulated answer from healthy"));
      const { tries, failover, served } = await proxy.logged();
      assert.deepEqual([tries, failover, served], [2, "timeout", "fine"]);
    })));

test("F75: when every target fails after a sign of life, the stream ends with the error", () =>
  each(STREAMED, (way) =>
    withProxy({
      config: routes(way, {
        first: "demo-silent",
        failover: ["broken"],
        further,
        timeouts: { firstByteStream: 0.4 },
      }),
    }, async (proxy) => {
      const reply = await ask(proxy, way, "first");
      assert.equal(reply.status, 200);
      const { text, complete, error } = read(way, reply);
      assert.equal(text, "");
      assert(!complete && error, reply.text);
      const { outcome, usageSource, tries } = await proxy.logged();
      assert.deepEqual([outcome, usageSource, tries], ["upstream_error", "none", 2]);
    })));

test("F75: both SDKs read a stream that begins with signs of life", () =>
  each(
    STREAMED,
    (way) =>
      withProxy({ config: routes(way, { first: "demo-slow-0.4", further }) }, async (proxy) => {
        const messages = [{ role: "user" as const, content: "Hello" }];
        let text = "";
        if (way.client === "openai") {
          const stream = await proxy.openai("ann").chat.completions.create({
            model: "alone",
            messages,
            stream: true,
          });
          for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
        } else {
          const stream = proxy.anthropic("ann").messages.stream({ model: "alone", max_tokens: 64, messages });
          text = await stream.finalText();
        }
        assert(text.startsWith("This is a simulated answer"), text);
      }),
  ));
