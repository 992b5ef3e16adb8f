/** Clients that take their answers slowly, or not at all. */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createWriter, SLICE_BYTES } from "../../src/runtime/writer.ts";
import { createStallWatch } from "../../src/runtime/stall-watch.ts";
import { openVisit } from "../../src/runtime/visit.ts";
import { type Client, connectTo, portOf, posted } from "./_client.ts";
import { CHAT, MEBIBYTE, pause } from "./_ingress.ts";
import { configOf, type ProxyOptions, until, withProxy } from "../tools/proxy.ts";

const BIG = "x".repeat(24 * MEBIBYTE);

/** A provider whose answer, or whose one event, is too large for the buffers of a connection. */
async function withBigProvider(run: (baseURL: string) => Promise<void>): Promise<void> {
  const usage = { prompt_tokens: 13, completion_tokens: 39, total_tokens: 52 };
  const head = { id: "c", created: 1, model: "m" };
  const server: Server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece) => text += piece);
    request.on("end", () => {
      if (JSON.parse(text).stream) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const say = (delta: object, finish_reason: string | null) =>
          response.write(
            `data: ${
              JSON.stringify({
                ...head,
                object: "chat.completion.chunk",
                choices: [{ index: 0, delta, finish_reason }],
              })
            }\n\n`,
          );
        say({ role: "assistant", content: "begun" }, null);
        for (let count = 0; count < 2; count++) say({ content: BIG.slice(0, 12 * MEBIBYTE) }, null);
        say({}, "stop");
        response.end("data: [DONE]\n\n");
      } else {
        response.writeHead(200, { "content-type": "application/json" });
        const message = { role: "assistant", content: BIG };
        response.end(
          JSON.stringify({
            ...head,
            object: "chat.completion",
            choices: [{ index: 0, message, finish_reason: "stop" }],
            usage,
          }),
        );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function optionsFor(baseURL: string, stall: number): ProxyOptions {
  const providers = { big: { dialect: "openai-chat", baseURL } };
  return { config: configOf({ m: { provider: "big" } }, {}, { providers }), limits: { stall } };
}

const ask = (stream: boolean) =>
  posted(CHAT, { model: "m", stream, messages: [{ role: "user", content: "Hello" }] });

for (const stream of [false, true]) {
  const what = stream ? "a stream" : "a plain answer";

  test(`a client that never reads ${what} is cut, and the log does not say that it left`, () =>
    withBigProvider((baseURL) =>
      withProxy(optionsFor(baseURL, 400), async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.socket.pause();
        client.write(ask(stream));
        const entry = await proxy.logged();
        assert.equal(entry.error, "request_timeout");
        assert.equal(entry.outcome, stream ? "stream_interrupted" : "client_error");
        if (!stream) assert.deepEqual([entry.usageSource, entry.usage?.output], ["provider", 39]);
        assert.deepEqual(proxy.appLog, []);
        client.leave();
      })
    ));

  test(`a client that takes some of ${what} all the time is not cut, however long it takes`, () =>
    withBigProvider((baseURL) =>
      withProxy(optionsFor(baseURL, 2_000), async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.socket.pause();
        client.write(ask(stream));
        // More than twice as long as one may stand still; either event takes longer than that.
        const bytes = await sip(client, 4_500);
        assert(bytes > 0);
        assert(!client.socket.destroyed, `cut after ${bytes} bytes`);
        assert.deepEqual(proxy.entries, []);
        client.socket.resume();
        await until(() => proxy.entries.length === 1);
        const { status, outcome } = await proxy.logged();
        assert.deepEqual([status, outcome], [200, "ok"]);
        client.leave();
      })
    ));
}

/** Reads a piece again and again, for so long: enough that the buffers of the system do not hide it. */
async function sip({ socket }: Client, ms: number): Promise<number> {
  let bytes = 0;
  const end = performance.now() + ms;
  const came = (piece: Uint8Array) => {
    socket.pause();
    bytes += piece.length;
  };
  socket.on("data", came);
  while (performance.now() < end && !socket.destroyed) {
    await pause(20);
    socket.resume();
  }
  socket.off("data", came);
  return bytes;
}

test("a writer remembers its one write that waits, and keeps the order of what comes behind it", async () => {
  const stall = createStallWatch(10_000);
  let written = "";
  const server = createServer(async (request, response) => {
    const visit = openVisit({ request, response, waits: false, crowded: false, fault: undefined });
    const out = createWriter(visit, stall.watch, assert.fail);
    const first = out.write("a".repeat(20 * MEBIBYTE));
    assert(first && out.blocked?.());
    const signs = Array.from({ length: 50 }, (_, index) => out.write(`<${index}>`));
    assert(signs.every((sign) => sign instanceof Promise));
    for (const emitter of [response, request.socket]) {
      for (const event of ["drain", "close"]) assert(emitter.listenerCount(event) < 8, event);
    }
    await signs.at(-1);
    assert(!out.blocked?.());
    assert.equal(out.write("end"), undefined);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  written = await response.text();
  assert.equal(
    written.slice(20 * MEBIBYTE),
    `${Array.from({ length: 50 }, (_, index) => `<${index}>`).join("")}end`,
  );
  assert(SLICE_BYTES < 20 * MEBIBYTE);
  stall.stop();
  await new Promise((resolve) => server.close(resolve));
});
