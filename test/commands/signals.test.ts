/** What a signal does to a running daemon, and what it must never do: open a port. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { listeningPorts } from "../tools/listening-ports.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { hello, type Stage, withStage } from "./_daemon.ts";

const ON_DENO = process.versions["deno"] !== undefined;
const KERNEL = existsSync("/proc/net/tcp") ? false : "the kernel's tables are Linux's";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function ask({ daemon }: Stage) {
  return exchangeRaw(daemon.port, {
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "x-user": "ann", "content-type": "application/json" },
    body: JSON.stringify(hello("gpt-5")),
  });
}

/** The processes that the daemon started, by the kernel's word. */
async function family(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return [pid, ...children.trim().split(" ").filter(Boolean).map(Number)];
}

for (const workers of [1, 2]) {
  for (const signal of ["SIGHUP", "SIGUSR1"] as const) {
    const title = `after ${signal} a daemon of ${workers} listens on its own port alone, and serves`;
    test(title, { skip: KERNEL }, async () => {
      const args = workers === 1 ? [] : ["--workers", `${workers}`];
      await withStage({ args }, async (stage) => {
        const { daemon } = stage;
        const pids = await family(daemon.child.pid ?? 0);
        assert.equal(pids.length >= workers, true);
        // Deno is not ready to open its debugger before a second has passed.
        if (ON_DENO) await pause(2_000);
        for (const pid of pids) process.kill(pid, signal);
        if (signal === "SIGUSR1" && ON_DENO) {
          await daemon.says(/ error SIGUSR1 opens Deno's debugger, from which every key can be read/);
          await daemon.says(/The debugger at ws:\/\/\S+ was closed after \d+ ms/);
        } else await pause(300);
        // Whoever of the others would open one does so in this time.
        await pause(500);
        for (const pid of pids) {
          const foreign = listeningPorts(pid).filter((port) => port !== daemon.port);
          assert.deepEqual(foreign, [], daemon.stderr());
        }
        assert.equal((await ask(stage)).status, 200);
      });
    });
  }
}

test("SIGHUP opens the access log anew", async () => {
  await withStage({ args: ["--access-log", "FOLDER/access.log"] }, async (stage) => {
    const log = join(stage.folder, "access.log");
    const lines = async () => (await readFile(log, "utf8").catch(() => "")).split("\n").length - 1;
    await ask(stage);
    for (let tries = 0; tries < 200 && await lines() === 0; tries++) await pause(25);
    await rename(log, `${log}.1`);
    stage.daemon.signal("SIGHUP");
    // Nothing is written in between: the signal alone makes the file.
    for (let tries = 0; tries < 200 && !existsSync(log); tries++) await pause(25);
    await ask(stage);
    for (let tries = 0; tries < 200 && await lines() === 0; tries++) await pause(25);
    assert.equal(await lines(), 1);
  });
});
