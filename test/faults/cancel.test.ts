/**
 * Clients that leave, and clients that are slow: the provider's work ends with the client's interest in it, in every
 * phase of a request, and no memory is filled for those who do not read.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectTo, portOf, posted } from "./_client.ts";
import { asked, each, hello, PATHS, type Routes, routes, type Way, WAYS } from "./_ways.ts";
import { type Proxy, until, withProxy } from "../tools/proxy.ts";

interface Phase {
  readonly name: string;
  readonly routes: Routes;
  readonly model?: string;
  readonly ways?: (way: Way) => boolean;
  /** Resolves when the request is where its client shall leave it. */
  readonly reached: (proxy: Proxy, sees: (text: string) => Promise<void>) => Promise<void>;
  /** Content had reached the client. */
  readonly content?: boolean;
}

const streamed = ({ stream }: Way) => stream;
const sentTo = (model: string) => (proxy: Proxy) => until(() => asked(proxy, model) === 1);

const PHASES: readonly Phase[] = [
  {
    name: "while the provider says nothing at all",
    routes: { first: "demo-silent" },
    reached: sentTo("demo-silent"),
  },
  {
    name: "between the provider's headers and its first byte",
    routes: { first: "demo-headers-silent" },
    reached: async ({ providers }) => {
      await until(() => providers.ledger[0]?.status === 200);
      await pause(30);
    },
  },
  {
    name: "before the first content",
    routes: { first: "demo-stall-0" },
    ways: streamed,
    reached: async ({ providers }) => {
      await until(() => (providers.ledger[0]?.bytesSent ?? 0) > 0);
      await pause(30);
    },
  },
  {
    name: "with half of a plain answer there",
    routes: { first: "demo-stall-2" },
    ways: (way) => !way.stream,
    reached: ({ providers }) => until(() => (providers.ledger[0]?.bytesSent ?? 0) > 0),
  },
  {
    name: "while it streams",
    routes: { first: "demo-stall-3" },
    ways: streamed,
    reached: (_, sees) => sees("simulate"),
    content: true,
  },
  {
    name: "while the second target is silent",
    routes: { first: "demo-500", failover: ["slow"], further: {} },
    reached: sentTo("demo-silent"),
  },
];

for (const { name, routes: given, ways = () => true, reached, content = false } of PHASES) {
  test(`F66: a client that leaves ${name} ends the provider's work`, () =>
    each(WAYS.filter(ways), (way) =>
      withProxy({ config: withSlow(way, given) }, async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.write(posted(PATHS[way.client], hello(way, "first")));
        await reached(proxy, client.sees);
        assert.equal(proxy.providers.ledger.at(-1)?.outcome, "pending");
        client.leave();
        await until(() => proxy.providers.ledger.at(-1)?.outcome === "client-closed");
        const { status, outcome, error, usageSource, usage } = await proxy.logged();
        assert.equal(status, 499);
        assert.equal(outcome, "client_disconnect");
        assert(error === undefined || error === "client_disconnect", error);
        assert(usageSource === "estimated" || usageSource === "partial", usageSource);
        assert(usage && usage.input > 0);
        assert.equal(usage.output > 0, content);
        assert.equal(asked(proxy, "healthy"), 0);
        assert.deepEqual(proxy.appLog, []);
      })));
}

/** The usual routes, and `slow`: a silent model at the other provider. */
function withSlow(way: Way, given: Routes) {
  const usual = routes(way, given);
  return (providers: Parameters<typeof usual>[0]) => {
    const config = usual(providers);
    return { ...config, models: { ...config.models, slow: { ...config.models.fine, model: "demo-silent" } } };
  };
}

test("F66: a client that leaves while its request waits to be tried again is not served any more", () =>
  each(
    WAYS.slice(0, 2),
    (way) =>
      withProxy({ config: routes(way, { first: "demo-429-3", failover: [], retries: 3 }) }, async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.write(posted(PATHS[way.client], hello(way, "first")));
        await until(() => proxy.providers.ledger[0]?.outcome === "complete");
        await pause(30);
        client.leave();
        const { outcome, tries, attempts } = await proxy.logged();
        assert.equal(outcome, "client_disconnect");
        assert.equal(tries, 1);
        assert.deepEqual(attempts.map(({ reason }) => reason), ["429"]);
        assert.equal(proxy.providers.attempts.length, 1);
      }),
  ));

test("F66: a client that leaves while it sends its request is one that left, not a fault of ours", () =>
  each(WAYS.slice(0, 1), (way) =>
    withProxy({ config: routes(way, { first: "healthy" }) }, async (proxy) => {
      const client = await connectTo(portOf(proxy.url));
      client.write(posted(PATHS[way.client], hello(way, "first"), { "content-length": "5000" }));
      await pause(50);
      client.leave();
      const { status, outcome, usageSource } = await proxy.logged();
      assert.equal(status, 499);
      assert.equal(outcome, "client_disconnect");
      assert.equal(usageSource, "none");
      assert.deepEqual(proxy.appLog, []);
      assert.equal(proxy.providers.attempts.length, 0);
    })));

test("F15: a client that has closed its side does not want its answer any more", () =>
  each(
    WAYS.slice(0, 2),
    (way) =>
      withProxy({ config: routes(way, { first: "demo-silent" }) }, async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.write(posted(PATHS[way.client], hello(way, "first")));
        await until(() => asked(proxy, "demo-silent") === 1);
        client.socket.end();
        await until(() => proxy.providers.ledger[0]?.outcome === "client-closed");
        assert.equal((await proxy.logged()).status, 499);
      }),
  ));

test("F68: a client that does not read holds the provider back, and no memory is filled for it", () =>
  each(
    WAYS.filter(streamed),
    (way) =>
      withProxy({ config: routes(way, { first: "demo-endless-400" }) }, async (proxy) => {
        const client = await connectTo(portOf(proxy.url));
        client.socket.pause();
        client.write(posted(PATHS[way.client], hello(way, "alone")));
        const entry = () => proxy.providers.ledger[0];
        const still = await standsStill(() => entry()?.bytesSent ?? 0);
        // What the kernel's buffers of two connections take; we add little to it.
        assert(still > 0 && still < 64 * 1024 * 1024, `${still} bytes were sent`);
        assert.equal(entry()?.outcome, "pending");
        // Once it reads, it goes on.
        client.socket.resume();
        await until(() => (entry()?.bytesSent ?? 0) > still);
        client.leave();
        await until(() => entry()?.outcome === "client-closed");
        assert.equal((await proxy.logged()).outcome, "client_disconnect");
      }),
  ));

test("F67: a client that takes nothing for too long is given up", () =>
  each(
    WAYS.filter(streamed).slice(0, 1),
    (way) =>
      withProxy(
        { config: routes(way, { first: "demo-endless-400" }), limits: { stall: 200 } },
        async (proxy) => {
          const client = await connectTo(portOf(proxy.url));
          client.socket.pause();
          client.write(posted(PATHS[way.client], hello(way, "alone")));
          await until(() => proxy.providers.ledger[0]?.outcome === "client-closed");
          assert.equal((await proxy.logged()).status, 499);
          client.leave();
        },
      ),
  ));

/** The value of a count that has not grown for a while. */
async function standsStill(count: () => number): Promise<number> {
  for (let last = -1;;) {
    const now = count();
    if (now === last && now > 0) return now;
    last = now;
    await pause(250);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
