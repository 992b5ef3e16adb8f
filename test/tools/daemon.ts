/** `ai-proxy serve` as a process of its own, on the runtime that runs the test. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

export interface DaemonOptions {
  /** Behind `serve`; the port is a free one. */
  readonly args?: readonly string[];
  /** Over the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where standard output goes; a pipe that is read if absent. */
  readonly stdout?: number;
  /** The most descriptors that the process may open. */
  readonly descriptors?: number;
}

export interface Daemon {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Waits until standard error, or what `of` gives, matches; rejects after ten seconds or at the process's end. */
  says(pattern: RegExp, of?: () => string): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** The exit code, or the signal that killed it. */
  readonly exited: Promise<number | string>;
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** The command line of this program on this runtime. */
export function programArgs(args: readonly string[]): string[] {
  return process.versions["deno"] ? ["run", "-A", "--no-check", MAIN, ...args] : [MAIN, ...args];
}

/** Starts a process of this program. */
export function startProgram(
  args: readonly string[],
  { env = {}, stdout, descriptors }: Omit<DaemonOptions, "args"> = {},
): Pick<Daemon, "child" | "stdout" | "stderr" | "says" | "signal" | "exited"> {
  const command = [process.execPath, ...programArgs(args)];
  const limited = descriptors === undefined
    ? command
    : ["/bin/sh", "-c", `ulimit -n ${descriptors}; exec "$@"`, "sh", ...command];
  const child = spawn(limited[0] ?? "", limited.slice(1), {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", stdout ?? "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  const checks = new Set<() => void>();
  const changed = () => checks.forEach((check) => check());
  child.stdout?.on("data", (piece) => {
    out += piece;
    changed();
  });
  child.stderr?.on("data", (piece) => {
    err += piece;
    changed();
  });
  const exited = once(child, "close").then(([code, signal]) => {
    setImmediate(changed);
    return (code ?? signal) as number | string;
  });
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    // Not by the child's own method: Deno then takes the signal for the end of a process that ended by itself.
    signal: (name) => void process.kill(child.pid ?? 0, name),
    exited,
    says: (pattern, of = () => err) =>
      new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(timer);
          checks.delete(check);
        };
        const fail = () => {
          end();
          reject(new Error(`Waited in vain for ${pattern}\nstdout: ${out}\nstderr: ${err}`));
        };
        const check = () => {
          const found = pattern.exec(of());
          if (found) {
            end();
            resolve(found);
          } else if (child.exitCode !== null || child.signalCode !== null) fail();
        };
        const timer = setTimeout(fail, 10_000);
        checks.add(check);
        check();
      }),
  };
}

/** Starts a daemon and waits until it listens; rejects with what it said if it does not. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const { args = [], ...rest } = options;
  const program = startProgram(["serve", "--port", "0", ...args], rest);
  const [, url = "", port = ""] = await program.says(/listens on (http:\/\/\S+:(\d+))/);
  return { ...program, url, port: Number(port) };
}

/** Runs a test with a daemon, and ends the daemon whatever comes of it. */
export async function withDaemon(
  options: DaemonOptions,
  test: (daemon: Daemon) => Promise<void>,
): Promise<void> {
  const daemon = await startDaemon(options);
  try {
    await test(daemon);
  } catch (thrown) {
    console.error(`stdout: ${daemon.stdout()}\nstderr: ${daemon.stderr()}`);
    throw thrown;
  } finally {
    if (daemon.child.exitCode === null && daemon.child.signalCode === null) daemon.signal("SIGKILL");
    await daemon.exited;
  }
}
