/** What is written down of a request that failed, and what its client is told of its provider. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { logLine } from "../../src/account/access-log.ts";
import { ask, each, other, routes, type Way, WAYS } from "../faults/_ways.ts";
import { configOf, withProxy } from "../tools/proxy.ts";
import { withScripted } from "../tools/scripted-provider.ts";

const PLAIN = WAYS.filter(({ stream }) => !stream);

/** The header in which the way's provider names the request. */
const ID = { openai: "x-request-id", anthropic: "request-id" } as const;

function refusal({ upstream }: Way): string {
  return JSON.stringify(
    upstream === "openai"
      ? { error: { message: "No", type: "server_error", param: null, code: "broken_thing" } }
      : {
        type: "error",
        error: { type: "api_error", message: "No", details: { error_code: "broken_thing" } },
      },
  );
}

test("a failed request's line says which provider failed last, and each attempt how", () =>
  each(WAYS, (way) =>
    withScripted((_, response) => {
      response.writeHead(500, { "content-type": "application/json", [ID[way.upstream]]: "req_up_1" });
      response.end(refusal(way));
    }, ({ baseURL }) =>
      withProxy({ config: routes(way, { first: "one", baseURL, failover: ["broken"] }) }, async (proxy) => {
        await ask(proxy, way, "alone");
        assert.match(
          await proxy.line(),
          / served=alone provider=primary attempts=1 failover= outcome=upstream_error .* error=upstream_error upstream_request_id=req_up_1 warnings= upstream_status=500 upstream_error=broken_thing$/,
        );
        await ask(proxy, way, "first");
        const entry = await proxy.logged(2);
        assert.deepEqual([entry.served, entry.provider], ["broken", other(way.upstream)]);
        const { attempts, attempt_count } = JSON.parse(logLine(entry, "json"));
        assert.equal(attempt_count, 2);
        const [first, second] = attempts;
        assert(Number.isInteger(first.ms));
        assert.deepEqual({ ...first, ms: 0 }, {
          model: "first",
          provider: "primary",
          status: 500,
          code: "broken_thing",
          request_id: "req_up_1",
          reason: "5xx",
          ms: 0,
        });
        assert.deepEqual([second.model, second.status, second.reason], ["broken", 500, "5xx"]);
        assert.match(second.request_id, /simulated/);
      }))));

