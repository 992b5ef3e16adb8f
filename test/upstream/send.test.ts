import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { GatewayError } from "../../src/errors.ts";
import { openUpstreams, type UpstreamResponse } from "../../src/upstream/send.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
type Sent = (options?: { signal?: AbortSignal; body?: string | Uint8Array }) => Promise<UpstreamResponse>;

/** Runs a test with a provider that answers so, and what sends it a request: a plain one, and one that is let go. */
async function withProvider(answer: Answer, test: (send: Sent) => Promise<void>): Promise<void> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions?a=b`;
  const { send, close } = openUpstreams({ mostConnections: 100, warn: () => {} });
  try {
    for (const stream of [false, true]) {
      await test(({ signal = new AbortController().signal, body = "{}" } = {}) =>
        send({ url, headers: { authorization: "Bearer sk" }, body, signal, connectTimeout: 5, stream })
      );
    }
  } finally {
    await close();
    server.closeAllConnections();
    server.close();
  }
}

async function textOf({ body }: UpstreamResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return text;
}

test("a request is posted as it is given, as text or as bytes", async () => {
  const seen: unknown[] = [];
  const answer: Answer = async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { "content-type": type, accept, authorization, "content-length": length } = request.headers;
    seen.push([request.method, request.url, type, accept, authorization, length, body]);
    response.end("{}");
  };
  await withProvider(answer, async (send) => {
    for (const body of ['{"a":"é"}', new TextEncoder().encode('{"a":"é"}')]) {
      equal(await textOf(await send({ body })), "{}");
    }
  });
  const json = "application/json";
  const expected = ["POST", "/v1/chat/completions?a=b", json, json, "Bearer sk", "10", '{"a":"é"}'];
  deepEqual(seen, [expected, expected, expected, expected]);
});

test("an interim answer is passed over", () =>
  withProvider((_, response) => {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.writeHead(200, { "x-a": "b" });
    response.end("late");
  }, async (send) => {
    const response = await send();
    deepEqual([response.status, response.headers["x-a"], await textOf(response)], [200, "b", "late"]);
  }));

test("a compressed answer is read, one that breaks off or is of an unknown coding is not an answer", async () => {
  const zipped = gzipSync("x".repeat(100_000));
  const answer = (encoding: string, body: Uint8Array): Answer => (_, response) => {
    response.writeHead(200, { "content-encoding": encoding });
    response.end(body);
  };
  await withProvider(answer("gzip", zipped), async (send) => {
    equal((await textOf(await send())).length, 100_000);
  });
  await withProvider(answer("gzip", zipped.subarray(0, 50)), async (send) => {
    await rejects(send().then(textOf), { code: "upstream_invalid_response", failure: "invalid" });
  });
  await withProvider(answer("zstd", zipped), async (send) => {
    await rejects(send(), { code: "upstream_invalid_response", detail: "encoding" });
  });
});

test("a redirect is no answer", () =>
  withProvider(
    (_, response) => void response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    (send) => rejects(send(), { code: "upstream_invalid_response", detail: "redirect" }),
  ));

test("an exchange that is given up ends with its reason, before the head and after it", async () => {
  const reason = new GatewayError("upstream_timeout", "Too late");
  await withProvider(() => {}, async (send) => {
    const controller = new AbortController();
    const coming = send({ signal: controller.signal });
    await pause(20);
    controller.abort(reason);
    await rejects(coming, (thrown) => thrown === reason);
    await rejects(send({ signal: controller.signal }), (thrown) => thrown === reason);
  });
  await withProvider((_, response) => void response.write("first"), async (send) => {
    const controller = new AbortController();
    const pieces = (await send({ signal: controller.signal })).body[Symbol.asyncIterator]();
    equal((await pieces.next()).value?.length, 5);
    const waiting = pieces.next();
    controller.abort(reason);
    await rejects(waiting, (thrown) => thrown === reason);
  });
});

test("what came before a connection broke is read, and then the break", () =>
  withProvider((_, response) => {
    response.write("first");
    setTimeout(() => response.destroy(), 20);
  }, async (send) => {
    const pieces = (await send()).body[Symbol.asyncIterator]();
    equal((await pieces.next()).value?.length, 5);
    await rejects(pieces.next(), { code: "upstream_unreachable", failure: "connect" });
  }));

test("a reader that leaves ends the exchange", async () => {
  let closed = () => {};
  const left = new Promise<void>((resolve) => closed = resolve);
  await withProvider((_, response) => {
    response.on("close", closed);
    response.write("first");
  }, async (send) => {
    for await (const _ of (await send()).body) break;
    await left;
  });
});

test("a provider that is faster than the reader is held back", async () => {
  const piece = new Uint8Array(64 * 1024);
  let written = 0;
  await withProvider((_, response) => {
    const write = () => {
      let more = !response.destroyed;
      for (; more; written += piece.length) more = response.write(piece);
    };
    response.on("drain", write);
    write();
  }, async (send) => {
    const { body } = await send();
    let before = -1;
    // What the kernel takes is bounded; then nothing more is written until something is read.
    for (let quiet = 0; quiet < 10;) {
      await pause(20);
      quiet = written === before ? quiet + 1 : 0;
      before = written;
    }
    ok(before > 0 && before < 64 * 1024 * 1024);
    let read = 0;
    for await (const { length } of body) {
      read += length;
      if (read > 2 * before) break;
    }
    ok(written > before);
  });
});
