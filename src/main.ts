#!/usr/bin/env node
/** Runs the command line of this process. */

import process from "node:process";
import { main } from "./cli.ts";
import { FAILED } from "./commands/args.ts";
import { processIo } from "./commands/io.ts";

let unwritable = false;

/** Whoever reads our output may stop reading (`| head`): that is no failure. Other losses are, but take nothing down. */
function onLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") unwritable = true;
}

process.stdout.on("error", onLostOutput);
process.stderr.on("error", onLostOutput);
const code = await main(process.argv.slice(2), processIo());
process.exitCode = code === 0 && unwritable ? FAILED : code;
