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

const io = processIo();
io.stdout.on("error", onLostOutput);
io.stderr.on("error", onLostOutput);
const code = await main(process.argv.slice(2), io);
process.exitCode = code === 0 && unwritable ? FAILED : code;
