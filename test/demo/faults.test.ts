/** Faults of the simulated providers as the official SDKs and plain `fetch` see them. */

import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { FAULTS, findFault } from "../../src/demo/faults.ts";
import { type Providers, startProviders } from "../../src/demo/providers.ts";

let providers: Providers;
let openai: OpenAI;
let anthropic: Anthropic;
before(async () => {
  providers = await startProviders({ pace: 0 });
  openai = new OpenAI({ baseURL: providers.openaiURL, apiKey: "sk-0123456789abcdef", maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: providers.anthropicURL, apiKey: "any", maxRetries: 0 });
});
after(() => providers.close());

const MESSAGES = [{ role: "user" as const, content: "Tell me a story in 40 words" }];

function chat(model: string): Promise<OpenAI.ChatCompletion> {
  return openai.chat.completions.create({ model, messages: MESSAGES });
}

function message(model: string): Promise<Anthropic.Message> {
  return anthropic.messages.create({ model, max_tokens: 1000, messages: MESSAGES });
}

function codeOf(error: unknown): unknown {
  return error instanceof OpenAI.APIError ? error.code : undefined;
}

/** All that a stream gave, and the error that ended it. */
async function chatStream(model: string) {
  const got = { text: "", finish: null as string | null, error: undefined as unknown };
  try {
    const stream = await openai.chat.completions.create({ model, messages: MESSAGES, stream: true });
    for await (const chunk of stream) {
      got.text += chunk.choices[0]?.delta.content ?? "";
      got.finish = chunk.choices[0]?.finish_reason ?? got.finish;
    }
  } catch (error) {
    got.error = error;
  }
  return got;
}

async function messageStream(model: string) {
  const got = { text: "", types: [] as string[], error: undefined as unknown };
  try {
    const body = { model, max_tokens: 1000, messages: MESSAGES, stream: true as const };
    for await (const event of await anthropic.messages.create(body)) {
      got.types.push(event.type);
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
        got.text += event.delta.text;
      }
    }
  } catch (error) {
    got.error = error;
  }
  return got;
}

