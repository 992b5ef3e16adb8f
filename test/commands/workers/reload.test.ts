/** One configuration for all workers: taken over by all, said once. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { configOf } from "../../tools/proxy.ts";
import { MODELS, withStage } from "../_daemon.ts";
import { LINUX, modelsEverywhere, times, workersOf } from "./_workers.ts";

const BOTH = configOf(MODELS);
const ONLY_GPT = configOf({ "gpt-5": MODELS["gpt-5"] });

test(
  "a change reaches all workers and is said once; a bad file reaches none, not even a new one",
  LINUX,
  async () => {
    await withStage({ config: BOTH, args: ["--workers", "2"] }, async ({ daemon, write }) => {
      const { port } = daemon;
      assert.deepEqual(await modelsEverywhere(port), new Set(["gpt-5,sonnet"]));
      await write(ONLY_GPT);
      await daemon.says(/Configuration reloaded: users ~ann; models -sonnet; providers -anthropic\n/);
      assert.deepEqual(await modelsEverywhere(port), new Set(["gpt-5"]));

      // A terminal that closes sends it to all processes.
      for (const pid of workersOf(daemon)) process.kill(pid, "SIGHUP");
      await write(JSON.stringify(BOTH).slice(0, -20));
      await daemon.says(/ error Configuration rejected, the last good one stays: .*line 1/);
      for (const pid of workersOf(daemon)) process.kill(pid, "SIGKILL");
      await daemon.says(/listens again[^]*listens again/);
      assert.deepEqual(await modelsEverywhere(port), new Set(["gpt-5"]));

      await write(BOTH);
      daemon.signal("SIGHUP");
      await daemon.says(/Configuration reloaded: .*models \+sonnet/);
      assert.deepEqual(await modelsEverywhere(port), new Set(["gpt-5,sonnet"]));
      daemon.signal("SIGINT");
      assert.equal(await daemon.exited, 0);
      assert.equal(times(daemon, /models -sonnet/g), 1);
      assert.equal(times(daemon, /models \+sonnet/g), 1);
      assert.equal(times(daemon, / worker \d: /g), 0);
    });
  },
);
