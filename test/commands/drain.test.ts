/** The end of the daemon, by real signals; the order of things by a listener that only says what it is told. */

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { connect } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { drain, signalEnds } from "../../src/commands/drain.ts";
import type { Listener } from "../../src/runtime/listen.ts";
import { type Daemon } from "../tools/daemon.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { openStream } from "../tools/stream-client.ts";
import { hello, withStage } from "./_daemon.ts";

/** A drain of a listener that writes down what it is told, and closes when it is told to. */
function drained(options: { readonly seconds: number; readonly delay: number }) {
  const told: string[] = [];
  let closed = () => {};
  const listener: Listener = {
    url: "",
    port: 0,
    turnAway: () => void told.push("turn away"),
    close: () => {
      told.push("close");
      return new Promise((resolve) => closed = resolve);
    },
    end: (reason) => void told.push(`end ${reason.code}`),
    cut: () => {
      told.push("cut");
      closed();
    },
  };
  const say = () => {};
  const log = { info: say, warn: say, error: say };
  const code = drain({
    listener,
    log,
    ends: signalEnds(log),
    enter: (phase) => void told.push(phase),
    ...options,
  });
  return { told, code, close: () => closed() };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 1000; tries++) await pause(5);
  assert(condition());
}

test("after SIGTERM answers turn clients away, then the listener closes and running answers finish", async () => {
  const { told, code, close } = drained({ seconds: 600, delay: 0.05 });
  process.emit("SIGTERM", "SIGTERM");
  await until(() => told.includes("draining"));
  assert.deepEqual(told, ["draining", "turn away"]);
  await until(() => told.includes("close"));
  assert.deepEqual(told.slice(2), ["stopping", "close"]);
  close();
  assert.equal(await code, 0);
  assert.deepEqual(told.slice(4), ["end server_shutting_down", "cut"]);
});

test("after SIGINT there is no delay", async () => {
  const { told, code, close } = drained({ seconds: 600, delay: 600 });
  process.emit("SIGINT", "SIGINT");
  await until(() => told.includes("close"));
  close();
  assert.equal(await code, 0);
});

test("what does not finish in time is ended with an error, and then cut", async () => {
  const { told, code } = drained({ seconds: 0.05, delay: 0 });
  // A real listener keeps the process; the drain's own timers do not.
  const keep = setInterval(() => {}, 1000);
  process.emit("SIGTERM", "SIGTERM");
  assert.equal(await code, 0);
  clearInterval(keep);
  assert.deepEqual(told.slice(0, 5), [
    "draining",
    "turn away",
    "stopping",
    "close",
    "end server_shutting_down",
  ]);
  assert.equal(told.at(-1), "cut");
});

test("a second signal cuts at once, whichever phase it meets", async () => {
  for (const delay of [600, 0]) {
    const { told, code } = drained({ seconds: 600, delay });
    process.emit("SIGTERM", "SIGTERM");
    await until(() => told.includes(delay === 0 ? "close" : "turn away"));
    await pause(5);
    process.emit("SIGINT", "SIGINT");
    assert.equal(await code, 0);
    assert.equal(told.at(-1), "cut");
  }
});

test("a second signal right behind the first is heard, and a third is the system's", async () => {
  const before = process.listenerCount("SIGTERM");
  const { told, code } = drained({ seconds: 600, delay: 600 });
  assert(process.emit("SIGINT", "SIGINT"));
  assert.equal(process.listenerCount("SIGTERM"), before + 1);
  process.emit("SIGTERM", "SIGTERM");
  assert.equal(process.listenerCount("SIGTERM"), before);
  assert.equal(await code, 0);
  assert.equal(told.at(-1), "cut");
});

test("a fault that nothing caught drains and ends with exit code 1", async () => {
  const before = process.listeners("uncaughtException");
  const { told, code, close } = drained({ seconds: 600, delay: 600 });
  // By the drain's own listener: the test runner has one too.
  const listeners = process.listeners("uncaughtException").filter((listener) => !before.includes(listener));
  listeners.forEach((listener) => listener(new Error("Nobody caught it"), "uncaughtException"));
  await until(() => told.includes("close"));
  close();
  assert.equal(await code, 1);
});

const LONG = "Hello in 200 words";

async function exits({ exited }: Daemon): Promise<void> {
  assert.equal(await exited, 0);
}