/** The answer's status, headers and text, without an SDK. */
async function raw(model: string, stream = false) {
  const response = await fetch(`${providers.openaiURL}/chat/completions`, {
    method: "POST",
    redirect: "manual",
    headers: { authorization: "Bearer x" },
    body: JSON.stringify({ model, messages: MESSAGES, stream }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Word, then status and code at OpenAI, status and type at Anthropic. */
const STATUSES: readonly [string, number, string | null, number, string][] = [
  ["400", 400, null, 400, "invalid_request_error"],
  ["401", 401, "invalid_api_key", 401, "authentication_error"],
  ["403", 403, null, 403, "permission_error"],
  ["404", 404, "model_not_found", 404, "not_found_error"],
  ["413", 413, null, 413, "request_too_large"],
  ["429", 429, "rate_limit_exceeded", 429, "rate_limit_error"],
  ["429-date", 429, "rate_limit_exceeded", 429, "rate_limit_error"],
  ["quota", 429, "insufficient_quota", 400, "invalid_request_error"],
  ["billing", 429, "billing_hard_limit_reached", 402, "billing_error"],
  ["500", 500, null, 500, "api_error"],
  ["503", 503, null, 503, "api_error"],
  ["529", 503, "overloaded", 529, "overloaded_error"],
  ["overloaded", 503, "overloaded", 529, "overloaded_error"],
  ["context", 400, "context_length_exceeded", 400, "invalid_request_error"],
  ["policy", 400, "content_policy_violation", 400, "invalid_request_error"],
];
for (const [word, status, code, anthropicStatus, type] of STATUSES) {
  test(`demo-${word} is refused in each API's words`, async () => {
    await assert.rejects(chat(`gpt-demo-${word}`), (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.deepEqual([error.status, error.code], [status, code]);
      return true;
    });
    await assert.rejects(message(`claude-demo-${word}`), (error) => {
      assert.ok(error instanceof Anthropic.APIError);
      assert.deepEqual([error.status, error.type], [anthropicStatus, type]);
      return true;
    });
  });
}

test("a rate limit says when to come back: in seconds, at a date, or not at all", async () => {
  assert.equal((await raw("demo-429-7")).headers.get("retry-after"), "7");
  assert.ok(!Number.isNaN(Date.parse((await raw("demo-429-date-7")).headers.get("retry-after") ?? "")));
  assert.equal((await raw("demo-429-bare")).headers.get("retry-after"), null);
});

test("a refused key is quoted in part, or whole where a leak is asked for", async () => {
  await assert.rejects(chat("demo-401"), /sk-01234\*{7}cdef/);
  await assert.rejects(chat("demo-401-leak"), /sk-0123456789abcdef/);
});

test("a fault that is played once leaves the second request healthy", async () => {
  await assert.rejects(chat("demo-500-once"), /500/);
  assert.equal((await chat("demo-500-once")).choices[0]?.finish_reason, "stop");
  await assert.rejects(chat("other-demo-500-once"), /500/);
});

for (const word of ["reset", "close"]) {
  test(`demo-${word} ends the connection before any answer`, async () => {
    await assert.rejects(chat(`demo-${word}`), OpenAI.APIConnectionError);
    await assert.rejects(message(`demo-${word}`), Anthropic.APIConnectionError);
    assert.equal(providers.ledger.at(-1)?.outcome, "broken");
  });
}

for (const word of ["cut-3", "reset-midstream-3"]) {
  test(`demo-${word} breaks a stream after three pieces`, async () => {
    const whole = await chatStream("gpt");
    const cut = await chatStream(`demo-${word}`);
    assert.ok(cut.error instanceof Error);
    assert.ok(whole.text.length > cut.text.length);
    assert.equal(cut.finish, null);
    assert.equal(providers.ledger.at(-1)?.tokensSent, 3);
    assert.ok((await messageStream(`demo-${word}`)).error instanceof Error);
    await assert.rejects(chat(`demo-${word}`));
  });
}

test("demo-eof ends a stream cleanly and without a finish reason, demo-no-done with one", async () => {
  const eof = await chatStream("demo-eof-3");
  assert.deepEqual([eof.error, eof.finish], [undefined, null]);
  assert.ok(!(await raw("demo-no-done", true)).text.includes("[DONE]"));
  assert.equal((await chatStream("demo-no-done")).finish, "stop");
  assert.equal((await messageStream("demo-eof-3")).types.includes("message_delta"), false);
  assert.equal((await messageStream("demo-no-done")).types.at(-1), "message_delta");
});

test("errors inside a stream come before or after the first content", async () => {
  const early = await chatStream("demo-overloaded-stream");
  assert.deepEqual([early.text, codeOf(early.error)], ["", "overloaded"]);
  const late = await chatStream("demo-error-midstream-4");
  assert.ok(late.text.length > 0 && late.error instanceof OpenAI.APIError);
  const messages = await messageStream("demo-overloaded-stream");
  assert.deepEqual(messages.types.includes("content_block_delta"), false);
  assert.match(String(messages.error), /overloaded_error/);
  assert.match(String((await messageStream("demo-error-midstream-4")).error), /overloaded_error/);
});

test("bodies that are no answer", async () => {
  assert.match((await raw("demo-html")).text, /^<!doctype html>/);
  assert.equal((await raw("demo-html-502")).status, 502);
  assert.equal((await raw("demo-empty")).text, "");
  const truncated = await raw("demo-truncated");
  assert.equal(truncated.status, 200);
  assert.throws(() => JSON.parse(truncated.text));
  const error = await raw("demo-error-in-200");
  assert.deepEqual([error.status, JSON.parse(error.text).error.code], [200, "overloaded"]);
  await assert.rejects(chatStreamOrThrow("demo-malformed-event-4"));
});

async function chatStreamOrThrow(model: string): Promise<void> {
  const { error } = await chatStream(model);
  if (error) throw error;
}

test("a redirect names the other provider", async () => {
  const { status, headers } = await raw("demo-redirect");
  assert.deepEqual([status, headers.get("location")], [307, `${providers.anthropicURL}/redirected`]);
});

test("the same answer arrives by byte, with CRLF, between pings and compressed", async () => {
  const healthy = await chatStream("gpt");
  const words = (text: string) => text.replace(/from \S+/, "from a model");
  for (
    const fault of ["slice-1", "crlf", "pings", "unknown-event", "gzip", "usage-every-chunk", "usage-last"]
  ) {
    const got = await chatStream(`demo-${fault}`);
    assert.equal(words(got.text), words(healthy.text), fault);
    assert.equal(got.finish, "stop", fault);
    const messages = await messageStream(`demo-${fault}`);
    assert.deepEqual([messages.error, messages.types.at(-1)], [undefined, "message_stop"], fault);
  }
  assert.equal((await raw("demo-gzip")).headers.get("content-encoding"), "gzip");
  assert.ok((await raw("demo-crlf", true)).text.includes("\r\n\r\n"));
});

test("a bomb swells when it is unpacked, and is an answer all the same", async () => {
  const { text } = await raw("demo-bomb-3");
  assert.ok(text.length > 3 * 1024 * 1024);
  assert.equal(JSON.parse(text).object, "chat.completion");
  assert.ok((providers.ledger.at(-1)?.bytesSent ?? Infinity) < 100_000);
});

test("a giant line and an endless answer have the size that was asked for", async () => {
  const line = await raw("demo-giant-line-2", true);
  assert.ok(line.text.length > 2 * 1024 * 1024 && !line.text.includes("\n"));
  assert.ok((await raw("demo-endless-1")).text.length > 1024 * 1024);
});

test("a header flood has as many headers as were asked for", async () => {
  assert.match(await bytesOf("demo-header-flood-200"), /\r\nx-flood-199: f{1000}\r\n/);
});

test("interim answers come before the real one", async () => {
  assert.match(await bytesOf("demo-1xx-3"), /^(HTTP\/1\.1 102 Processing\r\n\r\n){3}HTTP\/1\.1 200 OK\r\n/);
  assert.equal((await chat("demo-1xx-3")).choices[0]?.finish_reason, "stop");
});

test("an idle connection is closed although the answer promised to keep it", async () => {
  assert.match(await bytesOf("demo-keepalive-close"), /connection: keep-alive\r\n/i);
});

/** What the connection gives for one request until the server closes it. */
async function bytesOf(model: string): Promise<string> {
  const { hostname, port, pathname } = new URL(`${providers.openaiURL}/chat/completions`);
  const body = JSON.stringify({ model, messages: MESSAGES });
  const keep = model.includes("keepalive") ? "keep-alive" : "close";
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer x\r\nconnection: ${keep}\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

test("usage can be missing, zero, negative or huge", async () => {
  assert.equal((await chat("demo-usage-none")).usage, undefined);
  assert.equal((await chat("demo-usage-zero")).usage?.total_tokens, 0);
  assert.equal((await chat("demo-usage-negative")).usage?.completion_tokens, -5);
  assert.equal((await message("demo-usage-negative")).usage.output_tokens, -5);
  assert.ok((await chat("demo-usage-huge")).usage?.prompt_tokens === 1e15);
});

test("a refusal has each API's shape", async () => {
  const refused = (await chat("demo-refusal")).choices[0]?.message;
  assert.deepEqual([refused?.content, typeof refused?.refusal], [null, "string"]);
  assert.equal((await message("demo-refusal")).stop_reason, "refusal");
});

test("an echo gives back headers and body, credentials as their digest only", async () => {
  const response = await fetch(`${providers.openaiURL}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer canary-key", "x-extra": "yes" },
    body: '{"model":"demo-echo","messages":[{"role":"user","content":"hi"}],"seed":9007199254740993}',
  });
  const text = await response.text();
  assert.ok(!text.includes("canary-key"));
  const content: string = JSON.parse(text).choices[0].message.content;
  const digest = createHash("sha256").update("Bearer canary-key").digest("hex");
  assert.equal(JSON.parse(content).headers.authorization, `sha256:${digest}`);
  assert.equal(JSON.parse(content).headers["x-extra"], "yes");
  assert.ok(content.includes("9007199254740993"));
});

test("a thought can be redacted or without its text, and calls without arguments", async () => {
  const think = (model: string) =>
    anthropic.messages.create({
      model,
      max_tokens: 1000,
      messages: MESSAGES,
      thinking: { type: "adaptive" },
      tools: [{ name: "look", input_schema: { type: "object" } }],
    });
  assert.equal((await think("demo-redacted")).content[0]?.type, "redacted_thinking");
  const [block] = (await think("demo-signature")).content;
  assert.ok(block?.type === "thinking" && block.thinking === "" && block.signature !== "");
  const call = (await think("demo-tool-empty")).content.find(({ type }) => type === "tool_use");
  assert.deepEqual(call?.type === "tool_use" && call.input, {});
});

test("models refuse parameters that they do not take", async () => {
  const create = (more: object) =>
    openai.chat.completions.create({ model: "demo-no-temperature", messages: MESSAGES, ...more });
  await assert.rejects(create({ temperature: 1 }), /Unsupported parameter: 'temperature'/);
  assert.ok(await create({}));
});

test("every fault is found by its word, the longest word first", () => {
  for (const word of Object.keys(FAULTS)) {
    const found = findFault(`gpt-5-demo-${word}-once-2`);
    assert.ok(typeof found === "object");
    assert.deepEqual([found.word, found.once, found.parameter], [word, true, 2]);
  }
  assert.equal(findFault("gpt-5"), undefined);
  assert.equal(findFault("demo-usage-8-20"), undefined);
  assert.equal(findFault("demo-5000"), "unknown");
});
