/** Who asks, for what, and how that may be forged. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { sha256 } from "../../src/digest.ts";
import { loadPolicy } from "../../src/config/load.ts";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configOf, type Proxy, withProxy } from "../tools/proxy.ts";
import { PATHS } from "./_ways.ts";

const MESSAGES = [{ role: "user", content: "Hello" }];
const BODY = { model: "m", messages: MESSAGES };
const ONE = { m: { provider: "openai", model: "healthy" } };
const POISON = [
  ...Object.getOwnPropertyNames(Object.prototype),
  "",
  "m ",
  " m",
  "M",
  "\u217f",
  "x".repeat(60_000),
];

test("F18: names that every object has are names of nobody and of nothing", () =>
  withProxy({ config: configOf(ONE) }, async (proxy) => {
    for (const name of POISON) {
      const asked = await proxy.post("ann", PATHS.openai, { ...BODY, model: name });
      assert([400, 404].includes(asked.status), `${name}: ${asked.text}`);
      if (name.length > 8000 || name !== name.trim()) continue;
      const reply = await proxy.raw({
        method: "POST",
        path: PATHS.openai,
        headers: { "x-user": encodeURI(name) },
        body: JSON.stringify(BODY),
      });
      assert.equal(reply.status, name === "" ? 401 : 403, name);
      const model = await proxy.raw({
        path: `/v1/models/${encodeURIComponent(name)}`,
        headers: { "x-user": "ann" },
      });
      assert.equal(model.status, 404, name);
    }
    for (const model of [null, 1, true, {}, ["m"], [["m"]]]) {
      const reply = await proxy.post("ann", PATHS.openai, { ...BODY, model });
      assert.equal(reply.status, 400);
      assert.equal(reply.json().error.param, "model");
    }
    assert.equal(proxy.providers.attempts.length, 0);
    assert.deepEqual(proxy.appLog, []);
  }));

test("F19: a __proto__ in a body is plain data, and no object learns from it", () =>
  withProxy(
    { config: configOf({ ...ONE, claude: { provider: "anthropic", model: "healthy" } }) },
    async (proxy) => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const poison =
        '"__proto__":{"stream":true,"max_tokens":1,"polluted":1},"constructor":{"prototype":{"polluted":1}}';
      for (const model of ["m", "claude"]) {
        const text =
          `{"model":"${model}",${poison},"messages":[{"role":"user","content":"Hello",${poison}}]}`;
        const reply = await proxy.post("ann", PATHS.openai, text);
        assert([200, 400].includes(reply.status), reply.text);
        if (reply.status !== 200) continue;
        assert.equal(reply.headers["content-type"], "application/json");
        if (model === "m") {
          assert(proxy.providers.attempts.at(-1)?.body.includes('"__proto__":{"stream":true'));
        }
      }
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
      assert.equal(Reflect.get({}, "polluted"), undefined);
    },
  ));

const KEYS = { ann: `aip_${"A".repeat(43)}`, bob: `aip_${"A".repeat(42)}E`, old: `aip_${"B".repeat(43)}` };

function keyed(): Record<string, unknown> {
  const user = (key: string, expires?: string) => ({
    keys: [{ hash: `sha256:${sha256(key)}`, name: "ci", ...(expires !== undefined && { expires }) }],
    models: [{ name: "m" }],
  });
  return {
    users: { ann: user(KEYS.ann), bob: user(KEYS.bob), old: user(KEYS.old, "2020-01-01") },
    models: ONE,
  };
}

function asks(proxy: Proxy, headers: Readonly<Record<string, string>>) {
  return proxy.raw({ method: "POST", path: PATHS.openai, headers, body: JSON.stringify(BODY) });
}

test("F20: a user's header is believed from trusted peers alone, and not at all once there are keys", async () => {
  await withProxy(
    { config: configOf(ONE, {}, { auth: { trustedProxies: ["10.0.0.0/8"] } }) },
    async (proxy) => {
      const reply = await asks(proxy, { "x-user": "ann" });
      assert.equal(reply.status, 401);
      assert.equal(reply.json().error.code, "user_missing");
      assert.equal((await proxy.logged()).user, undefined);
    },
  );
  await withProxy({ config: keyed() }, async (proxy) => {
    assert.equal((await asks(proxy, { "x-user": "ann" })).status, 401);
    assert.equal((await asks(proxy, { "x-user": "ann", authorization: `Bearer ${KEYS.bob}` })).status, 200);
    assert.equal((await proxy.logged(2)).user, "bob");
  });
});

test("F21: every key that is not valid gets the same answer, without the key in it", () =>
  withProxy({ config: keyed() }, async (proxy) => {
    const wrong = [
      {},
      { authorization: "Bearer " },
      { authorization: "Bearer" },
      { authorization: KEYS.ann },
      { authorization: `Basic ${KEYS.ann}` },
      { authorization: `Bearer ${KEYS.ann}, Bearer ${KEYS.ann}` },
      { authorization: `Bearer Bearer ${KEYS.ann}` },
      { authorization: `Bearer ${KEYS.old}` },
      { authorization: `Bearer aip_${"C".repeat(43)}` },
      { authorization: "Bearer sk-something-else-entirely-000000" },
      { "x-api-key": "short" },
      { "x-api-key": KEYS.ann.toLowerCase() },
    ];
    const answers = await Promise.all(wrong.map((headers) => asks(proxy, headers as Record<string, string>)));
    for (const reply of answers) {
      assert.equal(reply.status, 401);
      assert.equal(reply.text, answers[0]?.text);
      assert(!/aip_|AAAA|sk-/.test(reply.text + JSON.stringify(reply.headers)));
    }
    await proxy.logged(wrong.length);
    assert(proxy.entries.every(({ outcome, user }) => outcome === "denied" && user === undefined));
    assert.equal(proxy.providers.attempts.length, 0);
  }));

test("F22: a key counts as a whole: its beginning is nobody's, and two that share theirs are two users", () =>
  withProxy({ config: keyed() }, async (proxy) => {
    for (let length = 1; length < KEYS.ann.length; length++) {
      assert.equal((await asks(proxy, { "x-api-key": KEYS.ann.slice(0, length) })).status, 401);
    }
    assert.equal((await asks(proxy, { "x-api-key": `${KEYS.ann}A` })).status, 401);
    for (const user of ["ann", "bob"] as const) {
      const count = proxy.entries.length;
      assert.equal((await asks(proxy, { "x-api-key": KEYS[user] })).status, 200);
      assert.equal((await proxy.logged(count + 1)).user, user);
    }
  }));

const SHARED = {
  users: {
    ann: { models: [{ name: "m", failover: "secret" }] },
    bob: { models: [{ name: "m" }] },
  },
  models: {
    m: { provider: "openai", model: "demo-500" },
    secret: { provider: "anthropic", model: "healthy" },
  },
};

test("F24: a model that is not this user's and one that is not there are told apart by nobody", () =>
  withProxy({ config: SHARED }, async (proxy) => {
    for (const user of ["ann", "bob"]) {
      for (
        const [path, model] of Object.values(PATHS).flatMap((path) =>
          [[path, "secret"], [path, "nothing"]] as const
        )
      ) {
        const reply = await proxy.post(user, path, { ...BODY, model, max_tokens: 1 });
        assert.equal(reply.status, 404);
        assert(reply.text.includes(`The model '${model}' was not found or is not accessible to this user`));
      }
    }
    await proxy.logged(8);
    assert(proxy.entries.every(({ outcome }) => outcome === "denied"));
    assert.equal(proxy.providers.attempts.length, 0);
  }));

test("F25: a fallback outside a user's own models serves that user's one route, and nothing else", () =>
  withProxy({ config: SHARED }, async (proxy) => {
    const helped = await proxy.post("ann", PATHS.openai, BODY);
    assert.equal(helped.status, 200);
    assert.equal(helped.headers["x-ai-proxy-model"], "secret");
    assert.equal((await proxy.post("bob", PATHS.openai, BODY)).status, 500);
    assert.equal((await proxy.post("ann", PATHS.openai, { ...BODY, model: "secret" })).status, 404);
  }));

test("F26: a key that stands twice is refused, whichever of its values would be allowed", () =>
  withProxy({ config: configOf(ONE) }, async (proxy) => {
    for (
      const twice of [
        '"model":"m","model":"other"',
        '"model":"other","model":"m"',
        '"mod\\u0065l":"other","model":"m"',
      ]
    ) {
      const reply = await proxy.post("ann", PATHS.openai, `{${twice},"messages":[]}`);
      assert.equal(reply.status, 400, twice);
      assert.equal(reply.json().error.code, "invalid_value");
      assert.equal(reply.json().error.param, "model");
    }
    assert.equal(proxy.providers.attempts.length, 0);
  }));

/** A place on the loopback where nobody may call. */
async function withTrap(run: (url: string) => Promise<void>): Promise<void> {
  let hits = 0;
  const server = createServer((_, response) => {
    hits++;
    response.end("caught");
  });
  server.on("connection", () => hits++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    assert.equal(hits, 0);
  } finally {
    server.close();
  }
}

