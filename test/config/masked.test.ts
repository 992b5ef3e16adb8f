/** Keys in the wrong place are never shown; names that only look a little like one are. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, renderExplanation } from "../../src/commands/explain.ts";
import { difference } from "../../src/config/difference.ts";
import { masked } from "../../src/config/masked.ts";
import { policyOf, routeOf } from "../tools/targets.ts";
import { configWith, ENV, load } from "./_load.ts";

const KEYS = [
  "sk-live-abcdef1234567890abcd",
  "sk-proj-abcdefghijklmnop",
  "sk-ant-api03-AbCdEf123_x-Y",
  "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
  `aip_${"aB3-_".repeat(9).slice(0, 43)}`,
  "AIzaSyA1234567890abcdefghijklmnopqrstuv",
  "gsk_abcd1234efgh5678",
  "hf_abcdefghijklmnopqrst",
  "ghp_abcdefghijklmnop1234",
  "xai-abcdef123456",
  "AKIAIOSFODNN7EXAMPLE",
  "eyJhbGciOiJIUzI1NiJ9",
  "9f86d081884c7d659a2feaa0c55ad015",
  "Xk29fLmQ0aZ81bTnRr47YvWc",
  "Zq8fT3vLw9XbK2mN",
];

const NAMES = [
  "claude-sonnet-4-20250514",
  "anthropic.claude-3-5-sonnet-20241022-v2:0",
  "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free",
  "NVIDIA-Nemotron-3-Super-120B-A12B-BF16",
  "ft:gpt-4o-mini-2024-07-18:org:custom",
  "/run/secrets/openai-api-key-production",
  "AZURE_OPENAI_API_KEY_PRODUCTION_2024",
  "550e8400-e29b-41d4-a716-446655440000",
  "key-management-service-2",
  "https://api-gateway.internal.example.com:8443/openai/v1",
  "team-search",
];

for (const key of KEYS) {
  test(`${key.slice(0, 6)}… is hidden wherever it stands`, async () => {
    assert.ok(!masked(`before ${key} behind`).includes(key));
    const configs = [
      configWith({ providers: { openai: { apiKey: { file: key } } } }),
      configWith({ providers: { openai: { apiKey: { file: `/run/${key}` } } } }),
      configWith({ providers: { openai: { apiKey: { env: key } } } }),
      configWith({ providers: { openai: { apiKey: key } } }),
      configWith({ providers: { openai: { baseURL: `https://h.test/v1?key=${key}` } } }),
      configWith({ providers: { openai: { baseURL: `https://h.test/v1#${key}` } } }),
      configWith({ providers: { openai: { baseURL: `https://${key}@h.test/v1` } } }),
      configWith({ providers: { openai: { baseURL: `ftp://${key}@h.test/v1` } } }),
      configWith({ providers: { openai: { baseURL: `h.test/${key}/v1` } } }),
      configWith({ providers: { openai: { anthropicVersion: key } } }),
      configWith({ providers: { openai: { anthropicVersion: `${key} ${key}` } } }),
      configWith({ providers: { openai: { dialect: key } } }),
      configWith({ providers: { openai: { [key]: 1 } } }),
      configWith({ providers: { [key]: { dialect: "openai-chat", baseURL: "x" } } }),
      configWith({ models: { m: { provider: key } } }),
      configWith({ models: { m: { provider: "openai" }, [key]: { provider: "openai" } } }),
      configWith({ models: { m: { provider: "openai", [key]: key } } }),
      configWith({ users: { [key]: { models: [{ name: "nowhere" }] } } }),
      configWith({ users: { ann: { models: [{ name: key }] } } }),
      configWith({ users: { ann: { models: [{ name: "m", failover: key }] } } }),
      configWith({ users: { ann: { models: [key] } } }),
      configWith({ users: { ann: { keys: [key], models: [{ name: "m" }] } } }),
      configWith({ users: { ann: { keys: [{ hash: key }], models: [{ name: "m" }] } } }),
      configWith({ users: { ann: { keys: [{ hash: "x", expires: key }], models: [{ name: "m" }] } } }),
      configWith({ auth: { userHeader: `${key} x`, trustedProxies: [key] } }),
      configWith({ failoverOn: [key] }),
      configWith({ [key]: 1 }),
      JSON.stringify(configWith({})).replace('"openai"', key),
      JSON.stringify(configWith({})).replace('"users"', key),
      `{"${key}": 1, "${key}": 2}`,
    ];
    for (const config of configs) {
      const loaded = await load(config, { env: { ...ENV } });
      const { problems, policy } = loaded;
      assert.ok(problems.length > 0 || policy, JSON.stringify(config));
      assert.ok(!JSON.stringify(problems).includes(key), JSON.stringify([config, problems]));
    }
  });
}

test("a base URL from the environment is hidden in the same way", async () => {
  const key = "sk-live-abcdef1234567890abcd";
  const env = { ...ENV, OPENAI_BASE_URL: `https://h.test/v1?key=${key}` };
  const { problems } = await load(configWith({}), { env });
  assert.equal(problems.length, 1);
  assert.ok(!JSON.stringify(problems).includes(key));
});

test("what a reload changed and how a route goes are told without what may be a key", async () => {
  const key = "sk-live-abcdef1234567890abcd";
  const [one, two] = [policyOf("ann", [routeOf("openai/m")]), policyOf(key, [routeOf(`openai/${key}`)])];
  const { text } = await difference(one, two, () => undefined);
  assert.match(text, /^users \+sk-… /);
  assert.ok(!text.includes(key));
  const shown = renderExplanation(explain(two, key, "m")) + renderExplanation(explain(two, key, key));
  assert.ok(!shown.includes(key), shown);
});

for (const name of NAMES) {
  test(`${name} is a name, and shown`, () => assert.equal(masked(`"${name}"`), `"${name}"`));
}

test("the parameters and credentials of an address are hidden, whatever they look like", () => {
  assert.equal(
    masked('"https://user:pw@h.test/v1?key=abc&x=1#frag"'),
    '"https://…@h.test/v1?key=…&x=…#…"',
  );
});
