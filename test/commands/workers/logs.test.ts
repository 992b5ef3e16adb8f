/** The log of several processes: whole lines, each once, whatever becomes of a worker or of the reader. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { exchangeRaw } from "../../tools/raw.ts";
import { type Stage, withStage } from "../_daemon.ts";
import { LINUX, times, until, workersOf } from "./_workers.ts";

const JSON_LOG = ["--workers", "2", "--log-format", "json"];

/** Asks many times, from several connections at once; the line of each is long, and has its number. */
async function ask({ daemon }: Stage, count: number, from = 0): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => from + index);
  const asker = async () => {
    for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
      const path = `/v1/models/n${number}-${"é".repeat(300)}`;
      const headers = { "x-user": "ann", "user-agent": "u".repeat(3000), referer: "r".repeat(3000) };
      // A worker that is killed takes its answers with it.
      await exchangeRaw(daemon.port, { path: encodeURI(path), headers }).catch(() => {});
    }
  };
  await Promise.all(Array.from({ length: 10 }, asker));
}

/** The numbers of the lines, each of which has to be whole. */
function numbersOf(text: string): number[] {
  assert(text === "" || text.endsWith("\n"));
  return text.split("\n").slice(0, -1).map((line) => Number(/\/n(\d+)-/.exec(JSON.parse(line).target)?.[1]));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const sorted = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other);

test("long lines of many requests come whole through a pipe, and all of them do", LINUX, async () => {
  await withStage({ args: JSON_LOG }, async (stage) => {
    await ask(stage, 600);
    stage.daemon.signal("SIGINT");
    assert.equal(await stage.daemon.exited, 0);
    assert.deepEqual(sorted(numbersOf(stage.daemon.stdout())), upTo(600));
    assert.equal(times(stage.daemon, /lost/g), 0);
  });
});

test("a worker that is killed while it logs leaves whole lines behind", LINUX, async () => {
  await withStage({ args: JSON_LOG }, async (stage) => {
    const { daemon } = stage;
    const asking = ask(stage, 600);
    await until(() => daemon.stdout().length > 100_000);
    const [first] = workersOf(daemon);
    process.kill(first ?? 0, "SIGKILL");
    await asking;
    await daemon.says(/listens again/);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    const numbers = numbersOf(daemon.stdout());
    assert.equal(new Set(numbers).size, numbers.length);
    assert(numbers.every((number) => number >= 0 && number < 600));
  });
});

/** On Deno the other signal would open its debugger. */
const ROTATE = process.versions["deno"] ? "SIGHUP" : "SIGUSR1";

test(`${ROTATE} opens the file anew, and no line of any worker is lost`, LINUX, async () => {
  await withStage({ args: [...JSON_LOG, "--access-log", "FOLDER/access.log"] }, async (stage) => {
    const { daemon, folder } = stage;
    const log = join(folder, "access.log");
    await ask(stage, 100);
    renameSync(log, `${log}.1`);
    // A terminal, or a careless script, sends it to all processes.
    for (const pid of workersOf(daemon)) process.kill(pid, ROTATE);
    daemon.signal(ROTATE);
    let count = 100;
    // The signal may be on its way while the next requests are answered.
    for (; !existsSync(log) && count < 1000; count += 20) await ask(stage, 20, count);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    const numbers = numbersOf(readFileSync(`${log}.1`, "utf8") + readFileSync(log, "utf8"));
    assert.deepEqual(sorted(numbers), upTo(count));
    assert.equal(daemon.stdout(), "");
  });
});

test("requests are answered though the log's reader stands still", LINUX, async () => {
  await withStage({ args: JSON_LOG }, async (stage) => {
    stage.daemon.child.stdout?.pause();
    await ask(stage, 1500);
    const reply = await exchangeRaw(stage.daemon.port, { path: "/healthz" });
    assert.equal(reply.status, 200);
    stage.daemon.signal("SIGINT");
    await once(stage.daemon.child, "exit");
    assert.equal(stage.daemon.child.exitCode, 0);
  });
});

test("a log that is off is nowhere, and the workers end all the same", LINUX, async () => {
  await withStage({ args: ["--workers", "2", "--access-log", "off"] }, async (stage) => {
    await ask(stage, 20);
    stage.daemon.signal("SIGINT");
    assert.equal(await stage.daemon.exited, 0);
    assert.equal(stage.daemon.stdout(), "");
  });
});
