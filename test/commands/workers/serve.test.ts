/** Several workers on one port: what clients see when one is lost, and when all are to end. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { startProgram } from "../../tools/daemon.ts";
import { exchangeRaw } from "../../tools/raw.ts";
import { withStage } from "../_daemon.ts";
import { run } from "../_run.ts";
import { closed, gone, LINUX, MANY, modelsEverywhere, openStreams, times, workersOf } from "./_workers.ts";

const TWO = ["--workers", "2"];

test(
  "workers share the port: one that is killed breaks its own streams alone, and is started again",
  LINUX,
  async () => {
    await withStage({ args: TWO, pace: 20 }, async ({ daemon }) => {
      assert.match(daemon.stderr(), / info ai-proxy listens on http:\S+ with 2 workers$/m);
      await daemon.says(/ info Each of the 2 workers has its own: target health and cooling, .*$/m);
      const [first, second] = workersOf(daemon);
      assert(first !== undefined && second !== undefined);
      const streams = await openStreams(daemon.port, 80);
      process.kill(first, "SIGKILL");
      const ends = await Promise.all(streams.map(({ ended }) => ended));
      const broken = ends.filter((end) => end.broken).length;
      assert(broken > 0 && broken < MANY, `${broken} streams are broken`);
      assert(ends.every(({ text, broken }) => broken !== text.endsWith("data: [DONE]\n\n")));
      await daemon.says(/ error Worker \d \(process \d+\) died of SIGKILL: started again at once\n/);

      const [, number] = await daemon.says(/Worker (\d) listens again \(process \d+\)\n/);
      process.kill(second, "SIGKILL");
      await daemon.says(new RegExp(`Worker [^${number}] \\(process ${second}\\) died of SIGKILL`));
      // By the one that is new.
      assert.equal((await modelsEverywhere(daemon.port)).size, 1);
      daemon.signal("SIGINT");
      assert.equal(await daemon.exited, 0);
    });
  },
);

test(
  "SIGTERM to all processes is one: streams come to their end, and every line is logged",
  LINUX,
  async () => {
    await withStage({ args: TWO, pace: 30 }, async ({ daemon }) => {
      const pids = workersOf(daemon);
      const streams = await openStreams(daemon.port, 200);
      // As a service manager sends it, and as somebody at a terminal sends his own.
      pids.forEach((pid) => process.kill(pid, "SIGTERM"));
      daemon.signal("SIGTERM");
      await daemon.says(/Draining after SIGTERM: running answers have 600 s to finish\n/);
      pids.forEach((pid) => process.kill(pid, "SIGTERM"));
      pids.forEach((pid) => process.kill(pid, "SIGINT"));
      const ready = await exchangeRaw(daemon.port, { path: "/readyz" });
      assert.equal(ready.status, 503);
      await closed(daemon.port);
      for (const { ended } of streams) {
        const { text, broken } = await ended;
        assert(!broken && text.endsWith("data: [DONE]\n\n"));
      }
      assert.equal(await daemon.exited, 0);
      assert.equal(daemon.stdout().match(/model=gpt-5 .* outcome=ok /g)?.length, MANY);
      assert.equal(times(daemon, /Draining/g), 1);
      assert.equal(times(daemon, /started again/g), 0);
    });
  },
);

test("a second signal ends all workers at once", LINUX, async () => {
  await withStage({ args: TWO, pace: 300 }, async ({ daemon }) => {
    const pids = workersOf(daemon);
    const streams = await openStreams(daemon.port, 200);
    daemon.signal("SIGTERM");
    await daemon.says(/Draining after SIGTERM/);
    daemon.signal("SIGTERM");
    for (const { ended } of streams) {
      const { text, broken } = await ended;
      assert(broken, text.slice(-300));
    }
    assert.equal(await daemon.exited, 0);
    assert.equal(daemon.stdout().match(/ error=server_shutting_down /g)?.length, MANY);
    await gone(pids);
  });
});

test("streams that do not finish in time end with an error in every worker", LINUX, async () => {
  await withStage({ args: [...TWO, "--drain-timeout", "0.3"], pace: 300 }, async ({ daemon }) => {
    const streams = await openStreams(daemon.port, 200);
    daemon.signal("SIGINT");
    for (const { ended } of streams) {
      const { text, broken } = await ended;
      assert(!broken && !text.includes("[DONE]"));
      assert.match(text, /"code":"server_shutting_down"[^\n]*\n\n$/);
    }
    assert.equal(await daemon.exited, 0);
  });
});

test("a worker that is sent SIGTERM drains, and another takes its place meanwhile", LINUX, async () => {
  await withStage({ args: TWO, pace: 30 }, async ({ daemon }) => {
    const [first, second] = workersOf(daemon);
    assert(first !== undefined && second !== undefined);
    const streams = await openStreams(daemon.port, 250);
    process.kill(first, "SIGTERM");
    await daemon.says(/Worker \d \(process \d+\) drains after SIGTERM: started again at once\n/);
    await daemon.says(/Worker \d listens again/);
    assert.equal(workersOf(daemon).length, 3);
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    assert(ends.every(({ broken }) => !broken));
    await gone([first]);
    assert.equal(workersOf(daemon).length, 2);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    assert.equal(times(daemon, /started again/g), 1);
  });
});

test(
  "a supervisor that is killed takes its workers with it: streams finish, and the port is free",
  LINUX,
  async () => {
    await withStage({ args: TWO, pace: 20 }, async ({ daemon }) => {
      const pids = workersOf(daemon);
      const streams = await openStreams(daemon.port, 150);
      daemon.signal("SIGKILL");
      await closed(daemon.port);
      for (const { ended } of streams) {
        const { text, broken } = await ended;
        assert(!broken && text.endsWith("data: [DONE]\n\n"));
      }
      await gone(pids);
    });
  },
);

test("a port that another daemon's workers share is in use", LINUX, async () => {
  await withStage({ args: TWO }, async ({ daemon, file }) => {
    for (const workers of ["1", "2"]) {
      const args = ["serve", "--config", file, "--port", `${daemon.port}`, "--workers", workers];
      const other = startProgram(args);
      assert.equal(await other.exited, 1);
      assert.match(other.stderr(), /^error {2}ai-proxy serve: Cannot listen on \S+: the port is in use$/m);
    }
    assert.equal((await modelsEverywhere(daemon.port)).size, 1);
  });
});

const MISUSED: [string[], RegExp][] = [
  [["--workers", "0"], /The flag --workers takes a number from 1 to 64, not "0"/],
  [["--workers", "65"], /takes a number from 1 to 64, not "65"/],
  [["--workers", "two"], /takes a number from 1 to 64, not "two"/],
  [["--workers", "2", "--demo"], /The flag --demo simulates all in one process: leave --workers out/],
];

for (const [args, message] of MISUSED) {
  test(`${args.join(" ")} is bad usage`, async () => {
    const { code, stdout, stderr } = await run(["serve", ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
