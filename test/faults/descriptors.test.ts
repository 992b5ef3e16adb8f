/** The daemon under a limit on its file descriptors, and what is left of it all. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
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

/** Connections at once: half of the listen queue under the limit below. */
const WAVE = 16;

test(
  "F12: a flood of connections takes nothing down, and what is left over is served again",
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
    const config = join(directory, "rbac.json");
    await writeFile(config, JSON.stringify(configOf({ m: { provider: "openai" } })));
    const serve = [
      process.execPath,
      ...RUN,
      "serve",
      "--port",
      "0",
      "--config",
      config,
      "--access-log",
      "off",
    ];
    const child = spawn("sh", ["-c", 'ulimit -n 192 && exec "$@"', "sh", ...serve], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, OPENAI_API_KEY: "sk-none", NO_COLOR: "1" },
    });
    let said = "";
    let exited = false;
    child.stderr.on("data", (piece) => said += piece);
    child.on("exit", () => exited = true);
    const flood: Socket[] = [];
    try {
      await until(() => /listens on http/.test(said) || exited);
      const port = Number(/:(\d+)\s/.exec(said.slice(said.indexOf("listens on")))?.[1]);
      let closed = 0;
      for (let count = 0; count < 400; count++) {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => {});
        socket.on("close", () => closed++);
        flood.push(socket);
        // No faster than the listen queue is emptied: a Deno 2.9 that accepts more in one go than it has descriptors for
        // may never accept again.
        if (count % WAVE === WAVE - 1) await pause(20);
      }
      // Those that are too many are turned away or kept waiting by the kernel; some time for either.
      for (let waited = 0; closed < 200 && waited < 15; waited++) await pause(100);
      assert(closed < 400 && !exited, `${closed} of 400 connections were closed. ${said}`);
      for (const socket of flood) socket.destroy();
      const asked = () => exchangeRaw(port, { path: "/healthz" }).then(({ status }) => status, () => 0);
      const answered = () => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const late = new Promise<number>((resolve) => timer = setTimeout(() => resolve(0), 1_000));
        return Promise.race([asked(), late]).finally(() => clearTimeout(timer));
      };
      let status = 0;
      for (let count = 0; status !== 200 && count < 20; count++) {
        await pause(100);
        status = await answered();
      }
      assert.equal(status, 200, said);
      assert(!exited);
    } finally {
      for (const socket of flood) socket.destroy();
      if (!exited) process.kill(Number(child.pid), "SIGKILL");
      await until(() => exited);
      await rm(directory, { recursive: true });
    }
  },
);

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
