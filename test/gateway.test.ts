import { equal } from "node:assert/strict";
import { test } from "node:test";
import { createByteBudget } from "../src/byte-budget.ts";
import { startServices } from "../src/commands/start.ts";
import { createGateway, type Gateway } from "../src/gateway.ts";
import type { Outgoing } from "../src/http.ts";
import type { Send, UpstreamResponse } from "../src/upstream/send.ts";
import { until } from "./tools/proxy.ts";
import { policyOf, routeOf } from "./tools/targets.ts";

const WORD = { id: "x", model: "m", choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: null }] };

/** A stream that says a word and then nothing for ever. */
async function* endless(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(`data: ${JSON.stringify(WORD)}\n\n`);
  await new Promise(() => {});
}

/** A gateway with memory for so many bytes of bodies, and what the provider of its one model answers. */
function gatewayOf(bytes: number, answer: Send): Gateway {
  const policy = {
    ...policyOf("ann", [routeOf("one/m")]),
    keepAlive: 0,
    identity: {
      mode: "header",
      header: "x-user",
      trusted: [{ address: 0xffff00000000n, prefix: 96 }],
    } as const,
  };
  const { services } = startServices({
    policy: () => policy,
    sink: () => {},
    log: { info: () => {}, warn: () => {}, error: () => {} },
    phase: () => "up",
  });
  return createGateway({ ...services, send: answer, bodies: createByteBudget(() => 0, bytes) });
}

function ask(gateway: Gateway, left = new AbortController().signal): Promise<Outgoing> {
  const body = JSON.stringify({
    model: "m",
    stream: true,
    messages: [{ role: "user", content: "x".repeat(500) }],
  });
  return gateway({
    method: "POST",
    target: "/v1/chat/completions",
    version: "1.1",
    headers: { "x-user": "ann", "content-length": `${body.length}` },
    peer: "127.0.0.1",
    body: (async function* () {
      yield new TextEncoder().encode(body);
    })(),
    left,
  });
}

test("an answer under way takes nothing of the memory for requests, one that is waited for does", async () => {
  const sent: ((response: UpstreamResponse) => void)[] = [];
  const gateway = gatewayOf(1000, ({ signal }) =>
    new Promise((resolve, reject) => {
      sent.push(resolve);
      signal.addEventListener("abort", () => reject(signal.reason));
    }));
  const clients = new AbortController();
  const first = ask(gateway, clients.signal);
  await until(() => sent.length === 1);
  equal((await ask(gateway)).status, 503);
  sent[0]?.({ status: 200, headers: { "content-type": "text/event-stream" }, body: endless() });
  equal((await first).status, 200);
  // The first stream is open, and will be for long.
  const second = ask(gateway, clients.signal);
  await until(() => sent.length === 2);
  equal((await ask(gateway)).status, 503);
  clients.abort();
  await second;
});