test("F27: no field and no header of a client's chooses where a request goes", () =>
  withTrap((trap) =>
    withProxy({ config: configOf(ONE) }, async (proxy) => {
      const names = [
        "api_base",
        "base_url",
        "baseURL",
        "api_key",
        "custom_host",
        "url",
        "endpoint",
        "provider",
        "proxy",
        "location",
      ];
      for (const name of names) {
        const body = { ...BODY, [name]: trap, metadata: { [name]: trap }, extra_body: { [name]: trap } };
        const headers = {
          "x-user": "ann",
          [`x-${name}`]: trap,
          [`x-portkey-${name.replace("_", "-")}`]: trap,
          forwarded: `host=${trap}`,
        };
        const reply = await proxy.raw({
          method: "POST",
          path: PATHS.openai,
          headers,
          body: JSON.stringify(body),
        });
        assert([200, 400].includes(reply.status), reply.text);
      }
    })
  ));

test("F28: addresses inside of messages are passed on or refused, never fetched", () =>
  withTrap((trap) =>
    withProxy(
      { config: configOf({ ...ONE, claude: { provider: "anthropic", model: "healthy" } }) },
      async (proxy) => {
        const url = `${trap}/image.png`;
        const openai = [{ type: "image_url", image_url: { url } }, { type: "text", text: "?" }];
        const anthropic = [{ type: "image", source: { type: "url", url } }, {
          type: "document",
          source: { type: "url", url },
        }];
        for (const model of ["m", "claude"]) {
          for (const [path, content] of [[PATHS.openai, openai], [PATHS.anthropic, anthropic]] as const) {
            const reply = await proxy.post("ann", path, {
              model,
              max_tokens: 9,
              messages: [{ role: "user", content }],
            });
            assert(reply.status < 500, reply.text);
          }
        }
      },
    )
  ));

