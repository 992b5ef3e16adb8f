/** Failures before the first content: the next target answers, and the client sees nothing of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, type Proxy, withProxy } from "../tools/proxy.ts";

/** Seconds, for targets that never answer: short enough to wait for. */
const timeouts = { firstByte: 0.3, firstByteStream: 0.3, idle: 0.3 };
const PATIENT = { firstByte: 20, firstByteStream: 20, idle: 20 };
const PROVIDERS = ["openai", "anthropic"] as const;
type Provider = (typeof PROVIDERS)[number];
const PATHS = { openai: "/v1/chat/completions", anthropic: "/v1/messages" } as const;
const HEALTHY = { openai: "gpt-5", anthropic: "claude-sonnet-4-20250514" } as const;

interface Call {
  readonly client: Provider;
  readonly failing: Provider;
  readonly stream: boolean;
}

const CALLS: readonly Call[] = PROVIDERS.flatMap((client) =>
  PROVIDERS.flatMap((failing) => [false, true].map((stream) => ({ client, failing, stream })))
);

function described({ client, failing, stream }: Call): string {
  return `${client} client, ${failing} fails, ${stream ? "streamed" : "plain"}`;
}

function ask(proxy: Proxy, { client, stream }: Call, model = "first", more: object = {}) {
  return proxy.post("ann", PATHS[client], {
    model,
    stream,
    max_tokens: 1000,
    messages: [{ role: "user", content: "Hello, usage 8/20" }],
    ...more,
  });
}

/** The whole text of an answer, plain or streamed, in either API. */
function textOf(body: string, stream: boolean): string {
  if (!stream) {
    const value = JSON.parse(body);
    return value.choices?.[0].message.content ??
      value.content.map(({ text }: { text?: string }) => text ?? "").join("");
  }
  const data = body.split("\n").filter((line) => line.startsWith("data: {")).map((line) =>
    JSON.parse(line.slice(6))
  );
  return data.map((event) => event.choices?.[0]?.delta.content ?? event.delta?.text ?? "").join("");
}

/** By fault: the word of `failoverOn` that it falls under, for each of the two providers where they differ. */
const FAULTS: Readonly<Record<string, string>> = {
  "429": "429",
  "500": "5xx",
  "529": "5xx",
  "401": "401",
  "403": "403",
  "404": "404",
  reset: "connect",
  close: "connect",
  silent: "timeout",
  "headers-silent": "timeout",
  redirect: "invalid",
  html: "invalid",
  empty: "invalid",
  truncated: "invalid",
  "wrong-schema": "invalid",
  "html-502": "5xx",
  "error-in-200": "5xx",
  "overloaded-stream": "5xx",
};

for (const [fault, word] of Object.entries(FAULTS)) {
  test(`a first target with ${fault} is left, as ${word}, and nothing of it is seen`, async () => {
    // Half of a stream has content: what happens after that is another matter.
    const calls = CALLS.filter(({ stream }) => !stream || fault !== "truncated");
    await Promise.all(calls.map((asked) => hides(asked, `${HEALTHY[asked.failing]}-demo-${fault}`, word)));
  });
}

test("a first target that refuses connections is left, and nothing of it is seen", async () => {
  for (const asked of CALLS) {
    const dialect = asked.failing === "openai" ? "openai-chat" : "anthropic-messages";
    const nowhere = { dialect, baseURL: "http://127.0.0.1:1/v1" };
    await hides(asked, HEALTHY[asked.failing], "connect", nowhere);
  }
});

/** Faults that only a stream can have. */
for (
  const fault of ["cut-0", "reset-midstream-0", "error-midstream-0", "eof-0", "stall-0", "malformed-event-1"]
) {
  test(`a stream with ${fault}, before any content, is left`, async () => {
    for (const asked of CALLS.filter(({ stream }) => stream)) {
      // A reset may overtake the headers that were sent before it.
      const words = {
        "error-midstream-0": "5xx",
        "stall-0": "timeout",
        "reset-midstream-0": "connect|invalid",
      };
      const word = new Map(Object.entries(words)).get(fault) ?? "invalid";
      await hides(asked, `${HEALTHY[asked.failing]}-demo-${fault}`, word);
    }
  });
}

/** @param word what `failoverOn` calls the failure: a pattern */
async function hides(asked: Call, model: string, word: string, provider?: object): Promise<void> {
  const fallback = asked.failing === "openai" ? "anthropic" : "openai";
  // What is to be waited for is waited for shortly; what answers has all the time that a busy machine takes.
  const limits = word === "timeout" ? timeouts : PATIENT;
  const models = {
    first: { provider: provider ? "broken" : asked.failing, model, timeouts: limits },
    second: { provider: fallback, model: HEALTHY[fallback] },
  };
  const config = configOf(models, { first: "second" }, {
    timeouts: PATIENT,
    ...(provider && { providers: { broken: provider } }),
  });
  await withProxy({ config }, async (proxy) => {
    const reply = await ask(proxy, asked);
    const about = `${described(asked)}: ${reply.text.slice(0, 300)}`;
    assert.equal(reply.status, 200, about);
    assert.match(
      textOf(reply.text, asked.stream),
      new RegExp(`^This is a simulated answer from ${HEALTHY[fallback]} .*usage 8/20".$`),
      about,
    );
    assert(!/error/i.test(reply.text), about);
    assert.match(reply.headers["x-ai-proxy-failover"] ?? "", new RegExp(`^(${word})$`), about);
    assert.equal(reply.headers["x-ai-proxy-attempts"], "2", about);
    assert.equal(reply.headers["x-ai-proxy-model"], "second", about);
    assert.equal(reply.headers["x-ai-proxy-provider"], fallback, about);
    const entry = await proxy.logged();
    assert.equal(entry.outcome, "ok", about);
    assert.equal(entry.failover, reply.headers["x-ai-proxy-failover"], about);
    assert.deepEqual(entry.attempts.map(({ reason }) => reason), [entry.failover, "ok"], about);
    assert.deepEqual(
      [entry.usage?.input, entry.usage?.output, entry.usageSource],
      [8, 20, "provider"],
      about,
    );
  });
}

