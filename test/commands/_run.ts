/** Runs a command line in this process, and keeps what it writes. */

import { Readable, Writable } from "node:stream";
import { main } from "../../src/cli.ts";
import type { Io, Output } from "../../src/commands/io.ts";
import { ENV, NOW } from "../config/_load.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly env?: Io["env"];
  readonly stdin?: string | Uint8Array;
  /** Standard output and error are terminals. */
  readonly terminal?: boolean;
}

export async function run(args: readonly string[], options: Options = {}): Promise<Ran> {
  const { env = ENV, stdin = "", terminal = false } = options;
  const stdout = sink(terminal);
  const stderr = sink(terminal);
  const io: Io = {
    stdin: Readable.from([stdin]),
    isPiped: stdin !== "",
    stdout: stdout.output,
    stderr: stderr.output,
    env,
    now: () => NOW,
  };
  const code = await main(args, io);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function sink(isTTY: boolean): { readonly output: Output; readonly text: () => string } {
  let text = "";
  const output = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { output: Object.assign(output, { isTTY }), text: () => text };
}
