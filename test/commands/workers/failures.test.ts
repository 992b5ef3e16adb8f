/** Workers that fail by themselves: at their start, again and again, or by a fault that nothing caught. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { startProgram } from "../../tools/daemon.ts";
import { configOf } from "../../tools/proxy.ts";
import { MODELS, withStage } from "../_daemon.ts";
import { gone, LINUX, MANY, modelsEverywhere, openStreams, times, until, workersOf } from "./_workers.ts";

const TWO = ["--workers", "2"];
const EXAMPLE = new URL("../../../rbac.example.json", import.meta.url).pathname;

/** Only Node can be told to run something before a program; what fails is no concern of the runtime. */
const options = { skip: LINUX.skip || "deno" in process.versions };

/** An environment in which each worker first runs a script. */
function sabotage(script: string) {
  const inWorkers = `if (/worker\\.ts$/.test(process.argv[1])) { ${script} }`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(inWorkers)}` };
}

test("a worker that cannot start ends all, and why is said once", options, async () => {
  const args = ["serve", "--config", EXAMPLE, "--port", "0", ...TWO];
  const program = startProgram(args, { env: sabotage("if (process.argv[2] === '2') process.exit(3);") });
  assert.equal(await program.exited, 1);
  assert.match(program.stderr(), /^error {2}ai-proxy serve: Worker 2 ended with code 3$/m);
  assert.equal(program.stderr().match(/error/g)?.length, 1);
  assert(!program.stderr().includes("listens"));
  assert.equal(program.stdout(), "");
});

test("the reason that a worker gives for not starting is the reason", options, async () => {
  const script = "process.getBuiltinModule('net').Server.prototype.listen = function () {" +
    " queueMicrotask(() => this.emit('error', Object.assign(new Error('no'), { code: 'EACCES' }))); };";
  const args = ["serve", "--config", EXAMPLE, "--port", "0", ...TWO];
  const program = startProgram(args, { env: sabotage(script) });
  assert.equal(await program.exited, 1);
  const [line, ...others] = program.stderr().match(/^.*error.*$/gm) ?? [];
  assert.match(line ?? "", /^error {2}ai-proxy serve: Cannot listen on 127\.0\.0\.1:\d+: not allowed to use/);
  assert.deepEqual(others, []);
});

test("a worker that keeps dying is started after growing pauses, and the other serves", options, async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const poison = join(folder, "poison");
  const script = "const { existsSync } = process.getBuiltinModule('fs');" +
    `if (process.argv[2] === '1') setInterval(() => existsSync(${
      JSON.stringify(poison)
    }) && process.exit(5), 20).unref();`;
  try {
    await withStage({ args: TWO, env: sabotage(script) }, async ({ daemon }) => {
      await writeFile(poison, "");
      await daemon.says(/Worker 1 \(process \d+\) ended with code 5: started again at once\n/);
      await daemon.says(/Worker 1 \(process \d+\) ended with code 5: started again in 1 s\n/);
      assert.equal((await modelsEverywhere(daemon.port)).size, 1);
      await daemon.says(/Worker 1 \(process \d+\) ended with code 5: started again in 2 s\n/);
      await rm(poison);
      await daemon.says(/in 2 s\n[^]*Worker 1 listens again/);
      daemon.signal("SIGINT");
      assert.equal(await daemon.exited, 0);
      assert.equal(times(daemon, /Worker 2/g), 0);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the end does not wait for a worker that is still to be started again", options, async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const poison = join(folder, "poison");
  const script = `setInterval(() => process.getBuiltinModule('fs').existsSync(${
    JSON.stringify(poison)
  }) && process.exit(5), 20).unref();`;
  try {
    await withStage({ args: TWO, env: sabotage(script) }, async ({ daemon }) => {
      await writeFile(poison, "");
      await daemon.says(/Worker 1 .* in 2 s\n/);
      await daemon.says(/Worker 2 .* in 2 s\n/);
      assert(existsSync(poison));
      daemon.signal("SIGTERM");
      assert.equal(await daemon.exited, 0);
      assert.match(daemon.stderr(), /in 2 s\n\S+ info Draining after SIGTERM: [^\n]*\n$/);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

const THROWS = sabotage("process.on('SIGUSR2', () => { throw new Error('Nobody caught it'); });");

test("a fault that nothing caught drains its worker alone, which another replaces", options, async () => {
  await withStage({ args: TWO, env: THROWS, pace: 20 }, async ({ daemon }) => {
    const [first] = workersOf(daemon);
    assert(first !== undefined);
    const streams = await openStreams(daemon.port, 100);
    process.kill(first, "SIGUSR2");
    await daemon.says(/ error worker \d: Ending after a fault that nothing caught: Nobody caught it$/m);
    await daemon.says(/ error Worker \d \(process \d+\) drains after fault: started again at once\n/);
    await daemon.says(/Worker \d listens again/);
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    assert.equal(ends.filter(({ broken }) => !broken).length, MANY);
    await gone([first]);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
  });
});

test("a worker that a fault ends while all drain is a failure of the whole", options, async () => {
  await withStage({ args: TWO, env: THROWS, pace: 20 }, async ({ daemon }) => {
    const [first] = workersOf(daemon);
    const streams = await openStreams(daemon.port, 150);
    process.kill(first ?? 0, "SIGUSR2");
    await daemon.says(/drains after fault/);
    daemon.signal("SIGINT");
    assert((await Promise.all(streams.map(({ ended }) => ended))).every(({ broken }) => !broken));
    assert.equal(await daemon.exited, 1);
  });
});

test(
  "a worker that hangs holds up neither a reload nor an end that is to come at once",
  options,
  async () => {
    // It ends by itself, should nobody end it.
    const script =
      "process.on('SIGUSR2', () => { for (const end = Date.now() + 60_000; Date.now() < end;); });";
    await withStage({ args: TWO, env: sabotage(script) }, async ({ daemon, write }) => {
      const [first] = workersOf(daemon);
      process.kill(first ?? 0, "SIGUSR2");
      await write(configOf({ "gpt-5": MODELS["gpt-5"] }));
      await daemon.says(/ warning A worker does not answer, and may still use the configuration before$/m);
      await daemon.says(/Configuration reloaded: .*models -sonnet/);
      daemon.signal("SIGINT");
      await daemon.says(/Draining after SIGINT/);
      await until(() => workersOf(daemon).length === 1);
      daemon.signal("SIGINT");
      // It had to be killed.
      assert.equal(await daemon.exited, 1);
      await gone([first ?? 0]);
    });
  },
);
