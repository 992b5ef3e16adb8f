/**
 * Streams that fail on their way. Before the first content another target is tried, unseen; after it the stream ends
 * with an error event in the client's API, never as if it were complete, and no target is asked again.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, asked, each, read, routes, STREAMED, type Way } from "./_ways.ts";
import { type Proxy, withProxy } from "../tools/proxy.ts";

const SOON = { firstByte: 0.3, firstByteStream: 0.3, idle: 0.3 };

interface Row {
  readonly title: string;
  readonly model: string;
  readonly code: string;
  readonly type: string;
  /** For the early ones: the word of `failoverOn`. */
  readonly word?: string;
  readonly timeouts?: Readonly<Record<string, number>>;
  readonly ways?: (way: Way) => boolean;
}

const INTERRUPTED = { code: "upstream_stream_interrupted", type: "api_error", word: "invalid" } as const;
const MALFORMED = { code: "upstream_invalid_event", type: "api_error", word: "invalid" } as const;
const STALLED = { code: "upstream_timeout", type: "timeout_error", word: "timeout", timeouts: SOON } as const;
const OVERLOADED = { code: "overloaded", type: "overloaded_error", word: "5xx" } as const;
const anthropic = ({ upstream }: Way) => upstream === "anthropic";

const EARLY: readonly Row[] = [
  { title: "F63: a stream that stalls before its first content", model: "demo-stall-0", ...STALLED },
  { title: "F64: a stream that is cut before its first content", model: "demo-cut-0", ...INTERRUPTED },
  {
    title: "F64: a stream that is reset before its first content",
    model: "demo-reset-midstream-0",
    ...INTERRUPTED,
  },
  { title: "F64: a stream that ends before its first content", model: "demo-eof-0", ...INTERRUPTED },
  { title: "F65: an error event before the first content", model: "demo-overloaded-stream", ...OVERLOADED },
  { title: "F70: a line without end", model: "demo-giant-line-17", ...MALFORMED },
  { title: "F71: a first event that is no JSON", model: "demo-malformed-event-1", ...MALFORMED },
  {
    title: "F71: content before the start of the answer",
    model: "demo-order",
    ways: anthropic,
    ...MALFORMED,
  },
];

for (const { title, model, word, timeouts, ways = () => true } of EARLY) {
  test(`${title} moves on unseen`, () =>
    each(
      STREAMED.filter(ways),
      (way) =>
        withProxy({ config: routes(way, { first: model, ...(timeouts && { timeouts }) }) }, async (proxy) => {
          const reply = await ask(proxy, way, "first");
          assert.equal(reply.status, 200);
          const { text, error, complete } = read(way, reply);
          assert.equal(error, undefined);
          assert(complete && text.includes("simulated answer from healthy"), text);
          assert.equal(reply.headers["x-ai-proxy-failover"], word);
          assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
          assert.equal((await proxy.logged()).outcome, "ok");
          assert.equal(asked(proxy, model), 1);
          assert.equal(asked(proxy, "healthy"), 1);
        }),
    ));
}

const LATE: readonly Row[] = [
  { title: "F63: a stream that stalls after content", model: "demo-stall-2", ...STALLED },
  { title: "F64: a stream that is cut after content", model: "demo-cut-2", ...INTERRUPTED },
  { title: "F64: a stream that is reset after content", model: "demo-reset-midstream-2", ...INTERRUPTED },
  { title: "F64: a stream that ends without a word after content", model: "demo-eof-2", ...INTERRUPTED },
  { title: "F65: an error event after content", model: "demo-error-midstream-2", ...OVERLOADED },
  { title: "F71: an event that is no JSON after content", model: "demo-malformed-event-6", ...MALFORMED },
];

for (const { title, model, code, type, timeouts } of LATE) {
  test(`${title} ends with an error event and is not tried elsewhere`, () =>
    each(
      STREAMED,
      (way) =>
        withProxy({ config: routes(way, { first: model, ...(timeouts && { timeouts }) }) }, async (proxy) => {
          const reply = await ask(proxy, way, "first");
          assert.equal(reply.status, 200);
          const { text, error, complete } = read(way, reply);
          assert.notEqual(text, "");
          assert(!complete, reply.text);
          assert.equal(
            way.client === "openai" ? error?.code : error?.type,
            way.client === "openai" ? code : type,
          );
          assert.equal(reply.headers["x-ai-proxy-attempts"], "1");
          await interrupted(proxy, model);
        }),
    ));
}

async function interrupted(proxy: Proxy, model: string): Promise<void> {
  const { outcome, status, usageSource, usage, tries } = await proxy.logged();
  assert.equal(outcome, "stream_interrupted");
  assert.equal(status, 200);
  assert.equal(tries, 1);
  assert(usageSource === "partial" || usageSource === "estimated", usageSource);
  assert(usage && usage.input > 0);
  assert.equal(asked(proxy, model), 1);
  assert.equal(asked(proxy, "healthy"), 0);
}