test("when every target fails the client gets the last one's status and error", async () => {
  for (const asked of CALLS) {
    const last = asked.failing === "openai" ? "anthropic" : "openai";
    const models = {
      first: { provider: asked.failing, model: "demo-500" },
      second: { provider: last, model: "demo-429" },
    };
    await withProxy({ config: configOf(models, { first: "second" }) }, async (proxy) => {
      const reply = await ask(proxy, asked);
      assert.equal(reply.status, 429, described(asked));
      assert.equal(reply.headers["content-type"], "application/json");
      assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
      assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
      assert.equal(reply.headers["x-should-retry"], "false");
      assert.match(reply.json().error.message, /^Rate limit reached \(simulated\)\./);
      const entry = await proxy.logged();
      assert.equal(entry.outcome, "upstream_error");
      assert.deepEqual(entry.attempts.map(({ model, status }) => [model, status]), [["first", 500], [
        "second",
        429,
      ]]);
    });
  }
});

const OWN_ERRORS = [
  ["silent", 504, "upstream_timeout", "upstream_timeout"],
  ["headers-silent", 504, "upstream_timeout", "upstream_timeout"],
  ["reset", 502, "upstream_unreachable", "upstream_error"],
  ["html", 502, "upstream_invalid_response", "upstream_error"],
  ["html-502", 502, "upstream_invalid_response", "upstream_error"],
  ["redirect", 502, "upstream_invalid_response", "upstream_error"],
] as const;

for (const [fault, status, code, outcome] of OWN_ERRORS) {
  test(`without a failover, ${fault} is an honest ${status}`, async () => {
    await Promise.all(CALLS.map(async (asked) => {
      const models = { first: { provider: asked.failing, model: `demo-${fault}`, timeouts } };
      await withProxy({ config: configOf(models) }, async (proxy) => {
        const reply = await ask(proxy, asked);
        const about = `${described(asked)}: ${reply.text}`;
        assert.equal(reply.status, status, about);
        assert(!reply.text.includes("<"), about);
        if (asked.client === "openai") assert.equal(reply.json().error.code, code, about);
        else assert.equal(reply.json().type, "error", about);
        const entry = await proxy.logged();
        assert.equal(entry.error, code, about);
        assert.equal(entry.outcome, outcome, about);
        assert.equal(entry.usageSource, "none", about);
      });
    }));
  });
}

test("a caller's own fault does not move on", async () => {
  for (const asked of CALLS) {
    const fallback = asked.failing === "openai" ? "anthropic" : "openai";
    for (const status of [400, 413, 422]) {
      const models = {
        first: { provider: asked.failing, model: `demo-${status}` },
        second: { provider: fallback, model: HEALTHY[fallback] },
      };
      await withProxy({ config: configOf(models, { first: "second" }) }, async (proxy) => {
        const reply = await ask(proxy, asked);
        // The Messages API has no 422 of its own.
        const unknown = status === 422 && asked.client === "anthropic" && asked.failing === "openai";
        assert.equal(reply.status, unknown ? 400 : status, described(asked));
        assert.equal(reply.headers["x-ai-proxy-attempts"], "1");
        assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
        assert.equal(proxy.providers.attempts.length, 1);
      });
    }
  }
});

test("a failover target that cannot express the request is passed over", async () => {
  const models = {
    first: { provider: "openai", model: "demo-500" },
    sonnet: { provider: "anthropic", model: HEALTHY.anthropic },
    last: { provider: "openai", model: "gpt-5" },
  };
  const asked: Call = { client: "openai", failing: "openai", stream: false };
  await withProxy({ config: configOf(models, { first: ["sonnet", "last"] }) }, async (proxy) => {
    const reply = await ask(proxy, asked, "first", { n: 2 });
    assert.equal(reply.status, 200);
    assert.equal(reply.json().choices.length, 2);
    const entry = await proxy.logged();
    assert.deepEqual(entry.attempts.map(({ model, reason }) => [model, reason]), [
      ["first", "5xx"],
      ["sonnet", "unsupported"],
      ["last", "ok"],
    ]);
    assert.equal(entry.tries, 2);
    assert.equal(proxy.providers.attempts.length, 2);
  });
  await withProxy({ config: configOf(models, { first: "sonnet" }) }, async (proxy) => {
    const reply = await ask(proxy, asked, "first", { n: 2 });
    assert.equal(reply.status, 500, "the failure that was asked for, not that its fallback cannot help");
    assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
  });
});

test("a provider without its key is passed over, and named when it is the last", async () => {
  const providers = {
    keyless: { dialect: "openai-chat", baseURL: "http://127.0.0.1:1/v1", apiKey: { env: "NO_SUCH_KEY" } },
  };
  const models = {
    first: { provider: "keyless" },
    second: { provider: "openai", model: "gpt-5" },
    alone: { provider: "keyless" },
  };
  await withProxy({ config: configOf(models, { first: "second" }, { providers }) }, async (proxy) => {
    const asked: Call = { client: "openai", failing: "openai", stream: false };
    const reply = await ask(proxy, asked);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers["x-ai-proxy-failover"], "key_missing");
    const refused = await ask(proxy, asked, "alone");
    assert.equal(refused.status, 502);
    assert.equal(refused.json().error.code, "provider_key_missing");
    assert(!refused.text.includes("NO_SUCH_KEY"));
  });
});
