/** Targets that keep failing, targets that ask for patience, and how often one request may be sent at all. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Proxy, withProxy } from "../tools/proxy.ts";
import { ask, asked, each, hello, PATHS, read, routes, type Way, WAYS } from "./_ways.ts";

const [PLAIN, STREAM] = WAYS as readonly [Way, Way];

/** A port at which connecting takes for ever: its queue is full and its process stands still. */
async function withBlackHole(run: (port: number) => Promise<void>): Promise<void> {
  const script = fileURLToPath(new URL("_frozen.mjs", import.meta.url));
  const args = "Deno" in globalThis ? ["run", "-A", script] : [script];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const queued: Socket[] = [];
  try {
    const [first] = await once(child.stdout, "data");
    const port = Number(String(first).trim());
    process.kill(Number(child.pid), "SIGSTOP");
    for (let count = 0; count < 4; count++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      queued.push(socket);
    }
    await pause(100);
    await run(port);
  } finally {
    for (const socket of queued) socket.destroy();
    const exited = once(child, "exit");
    process.kill(Number(child.pid), "SIGKILL");
    await exited;
  }
}

test("F44: a connection that does not come about within the limit moves on, and the target is passed over at once", () =>
  withBlackHole((port) => {
    const config = routes(PLAIN, {
      first: "x",
      baseURL: `http://127.0.0.1:${port}/v1`,
      timeouts: { connect: 0.3 },
    });
    return withProxy({ config }, async (proxy) => {
      const saved = await ask(proxy, PLAIN, "first");
      assert.equal(saved.headers["x-ai-proxy-failover"], "connect");
      assert.equal((await proxy.logged()).attempts[0]?.detail, "connect-timeout");
      const next = await ask(proxy, PLAIN, "first");
      assert.equal(next.headers["x-ai-proxy-attempts"], "1");
      assert.deepEqual((await proxy.logged(2)).attempts.map(({ reason }) => reason), ["cooling", "ok"]);
      assert.match(proxy.appLog.join(), /primary\/x is passed over/);
    });
  }));

