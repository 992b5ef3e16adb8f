/** What a command may touch of its process, handed in so that tests run commands in theirs. */

import type { Buffer } from "node:buffer";
import { fstatSync } from "node:fs";
import process from "node:process";
import { Writable } from "node:stream";
import { type ConsolaInstance, createConsola, LogLevels, type LogObject } from "consola/core";

export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  /** Standard input is a file or a pipe that somebody put there: it has an end, and what is in it is meant. */
  readonly isPiped: boolean;
  /** Data. */
  readonly stdout: Output;
  /** Everything for people, through `createLog`. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** This process's own. */
export function processIo(): Io {
  return {
    stdin: process.stdin,
    isPiped: isPiped(),
    stdout: patient("stdout"),
    stderr: patient("stderr"),
    env: readableEnv(process.env),
    now: Date.now,
  };
}

function isPiped(): boolean {
  try {
    const stats = fstatSync(0);
    return stats.isFile() || stats.isFIFO();
  } catch {
    return false;
  }
}

/**
 * The environment, where a variable that Deno may not read is one that is not set: asked for at any time, by name, it
 * would throw at whoever asks, a reload or a log line in the middle of serving.
 */
function readableEnv(env: NodeJS.ProcessEnv): Io["env"] {
  if (!deno) return env;
  const allowed = <T>(look: () => T): T | undefined => {
    try {
      return look();
    } catch {
      return undefined;
    }
  };
  // Not around the environment itself: a proxy asks its target again, which would throw after all.
  return new Proxy<Record<string, string | undefined>>({}, {
    get: (_, name) => allowed(() => Reflect.get(env, name)),
    getOwnPropertyDescriptor: (_, name) => allowed(() => Reflect.getOwnPropertyDescriptor(env, name)),
    ownKeys: () => Reflect.ownKeys(env),
  });
}

interface DenoOutput {
  write(data: Uint8Array): Promise<number>;
}

/** What Deno has beside Node's ways. */
const { Deno: deno } = globalThis as { readonly Deno?: Readonly<Record<"stdout" | "stderr", DenoOutput>> };

/** An output that waits by itself: Deno's `process` would make everybody wait for a reader that stands still. */
function patient(name: "stdout" | "stderr"): Output {
  const own = process[name];
  if (!deno) return own;
  const output = deno[name];
  const put = async (data: Uint8Array) => {
    for (let rest = data; rest.length > 0;) rest = rest.subarray(await output.write(rest));
  };
  const write = (data: Buffer, _encoding: string, done: (error?: Error | null) => void) =>
    void put(data).then(() => done(), done);
  return Object.assign(new Writable({ write }), { isTTY: own.isTTY === true });
}

/** Colours only on a terminal that shows them, and never against `NO_COLOR` (https://no-color.org). */
export function wantsColour(output: Output, env: Io["env"]): boolean {
  return output.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

export interface Label {
  readonly text: string;
  /** The code of its colour. */
  readonly colour: number;
}

const RED = 31;
const GREEN = 32;
const YELLOW = 33;

export const LABELS: ReadonlyMap<string, Label> = new Map([
  ["fatal", { text: "problem", colour: RED }],
  ["error", { text: "error", colour: RED }],
  ["warn", { text: "warning", colour: YELLOW }],
  ["success", { text: "ok", colour: GREEN }],
]);

/** A log for people on standard error; `fatal` is for problems of a configuration. */
export function createLog(io: Io): ConsolaInstance {
  const coloured = wantsColour(io.stderr, io.env);
  return reporting(({ type, args }) => {
    const label = LABELS.get(type);
    io.stderr.write(`${label ? `${show(label, coloured)}  ` : ""}${args.map(String).join(" ")}\n`);
  });
}

/** Hands each message on; without a throttle, for consola holds back what it has just seen. */
export function reporting(log: (message: LogObject) => void): ConsolaInstance {
  return createConsola({ level: LogLevels.debug, throttle: 0, reporters: [{ log }] });
}

/** The level's own colour on a terminal. */
export function show({ text, colour }: Label, coloured: boolean): string {
  return coloured ? `\u001b[${colour}m${text}\u001b[39m` : text;
}

/** How long a reader may take for the rest. A pipe that nobody reads shall not keep the process. */
const FLUSH_MS = 1_000;

/** Resolves when all that was written has gone, or cannot go. */
export function flushed(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FLUSH_MS);
    output.write("", () => {
      clearTimeout(timer);
      // The error of an output is told a moment after the callbacks of its writes.
      setImmediate(resolve);
    });
  });
}
