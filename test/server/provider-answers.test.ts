/** What a provider may answer with, odd or hostile, and what its client gets: real sockets on both sides. */

import assert from "node:assert/strict";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask, each, read, routes, STREAMED, type Way, WAYS } from "../faults/_ways.ts";
import { type Proxy, withProxy } from "../tools/proxy.ts";
import type { RawReply } from "../tools/raw.ts";
import { type Script, streamedAnswer, wholeAnswer, withScripted } from "../tools/scripted-provider.ts";

interface Asking {
  readonly proxy: Proxy;
  /** Of the model that has no failover, and of the one that has. */
  readonly alone: () => Promise<RawReply>;
  readonly first: () => Promise<RawReply>;
}

function played(
  way: Way,
  script: Script,
  test: (asking: Asking) => Promise<void>,
  timeouts?: Readonly<Record<string, number>>,
): Promise<void> {
  return withScripted(script, ({ baseURL }) =>
    withProxy(
      { config: routes(way, { first: "m", baseURL, ...(timeouts && { timeouts }) }) },
      (proxy) =>
        test({
          proxy,
          alone: () => ask(proxy, way, "alone"),
          first: () => ask(proxy, way, "first"),
        }),
    ));
}

// --- content types and statuses ---

const TYPES = [
  "text/event-stream",
  "Text/Event-Stream; charset=UTF-8",
  "text/plain; charset=utf-8",
  "application/json",
  "application/octet-stream",
  undefined,
];
const BEFORE = ["", "\ufeff", "\n\n", ": hello\n\n", "event: ping\ndata: {}\n\n"];

test("a stream is one under any content type, and however it begins", () =>
  each(STREAMED, async (way) => {
    for (const type of TYPES) {
      for (const before of way.upstream === "openai" ? BEFORE.slice(0, 4) : BEFORE) {
        const script: Script = (_, response) => {
          response.writeHead(200, type === undefined ? {} : { "content-type": type });
          response.end(before + streamedAnswer(way.upstream).join(""));
        };
        await played(way, script, async ({ alone, proxy }) => {
          const reply = await alone();
          assert.equal(reply.status, 200, `${type} ${JSON.stringify(before)} ${reply.text}`);
          assert(read(way, reply).complete);
          assert.equal(read(way, reply).text, "Hello");
          assert.equal((await proxy.logged()).outcome, "ok");
        });
      }
    }
  }));

test("a complete answer is one with any status from 200 to 299", () =>
  each(WAYS, async (way) => {
    for (const status of [201, 202, 203, 206, 299]) {
      const body = way.stream ? streamedAnswer(way.upstream).join("") : wholeAnswer(way.upstream);
      const script: Script = (_, response) => void response.writeHead(status).end(body);
      await played(way, script, async ({ alone, proxy }) => {
        const reply = await alone();
        assert.equal(reply.status, 200, reply.text);
        assert.equal(read(way, reply).text, "Hello");
        const { attempts } = await proxy.logged();
        assert.deepEqual(
          attempts.map((attempt) => attempt.status),
          [status],
          "The record has the provider's own",
        );
      });
    }
  }));

test("an answer that is no stream, though one was asked for, is named by what came", () =>
  each(STREAMED, async (way) => {
    const rows = [
      ["text/html", "<html>", /not an event stream \(text\/html\)/],
      ["text/plain; charset=utf-8", "busy", /not an event stream \(text\/plain\)/],
      ["application/json", wholeAnswer(way.upstream), /whole answer \(application\/json\)/],
    ] as const;
    for (const [type, body, message] of rows) {
      const script: Script = (_, response) =>
        void response.writeHead(200, { "content-type": type }).end(body);
      await played(way, script, async ({ alone, first }) => {
        const reply = await alone();
        assert.equal(reply.status, 502);
        assert.match(read(way, reply).error?.message ?? "", message);
        assert.equal((await first()).headers["x-ai-proxy-failover"], "invalid");
      });
    }
  }));

