/** The same dialect on both sides: what the client and the provider say to each other is not rewritten. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, withProxy } from "../tools/proxy.ts";

const CHAT = "/v1/chat/completions";
const MESSAGES = "/v1/messages";
const config = configOf({
  gpt: { provider: "openai", model: "gpt-5" },
  claude: { provider: "anthropic", model: "claude-sonnet-4-20250514" },
  "gpt-zip": { provider: "openai", model: "gpt-5-demo-gzip" },
  "claude-zip": { provider: "anthropic", model: "claude-demo-gzip" },
});

const ODD = '"x_unknown" : {"deep":[1.50,1e400,-0,12345678901234567890,"\\u00e9\\/"]},\n\t"temperature":0.70';

test("a request reaches its provider byte for byte, but for the model's name", () =>
  withProxy({ config }, async (proxy) => {
    for (
      const [path, model, name] of [[CHAT, "gpt", "gpt-5"], [MESSAGES, "claude", "claude-sonnet-4-20250514"]]
    ) {
      const body = (written: string) =>
        ` { "messages": [ {"role":"user","content":"Hi"} ], "model" : "${written}",${ODD}, "max_tokens":1e2 }\n`;
      await proxy.post("ann", path ?? "", body(model ?? ""));
      assert.equal(proxy.providers.attempts.at(-1)?.body, body(name ?? ""));
    }
  }));

test("the provider's own headers go through, the client's credentials and connection do not", () =>
  withProxy({ config }, async (proxy) => {
    await proxy.raw({
      method: "POST",
      path: MESSAGES,
      headers: {
        "x-user": "ann",
        "anthropic-beta": "a-beta-2026-01-01",
        "anthropic-version": "2026-10-21",
        "anthropic-organization-id": "client-organization",
        authorization: "Bearer client-credential",
        "x-api-key": "client-credential",
        cookie: "client=credential",
        "x-forwarded-for": "192.0.2.1",
        "accept-encoding": "gzip",
      },
      body: JSON.stringify({ model: "claude", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] }),
    });
    const { headers } = proxy.providers.attempts.at(-1) ?? {};
    assert.equal(headers?.["anthropic-beta"], "a-beta-2026-01-01");
    // The body is written for the version that its client names.
    assert.equal(headers?.["anthropic-version"], "2026-10-21");
    assert.equal(headers?.["accept-encoding"], "identity");
    for (
      const name of ["authorization", "cookie", "x-user", "x-forwarded-for", "anthropic-organization-id"]
    ) {
      assert.equal(headers?.[name], undefined, name);
    }
    assert(!JSON.stringify(headers).includes("credential"));
  }));

const chunk = (rest: string) => `data: {"id":"c1" ,"object":"chat.completion.chunk","x":1.50,${rest}}\n\n`;
const USAGE = chunk('"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":20,"total_tokens":28}');
const STREAM = [
  ": a comment of the provider's\n\n",
  chunk('"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]'),
  "event: x\nid: 7\n" + chunk('"choices":[{"index":0,"delta":{"content":"Grüße 👋"},"finish_reason":null}]'),
  chunk('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]'),
  USAGE,
  "data: [DONE]\n\n",
].join("");

for (const crlf of [false, true]) {
  for (const slice of [1, 7, STREAM.length * 2]) {
    test(`a stream's bytes stay as they are, ${crlf ? "CRLF" : "LF"}, in pieces of ${slice}`, () => {
      const text = (lf: string) => crlf ? lf.replaceAll("\n", "\r\n") : lf;
      const replies = new Map([["gpt-5", { body: STREAM, slice, crlf }]]);
      return withProxy({ config, replies }, async (proxy) => {
        const request = { model: "gpt", stream: true, messages: [{ role: "user", content: "Hi" }] };
        const asked = await proxy.post("ann", CHAT, { ...request, stream_options: { include_usage: true } });
        assert.equal(asked.text, text(STREAM));
        const unasked = await proxy.post("ann", CHAT, request);
        assert.equal(unasked.text, text(STREAM.replace(USAGE, "")));
        const sent = JSON.parse(proxy.providers.attempts.at(-1)?.body ?? "");
        assert.deepEqual(sent.stream_options, { include_usage: true });
        const entry = await proxy.logged(2);
        assert.deepEqual([entry.usage?.input, entry.usage?.output, entry.usageSource], [8, 20, "provider"]);
        assert.equal(entry.bytes, unasked.bytes.length);
      });
    });
  }
}

test("an answer of Claude's keeps its bytes, plain and streamed", async () => {
  const plain =
    '{ "type":"message","id":"msg_1","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],' +
    '"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":8,"output_tokens":20},"x":1.50 }\n';
  const frame = (type: string, rest: string) => `event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`;
  const streamed = [
    frame(
      "message_start",
      `,"message":${plain.trim().replace('"end_turn"', "null").replace(/\[.*?\]/, "[]")}`,
    ),
    frame("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
    frame("ping", ""),
    frame("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"Hi"},"x":1.50'),
    frame("content_block_stop", ',"index":0'),
    frame(
      "message_delta",
      ',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":20}',
    ),
    frame("message_stop", ""),
  ].join("");
  for (const [stream, body] of [[false, plain], [true, streamed]] as const) {
    const replies = new Map([["claude-sonnet-4-20250514", { body }]]);
    await withProxy({ config, replies }, async (proxy) => {
      const messages = [{ role: "user", content: "Hi" }];
      const reply = await proxy.post("ann", MESSAGES, { model: "claude", max_tokens: 10, stream, messages });
      assert.equal(reply.text, body);
      const entry = await proxy.logged();
      assert.deepEqual([entry.usage?.input, entry.usage?.output, entry.usageSource], [8, 20, "provider"]);
    });
  }
});

test("an answer that the provider compressed is readable in both dialects", () =>
  withProxy({ config }, async (proxy) => {
    for (const model of ["gpt-zip", "claude-zip"]) {
      for (const path of [CHAT, MESSAGES]) {
        for (const stream of [false, true]) {
          const messages = [{ role: "user", content: "Hi" }];
          const reply = await proxy.post("ann", path, { model, stream, max_tokens: 100, messages });
          assert.equal(reply.status, 200);
          assert.equal(reply.headers["content-encoding"], undefined);
          assert.match(reply.text, /simulate/);
        }
      }
    }
  }));

test("a provider's error reaches a client of its own API as it came", async () => {
  const bodies = {
    gpt:
      '{"error": {"message":"Nope","type":"invalid_request_error","param":null,"code":"x","extra":1.50}}\n',
    claude: '{"type":"error", "error":{"type":"invalid_request_error","message":"Nope","extra":1.50}}\n',
  };
  const replies = new Map([
    ["gpt-5", { status: 400, body: bodies.gpt, headers: { "content-type": "application/json" } }],
    ["claude-sonnet-4-20250514", {
      status: 400,
      body: bodies.claude,
      headers: { "content-type": "application/json" },
    }],
  ]);
  await withProxy({ config, replies }, async (proxy) => {
    for (const [path, model] of [[CHAT, "gpt"], [MESSAGES, "claude"]] as const) {
      const messages = [{ role: "user", content: "Hi" }];
      const reply = await proxy.post("ann", path, { model, max_tokens: 10, messages });
      assert.equal(reply.status, 400);
      assert.equal(reply.text, bodies[model]);
      assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
    }
  });
});

test("nothing is kept of an answer whose client's own API carries all of it", () =>
  withProxy(
    { config: configOf({ claude: { provider: "anthropic", model: "claude-sonnet-4-20250514" } }) },
    async (proxy) => {
      const parameters = { type: "object", properties: {} };
      const first = await proxy.post("ann", MESSAGES, {
        model: "claude",
        max_tokens: 4000,
        thinking: { type: "enabled", budget_tokens: 2000 },
        tools: [{ name: "now", input_schema: parameters }],
        messages: [{ role: "user", content: "Use now" }],
      });
      const call = first.json().content.find(({ type }: { type: string }) => type === "tool_use");
      await proxy.post("ann", CHAT, {
        model: "claude",
        tools: [{ type: "function", function: { name: "now", parameters } }],
        messages: [
          { role: "user", content: "Use now" },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: call.id, type: "function", function: { name: "now", arguments: "{}" } }],
          },
          { role: "tool", tool_call_id: call.id, content: "12:00" },
        ],
      });
      const sent = JSON.parse(proxy.providers.attempts.at(-1)?.body ?? "");
      assert.deepEqual(sent.messages[1].content.map(({ type }: { type: string }) => type), ["tool_use"]);
    },
  ));
