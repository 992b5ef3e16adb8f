/** What an OpenAI client asks of a Claude model beside the conversation, and one answer as one choice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { configOf, type Proxy, rejected, withProxy } from "../tools/proxy.ts";

const CLAUDE = "claude-sonnet-4-20250514";
const config = configOf({ sonnet: { provider: "anthropic", model: CLAUDE } });
const hello = [{ role: "user" as const, content: "Hello" }];

function claude(title: string, run: (proxy: Proxy, client: OpenAI) => Promise<void>): void {
  test(title, () => withProxy({ config }, (proxy) => run(proxy, proxy.openai("ann"))));
}

/** What the provider got last. */
// deno-lint-ignore no-explicit-any -- a test says by its assertions what it expects to find
function sent(proxy: Proxy): any {
  return JSON.parse(proxy.providers.attempts.at(-1)?.body ?? "");
}

claude("settings are carried as they are, and what changes is reported", async (proxy, client) => {
  const ask = (settings: object) =>
    client.chat.completions.create({ model: "sonnet", messages: hello, ...settings }).withResponse();
  const warnings = ({ response }: { response: Response }) => response.headers.get("x-ai-proxy-warnings");

  assert.equal(warnings(await ask({ temperature: 0 })), null);
  assert.equal(sent(proxy).temperature, 0);
  assert.match(warnings(await ask({ temperature: 1.2 })) ?? "", /temperature/);
  assert.equal(sent(proxy).temperature, 1);
  await ask({});
  assert(!("temperature" in sent(proxy)));
  assert(sent(proxy).max_tokens > 4096);
  await ask({ max_completion_tokens: 7 });
  assert.equal(sent(proxy).max_tokens, 7);
  assert.match(warnings(await ask({ seed: 3 })) ?? "", /seed/);
});

test("several blocks of text are one choice", () => {
  const body = JSON.stringify({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: CLAUDE,
    content: [{ type: "text", text: "One, " }, { type: "text", text: "two." }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 8, output_tokens: 20 },
  });
  return withProxy({ config, replies: new Map([[CLAUDE, { body }]]) }, async (proxy) => {
    const request = { model: "sonnet", messages: hello, max_completion_tokens: 100 };
    const reply = await proxy.openai("ann").chat.completions.create(request);
    assert.deepEqual(reply.choices.map(({ message }) => message.content), ["One, two."]);
  });
});

claude("what Claude cannot do is refused by its name", async (proxy, client) => {
  for (const [field, value] of [["n", 2], ["logprobs", true]] as const) {
    const error = await rejected(
      client.chat.completions.create({ model: "sonnet", messages: hello, [field]: value }),
    );
    assert(error instanceof OpenAI.BadRequestError, field);
    assert.equal(error.code, "unsupported_parameter");
    assert.equal(error.param, field);
    assert.equal(error.headers.get("x-ai-proxy-error-source"), "proxy");
  }
  assert.equal(proxy.providers.attempts.length, 0);
});