test("an answer that is none has its provider's status and request id on record", () =>
  each(WAYS, (way) =>
    withScripted((_, response) => {
      response.writeHead(200, { "content-type": "application/json", [ID[way.upstream]]: "req_up_2" });
      response.end('{"what":"is this"}');
    }, ({ baseURL }) =>
      withProxy({ config: routes(way, { first: "one", baseURL }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        assert.equal(reply.status, 502);
        assert.equal(reply.headers["x-upstream-request-id"], "req_up_2");
        const { attempts: [attempt], upstreamRequestId, provider } = await proxy.logged();
        assert.deepEqual([attempt?.status, attempt?.requestId, attempt?.code], [
          200,
          "req_up_2",
          "upstream_invalid_response",
        ]);
        assert.deepEqual([upstreamRequestId, provider], ["req_up_2", "primary"]);
      }))));

test("a request that no provider got has none in its line", () =>
  withProxy(
    { config: configOf({ first: { provider: "openai" } }), env: { OPENAI_API_KEY: "" } },
    async (proxy) => {
      await proxy.post("ann", "/v1/chat/completions", { model: "first", messages: [] });
      const { served, provider, attempts } = await proxy.logged();
      assert.deepEqual([served, provider, attempts.map(({ reason }) => reason)], [undefined, undefined, [
        "key_missing",
      ]]);
    },
  ));

test("failoverOn sees the provider's status, whatever the client is shown of it", () =>
  each(WAYS, async (way) => {
    const cases = [
      [402, way.upstream === "openai" ? refusal(way) : refusal(way).replace("api_error", "billing_error")],
      [529, way.upstream === "openai" ? refusal(way) : refusal(way).replace("api_error", "overloaded_error")],
      [402, ""],
      [529, "<p>No</p>"],
    ] as const;
    for (const [status, body] of cases) {
      await withScripted(
        (_, response) => void response.writeHead(status, { "content-type": "application/json" }).end(body),
        async ({ baseURL }) => {
          for (
            const words of [
              [`${status}`],
              ["429", "503", "5xx"].filter((word) => status < 500 || word === "503"),
            ]
          ) {
            const config = routes(way, { first: "one", baseURL, further: { failoverOn: words } });
            await withProxy({ config }, async (proxy) => {
              const reply = await ask(proxy, way, "first");
              const moves = words[0] === `${status}`;
              assert.equal(
                reply.headers["x-ai-proxy-failover"],
                moves ? `${status}` : undefined,
                `${status} ${words}`,
              );
            });
          }
        },
      );
    }
  }));

test("a vendor's refusal of the key behind another status is read as a 401", async () => {
  const body = JSON.stringify([{
    error: {
      code: 400,
      message: "API key not valid. Please pass a valid API key.",
      status: "INVALID_ARGUMENT",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
    },
  }]);
  await each(WAYS.filter(({ upstream }) => upstream === "openai"), (way) =>
    withScripted(
      (_, response) => void response.writeHead(400, { "content-type": "application/json" }).end(body),
      ({ baseURL }) =>
        withProxy({ config: routes(way, { first: "one", baseURL }) }, async (proxy) => {
          const alone = await ask(proxy, way, "alone");
          assert.deepEqual([alone.status, alone.headers["x-should-retry"]], [401, "false"]);
          assert.match(proxy.appLog.join(), /its key was refused \(401 API_KEY_INVALID\)/);
          assert.equal((await ask(proxy, way, "first")).headers["x-ai-proxy-failover"], "401");
        }),
    ));
});

test("advice to wait for ever is not passed on, nor one that is none", () =>
  each(PLAIN, async (way) => {
    const cases = [
      [{ "retry-after": "99999999" }, undefined, undefined],
      [{ "retry-after": "soon" }, undefined, undefined],
      [{ "retry-after": "Infinity", "retry-after-ms": "1e9" }, undefined, undefined],
      [
        { "retry-after": "7", "retry-after-ms": "7000" },
        "7",
        way.client === way.upstream ? "7000" : undefined,
      ],
    ] as const;
    for (const [headers, after, afterMs] of cases) {
      await withScripted(
        (_, response) =>
          void response.writeHead(503, { "content-type": "application/json", ...headers }).end(refusal(way)),
        ({ baseURL }) =>
          withProxy({ config: routes(way, { first: "one", baseURL }) }, async (proxy) => {
            const reply = await ask(proxy, way, "alone");
            assert.deepEqual([reply.headers["retry-after"], reply.headers["retry-after-ms"]], [
              after,
              afterMs,
            ]);
          }),
      );
    }
  }));

test("an error quotes no more of a name than is needed to know it again", () =>
  withProxy({ config: configOf({ first: { provider: "openai" } }) }, async (proxy) => {
    const model = "m".repeat(1024 * 1024);
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const reply = await proxy.post("ann", path, { model, max_tokens: 1, messages: [] });
      assert.equal(reply.status, 404);
      assert(reply.text.length < 1000 && reply.text.includes("mmm…"), `${reply.text.length}`);
    }
    const lost = await proxy.raw({ path: `/${"p".repeat(5000)}`, headers: { "x-user": "ann" } });
    assert(lost.text.length < 1000, lost.text);
  }));

test("a count of tokens that failed is told of in the same way", () =>
  withScripted((_, response) => {
    response.writeHead(529, { "content-type": "application/json", "request-id": "req_up_3" });
    response.end(
      JSON.stringify({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
    );
  }, ({ baseURL }) => {
    const way = { client: "anthropic", upstream: "anthropic", stream: false } as const;
    return withProxy({ config: routes(way, { first: "one", baseURL }) }, async (proxy) => {
      const body = { model: "alone", messages: [{ role: "user", content: "Hello" }] };
      await proxy.post("ann", "/v1/messages/count_tokens", body);
      const { attempts: [attempt], provider, upstreamRequestId } = await proxy.logged();
      assert.deepEqual([attempt?.status, attempt?.code, attempt?.requestId], [
        529,
        "overloaded_error",
        "req_up_3",
      ]);
      assert.deepEqual([provider, upstreamRequestId], ["primary", "req_up_3"]);
    });
  }));
