/** A worker as its supervisor sees it: a process that can be told something, and what comes of it. */

import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { LogFormat } from "../../account/access-log.ts";
import { wholeLines } from "./whole-lines.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

export interface WorkerOptions {
  readonly number: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes whole lines of its access log; absent when it writes none. */
  readonly access: ((lines: string) => void) | undefined;
  /** Of its operator's log. */
  readonly format: LogFormat;
  /** Takes each line of what it says to people. */
  readonly say: (line: string, number: number) => void;
  readonly onMessage: (message: FromWorker) => void;
  /** Called once, when the process has ended and all that it wrote is read. */
  readonly onEnd: (end: WorkerEnd) => void;
}

export interface WorkerEnd {
  /** Such as `died of SIGKILL`. */
  readonly how: string;
  /** By itself, and nothing was wrong. */
  readonly well: boolean;
}

export interface WorkerProcess {
  readonly pid: number | undefined;
  tell(message: ToWorker): void;
  kill(): void;
}

/** Built, the program has another ending. */
const PROGRAM = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));

/** Starts the process of a worker. */
export function startWorker(options: WorkerOptions): WorkerProcess {
  const { number, format, env, access, say, onMessage, onEnd } = options;
  // Whoever lists processes sees the number too.
  const child = fork(PROGRAM, [`${number}`, format], {
    env,
    stdio: ["ignore", access ? "pipe" : "ignore", "pipe", "ipc"],
  });
  const warn = (line: string) => say(line, number);
  const logged = readLines(child.stdout, access ?? (() => {}));
  const said = readLines(child.stderr, (lines) => lines.split("\n").slice(0, -1).forEach(warn));
  child.on("message", onMessage);
  child.on("error", (error) => {
    // Other errors leave the process as it is.
    if (child.pid === undefined) onEnd({ how: `cannot be started: ${error.message}`, well: false });
  });
  child.on("exit", async (code, signal) => {
    const [line, words] = await Promise.all([logged, said]);
    if (words !== "") warn(words);
    if (line !== "") warn(`its last access log line is cut: ${line}`);
    // Deno leaves the channel open, and the supervisor with it, when a message crosses the worker's end.
    if (child.connected) child.disconnect();
    onEnd({ how: signal ? `died of ${signal}` : `ended with code ${code}`, well: code === 0 });
  });
  return {
    pid: child.pid,
    // One that is gone needs not to be told.
    tell: (message) => void (child.connected && child.send(message, () => {})),
    kill: () => kill(child),
  };
}

/** Passes whole lines on as they come; resolves with what is left of the last one when no more can come. */
async function readLines(output: ChildProcess["stdout"], take: (lines: string) => void): Promise<string> {
  const { push, rest } = wholeLines();
  output?.on("data", (piece: Uint8Array) => {
    const lines = push(piece);
    if (lines !== "") take(lines);
  });
  await new Promise<void>((resolve) => output ? output.on("close", resolve) : resolve());
  return rest();
}

/** Not by the child's own method: Deno then takes the signal for the end of a process that ended by itself. */
function kill({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended since.
  }
}
