/** A proxy and a raw connection to it, for tests of what stands on the wire. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, type Proxy, type ProxyOptions, withProxy } from "../tools/proxy.ts";
import { type Client, connectTo, portOf } from "./_client.ts";

export const CHAT = "/v1/chat/completions";
export const HELLO = { model: "m", messages: [{ role: "user", content: "Hello" }] };
export const MEBIBYTE = 1024 * 1024;
const config = configOf({ m: { provider: "openai", model: "healthy" } });

export function ingress(
  title: string,
  run: (proxy: Proxy, client: Client) => Promise<void>,
  limits: ProxyOptions["limits"] = {},
): void {
  test(title, () =>
    withProxy({ config, limits }, async (proxy) => {
      const client = await connectTo(portOf(proxy.url));
      try {
        await run(proxy, client);
      } finally {
        client.leave();
      }
    }));
}

/** Still serves whoever behaves. */
export async function serves(proxy: Proxy): Promise<void> {
  assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
  assert.equal((await proxy.post("ann", CHAT, HELLO)).status, 200);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
