import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetwork } from "../../src/access/network.ts";
import { configWith, ENV, load } from "./_load.ts";

async function targetOf(parts: Record<string, unknown>, env: Record<string, string> = ENV) {
  const { policy, problems } = await load(configWith(parts), { env });
  const target = policy?.users.get("ann")?.routes.get("m")?.targets[0];
  assert.ok(target, JSON.stringify(problems));
  return target;
}

/** As written → where requests go. */
const BASE_URLS: [string, string][] = [
  ["https://api.example.com", "https://api.example.com/v1"],
  ["https://api.example.com/", "https://api.example.com/v1"],
  ["https://api.example.com/v1", "https://api.example.com/v1"],
  ["https://api.example.com/v1//", "https://api.example.com/v1"],
  ["HTTPS://API.example.com:443/openai", "https://api.example.com/openai/v1"],
  ["https://api.example.com/v1beta/openai/", "https://api.example.com/v1beta/openai"],
  ["http://[::1]:8080/api/v3", "http://[::1]:8080/api/v3"],
];

for (const [written, used] of BASE_URLS) {
  test(`the base URL ${written} is used as ${used}`, async () => {
    const { upstream } = await targetOf({ providers: { openai: { baseURL: written } } });
    assert.equal(upstream.baseURL, used);
  });
}

/** As written, with `versionInPath` → where requests go. */
const WHOLE_URLS: [string, boolean | undefined, string][] = [
  ["https://models.example/inference", false, "https://models.example/inference"],
  ["https://models.example/inference/", false, "https://models.example/inference"],
  ["https://api.example.com", false, "https://api.example.com"],
  ["https://api.example.com/v1/", false, "https://api.example.com/v1"],
  ["https://api.example.com", true, "https://api.example.com/v1"],
  ["https://models.example/inference/chat/completions", undefined, "https://models.example/inference"],
  ["https://models.example/inference/chat/completions/", undefined, "https://models.example/inference"],
  ["https://api.example.com/chat/completions", undefined, "https://api.example.com"],
  ["https://api.example.com/v1/chat/completions", undefined, "https://api.example.com/v1"],
  ["https://api.example.com/v1/chat/completions", false, "https://api.example.com/v1"],
  ["https://api.example.com/messages", undefined, "https://api.example.com/messages/v1"],
];

for (const [written, versionInPath, used] of WHOLE_URLS) {
  test(`the base URL ${written} with versionInPath ${versionInPath} is used as ${used}`, async () => {
    const section = { baseURL: written, ...(versionInPath !== undefined && { versionInPath }) };
    assert.equal((await targetOf({ providers: { openai: section } })).upstream.baseURL, used);
  });
}

test("the whole address of the other API's endpoint may be given too", async () => {
  const baseURL = "https://api.example.com/anthropic/messages";
  const parts = { providers: { anthropic: { baseURL } }, models: { m: { provider: "anthropic" } } };
  assert.equal((await targetOf(parts)).upstream.baseURL, "https://api.example.com/anthropic");
});

test("a provider's forward proxy is the environment's, and a wrong one is a problem of each provider", async () => {
  const env = { ...ENV, HTTPS_PROXY: "http://ann:pass@proxy.test:3128", NO_PROXY: ".direct.test" };
  const proxied = (await targetOf({}, env)).upstream.proxy;
  assert.equal(proxied?.origin, "http://proxy.test:3128");
  const providers = { openai: { baseURL: "https://api.direct.test" } };
  assert.equal((await targetOf({ providers }, env)).upstream.proxy, undefined);
  const { problems } = await load(configWith({}), { env: { ...ENV, https_proxy: "socks5://ann:pass@p:1" } });
  assert.deepEqual(problems.map(({ path }) => path), ["providers.openai.baseURL"]);
  assert.match(
    problems[0]?.message ?? "",
    /environment variable https_proxy names .* not supported \(socks5\)/,
  );
});

test("built-in providers exist unlisted, and read the environment of their official SDKs", async () => {
  const anthropic = { models: { m: { provider: "anthropic" } } };
  const { upstream } = await targetOf(anthropic, {
    ANTHROPIC_API_KEY: "k",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9/",
  });
  assert.deepEqual([upstream.dialect, upstream.baseURL], ["anthropic-messages", "http://127.0.0.1:9/v1"]);
  assert.ok(typeof upstream.secret === "object" && upstream.secret.reveal() === "k");
  assert.equal(
    (await targetOf(anthropic, { ANTHROPIC_BASE_URL: "" })).upstream.baseURL,
    "https://api.anthropic.com/v1",
  );
});