test("SIGTERM: not ready at once, still served for the delay, then refused; the running stream finishes", async () => {
  await withStage({ pace: 40 }, async ({ daemon }) => {
    const { port } = daemon;
    const agent = new Agent({ keepAlive: true });
    const stream = await openStream({ port, body: hello("sonnet", true, LONG), agent });
    await stream.until(/"content":/);
    // A connection whose request comes only when nobody new is let in any more.
    const late = connect(port, "127.0.0.1");
    late.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n");
    daemon.signal("SIGTERM");
    await daemon.says(/Draining after SIGTERM/);
    const ready = await exchangeRaw(port, { path: "/readyz" });
    assert.equal(ready.status, 503);
    assert.equal(ready.headers["connection"], "close");
    assert.equal((await exchangeRaw(port, { path: "/healthz" })).status, 200);
    const served = await openStream({ port, body: hello("gpt-5") });
    assert.equal(served.status, 200);
    assert.equal(served.headers["connection"], "close");

    await refusal(port);
    const [answer] = await Promise.all([
      new Promise<string>((resolve) => {
        let text = "";
        late.on("data", (piece) => text += piece);
        late.on("close", () => resolve(text));
      }),
      late.write("x-user: ann\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"),
    ]);
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, /\r\nretry-after: \d+\r\n/i);
    assert.match(answer, /"code":"draining"/);
    assert.match(answer, /\r\nconnection: close\r\n/i);

    const { text, broken } = await stream.ended;
    assert.equal(broken, false);
    assert.match(text, /data: \[DONE\]\n\n$/);
    // Though the client would keep its connection.
    await exits(daemon);
    agent.destroy();
    assert.match(daemon.stdout(), /model=sonnet .* outcome=ok /);
    assert.match(daemon.stdout(), / outcome=draining /);
  });
});

/** Waits until the port takes no connection any more. */
async function refusal(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(false);
      });
      socket.on("error", () => resolve(true));
    });
    if (refused) return;
    await pause(50);
  }
  assert.fail("The port is still open");
}

const ERROR_EVENTS = [
  ["/v1/chat/completions", "gpt-5", /data: \{"error":\{[^\n]*"code":"server_shutting_down"[^\n]*\n\n$/],
  ["/v1/messages", "gpt-5", /event: error\ndata: \{"type":"error","error":\{[^\n]*shutting down[^\n]*\n\n$/],
  ["/v1/messages", "sonnet", /event: error\ndata: \{"type":"error","error":\{[^\n]*shutting down[^\n]*\n\n$/],
] as const;

test("a stream that does not finish in time ends with an error in its client's dialect", async () => {
  await withStage({ pace: 300, args: ["--drain-timeout", "0.3"] }, async ({ daemon, providers }) => {
    const streams = await Promise.all(ERROR_EVENTS.map(async ([path, model, last]) => {
      const stream = await openStream({ port: daemon.port, path, body: hello(model, true, LONG) });
      await stream.until(/simulated|"content":/);
      return { stream, last };
    }));
    daemon.signal("SIGINT");
    for (const { stream, last } of streams) {
      const { text, broken } = await stream.ended;
      assert.match(text, last);
      assert.equal(broken, false);
      assert(!text.includes("[DONE]") && !text.includes("message_stop"));
    }
    await exits(daemon);
    assert.equal(daemon.stdout().match(/ outcome=stream_interrupted /g)?.length, 3);
    assert(providers.ledger.every(({ outcome }) => outcome === "client-closed"));
  });
});

test("a plain answer that does not finish in time is refused with a status", async () => {
  await withStage({ args: ["--drain-timeout", "0.3"] }, async ({ daemon, write }) => {
    await write({
      users: { ann: { models: [{ name: "silent" }] } },
      models: { silent: { provider: "openai", model: "demo-silent" } },
    });
    await daemon.says(/Configuration reloaded/);
    const asked = openStream({ port: daemon.port, body: hello("silent") });
    await pause(200);
    daemon.signal("SIGINT");
    const reply = await asked;
    assert.equal(reply.status, 503);
    assert.match((await reply.ended).text, /"code":"server_shutting_down"/);
    await exits(daemon);
  });
});

test("a second signal ends the daemon at once, streams and the delay notwithstanding", async () => {
  await withStage({ pace: 300 }, async ({ daemon }) => {
    const stream = await openStream({ port: daemon.port, body: hello("gpt-5", true, LONG) });
    await stream.until(/"content":/);
    daemon.signal("SIGTERM");
    await daemon.says(/Draining after SIGTERM/);
    const began = performance.now();
    daemon.signal("SIGTERM");
    assert.equal((await stream.ended).broken, true);
    await exits(daemon);
    // The delay is five seconds, the drain ten minutes.
    assert(performance.now() - began < 4000);
    assert.match(daemon.stdout(), / outcome=(draining|stream_interrupted) .* error=server_shutting_down /);
  });
});
