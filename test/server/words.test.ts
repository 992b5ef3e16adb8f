/** A provider's words are its own: whatever it calls its failure, it is not taken for one of ours. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recording } from "../../src/demo/replay.ts";
import { ask, each, routes, type Way, WAYS } from "../faults/_ways.ts";
import { withProxy } from "../tools/proxy.ts";

/** An error answer of a provider that calls it so, in its own API's shape. */
function called(way: Way, word: string, status = 500): Recording {
  const error = way.upstream === "openai"
    ? { message: "Oh", type: "server_error", param: null, code: word }
    : { type: "api_error", message: "Oh", details: { error_code: word } };
  const body = way.upstream === "openai" ? { error } : { type: "error", error };
  return { status, body: JSON.stringify(body), headers: { "content-type": "application/json" } };
}

const WORDS = ["internal", "client_disconnect", "provider_key_missing", "draining", "upstream_timeout"];

for (const word of WORDS) {
  test(`a provider that says ${word} has failed like any other, and the next one answers`, () =>
    each(WAYS, (way) => {
      const replies = new Map([["said", called(way, word)]]);
      return withProxy({ config: routes(way, { first: "said" }), replies }, async (proxy) => {
        const reply = await ask(proxy, way, "first");
        assert.equal(reply.status, 200);
        assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
        assert.equal(reply.headers["x-ai-proxy-failover"], "5xx");
        const { attempts, status, outcome } = await proxy.logged();
        assert.deepEqual(attempts.map((attempt) => [attempt.status, attempt.reason]), [[500, "5xx"], [
          200,
          "ok",
        ]]);
        assert.deepEqual([status, outcome], [200, "ok"]);
        assert.deepEqual(proxy.appLog, []);
      });
    }));

  test(`a provider that says ${word} and is the last is answered for with its own error`, () =>
    each(WAYS, (way) => {
      const replies = new Map([["said", called(way, word)]]);
      return withProxy({ config: routes(way, { first: "said" }), replies }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        assert.equal(reply.status, 500);
        assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
        assert.equal(reply.headers["x-ai-proxy-attempts"], "1");
        const { status, outcome, error, upstreamError } = await proxy.logged();
        assert.deepEqual([status, outcome, error, upstreamError], [
          500,
          "upstream_error",
          "upstream_error",
          word,
        ]);
        assert.match(await proxy.line(), new RegExp(` error=upstream_error .* upstream_error=${word}`));
      });
    }));
}