test("F46: a certificate that nobody vouches for moves on, and nothing is sent to its holder", async () => {
  const fixture = (name: string) => readFile(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
  const [key, cert] = [await fixture("key.pem"), await fixture("self-signed.pem")];
  let hits = 0;
  const server = createServer({ key, cert }, (_, response) => {
    hits++;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const config = routes(PLAIN, { first: "x", baseURL: `https://localhost:${port}/v1` });
    await withProxy({ config }, async (proxy) => {
      const saved = await ask(proxy, PLAIN, "first");
      assert.equal(saved.status, 200);
      assert.equal(saved.headers["x-ai-proxy-failover"], "connect");
      assert.equal((await proxy.logged()).attempts[0]?.detail, "DEPTH_ZERO_SELF_SIGNED_CERT");
      const alone = await ask(proxy, PLAIN, "alone");
      assert.equal(alone.status, 502);
      assert.equal(alone.json().error.code, "upstream_unreachable");
    });
    assert.equal(hits, 0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("F47: a refused key is cut out of the answer, tells the operator, and is not sent again", () =>
  each(
    WAYS.filter(({ stream }) => !stream),
    (way) =>
      withProxy({ config: routes(way, { first: "demo-401-leak" }) }, async (proxy) => {
        const alone = await ask(proxy, way, "alone");
        assert.equal(alone.status, 401);
        assert.equal(alone.headers["x-should-retry"], "false");
        assert(
          !/canary|sk-(proj|ant)|ghij|defg/.test(alone.text + JSON.stringify(alone.headers)),
          alone.text,
        );
        const saved = await ask(proxy, way, "first");
        assert.equal(saved.status, 200);
        assert.deepEqual((await proxy.logged(2)).attempts.map(({ reason }) => reason), ["cooling", "ok"]);
        assert.equal(asked(proxy, "demo-401-leak"), 1);
        assert.match(proxy.appLog.join(), /primary .*key/);
      }),
  ));

for (const fault of ["400", "413", "422", "context", "policy"]) {
  test(`F48: the caller's own fault (${fault}) is reported and tried nowhere else`, () =>
    each(
      WAYS,
      (way) =>
        withProxy({ config: routes(way, { first: `demo-${fault}`, retries: 2 }) }, async (proxy) => {
          const reply = await ask(proxy, way, "first");
          assert([400, 413, 422].includes(reply.status), reply.text);
          assert.equal(reply.headers["x-ai-proxy-error-source"], "upstream");
          assert.equal(reply.headers["x-ai-proxy-attempts"], "1");
          assert.notEqual(read(way, reply).error?.message, undefined);
          assert.equal(proxy.providers.attempts.length, 1);
          assert.equal((await proxy.logged()).outcome, "client_error");
        }),
    ));
}

test("F48: the client of the same API gets the provider's words as they came", () =>
  each([PLAIN, WAYS.at(-1) ?? PLAIN], (way) => {
    const body = way.upstream === "openai"
      ? '{"error":{"message":"No","type":"x","param":null,"code":"c","more":1.50}}'
      : '{"type":"error","error":{"type":"invalid_request_error","message":"No","more":1.50},"request_id":"r"}';
    const replies = new Map([["said", {
      status: 400,
      body,
      headers: { "content-type": "application/json" },
    }]]);
    return withProxy({ config: routes(way, { first: "said" }), replies }, async (proxy) => {
      const reply = await ask(proxy, way, "first");
      assert.equal(reply.status, 400);
      assert.equal(reply.text, body);
    });
  }));

for (const fault of ["429-30", "429-date-30", "429-bare", "529"]) {
  test(`F49: a target that asks for patience (${fault}) is passed over while another is left`, () =>
    each(WAYS, (way) =>
      withProxy({ config: routes(way, { first: `demo-${fault}` }) }, async (proxy) => {
        for (let count = 0; count < 3; count++) assert.equal((await ask(proxy, way, "first")).status, 200);
        assert.equal(asked(proxy, `demo-${fault}`), 1);
        assert.deepEqual((await proxy.logged(3)).attempts.map(({ reason }) => reason), ["cooling", "ok"]);
        // Alone it is asked all the same, and what it says reaches the client.
        const alone = await ask(proxy, way, "alone");
        assert([429, 503, 529].includes(alone.status), alone.text);
        if (fault.includes("30")) {
          const after = Number(alone.headers["retry-after"]);
          assert(after > 20 && after <= 30, `${after}`);
        }
        assert.equal(asked(proxy, `demo-${fault}`), 2);
      })));
}

test("F50: an exhausted quota is the credential's: other models of it are passed over too", () => {
  const config = ({ openaiURL }: Proxy["providers"]) => ({
    providers: { paid: { dialect: "openai-chat", baseURL: openaiURL, apiKey: { env: "OPENAI_API_KEY" } } },
    models: {
      first: { provider: "paid", model: "demo-quota" },
      second: { provider: "paid", model: "healthy" },
      poor: { provider: "paid", model: "demo-quota" },
      fine: { provider: "anthropic", model: "healthy" },
    },
    users: { ann: { models: [{ name: "first", failover: ["second", "fine"] }, { name: "poor" }] } },
  });
  return withProxy({ config }, async (proxy) => {
    // One that got it is no proof, however often a healthy model of the credential answers.
    for (let count = 0; count < 3; count++) {
      const saved = await ask(proxy, PLAIN, "first");
      assert.equal(saved.headers["x-ai-proxy-model"], "second");
    }
    assert.deepEqual(proxy.appLog, []);
    for (let count = 0; count < 3; count++) await ask(proxy, PLAIN, "poor");
    const next = await ask(proxy, PLAIN, "first");
    assert.equal(next.headers["x-ai-proxy-model"], "fine");
    assert.deepEqual((await proxy.logged(7)).attempts.map(({ reason }) => reason), [
      "cooling",
      "cooling",
      "ok",
    ]);
    assert.equal(proxy.appLog.length, 1);
    assert.match(proxy.appLog.join(), /^paid is passed over for 300 s: its account .*429 insufficient_quota/);
  });
});

test("F51: without retries configured a target gets each request once, whatever it answers", () =>
  withProxy({ config: routes(PLAIN, { first: "demo-503", failover: ["broken"] }) }, async (proxy) => {
    const reply = await ask(proxy, PLAIN, "first");
    assert.equal(reply.status, 500);
    assert.equal(reply.headers["x-should-retry"], "false");
    assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
    assert.equal(proxy.providers.attempts.length, 2);
  }));

test("F51: a target is tried again only as often as it is configured, and then answers", () =>
  each(
    [PLAIN, STREAM],
    (way) =>
      withProxy({ config: routes(way, { first: "demo-500-once", retries: 2 }) }, async (proxy) => {
        const reply = await ask(proxy, way, "alone");
        assert.equal(reply.status, 200);
        assert.equal(reply.headers["x-ai-proxy-attempts"], "2");
        assert.deepEqual((await proxy.logged()).attempts.map(({ reason }) => reason), ["5xx", "ok"]);
        assert.equal(proxy.providers.attempts.length, 2);
      }),
  ));

test("F51: with everything failing, retries stay within their budget", () =>
  withProxy({ config: routes(PLAIN, { first: "demo-500", failover: [], retries: 2 }) }, async (proxy) => {
    const requests = 60;
    for (let count = 0; count < requests; count++) {
      assert.equal((await ask(proxy, PLAIN, "first")).status, 500);
    }
    const sent = asked(proxy, "demo-500");
    assert(sent >= requests && sent <= requests * 1.2, `${sent} requests for ${requests}`);
  }));

test("F51: a short retry-after is waited for, a long one is not", async () => {
  await withProxy({ config: routes(PLAIN, { first: "demo-429-once-0.3", retries: 1 }) }, async (proxy) => {
    const reply = await ask(proxy, PLAIN, "alone");
    assert.equal(reply.status, 200);
    assert.equal(asked(proxy, "demo-429-once-0.3"), 2);
  });
  await withProxy({ config: routes(PLAIN, { first: "demo-429-20", retries: 1 }) }, async (proxy) => {
    assert.equal((await ask(proxy, PLAIN, "alone")).status, 429);
    assert.equal(proxy.providers.attempts.length, 1);
  });
});

test("F52: a target that timed out is not asked again, though retries are configured", () =>
  withProxy({
    config: routes(PLAIN, { first: "demo-silent", retries: 2, timeouts: { firstByte: 0.2 } }),
  }, async (proxy) => {
    assert.equal((await ask(proxy, PLAIN, "first")).status, 200);
    assert.equal(asked(proxy, "demo-silent"), 1);
  }));

test("F53: interim answers before the real one are no answer", () =>
  each(WAYS, (way) =>
    withProxy({ config: routes(way, { first: "demo-1xx" }) }, async (proxy) => {
      const reply = await ask(proxy, way, "alone");
      assert.equal(reply.status, 200);
      assert(read(way, reply).complete);
    })));

test("F58: a kept connection that the provider has closed costs no request and doubles none", () =>
  withProxy({ config: routes(PLAIN, { first: "demo-keepalive-close-1" }) }, async (proxy) => {
    for (let count = 0; count < 20; count++) {
      const reply = await ask(proxy, PLAIN, "first");
      assert.equal(reply.status, 200);
      await pause(count % 5);
    }
    // One that met the closing moved on: nobody was asked twice.
    const bodies = proxy.providers.attempts.length;
    assert(bodies >= 20 && asked(proxy, "demo-keepalive-close-1") <= 20, `${bodies} requests`);
    await proxy.logged(20);
    for (const { attempts } of proxy.entries) {
      assert(attempts.filter(({ model }) => model === "first").length <= 1);
    }
  }));

test("F60: a provider whose process stands still is left after the limit, and others are not touched", () =>
  withBlackHole((port) => {
    const config = routes(STREAM, {
      first: "x",
      baseURL: `http://127.0.0.1:${port}/v1`,
      timeouts: { connect: 0.3, firstByteStream: 0.3 },
    });
    return withProxy({ config }, async (proxy) => {
      const reply = await ask(proxy, STREAM, "first");
      assert.equal(reply.status, 200);
      assert.match(reply.headers["x-ai-proxy-failover"] ?? "", /^(connect|timeout)$/);
      assert(read(STREAM, reply).complete);
    });
  }));

test("F61: a target that keeps failing is passed over, and the last of a chain never is", () =>
  withProxy({ config: routes(PLAIN, { first: "demo-500", failover: ["broken"] }) }, async (proxy) => {
    for (let count = 0; count < 8; count++) assert.equal((await ask(proxy, PLAIN, "first")).status, 500);
    const { attempts } = await proxy.logged(8);
    // Both are open by now: one is asked for all that, and its error reaches the client.
    assert(attempts.some(({ reason }) => reason === "5xx"), JSON.stringify(attempts));
    assert.equal(proxy.appLog.filter((line) => line.includes("5 failures in a row")).length, 2);
    const before = proxy.providers.attempts.length;
    await proxy.post("ann", PATHS.openai, hello(PLAIN, "alone"));
    assert.equal(proxy.providers.attempts.length, before + 1);
  }));

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
