/** Who is asking, where users have keys: by the key alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { type Proxy, rejected, withProxy } from "../tools/proxy.ts";

const keyOf = (seed: number) => makeKey(new Uint8Array(32).fill(seed));
const ANN = keyOf(1);
const BEN = keyOf(2);
const EXPIRED = keyOf(3);
const config = {
  users: {
    ann: {
      keys: [{ hash: hashOf(ANN), name: "laptop" }, { hash: hashOf(EXPIRED), expires: "2020-01-01" }],
      models: [{ name: "gpt" }],
    },
    ben: { keys: [{ hash: hashOf(BEN) }], models: [{ name: "claude" }] },
  },
  models: {
    gpt: { provider: "openai", model: "gpt-5" },
    claude: { provider: "anthropic", model: "claude-sonnet-4-20250514" },
  },
};
const messages = [{ role: "user" as const, content: "Hi" }];

function ask(proxy: Proxy, headers: Readonly<Record<string, string>>, path = "/v1/chat/completions") {
  return proxy.raw({
    method: "POST",
    path,
    headers,
    body: JSON.stringify({ model: "gpt", max_tokens: 10, messages }),
  });
}

test("a key says who asks, as a bearer token or as x-api-key", () =>
  withProxy({ config }, async (proxy) => {
    const openai = new OpenAI({ apiKey: ANN, baseURL: `${proxy.url}/v1`, maxRetries: 0 });
    await openai.chat.completions.create({ model: "gpt", messages });
    const entry = await proxy.logged();
    assert.deepEqual([entry.user, entry.key], ["ann", "laptop"]);
    const anthropic = new Anthropic({ apiKey: BEN, baseURL: proxy.url, maxRetries: 0 });
    await anthropic.messages.create({ model: "claude", max_tokens: 10, messages });
    assert.deepEqual([(await proxy.logged(2)).user, (await proxy.logged(2)).key], ["ben", undefined]);
    const error = await rejected(anthropic.messages.create({ model: "gpt", max_tokens: 10, messages }));
    assert(error instanceof Anthropic.NotFoundError);
    assert.deepEqual((await anthropic.models.list()).data.map(({ id }) => id), ["claude"]);

    for (
      const headers of [{ authorization: `bearer  ${ANN}` }, {
        "x-api-key": ANN,
        authorization: `Bearer ${ANN}`,
      }]
    ) {
      assert.equal((await ask(proxy, headers)).status, 200);
    }
    for (const attempt of proxy.providers.attempts) assert(!JSON.stringify(attempt).includes("aip_"));
  }));

const BAD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  missing: {},
  empty: { authorization: "Bearer ", "x-api-key": "" },
  unknown: { authorization: `Bearer ${keyOf(9)}` },
  expired: { authorization: `Bearer ${EXPIRED}` },
  malformed: { authorization: "Bearer aip_short" },
  "of another scheme": { authorization: `Basic ${btoa(`ann:${ANN}`)}` },
  "longer than ours": { "x-api-key": `${ANN}x` },
  "shorter than ours": { "x-api-key": ANN.slice(0, -1) },
  "in another case": { "x-api-key": ANN.toUpperCase() },
  "its own digest": { "x-api-key": hashOf(ANN) },
  "two that differ": { "x-api-key": ANN, authorization: `Bearer ${BEN}` },
  "a member of every object": { "x-api-key": "__proto__" },
  "a user's name in a header": { "x-user": "ann" },
};

test("keys that are missing, malformed, unknown or expired get one and the same refusal", () =>
  withProxy({ config }, async (proxy) => {
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const answers = new Set<string>();
      for (const [title, headers] of Object.entries(BAD)) {
        const reply = await ask(proxy, { ...headers, "x-request-id": "same" }, path);
        assert.equal(reply.status, 401, title);
        assert.equal(reply.headers["x-should-retry"], "false", title);
        answers.add(reply.text);
      }
      assert.equal(answers.size, 1, [...answers].join("\n"));
    }
    for (const client of [proxy.openai("ann"), proxy.anthropic("ann")]) {
      const error = await rejected(client.models.list().then(() => {}));
      assert(error instanceof OpenAI.AuthenticationError || error instanceof Anthropic.AuthenticationError);
    }
    const entry = await proxy.logged(proxy.entries.length);
    assert.equal(entry.outcome, "denied");
    assert.equal(proxy.providers.attempts.length, 0);
  }));