for (const [what, value] of [["unset", undefined], ["empty", ""], ["blank", "  \n"]] as const) {
  test(`F32: a provider's key that is ${what} is never sent; the next target is tried`, () => {
    const env = { SPARE_KEY: value } as unknown as Record<string, string>;
    const config = ({ openaiURL }: Proxy["providers"]) => ({
      providers: { spare: { dialect: "openai-chat", baseURL: openaiURL, apiKey: { env: "SPARE_KEY" } } },
      models: {
        bare: { provider: "spare", model: "healthy" },
        m: { provider: "openai", model: "healthy-too" },
      },
      users: { ann: { models: [{ name: "bare", failover: "m" }] }, bob: { models: [{ name: "bare" }] } },
    });
    return withProxy({ config, env }, async (proxy) => {
      const saved = await proxy.post("ann", PATHS.openai, { ...BODY, model: "bare" });
      assert.equal(saved.status, 200, saved.text);
      assert.equal(saved.headers["x-ai-proxy-failover"], "key_missing");
      const alone = await proxy.post("bob", PATHS.openai, { ...BODY, model: "bare" });
      assert.equal(alone.status, 502);
      assert.equal(alone.json().error.code, "provider_key_missing");
      assert.equal(alone.headers["x-should-retry"], "false");
      assert.equal(proxy.providers.attempts.length, 1);
    });
  });
}

test("F114: without keys no other address than the loopback is served, unless somebody is named who is trusted", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(directory, "rbac.json");
  const load = async (config: unknown, host: string) => {
    await writeFile(file, JSON.stringify(config));
    return await loadPolicy({ file, env: {}, listen: { host, port: 4242 }, now: Date.now() });
  };
  const open = configOf({ m: { provider: "local", model: "x" } }, {}, {
    providers: { local: { dialect: "openai-chat", baseURL: "http://127.0.0.1:9/v1" } },
  });
  try {
    for (const host of ["0.0.0.0", "::", "192.0.2.1"]) {
      assert.equal((await load(open, host)).policy, undefined, host);
    }
    for (const host of ["127.0.0.1", "::1", "localhost"]) assert((await load(open, host)).policy, host);
    const trusting = { ...open, auth: { trustedProxies: ["10.0.0.0/8"] } };
    assert((await load(trusting, "0.0.0.0")).policy);
  } finally {
    await rm(directory, { recursive: true });
  }
});
