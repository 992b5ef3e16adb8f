/** Errors inside of a stream, in every shape that servers write them in: no client takes such a stream for complete. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recording } from "../../src/demo/replay.ts";
import { configOf, withProxy } from "../tools/proxy.ts";
import { readAnthropic, readOpenAI } from "../tools/reading.ts";
import { streamedAnswer } from "../tools/scripted-provider.ts";

const SHAPES: Readonly<Record<string, string>> = {
  "the other API's": `data: {"error":{"message":"gone","type":"server_error","code":503}}`,
  "an event": `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"gone"}}`,
  "a list": `data: [{"error":{"code":503,"message":"gone","status":"UNAVAILABLE"}}]`,
  "an error that is a text": `data: {"error":"gone"}`,
  "an event that is a text": "event: error\ndata: gone",
};
const CHAT: Readonly<Record<string, string>> = {
  ...SHAPES,
  "an error as a whole": `data: {"object":"error","message":"gone","code":503}`,
  "error_type": `data: {"error_type":"server_error","error_message":"gone"}`,
  "a code and a msg": `data: {"code":500,"msg":"gone","success":false}`,
  "a base response": `data: {"choices":null,"base_resp":{"status_code":1013,"status_msg":"gone"}}`,
  "a choice's":
    `data: {"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":503,"message":"gone"}}]}`,
};

const replies = new Map<string, Recording>();
const models: Record<string, unknown> = { spare: { provider: "openai", model: "gpt-5" } };
for (const [api, shapes] of [["openai", CHAT], ["anthropic", SHAPES]] as const) {
  const [start = "", text = ""] = streamedAnswer(api);
  for (const [title, error] of Object.entries(shapes)) {
    // Servers write their last word behind an error too.
    const end = api === "openai" ? "data: [DONE]\n\n" : "";
    for (const [at, before] of [["first", ""], ["later", start + text]] as const) {
      const name = `${api}, ${title}, ${at}`;
      replies.set(name, {
        headers: { "content-type": "text/event-stream" },
        body: `${before}${error}\n\n${end}`,
      });
      models[name] = { provider: api };
    }
  }
}
const failover = Object.fromEntries([...replies.keys()].map((name) => [name, "spare"]));

for (const name of replies.keys()) {
  test(`${name}: an error in a stream is one for every client`, () =>
    withProxy({ config: configOf(models), replies }, async (proxy) => {
      const asking = { model: name, stream: true };
      const readings = [
        await readOpenAI(proxy.openai("ann"), asking),
        await readAnthropic(proxy.anthropic("ann"), asking),
      ];
      for (const reading of readings) {
        assert("failed" in reading, JSON.stringify(reading));
        assert.match(reading.message, /gone/);
      }
      await proxy.logged(2);
      const outcome = name.endsWith("later") ? "stream_interrupted" : "upstream_error";
      assert.deepEqual(proxy.entries.map((entry) => entry.outcome), [outcome, outcome]);
    }));

  if (name.endsWith("later")) continue;
  test(`${name}: an error before the first content goes to the next target`, () =>
    withProxy({ config: configOf(models, failover), replies }, async (proxy) => {
      const reading = await readOpenAI(proxy.openai("ann"), { model: name, stream: true });
      assert(!("failed" in reading), JSON.stringify(reading));
      assert.equal((await proxy.logged()).tries, 2);
    }));
}
