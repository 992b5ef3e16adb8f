/** The walk-through of NGINX's AI proxy demo, with the demo's own configuration, unchanged. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { NotFoundError } from "openai";
import { type Proxy, rejected, withProxy } from "../tools/proxy.ts";

const CLAUDE = "claude-sonnet-4-20250514";
const CHAT = "/v1/chat/completions";
const config = await readFile(new URL("../fixtures/config/nginx-demo.json", import.meta.url), "utf8");
const hello = (model: string, content = "Hello") => ({ model, messages: [{ role: "user", content }] });

function demo(
  title: string,
  run: (proxy: Proxy) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): void {
  test(title, () => withProxy({ config, env }, run));
}

demo("gpt-5 answers user-a, and its bytes reach the client as they came", async (proxy) => {
  const body = '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-5-2025","x":1.50,\n' +
    '"choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"finish_reason":"stop"}],' +
    '"usage":{"prompt_tokens":13,"completion_tokens":39,"total_tokens":52}}\n';
  await withProxy({ config, replies: new Map([["gpt-5", { body }]]) }, async (recorded) => {
    const reply = await recorded.post("user-a", CHAT, hello("gpt-5"));
    assert.equal(reply.status, 200);
    assert.equal(reply.text, body);
    assert.match(await recorded.line(), / prompt_tokens=13 completion_tokens=39 total_tokens=52 /);
  });
  const reply = await proxy.openai("user-a").chat.completions.create({
    model: "gpt-5",
    messages: [{ role: "user", content: "Hello" }],
  });
  assert.match(
    reply.choices[0]?.message.content ?? "",
    /^This is a simulated answer from gpt-5 \(OpenAI API\)/,
  );
});

demo("Claude answers user-a as one choice of a chat completion", async (proxy) => {
  const reply = await proxy.post("user-a", CHAT, hello(CLAUDE, "Hello, usage 8/20"));
  assert.equal(reply.status, 200);
  const completion = reply.json();
  assert.equal(completion.object, "chat.completion");
  assert.equal(completion.model, CLAUDE);
  assert(Number.isInteger(completion.created) && completion.created > 1_700_000_000);
  assert.equal(completion.choices.length, 1);
  assert.equal(completion.choices[0].index, 0);
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.equal(completion.choices[0].message.role, "assistant");
  assert.match(completion.choices[0].message.content, /simulated answer from claude/);
  assert.equal(completion.usage.prompt_tokens, 8);
  assert.equal(completion.usage.completion_tokens, 20);
  assert.equal(completion.usage.total_tokens, 28);
  assert.equal(completion.system_fingerprint, null);
  assert.equal(reply.headers["x-ai-proxy-model"], CLAUDE);
  assert.equal(reply.headers["x-ai-proxy-provider"], "anthropic");
  assert.equal(reply.headers["x-ai-proxy-attempts"], "1");
  assert.equal(reply.headers["x-ai-proxy-failover"], undefined);
});

demo("user-b may not use Claude, and cannot tell that it is there", async (proxy) => {
  const error = await rejected(
    proxy.openai("user-b").chat.completions.create({
      model: CLAUDE,
      messages: [{ role: "user", content: "Hello" }],
    }),
  );
  assert(error instanceof NotFoundError);
  assert.equal(error.code, "model_not_found");
  assert.equal(error.headers.get("x-should-retry"), "false");
  for (const model of [CLAUDE, "no-such-model"]) {
    const reply = await proxy.post("user-b", CHAT, hello(model));
    assert.equal(reply.status, 404);
    assert.deepEqual(reply.json(), {
      error: {
        message: `The model '${model}' was not found or is not accessible to this user`,
        type: "invalid_request_error",
        param: "model",
        code: "model_not_found",
      },
    });
  }
  assert.equal(proxy.providers.attempts.length, 0);
});

const BAD_KEY = "bad-canary-key-0123456789";

demo("a refused OpenAI key makes Claude answer user-a", async (proxy) => {
  const reply = await proxy.post("user-a", CHAT, hello("gpt-5", "usage 8/20"));
  assert.equal(reply.status, 200);
  assert.equal(reply.json().model, CLAUDE);
  assert.equal(reply.headers["x-ai-proxy-model"], CLAUDE);
  assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
  assert.equal(reply.headers["x-ai-proxy-failover"], "401");
  assert.match(
    await proxy.line(),
    / model=gpt-5 served=claude-sonnet-4-20250514 provider=anthropic attempts=2 failover=401 outcome=ok usage=provider /,
  );
  assert.deepEqual(
    (await proxy.logged()).attempts.map(({ model, status, reason }) => [model, status, reason]),
    [
      ["gpt-5", 401, "401"],
      [CLAUDE, 200, "ok"],
    ],
  );
}, { OPENAI_API_KEY: BAD_KEY });

demo("user-b, who has no failover, gets the provider's 401 without the key in it", async (proxy) => {
  const reply = await proxy.post("user-b", CHAT, hello("gpt-5"));
  assert.equal(reply.status, 401);
  assert.equal(reply.json().error.code, "invalid_api_key");
  assert.match(reply.json().error.message, /^Incorrect API key provided/);
  assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
  assert.equal(reply.headers["x-should-retry"], "false");
  assert(!/bad-cana|6789/.test(reply.text + JSON.stringify(reply.headers)));
  const entry = await proxy.logged();
  assert.equal(entry.outcome, "upstream_error");
  assert.deepEqual([entry.error, entry.upstreamError], ["upstream_error", "invalid_api_key"]);
}, { OPENAI_API_KEY: BAD_KEY });

const TIME = /\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000/.source;

demo("the access log has the demo's line with token counts, and ours after it", async (proxy) => {
  await proxy.raw({
    method: "POST",
    path: CHAT,
    headers: { "x-user": "user-a", "user-agent": "curl/8", "x-request-id": "walk-1" },
    body: JSON.stringify(hello("gpt-5", "usage 13/39")),
  });
  assert.match(
    await proxy.line(),
    new RegExp(
      `^127\\.0\\.0\\.1 - user-a \\[${TIME}\\] "POST /v1/chat/completions HTTP/1\\.1" 200 \\d+ "-" "curl/8" "-" ` +
        "prompt_tokens=13 completion_tokens=39 total_tokens=52 request_id=walk-1 model=gpt-5 served=gpt-5 " +
        "provider=openai attempts=1 failover= outcome=ok usage=provider ttft_ms=\\d+ duration_ms=\\d+",
    ),
  );
});

demo("a refused request leaves a line with empty token values", async (proxy) => {
  await proxy.raw({ method: "POST", path: CHAT, body: JSON.stringify(hello("gpt-5")) });
  assert.match(
    await proxy.line(),
    new RegExp(
      `^127\\.0\\.0\\.1 - - \\[${TIME}\\] "POST /v1/chat/completions HTTP/1\\.1" 401 \\d+ "-" "-" "-" ` +
        "prompt_tokens= completion_tokens= total_tokens= request_id=req_[0-9a-f]{24} model= served= provider= " +
        "attempts=0 failover= outcome=denied usage=none ttft_ms= duration_ms=\\d+",
    ),
  );
});
