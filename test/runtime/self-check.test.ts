import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server } from "node:net";
import { test } from "node:test";
import { listen } from "../../src/runtime/listen.ts";
import { ask, watchListener } from "../../src/runtime/self-check.ts";
import { until } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";

function opened(port = 0): Promise<Server> {
  const server = createServer(
    { allowHalfOpen: true },
    (socket) => socket.on("end", () => socket.end()).resume(),
  );
  return new Promise((resolve) => void server.listen(port, "127.0.0.1", () => resolve(server)));
}

const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

test("a port that accepts is told from one that nobody listens on", async () => {
  const server = await opened();
  const address = server.address() as AddressInfo;
  assert.equal(await ask(address, 2_000), "accepts");
  await closed(server);
  assert.equal(await ask(address, 2_000), "silent");
});

test("a listener that accepts nothing any more is replaced, and its replacement is left alone", async () => {
  let server = await opened();
  const address = server.address() as AddressInfo;
  let replaced = 0;
  const checking = watchListener({
    address,
    every: 40,
    replace: async () => {
      replaced++;
      server = await opened(address.port);
    },
    onError: assert.fail,
  });
  await new Promise((resolve) => void setTimeout(resolve, 200));
  assert.equal(replaced, 0);
  await closed(server);
  await until(() => replaced === 1);
  await new Promise((resolve) => void setTimeout(resolve, 200));
  assert.equal(replaced, 1);
  checking.stop();
  await closed(server);
});

test("a listener that was never reached from here is not replaced", async () => {
  const server = await opened();
  const address = server.address() as AddressInfo;
  await closed(server);
  const checking = watchListener({ address, every: 20, replace: assert.fail, onError: assert.fail });
  await new Promise((resolve) => void setTimeout(resolve, 200));
  checking.stop();
});

test("the daemon asks its own port without a line in any log, and closes while it does", async () => {
  let requests = 0;
  const gateway = () => {
    requests++;
    return Promise.resolve({ status: 200, headers: {}, body: "ok", done: () => {} });
  };
  const listener = await listen(gateway, {
    host: "127.0.0.1",
    port: 0,
    limits: { selfCheck: 10 },
    onError: assert.fail,
  });
  await new Promise((resolve) => void setTimeout(resolve, 150));
  assert.equal(requests, 0);
  assert.equal((await exchangeRaw(listener.port, { path: "/" })).status, 200);
  await listener.close();
  await assert.rejects(exchangeRaw(listener.port, { path: "/" }));
});
