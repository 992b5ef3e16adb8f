/** The simulated providers as servers: what they record, replay, and that they stop. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { type ProviderOptions, type Providers, startProviders } from "../../src/demo/providers.ts";
import type { Recording } from "../../src/demo/replay.ts";

async function start(context: TestContext, options: ProviderOptions = {}): Promise<Providers> {
  const providers = await startProviders({ pace: 0, ...options });
  context.after(() => providers.close());
  return providers;
}

function post(providers: Providers, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${providers.openaiURL}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer key" },
    body: JSON.stringify({ messages: [{ role: "user", content: "hi" }], ...body }),
    ...(signal ? { signal } : {}),
  });
}

/** Waits until a value is there that a server sets on its own time. */
async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const value = look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("It never came");
}

test("each request is recorded with its headers and its body as it came", async (context) => {
  const providers = await start(context);
  await (await post(providers, { model: "gpt-5" })).text();
  const [attempt] = providers.attempts;
  assert.equal(attempt?.path, "/v1/chat/completions");
  assert.equal(attempt?.headers["authorization"], "Bearer key");
  assert.equal(attempt?.body, '{"messages":[{"role":"user","content":"hi"}],"model":"gpt-5"}');
});

test("the ledger has what was delivered and reported", async (context) => {
  const providers = await start(context);
  const body = await (await post(providers, { model: "gpt-5" })).json() as { usage: Record<string, number> };
  const entry = await eventually(() => providers.ledger.find(({ outcome }) => outcome === "complete"));
  assert.equal(entry.status, 200);
  assert.equal(entry.usage?.output, body.usage["completion_tokens"]);
  assert.equal(entry.tokensSent, body.usage["completion_tokens"]);
  assert.ok(entry.milliseconds !== undefined);
});

test("a client that leaves is noticed, mid-stream and while nothing comes", async (context) => {
  const providers = await start(context);
  for (const model of ["demo-stall-2", "demo-headers-silent", "demo-silent", "demo-slow-60"]) {
    const leaving = new AbortController();
    const asked = post(providers, { model, stream: true }, leaving.signal);
    const entry = await eventually(() => providers.ledger.find((entry) => entry.model === model));
    if (model === "demo-stall-2") await eventually(() => entry.tokensSent === 2 ? true : undefined);
    leaving.abort();
    await asked.then((response) => response.text()).catch(() => {});
    await eventually(() => entry.outcome === "client-closed" ? true : undefined);
  }
});

test("recordings are replayed whole, in single bytes, with CRLF, cut, and with their status", async (context) => {
  const body = 'data: {"text":"€"}\n\ndata: [DONE]\n\n';
  const replies = new Map<string, Recording>([
    ["whole", { body }],
    ["bytes", { body, slice: 1 }],
    ["crlf", { body, crlf: true }],
    ["cut", { body, cut: 10 }],
    ["error", { status: 418, headers: { "content-type": "text/plain" }, body: "teapot" }],
  ]);
  const providers = await start(context, { replies });
  const text = async (model: string) => await (await post(providers, { model, stream: true })).text();
  assert.equal(await text("whole"), body);
  assert.equal(await text("bytes"), body);
  assert.equal(await text("crlf"), body.replaceAll("\n", "\r\n"));
  await assert.rejects(text("cut"));
  const error = await post(providers, { model: "error" });
  assert.deepEqual([error.status, error.headers.get("content-type"), await error.text()], [
    418,
    "text/plain",
    "teapot",
  ]);
});

test("a body that is too large or no JSON is refused", async (context) => {
  const providers = await start(context);
  const large = await post(providers, { model: "x".repeat(41 * 1024 * 1024) });
  assert.equal(large.status, 413);
  await large.text();
  const broken = await fetch(`${providers.openaiURL}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer key" },
    body: "{",
  });
  assert.equal(broken.status, 400);
  assert.match(await broken.text(), /could not parse the JSON/);
});

test("an unknown path is refused in the words of each API", async (context) => {
  const providers = await start(context);
  const openai = await fetch(`${providers.openaiURL}/embeddings`, {
    headers: { authorization: "Bearer key" },
  });
  assert.equal(openai.status, 404);
  assert.match(await openai.text(), /"error":\{"message":"Unknown request URL/);
  const anthropic = await fetch(`${providers.anthropicURL}/v1/nothing`, {
    headers: { "x-api-key": "key", "anthropic-version": "2023-06-01" },
  });
  assert.equal(anthropic.status, 404);
  assert.match(await anthropic.text(), /"type":"not_found_error"/);
});

test("a port that is taken is an error, and nothing is left listening", async (context) => {
  const providers = await start(context);
  const taken = Number(new URL(providers.anthropicURL).port);
  await assert.rejects(startProviders({ anthropicPort: taken }), { code: "EADDRINUSE" });
});

test("closing breaks off what is running and frees the ports", async () => {
  const providers = await startProviders({ pace: 0 });
  const silent = post(providers, { model: "demo-silent" }).then(() => "answered", () => "broken off");
  const stalled = post(providers, { model: "demo-stall", stream: true }).then((response) => response.text());
  const broken = assert.rejects(stalled);
  await eventually(() =>
    providers.ledger.length === 2 && (providers.ledger[1]?.tokensSent ?? 0) > 0 ? true : undefined
  );
  await providers.close();
  assert.equal(await silent, "broken off");
  await broken;
  const socket = connect(Number(new URL(providers.openaiURL).port), "127.0.0.1");
  const [error] = await once(socket, "error");
  assert.equal(error.code, "ECONNREFUSED");
});
