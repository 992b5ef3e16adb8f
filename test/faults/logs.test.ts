/** What is written down: one line for a request, which nobody can forge, and in which nothing secret stands. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { logLine } from "../../src/account/access-log.ts";
import { accessLog, fileLog, streamLog } from "../../src/account/sinks.ts";
import { createGateway } from "../../src/gateway.ts";
import { listen } from "../../src/runtime/listen.ts";
import { startServices } from "../../src/commands/start.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { ANTHROPIC_KEY, configOf, OPENAI_KEY, type Proxy, withProxy } from "../tools/proxy.ts";
import { policyOf } from "../tools/targets.ts";
import { ask, each, PATHS, routes, WAYS } from "./_ways.ts";

const ONE = configOf({ m: { provider: "openai", model: "healthy" } });
const HELLO = { model: "m", messages: [{ role: "user", content: "Hello" }] };

test("F93: a fault of ours is one request's 500, which says nothing, and others live on", async () => {
  const logged: unknown[] = [];
  const outcomes: string[] = [];
  let broken = true;
  const { services, close } = startServices({
    policy: () => {
      if (broken) throw new TypeError("secret detail");
      return policyOf("ann", []);
    },
    sink: ({ outcome }) => outcomes.push(outcome),
    log: { info: () => {}, warn: () => {}, error: (_, cause) => logged.push(cause) },
    phase: () => "up",
  });
  const listener = await listen(createGateway(services), {
    host: "127.0.0.1",
    port: 0,
    onError: assert.fail,
  });
  try {
    const failed = await exchangeRaw(listener.port, { method: "POST", path: PATHS.openai, body: "{}" });
    assert.equal(failed.status, 500);
    assert.equal(failed.json().error.code, "internal");
    assert(!failed.text.includes("secret"), failed.text);
    assert.match(String(logged[0]), /secret detail/);
    broken = false;
    assert.equal((await exchangeRaw(listener.port, { path: "/healthz" })).status, 200);
    assert.deepEqual(outcomes, ["internal", "ok"]);
  } finally {
    listener.cut();
    await listener.close();
    await close();
  }
});

test("F95: a log that nobody reads any more loses lines, which are counted, and takes nothing with it", async () => {
  await withProxy({ config: ONE }, async (proxy) => {
    await proxy.post("ann", PATHS.openai, HELLO);
    const entry = await proxy.logged();
    const told: string[] = [];
    const throwing = (): never => {
      throw new Error("ENOSPC");
    };
    const deaf = streamLog({ write: throwing, on: () => {} }, { lost: (why) => told.push(why) });
    const full = fileLog("/dev/full", { lost: (why) => told.push(why) });
    const nowhere = fileLog("/nonexistent/folder/access.log", { lost: (why) => told.push(why) });
    for (const log of [deaf, full, nowhere]) {
      for (let count = 0; count < 3; count++) accessLog(log, "combined")(entry);
    }
    await Promise.all([full.close(), nowhere.close()]);
    for (const log of [deaf, full, nowhere]) assert.equal(log.lost(), 3);
    assert.equal(told.length, 3);
  });
});

const EVIL = 'x" 200 0 "-\\\u001b[31m\u0085\u2028\u2029\u00e9';

test("F107: no value of a client's forges a line or a field of one, in either format", () =>
  withProxy({ config: ONE }, async (proxy) => {
    const headers = {
      "x-user": "eve",
      "user-agent": Buffer.from(EVIL.slice(0, 12)).toString("latin1").replace(/[^\x20-\x7e]/g, ""),
      referer: `a"b\\c ${"r".repeat(5000)}`,
    };
    await proxy.raw({ method: "POST", path: `${PATHS.openai}?a="b"`, headers, body: "{}" });
    await proxy.post("ann", PATHS.openai, { ...HELLO, model: `${EVIL}\noutcome=ok user=root` });
    await proxy.logged(2);
    for (const entry of proxy.entries) {
      const combined = logLine(entry, "combined");
      assert.match(combined, /^[\x20-\x7e\u2026]*$/u);
      assert.equal([...combined.matchAll(/ outcome=/g)].length, 1, combined);
      assert.equal(combined.replace(/"[^"]*"/g, "").includes('"'), false, combined);
      assert(combined.length < 8192);
      const json = logLine(entry, "json");
      assert(!/[\n\r\u007f-\u009f\u2028\u2029]/.test(json), json);
      assert.equal(JSON.parse(json).outcome, entry.outcome);
    }
  }));

const PROMPT = "canary-of-a-prompt-7c1e";

/** All that is logged of some requests. */
async function everythingSaid(proxy: Proxy, requests: number): Promise<string> {
  await proxy.logged(requests);
  const lines = proxy.entries.flatMap((entry) => [logLine(entry, "combined"), logLine(entry, "json")]);
  return [...lines, ...proxy.appLog].join("\n");
}

for (const fault of ["401-leak", "echo", "html-502", "cut-2", "400", "malformed-event-3", "reset"]) {
  test(`F108: no key is in an answer or a log, whatever the provider does (${fault})`, () =>
    each(WAYS, (way) =>
      withProxy({ config: routes(way, { first: `demo-${fault}` }) }, async (proxy) => {
        for (const [index, model] of ["alone", "first"].entries()) {
          const reply = await ask(proxy, way, model);
          const all = reply.text + JSON.stringify(reply.headers) + await everythingSaid(proxy, index + 1);
          for (const key of [OPENAI_KEY, ANTHROPIC_KEY]) assert(!all.includes(key.slice(0, 16)), all);
        }
      })));
  test(`F109: neither prompt nor answer is in a log (${fault})`, () =>
    each(WAYS, (way) =>
      withProxy({ config: routes(way, { first: `demo-${fault}` }) }, async (proxy) => {
        for (const model of ["alone", "first"]) {
          await ask(proxy, way, model, { messages: [{ role: "user", content: PROMPT }], tools: "broken" });
          await ask(proxy, way, model, { messages: [{ role: "user", content: PROMPT }] });
        }
        const said = await everythingSaid(proxy, 4);
        assert(!said.includes(PROMPT) && !said.includes("simulated answer"), said);
      })));
}
