/** Processes under measurement: started, waited for, weighed by what Linux counts for them and their children, ended. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";

export interface Started {
  readonly pid: number;
  /** Milliseconds from its start to its first answer. */
  readonly ready: number;
  end(): Promise<void>;
}

export interface Command {
  readonly name: string;
  /** The program and its arguments. */
  readonly line: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  /** Where an answer, whatever its status, says that it is ready. */
  readonly readyPath: string;
}

const READY_MS = 30_000;

/** Starts a server with its output in `directory`; rejects with the end of that output when it does not get ready. */
export async function start(command: Command, directory: string): Promise<Started> {
  const log = join(directory, `${command.name}.log`);
  const output = openSync(log, "w");
  const [program = "", ...args] = command.line;
  const began = performance.now();
  const child = spawn(program, args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, ...command.env },
  });
  closeSync(output);
  let failed: string | undefined;
  child.on("error", (error) => failed = error.message);
  child.on("exit", (code) => failed ??= `it ended with ${code}`);
  for (;;) {
    if (await answers(command.port, command.readyPath)) break;
    if (performance.now() - began > READY_MS) failed ??= "it is not ready in time";
    if (failed !== undefined) {
      child.kill("SIGKILL");
      throw new Error(`${command.name} does not start: ${failed}\n${readFileSync(log, "utf8").slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { pid: child.pid ?? 0, ready: performance.now() - began, end: () => end(child) };
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(true));
    });
    asked.on("error", () => resolve(false));
    asked.end();
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const force = setTimeout(() => child.kill("SIGKILL"), 3_000);
    child.on("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGINT");
    child.kill("SIGTERM");
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

const MOST_WAITING = 5_000;
/** The state of a connection that is closed and keeps its ports for a minute. */
const TIME_WAIT = "06";

/** Waits until closed connections leave enough ports for many more. */
export async function portsToSpare(): Promise<void> {
  for (let tries = 0; tries < 90; tries++) {
    const waiting = read("/proc/net/tcp").split("\n").filter((row) =>
      row.trim().split(/\s+/)[3] === TIME_WAIT
    );
    if (waiting.length < MOST_WAITING) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** Linux counts in hundredths of a second, whatever the kernel's clock is (`getconf CLK_TCK`). */
const TICK_MS = 10;

/** Milliseconds of processor time, user and system, that a process, its descendants and its dead children took. */
export function cpuOf(pid: number): number {
  let ticks = 0;
  for (const one of treeOf(pid)) {
    const [user = 0, system = 0, deadUser = 0, deadSystem = 0] = statOf(one).slice(11, 15).map(Number);
    ticks += user + system + deadUser + deadSystem;
  }
  return ticks * TICK_MS;
}

/** Bytes of memory that are resident in a process and its descendants. */
export function memoryOf(pid: number): number {
  let kilobytes = 0;
  for (const one of treeOf(pid)) {
    kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${one}/status`))?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(statOf(Number(name))[1]));
  }
  const tree = [root];
  for (const one of tree) {
    for (const [child, parent] of parents) if (parent === one) tree.push(child);
  }
  return tree;
}

/** The fields of `/proc/PID/stat` behind the name, which may hold spaces; empty for a process that is gone. */
function statOf(pid: number): readonly string[] {
  const text = read(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
