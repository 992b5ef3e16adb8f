/** Many requests on one connection, and many connections: neither takes the daemon away from others. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createInFlight } from "../../src/in-flight.ts";
import { GatewayError } from "../../src/errors.ts";
import { listen } from "../../src/runtime/listen.ts";
import { configOf, type Proxy, type ProxyOptions, until, withProxy } from "../tools/proxy.ts";
import { type Client, connectTo, portOf, posted } from "./_client.ts";
import { CHAT, HELLO, pause } from "./_ingress.ts";

const models = {
  m: { provider: "openai", model: "healthy" },
  silent: { provider: "openai", model: "demo-silent" },
};
const SILENT = { ...HELLO, model: "silent", stream: true };
const silent = (id: string) => posted(CHAT, SILENT, { "x-request-id": id });

function piped(
  title: string,
  run: (proxy: Proxy, client: Client) => Promise<void>,
  limits: ProxyOptions["limits"] = {},
): void {
  test(title, () =>
    withProxy({ config: configOf(models), limits }, async (proxy) => {
      const client = await connectTo(portOf(proxy.url));
      try {
        await run(proxy, client);
      } finally {
        client.leave();
      }
    }));
}

const pending = ({ providers }: Proxy) =>
  providers.ledger.filter(({ outcome }) => outcome === "pending").length;

for (const count of [2, 10, 40]) {
  piped(
    `a client that leaves ${count} requests behind ends all of them, and each has its line`,
    async (proxy, client) => {
      client.write(Array.from({ length: count }, (_, index) => silent(`id-${index}`)).join(""));
      await until(() => pending(proxy) >= Math.min(count, 16));
      await pause(50);
      client.leave();
      await until(() => pending(proxy) === 0);
      await proxy.logged(count);
      await pause(50);
      assert.deepEqual(
        proxy.entries.map(({ requestId }) => requestId).sort(),
        Array.from({ length: count }, (_, index) => `id-${index}`).sort(),
      );
      for (const { status, outcome } of proxy.entries) {
        assert.deepEqual([status, outcome], [499, "client_disconnect"]);
      }
      assert.deepEqual(proxy.appLog, []);
    },
  );
}

piped(
  "what a connection asks at once has a limit, and others are served meanwhile",
  async (proxy, client) => {
    client.write(Array.from({ length: 400 }, (_, index) => silent(`id-${index}`)).join(""));
    await until(() => pending(proxy) === 16);
    await pause(100);
    assert.equal(proxy.providers.attempts.length, 16);
    assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
    assert.equal((await proxy.post("ann", CHAT, HELLO)).status, 200);
    client.leave();
    await until(() => pending(proxy) === 0);
    assert.deepEqual(proxy.appLog, []);
  },
);

piped("requests that wait for their turn are answered in their order", async (_, client) => {
  const count = 60;
  client.write(
    Array.from({ length: count }, (_, index) =>
      posted(CHAT, HELLO, {
        "x-request-id": `id-${index}-`,
        ...(index === count - 1 && { connection: "close" }),
      })).join(""),
  );
  await client.closed();
  const ids = [...client.text().matchAll(/x-request-id: id-(\d+)-/gi)].map(([, id]) => Number(id));
  assert.deepEqual(ids, Array.from({ length: count }, (_, index) => index));
  assert.equal([...client.text().matchAll(/HTTP\/1\.1 200/g)].length, count);
});

piped("requests beyond those that may wait are refused, and the connection ends", async (proxy, client) => {
  client.write(
    Array.from({ length: 300 }, () => "GET /v1/models HTTP/1.1\r\nhost: a\r\nx-user: ann\r\n\r\n").join(""),
  );
  await client.closed();
  const statuses = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert(statuses.length >= 16 && statuses.slice(0, -1).every((status) => status === "200"), `${statuses}`);
  if (statuses.length < 300) assert.equal(statuses.at(-1), "503");
  assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
});

piped("a client that never stops sending behind a refused request is cut", async (proxy, client) => {
  client.write(silent("first"));
  await until(() => pending(proxy) === 1);
  client.write(posted(CHAT, HELLO, { expect: "a-miracle" }));
  for (let count = 0; count < 3_000 && !client.socket.destroyed; count++) {
    client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    if (count % 100 === 0) await pause(1);
  }
  await client.closed();
  await until(() => pending(proxy) === 0);
});

const FEW = { connections: 12 };

piped("connections with nothing under way make room for new ones", async (proxy) => {
  const idle = await Promise.all(Array.from({ length: 40 }, () => connectTo(portOf(proxy.url))));
  await until(() => idle.filter(({ socket }) => socket.destroyed).length >= 28);
  assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
  assert.equal((await proxy.post("ann", CHAT, HELLO)).status, 200);
  for (const one of idle) one.leave();
}, FEW);

piped("when all connections are busy, whoever asks how it is gets an answer", async (proxy) => {
  const busy = await Promise.all(Array.from({ length: 9 }, () => connectTo(portOf(proxy.url))));
  for (const [index, one] of busy.entries()) one.write(silent(`id-${index}`));
  await until(() => pending(proxy) === 9);
  for (let count = 0; count < 5; count++) {
    assert.equal((await proxy.raw({ path: "/healthz" })).status, 200);
    assert.equal((await proxy.raw({ path: "/readyz" })).status, 200);
    assert.equal((await proxy.raw({ path: "/v1/models", headers: { "x-user": "ann" } })).status, 200);
    const refused = await proxy.post("ann", CHAT, HELLO);
    assert.deepEqual([refused.status, refused.json().error.code], [503, "overloaded"]);
    assert.match(refused.headers["retry-after"] ?? "", /^[1-3]$/);
  }
  assert.equal(pending(proxy), 9);
  for (const one of busy) one.leave();
  await until(() => pending(proxy) === 0);
  await proxy.logged(9 + 20);
  assert.equal((await proxy.post("ann", CHAT, HELLO)).status, 200);
}, FEW);

test("requests at providers have a limit, and a place that is given back twice is one", () => {
  const inFlight = createInFlight(() => 0.5, 2);
  const leave = inFlight.enter("ann", true);
  inFlight.enter("ann", true);
  assert.throws(
    () => inFlight.enter("ann", true),
    (error) => error instanceof GatewayError && error.code === "overloaded" && error.retryAfter === 2,
  );
  leave();
  leave();
  assert.equal(inFlight.count, 1);
  inFlight.enter("ann", true);
  assert.throws(() => inFlight.enter("ann", true));
});

test("one user of several has three quarters of the places at providers, and the rest is for others", () => {
  const inFlight = createInFlight(() => 0, 8);
  const leave = Array.from({ length: 6 }, () => inFlight.enter("ann", false));
  const full = { code: "overloaded", status: 503, retryAfter: 1 };
  assert.throws(() => inFlight.enter("ann", false), { ...full, message: /of this user/ });
  inFlight.enter("bob", false);
  inFlight.enter("eve", false);
  assert.throws(() => inFlight.enter("bob", false), full);
  leave.forEach((give) => give());
  assert.equal(inFlight.count, 2);
  inFlight.enter("ann", false);
});

test("a drain does not wait for requests whose client has left, also behind others", async () => {
  const never = () => new Promise<never>(() => {});
  let leaving = 0;
  const listener = await listen(
    ({ left }) => {
      left.addEventListener("abort", () => leaving++);
      return Promise.resolve({ status: 200, headers: {}, body: never, done: () => {} });
    },
    { host: "127.0.0.1", port: 0, onError: assert.fail },
  );
  const client = await connectTo(listener.port);
  client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(5));
  await pause(100);
  const closed = listener.close();
  client.leave();
  await closed;
  await until(() => leaving === 5);
});