test("a stream that comes for a plain call is gathered where it is translated, and named where it is relayed", () =>
  each(WAYS.filter(({ stream }) => !stream), async (way) => {
    const script: Script = (_, response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" })
        .end(streamedAnswer(way.upstream).join(""));
    await played(way, script, async ({ alone }) => {
      const reply = await alone();
      if (way.client !== way.upstream) {
        assert.equal(read(way, reply).text, "Hello");
        return;
      }
      assert.equal(reply.status, 502);
      assert.match(read(way, reply).error?.message ?? "", /a stream \(text\/event-stream\)/);
    });
  }));

test("an error object in the place of a stream keeps its message and its status", () =>
  each(STREAMED, async (way) => {
    const error = { type: "invalid_request_error", message: "The prompt is purple" };
    const body = JSON.stringify(way.upstream === "openai" ? { error } : { type: "error", error });
    for (const type of ["text/event-stream", "application/json"]) {
      const script: Script = (_, response) =>
        void response.writeHead(200, { "content-type": type }).end(body);
      await played(way, script, async ({ alone }) => {
        const reply = await alone();
        assert.equal(reply.status, 400, reply.text);
        assert.match(read(way, reply).error?.message ?? "", /The prompt is purple/);
      });
    }
  }));

test("an error of a compatible server's own shape keeps its message, in a stream and in its place", () =>
  each(STREAMED.filter(({ upstream }) => upstream === "openai"), async (way) => {
    const error = JSON.stringify({
      object: "error",
      message: "The prompt is purple",
      type: "BadRequestError",
      param: null,
      code: 400,
    });
    for (const body of [error, `data: ${error}\n\n`, `data: ${error}\n\ndata: [DONE]\n\n`]) {
      const script: Script = (_, response) =>
        void response.writeHead(200, { "content-type": "text/event-stream" }).end(body);
      await played(way, script, async ({ alone }) => {
        const reply = await alone();
        assert.equal(reply.status, 400, `${body} ${reply.text}`);
        assert.match(read(way, reply).error?.message ?? "", /The prompt is purple/);
      });
    }
  }));

// --- errors whose body cannot be read ---

const UNREADABLE: readonly [what: string, Script][] = [
  ["is empty under gzip", (_, response) => void response.writeHead(429, { ...LATER, ...GZIP }).end()],
  ["is no gzip", (_, response) => void response.writeHead(429, { ...LATER, ...GZIP }).end("plain")],
  [
    "is cut under gzip",
    (_, response) =>
      void response.writeHead(429, { ...LATER, ...GZIP }).end(gzipSync("x".repeat(999)).subarray(0, 20)),
  ],
  [
    "has an unknown encoding",
    (_, response) => void response.writeHead(429, { ...LATER, "content-encoding": "snappy" }).end("xyz"),
  ],
  ["is too large", (_, response) => void response.writeHead(429, LATER).end("x".repeat(1_200_000))],
  ["is a bomb", (_, response) => void response.writeHead(429, { ...LATER, ...GZIP }).end(BOMB)],
  ["never comes", (_, response) => void response.writeHead(429, LATER).flushHeaders()],
  ["stalls", (_, response) => void response.writeHead(429, LATER).write('{"error":')],
  ["breaks off", (_, response) => {
    response.writeHead(429, { ...LATER, "content-length": 100 }).write('{"error":');
    setTimeout(() => response.destroy(), 20);
  }],
];
const LATER = { "content-type": "application/json", "retry-after": "9" };
const GZIP = { "content-encoding": "gzip" };
const BOMB = gzipSync(new Uint8Array(8 * 1024 * 1024));

for (const [what, script] of UNREADABLE) {
  test(`an error whose body ${what} keeps its status and its headers`, () =>
    each(WAYS, (way) =>
      played(way, script, async ({ alone, first, proxy }) => {
        const reply = await alone();
        assert.equal(reply.status, 429, reply.text);
        assert.equal(reply.headers["retry-after"], "9");
        assert.notEqual(read(way, reply).error?.message ?? "", "");
        assert.equal((await proxy.logged()).attempts[0]?.status, 429);
        const saved = await first();
        assert.equal(saved.headers["x-ai-proxy-failover"], "429");
      }, { firstByte: 60, firstByteStream: 60, idle: 0.3 })));
}

// --- floods ---

const FLOODS: readonly [what: string, piece: (way: Way) => string][] = [
  ["comments", () => `: ${"x".repeat(60)}\n\n`],
  ["pings", () => 'event: ping\ndata: {"type":"ping"}\n\n'],
  ["events of an unknown type", () => 'event: foo\ndata: {"type":"foo"}\n\n'],
  [
    "empty deltas",
    ({ upstream }) =>
      upstream === "openai"
        ? 'data: {"id":"x","choices":[{"index":0,"delta":{}}]}\n\n'
        : 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}\n\n',
  ],
  ["blank lines", () => "\n\n"],
];

for (const [what, piece] of FLOODS) {
  test(`a stream of ${what} without end is given up, with and without another target`, () =>
    each(STREAMED.filter(({ upstream }) => what !== "pings" || upstream === "anthropic"), (way) => {
      const script: Script = async (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(streamedAnswer(way.upstream)[0] ?? "");
        const many = piece(way).repeat(Math.ceil(60_000 / piece(way).length));
        const flood = function* () {
          for (;;) yield many;
        };
        // It ends when the reader leaves.
        await pipeline(flood, response).catch(() => {});
      };
      return played(way, script, async ({ first }) => {
        const saved = await first();
        assert.equal(saved.headers["x-ai-proxy-failover"], "invalid");
        assert.equal(read(way, saved).complete, true);
      });
    }));
}

test("an answer that is streamed for a plain call has the limit of plain answers", () =>
  each(WAYS.filter(({ client, upstream, stream }) => !stream && client !== upstream), (way) => {
    const script: Script = async (_, response) => {
      const [first = "", text = ""] = streamedAnswer(way.upstream, "x".repeat(100_000));
      response.writeHead(200, { "content-type": "text/event-stream" });
      const flood = function* () {
        yield first;
        yield text;
        // A block begins once.
        for (;;) yield text.slice(Math.max(0, text.indexOf("event: content_block_delta")));
      };
      await pipeline(flood, response).catch(() => {});
    };
    return played(way, script, async ({ first, proxy }) => {
      assert.equal((await first()).headers["x-ai-proxy-failover"], "invalid");
      assert.equal((await proxy.logged()).attempts[0]?.detail, "too-large");
    });
  }));