test("F64: a finish reason already seen makes the answer complete, though the stream's last word is missing", () =>
  each(STREAMED, (way) =>
    withProxy({ config: routes(way, { first: "demo-no-done" }) }, async (proxy) => {
      const reply = await ask(proxy, way, "alone");
      const { error, complete } = read(way, reply);
      assert.equal(error, undefined, reply.text);
      assert(complete);
      assert.equal((await proxy.logged()).outcome, "ok");
    })));

test("F65: with no target left nothing is held back, and the stream tells what failed", () =>
  each(
    STREAMED,
    (way) =>
      withProxy({ config: routes(way, { first: "demo-overloaded-stream" }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        assert.equal(reply.status, 200);
        const { error, complete } = read(way, reply);
        assert(!complete);
        assert.equal(
          way.client === "openai" ? error?.code : error?.type,
          way.client === "openai" ? "overloaded" : "overloaded_error",
        );
        const { outcome, usageSource } = await proxy.logged();
        assert.equal(outcome, "upstream_error");
        assert.equal(usageSource, "none");
      }),
  ));

test("F70: an event past all bounds after content ends the stream", () =>
  each(STREAMED, (way) => {
    // What the API begins a stream with, one piece of content, and then a line that does not end.
    const begun = way.upstream === "openai"
      ? 'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n'
      : 'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n' +
        'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n' +
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}\n\n';
    const replies = new Map([["long", { body: `${begun}data: ${"x".repeat(17 * 1024 * 1024)}` }]]);
    return withProxy({ config: routes(way, { first: "long" }), replies }, async (proxy) => {
      const reply = await ask(proxy, way, "first");
      const { text, error, complete } = read(way, reply);
      assert.equal(text, "Hi");
      assert(!complete && error, "The stream ended without an error");
      assert(reply.bytes.length < 10_000, `The client got ${reply.bytes.length} bytes`);
      await interrupted(proxy, "long");
    });
  }));

for (const fault of ["slice", "crlf", "pings", "unknown-event"]) {
  const id = fault === "unknown-event" ? "F71" : "F69";
  test(`${id}: a stream with ${fault} says what it says without`, () =>
    each(STREAMED, (way) =>
      withProxy({ config: routes(way, { first: `demo-${fault}` }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        const { text, complete, error } = read(way, reply);
        assert(complete && !error);
        assert(text.startsWith(`This is a simulated answer from demo-${fault} `), text);
        assert(text.endsWith("."), text);
        assert.equal((await proxy.logged()).outcome, "ok");
      })));
}

/** Where what is logged comes from. Of huge figures the Messages API leaves a plausible one, that of its first event. */
const USAGE_FAULTS = {
  "usage-none": "estimated",
  "usage-negative": "estimated",
  "usage-huge": undefined,
  "usage-zero": "provider",
  "usage-every-chunk": "provider",
  "usage-last": "provider",
} as const;

for (const [fault, source] of Object.entries(USAGE_FAULTS)) {
  test(`F72: ${fault} never becomes a measurement that it is not`, () =>
    each(STREAMED, (way) =>
      withProxy({ config: routes(way, { first: `demo-${fault}` }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        assert(read(way, reply).complete, reply.text);
        const { usage, usageSource, outcome } = await proxy.logged();
        assert.equal(outcome, "ok");
        if (source !== undefined) assert.equal(usageSource, source);
        assert(usage);
        if (fault === "usage-zero") assert.deepEqual([usage.input, usage.output], [0, 0]);
        for (const count of [usage.input, usage.output]) {
          assert(Number.isInteger(count) && count >= 0 && count < 1e9, `${count} tokens`);
        }
      })));
}

test("F73: usage is asked for behind a client's back, and the chunk with it is the proxy's alone", () =>
  each(
    STREAMED.filter(({ client, upstream }) => client === "openai" && upstream === "openai"),
    (way) =>
      withProxy({ config: routes(way, { first: "healthy-one" }) }, async (proxy) => {
        const silent = await ask(proxy, way, "alone");
        assert(!/"choices":\[\]/.test(silent.text), silent.text);
        assert.equal((await proxy.logged()).usageSource, "provider");
        assert.deepEqual(JSON.parse(proxy.providers.attempts[0]?.body ?? "").stream_options, {
          include_usage: true,
        });
        const told = await ask(proxy, way, "alone", { stream_options: { include_usage: true } });
        assert.match(told.text, /"choices":\[\],"usage":\{"prompt_tokens":\d/);
      }),
  ));

test("F74: line ends in the model's text stay inside of JSON strings", () =>
  each(STREAMED, (way) =>
    withProxy({ config: routes(way, { first: "demo-echo" }) }, async (proxy) => {
      const evil = 'x\n\ndata: {"injected":true}\n\nevent: evil\r\n\r\n\u2028data: y';
      const reply = await ask(proxy, way, "alone", { messages: [{ role: "user", content: evil }] });
      assert(read(way, reply).text.includes("injected"));
      const lines = reply.text.split(/\r\n|\n|\r/).filter((line) => line !== "");
      for (const line of lines) assert.match(line, /^(data: (\{.*\}|\[DONE\])|event: [a-z_]+|: .*)$/s);
      assert(!lines.some((line) => line.startsWith('data: {"injected') || line === "event: evil"));
    })));
