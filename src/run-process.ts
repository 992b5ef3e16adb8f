/** Runs the command line with this process's own streams and environment. */

import { main } from "./cli.ts";
import { FAILED } from "./commands/args.ts";
import { createLog, flushed, processIo } from "./commands/io.ts";

/**
 * @param args without the program's own name
 * @returns the exit code; output that could not be written makes a success a failure
 */
export async function runProcess(args: readonly string[]): Promise<number> {
  const io = processIo();
  let lost: Error | undefined;
  // Whoever reads our output may stop reading (`| head`): that is no failure. Other losses are, but take nothing down.
  const onLost = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") lost ??= error;
  };
  io.stdout.on("error", onLost);
  io.stderr.on("error", onLost);
  const code = await main(args, io);
  if (code !== 0) return code;
  await flushed(io.stdout);
  if (!lost) return code;
  createLog(io).error(`ai-proxy: Standard output could not be written: ${lost.message}`);
  return FAILED;
}
