/**
 * A stream of which all is known but that its provider does not end as its API does: it has said why the answer ends, and
 * then closes, resets or goes silent. The client's stream is complete. What is an error stays one.
 */

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { ask, each, read, routes, STREAMED, type Way } from "../faults/_ways.ts";
import { withProxy } from "../tools/proxy.ts";
import { streamedAnswer, withScripted } from "../tools/scripted-provider.ts";

const ENDINGS: readonly [what: string, end: (response: ServerResponse) => void][] = [
  ["closes the stream", (response) => void response.end()],
  ["closes the stream in the middle of its last event", (response) => void response.end("event: mess")],
  ["resets the connection", (response) => void response.socket?.resetAndDestroy()],
  ["closes the connection", (response) => void response.socket?.destroy()],
  ["goes silent", () => {}],
];

function lastWordOf({ client }: Way): RegExp {
  return client === "openai"
    ? /\ndata: \[DONE\]\n\n$/
    : /\nevent: message_stop\ndata: \{"type":"message_stop"\}\n\n$/;
}

function broken(way: Way, pieces: readonly string[], end: (response: ServerResponse) => void) {
  return (
    test: (asked: ReturnType<typeof ask>, logged: () => Promise<{ outcome: string }>) => Promise<void>,
  ) =>
    withScripted((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const piece of pieces) response.write(piece);
      // What is written is to be read before the connection breaks.
      setTimeout(() => end(response), 30);
    }, ({ baseURL }) =>
      withProxy(
        { config: routes(way, { first: "m", baseURL, timeouts: { idle: 0.3 } }) },
        (proxy) => test(ask(proxy, way, "alone"), () => proxy.logged()),
      ));
}

for (const [what, end] of ENDINGS) {
  test(`a provider that ${what} after it said why the answer ends has answered`, () =>
    each(
      STREAMED,
      (way) =>
        broken(way, streamedAnswer(way.upstream).slice(0, 3), end)(async (asked, logged) => {
          const reply = await asked;
          assert.equal(read(way, reply).text, "Hello");
          assert.equal(read(way, reply).error, undefined);
          assert.match(reply.text, lastWordOf(way));
          assert.equal((await logged()).outcome, "ok");
        }),
    ));

  test(`a provider that ${what} before that has not`, () =>
    each(
      STREAMED,
      (way) =>
        broken(way, streamedAnswer(way.upstream).slice(0, 2), end)(async (asked, logged) => {
          const reply = await asked;
          assert.equal(read(way, reply).text, "Hello");
          assert.notEqual(read(way, reply).error, undefined);
          assert(!read(way, reply).complete);
          assert(["stream_interrupted", "upstream_timeout"].includes((await logged()).outcome));
        }),
    ));
}

test("an event whose empty line is missing does not run into the last one", () =>
  each(STREAMED, (way) => {
    const pieces = streamedAnswer(way.upstream).slice(0, 3);
    const cut = [...pieces.slice(0, 2), pieces[2]?.trimEnd() ?? ""];
    return broken(way, cut, (response) => void response.end())(async (asked) => {
      const reply = await asked;
      assert.equal(read(way, reply).error, undefined);
      assert.match(reply.text, lastWordOf(way));
    });
  }));

test("an error event after the reason to end is an error", () =>
  each(STREAMED, (way) => {
    const error = { type: "overloaded_error", message: "Overloaded" };
    const event = way.upstream === "openai"
      ? `data: ${JSON.stringify({ error })}\n\n`
      : `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`;
    const pieces = [...streamedAnswer(way.upstream).slice(0, 3), event];
    return broken(way, pieces, (response) => void response.end())(async (asked, logged) => {
      const reply = await asked;
      assert.match(read(way, reply).error?.message ?? "", /Overloaded/);
      assert(!lastWordOf(way).test(reply.text));
      assert.equal((await logged()).outcome, "stream_interrupted");
    });
  }));
