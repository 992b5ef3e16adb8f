#!/usr/bin/env node
/** Runs the command line of this process. */

import process from "node:process";
import { outlive } from "./outlive.ts";

const FAILED = 1;

// What a daemon reads later is as new as its signal; other commands end with their terminal.
if (process.argv[2] === "serve") outlive();
process.exitCode = await run();

async function run(): Promise<number> {
  try {
    const { runProcess } = await import("./run-process.ts");
    return await runProcess(process.argv.slice(2));
  } catch (thrown) {
    if (!isMissingPackage(thrown)) throw thrown;
    process.stderr.write("ai-proxy: its packages are not installed: run npm ci in its folder first\n");
    return FAILED;
  }
}

/** In a fresh checkout Node finds none of them, and says so with a stack trace. */
function isMissingPackage(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND" &&
    /package '/.test(thrown.message);
}
