/** The daemon under a limit on its file descriptors, and what is left of it all. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { configOf, until, withProxy } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { ask, each, routes, WAYS } from "./_ways.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const RUN = "Deno" in globalThis ? ["run", "-A", "--no-check", MAIN] : [MAIN];

/** A daemon that can open so many descriptors, of which others have taken some before it starts. */
async function withFew(
  { limit, taken = 0 }: { limit: number; taken?: number },
  run: (daemon: { port: number; said: () => string; exited: () => boolean }) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const config = join(directory, "rbac.json");
  await writeFile(config, JSON.stringify(configOf({ m: { provider: "openai" } })));
  const serve = [process.execPath, ...RUN, "serve", "--port", "0", "--config", config, "--access-log", "off"];
  const take = `for i in $(seq 10 ${9 + taken}); do eval "exec $i</dev/null"; done; `;
  const script = `${taken > 0 ? take : ""}ulimit -n ${limit} && exec "$@"`;
  // Only some shells have descriptors above 9.
  const child = spawn(taken > 0 ? "bash" : "sh", ["-c", script, "sh", ...serve], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, OPENAI_API_KEY: "sk-none", NO_COLOR: "1" },
  });
  let said = "";
  let exited = false;
  child.stderr.on("data", (piece) => said += piece);
  child.on("exit", () => exited = true);
  try {
    await until(() => /listens on http/.test(said) || exited);
    const port = Number(/:(\d+)\s/.exec(said.slice(said.indexOf("listens on")))?.[1]);
    await run({ port, said: () => said, exited: () => exited });
  } finally {
    if (!exited) process.kill(Number(child.pid), "SIGKILL");
    await until(() => exited);
    await rm(directory, { recursive: true });
  }
}

/** The status of an answer, 0 if there is none within a second. */
function healthOf(port: number): Promise<number> {
  const asked = exchangeRaw(port, { path: "/healthz" }).then(({ status }) => status, () => 0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<number>((resolve) => timer = setTimeout(() => resolve(0), 1_000));
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

function flooded(port: number, count: number): { closed: () => number; end: () => void } {
  let closed = 0;
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    return socket;
  });
  return { closed: () => closed, end: () => sockets.forEach((socket) => socket.destroy()) };
}

test("F12: a flood of connections takes nothing down, and meanwhile and after it others are served", () =>
  withFew({ limit: 192 }, async ({ port, said, exited }) => {
    const flood = flooded(port, 400);
    try {
      // Those that are too many are turned away or kept waiting by the kernel; some time for either.
      await pause(1_000);
      assert(
        flood.closed() < 400 && !exited(),
        `${flood.closed()} of 400 connections were closed. ${said()}`,
      );
      assert.equal(await answered(port, 10), 200, said());
      flood.end();
      assert.equal(await answered(port, 10), 200, said());
      assert(!exited());
    } finally {
      flood.end();
    }
  }));

test("F12: a daemon whose descriptors have ended all the same serves again by itself", () =>
  withFew({ limit: 64, taken: 36 }, async ({ port, said, exited }) => {
    assert.equal(await answered(port, 10), 200, said());
    const flood = flooded(port, 200);
    await pause(1_000);
    flood.end();
    assert.equal(await answered(port, 40), 200, said());
    assert(!exited());
  }));

/** Asks again and again, so often at most. */
async function answered(port: number, times: number): Promise<number> {
  let status = 0;
  for (let count = 0; status !== 200 && count < times; count++) {
    if (count > 0) await pause(200);
    status = await healthOf(port);
  }
  return status;
}

/** What would keep a process of Node alive, by kind; Deno has no such list. */
function resources(): string[] {
  const open = "Deno" in globalThis ? [] : process.getActiveResourcesInfo();
  return open.filter((kind) => /^(Timeout|TCPSocketWrap|TCPServerWrap|TLSWrap)$/.test(kind)).sort();
}

test("F66: no timer and no socket outlives the requests that needed it", async () => {
  const before = resources();
  for (const first of ["healthy", "demo-stall-2", "demo-silent", "demo-cut-2", "demo-500", "demo-redirect"]) {
    const timeouts = { firstByte: 0.1, firstByteStream: 0.1, idle: 0.1 };
    await each(
      WAYS,
      (way) =>
        withProxy(
          { config: routes(way, { first, timeouts, further: { keepAlive: 0.05 } }) },
          async (proxy) => {
            await ask(proxy, way, "first");
            await ask(proxy, way, "alone");
            await proxy.logged(2);
          },
        ),
    );
  }
  // One list that was longer a moment ago shrinks while its sockets close; `until` has a timer and so adds one.
  const left = () => resources().filter((kind) => kind !== "Timeout").length;
  await until(() => left() <= before.filter((kind) => kind !== "Timeout").length);
  await new Promise((resolve) => void setImmediate(resolve));
  assert.deepEqual(resources(), before);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
