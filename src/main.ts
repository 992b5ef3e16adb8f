#!/usr/bin/env node
/** Runs the command line of this process. */

import process from "node:process";
import { main } from "./cli.ts";
import { processIo } from "./commands/io.ts";

/** Whoever reads our output may stop reading (`| head`): that is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

process.stdout.on("error", ignoreClosedPipe);
process.stderr.on("error", ignoreClosedPipe);
process.exitCode = await main(process.argv.slice(2), processIo());