test("the file's section of a built-in provider replaces parts of it, before the environment", async () => {
  const providers = { openai: { baseURL: "http://127.0.0.1:1", apiKey: { env: "OTHER" }, retries: 2 } };
  const { upstream } = await targetOf({ providers }, { OTHER: "o", OPENAI_BASE_URL: "http://127.0.0.1:2" });
  assert.deepEqual([upstream.dialect, upstream.baseURL, upstream.retries], [
    "openai-chat",
    "http://127.0.0.1:1/v1",
    2,
  ]);
  assert.ok(typeof upstream.secret === "object" && upstream.secret.reveal() === "o");
});

test("a provider of one's own that names no key wants none", async () => {
  const providers = { ollama: { dialect: "openai-chat", baseURL: "http://127.0.0.1:11434" } };
  const target = await targetOf({ providers, models: { m: { provider: "ollama", model: "qwen3" } } });
  assert.equal(target.upstream.secret, "none");
  assert.deepEqual([target.model, target.upstreamModel], ["m", "qwen3"]);
});

test("a model's timeouts win over its provider's, those over the file's, those over the defaults", async () => {
  const { timeouts } = await targetOf({
    timeouts: { connect: 1, firstByte: 1, firstByteStream: 1 },
    providers: { openai: { timeouts: { firstByte: 2, firstByteStream: 2 } } },
    models: { m: { provider: "openai", timeouts: { firstByteStream: 3 } } },
  });
  assert.deepEqual(timeouts, { connect: 1, firstByte: 2, firstByteStream: 3, idle: 300 });
  assert.deepEqual((await targetOf({})).timeouts, {
    connect: 5,
    firstByte: 600,
    firstByteStream: 300,
    idle: 300,
  });
});

test("a model's options win over its provider's", async () => {
  const { options, thinkingCache, maxOutputTokens } = await targetOf({
    providers: { openai: { repair: true, thinkingCache: false } },
    models: { m: { provider: "openai", repair: false, autoCache: true, maxOutputTokens: 9 } },
  });
  assert.deepEqual(options, { repair: false, autoCache: true });
  assert.deepEqual([thinkingCache, maxOutputTokens], [false, 9]);
  const plain = await targetOf({});
  assert.deepEqual([plain.options, plain.thinkingCache, plain.maxOutputTokens], [{}, true, undefined]);
});

test("the API version of a provider becomes a header of its requests", async () => {
  const { upstream } = await targetOf({
    providers: { anthropic: { anthropicVersion: "2024-01-01" } },
    models: { m: { provider: "anthropic" } },
  });
  assert.deepEqual(upstream.headers, { "anthropic-version": "2024-01-01" });
});

test("what moves on and the keep-alive have the defaults of the contract", async () => {
  const { policy } = await load(configWith({}));
  const words = ["connect", "timeout", "invalid", "401", "402", "403", "404", "408", "409", "429", "5xx"];
  assert.deepEqual([...policy?.failoverOn ?? []], words);
  assert.equal(policy?.keepAlive, 15);
  const { policy: other } = await load(configWith({ failoverOn: [429, "4xx"], keepAlive: 0 }));
  assert.deepEqual([...other?.failoverOn ?? []], ["429", "4xx"]);
  assert.equal(other?.keepAlive, 0);
});

test("a failover target is granted by its entry alone", async () => {
  const { policy } = await load({
    users: {
      ann: { models: [{ name: "m", failover: ["n", "o"] }] },
      bob: { models: [{ name: "n" }] },
    },
    models: { m: { provider: "openai" }, n: { provider: "openai" }, o: { provider: "anthropic" } },
  });
  const routes = policy?.users.get("ann")?.routes;
  assert.deepEqual(routes?.get("m")?.targets.map(({ model }) => model), ["m", "n", "o"]);
  assert.deepEqual([...routes?.keys() ?? []], ["m"]);
  assert.deepEqual([...policy?.users.get("bob")?.routes.keys() ?? []], ["n"]);
});

test("keys are found by digest, in either case, and expire at the beginning of their day in UTC", async () => {
  const hash = `sha256:${"AB".repeat(32)}`;
  const { policy } = await load(configWith({
    users: { ann: { keys: [{ hash, name: "ci", expires: "2027-01-01" }], models: [{ name: "m" }] } },
  }));
  assert.ok(policy?.identity.mode === "keys");
  const digest = "ab".repeat(32);
  const holder = { digest, user: "ann", name: "ci", expires: Date.UTC(2027, 0, 1) };
  assert.deepEqual([...policy.identity.keys], [[digest, holder]]);
});

test("header mode takes the header's name in lower case, and believes loopback unless told otherwise", async () => {
  const { policy } = await load(configWith({ auth: { userHeader: "X-Remote-User" } }));
  assert.deepEqual(policy?.identity, {
    mode: "header",
    header: "x-remote-user",
    trusted: [parseNetwork("127.0.0.0/8"), parseNetwork("::1/128")],
  });
});
