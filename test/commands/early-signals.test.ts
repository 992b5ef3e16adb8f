/** Signals that come before there is a daemon to hear them. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { startProgram } from "../tools/daemon.ts";
import { configOf } from "../tools/proxy.ts";
import { MODELS } from "./_daemon.ts";

// On Deno it opens the debugger, whatever a program does.
const SIGNALS: NodeJS.Signals[] = process.versions["deno"] ? ["SIGHUP"] : ["SIGHUP", "SIGUSR1"];

test("signals while the configuration is read for the first time end nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  execFileSync("mkfifo", [file]);
  const program = startProgram(["serve", "--port", "0", "--config", file], {
    env: { OPENAI_API_KEY: "sk-o", ANTHROPIC_API_KEY: "sk-a" },
  });
  try {
    // A pipe opens for writing once somebody reads it.
    const pipe = await open(file, "w");
    for (const signal of SIGNALS) program.signal(signal);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await pipe.write(JSON.stringify(configOf(MODELS)));
    await pipe.close();
    await program.says(/listens on http/);
    assert.equal(program.child.exitCode, null);
    assert.doesNotMatch(program.stderr(), /Debugger listening/);
  } finally {
    if (program.child.exitCode === null && program.child.signalCode === null) program.signal("SIGKILL");
    await program.exited;
    await rm(folder, { recursive: true });
  }
});
