/** Web pages whose scripts ask, and what caches are told. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { withProxy } from "../tools/proxy.ts";
import type { RawReply } from "../tools/raw.ts";

const KEY = makeKey(new Uint8Array(32).fill(1));
const APP = "https://app.example";
const CHAT = "/v1/chat/completions";
const HELLO = { model: "m", messages: [{ role: "user", content: "Hello" }] };

function configWith(origins?: readonly string[]) {
  return {
    ...(origins && { cors: { origins } }),
    users: { ann: { keys: [{ hash: hashOf(KEY) }], models: [{ name: "m" }, { name: "bad" }] } },
    models: { m: { provider: "openai", model: "healthy" }, bad: { provider: "openai", model: "demo-429-1" } },
  };
}

const lists = (value: string | undefined) => (value ?? "").split(/, */).filter((name) => name !== "");

function allows(reply: RawReply, origin = APP): void {
  assert.equal(reply.headers["access-control-allow-origin"], origin);
  assert(lists(reply.headers["vary"]).includes("origin"));
  assert.equal(reply.headers["access-control-allow-credentials"], undefined);
}

test("a page of a listed origin is told without a key that its script may ask", () =>
  withProxy({ config: configWith([APP, "http://localhost:3000"]) }, async (proxy) => {
    const asks = ["authorization, content-type", "x-api-key,anthropic-version,x-stainless-os"];
    for (const path of [CHAT, "/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/models/m"]) {
      for (const wanted of asks) {
        const method = path.startsWith("/v1/models") ? "GET" : "POST";
        const reply = await proxy.raw({
          method: "OPTIONS",
          path,
          headers: {
            origin: APP,
            "access-control-request-method": method,
            "access-control-request-headers": wanted,
          },
        });
        assert.equal(reply.status, 204, path);
        assert.equal(reply.text, "");
        allows(reply);
        assert(lists(reply.headers["access-control-allow-methods"]).includes(method));
        assert.equal(reply.headers["access-control-allow-headers"], wanted);
        assert.equal(reply.headers["access-control-max-age"], "600");
      }
    }
    assert.deepEqual(proxy.entries.map(({ status, outcome }) => [status, outcome])[0], [204, "ok"]);
    assert.equal(proxy.providers.attempts.length, 0);
  }));

test("answers and refusals to a listed origin can be read by its script", () =>
  withProxy({ config: configWith(["http://localhost:3000", APP]) }, async (proxy) => {
    const ask = (body: unknown, headers = {}, path = CHAT) =>
      proxy.raw({
        method: "POST",
        path,
        headers: { origin: APP, authorization: `Bearer ${KEY}`, ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
    const replies = {
      200: await ask(HELLO),
      401: await ask(HELLO, { authorization: "Bearer none" }),
      400: await ask("{"),
      404: await ask({ ...HELLO, model: "nobody's" }),
      405: await proxy.raw({ method: "PUT", path: CHAT, headers: { origin: APP } }),
      429: await ask({ ...HELLO, model: "bad" }),
      413: await ask("", { "content-length": `${33 * 1024 * 1024}` }),
    };
    for (const [status, reply] of Object.entries(replies)) {
      assert.equal(reply.status, Number(status));
      allows(reply);
      const exposed = lists(reply.headers["access-control-expose-headers"]);
      for (const name of ["x-request-id", "retry-after", "x-ai-proxy-model", "x-ai-proxy-error-source"]) {
        assert(exposed.includes(name), `${status}: ${name}`);
      }
      const own = Object.keys(reply.headers).filter((name) => /^x-|retry-after|ratelimit|timing/.test(name));
      for (const name of own) assert(exposed.includes(name), `${status}: ${name}`);
    }
    const stream = await ask({ ...HELLO, stream: true });
    assert.equal(stream.status, 200);
    allows(stream);
    const nowhere = await ask(HELLO, {}, "/v2/none");
    assert.equal(nowhere.status, 404);
    allows(nowhere);
    allows(await proxy.raw({ path: "/healthz", headers: { origin: APP } }));
  }));

test("another origin is told nothing, and its question beforehand is another method", () =>
  withProxy({ config: configWith([APP]) }, async (proxy) => {
    for (
      const origin of [
        "https://evil.example",
        "https://app.example.evil",
        "http://app.example",
        "null",
        APP + "/",
      ]
    ) {
      const question = await proxy.raw({
        method: "OPTIONS",
        path: CHAT,
        headers: { origin, "access-control-request-method": "POST" },
      });
      assert.equal(question.status, 405, origin);
      const list = await proxy.raw({ path: "/v1/models", headers: { origin, "x-api-key": KEY } });
      assert.equal(list.status, 200);
      for (const reply of [question, list]) {
        const names = Object.keys(reply.headers).filter((name) => name.startsWith("access-control-"));
        assert.deepEqual(names, [], origin);
        assert(lists(reply.headers["vary"]).includes("origin"));
      }
    }
    // Without the question itself it is no preflight.
    const options = await proxy.raw({ method: "OPTIONS", path: CHAT, headers: { origin: APP } });
    assert.equal(options.status, 405);
    allows(options);
  }));

test("every page may ask where the file says so in so many words", () =>
  withProxy({ config: configWith(["*"]) }, async (proxy) => {
    const reply = await proxy.raw({
      path: "/v1/models",
      headers: { origin: "https://any.example", "api-key": KEY },
    });
    assert.equal(reply.status, 200);
    allows(reply, "*");
  }));

test("without the setting nothing of it is there", () =>
  withProxy({ config: configWith() }, async (proxy) => {
    const headers = { origin: APP, "access-control-request-method": "POST" };
    const reply = await proxy.raw({ method: "OPTIONS", path: CHAT, headers });
    assert.equal(reply.status, 405);
    assert(!Object.keys(reply.headers).some((name) => name.startsWith("access-control-")));
    assert(!lists(reply.headers["vary"]).includes("origin"));
  }));

test("caches are told that answers are for one caller, and what says who that is", () =>
  withProxy({ config: configWith() }, async (proxy) => {
    const who = { "x-api-key": KEY };
    const post = (body: unknown, headers: Record<string, string> = who) =>
      proxy.raw({ method: "POST", path: CHAT, headers, body: JSON.stringify(body) });
    const replies = [
      await proxy.raw({ path: "/v1/models", headers: who }),
      await proxy.raw({ path: "/v1/models/m", headers: who }),
      await proxy.raw({ path: "/v1/models" }),
      await post(HELLO),
      await post({ ...HELLO, model: "none" }),
      await proxy.raw({ path: "/nowhere", headers: who }),
      await proxy.raw({ path: CHAT, headers: who }),
    ];
    const stream = await post({ ...HELLO, stream: true });
    for (const reply of [...replies, stream]) {
      assert.deepEqual(lists(reply.headers["vary"]), [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
      ]);
    }
    for (const reply of replies) assert.equal(reply.headers["cache-control"], "private, no-store");
    assert.equal(stream.headers["cache-control"], "no-cache, no-transform");
  }));

test("in header mode the user's header is what answers depend on", () => {
  const config = {
    auth: { userHeader: "X-Team" },
    users: { ann: { models: [{ name: "m" }] } },
    models: { m: { provider: "openai" } },
  };
  return withProxy({ config }, async (proxy) => {
    const reply = await proxy.raw({ path: "/v1/models", headers: { "x-team": "ann" } });
    assert.equal(reply.status, 200);
    assert.deepEqual(lists(reply.headers["vary"]), ["x-team"]);
  });
});
