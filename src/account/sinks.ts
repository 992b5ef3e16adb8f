/**
 * Where log lines go. A log that cannot be written loses lines, which are counted; it never blocks a request and
 * never takes the process down.
 */

import { close, fstat, open, stat, write } from "node:fs";
import { type LogFormat, logLine } from "./access-log.ts";
import type { Sink } from "./entry.ts";

export interface Log {
  line(text: string): void;
  /** Whole lines, each with its end. */
  lines(text: string): void;
  /** Closes and opens the file again, for log rotation; lines that wait go to the new file. */
  reopen(): void;
  /** Resolves to true when all lines that can be written are, and to false when that takes too long. */
  close(): Promise<boolean>;
  /** Lines that could not be written since the start. */
  lost(): number;
}

/** A sink that writes each entry as a line of the access log. */
export function accessLog(log: Log, format: LogFormat): Sink {
  return (entry) => log.line(logLine(entry, format));
}

/** Bytes that may wait for a slow disk or a slow reader before lines are lost. */
const MAX_WAITING = 4 * 1024 * 1024;

/**
 * Milliseconds that a line may wait for company: under load a write for each line costs as much as all else that a small
 * request needs. After a quiet moment a line is written at once.
 */
const GATHER_MS = 10;

/** How long the last lines may take. */
const CLOSING_MS = 1_000;

/** What a log needs of a stream. */
export interface LogStream {
  write(text: string, done?: (error?: Error | null) => void): boolean;
  on(event: "error", listener: (error: Error) => void): unknown;
  readonly writableLength?: number;
}

/** Told when lines are lost, once for each run of them, and with how many when lines are written again. */
export interface LossReport {
  readonly lost: (why: string) => void;
  readonly back?: (lines: number) => void;
}

/** A log that goes nowhere. */
export function noLog(): Log {
  return {
    line: () => {},
    lines: () => {},
    reopen: () => {},
    close: () => Promise.resolve(true),
    lost: () => 0,
  };
}

/** Lines to a stream of the process: standard output, most often. */
export function streamLog(stream: LogStream, report: LossReport): Log {
  const loss = lossCounter(report);
  let broken = false;
  let waiting: string[] = [];
  let waitingLength = 0;
  const flush = () => {
    const text = waiting.join("");
    const lose = (why: string) => loss.lose(lineEnds(text), why);
    waiting = [];
    waitingLength = 0;
    if (text === "") return;
    if (broken) return lose(NOBODY);
    try {
      stream.write(text, (error) => error ? lose(error.message) : loss.recovered());
    } catch (error) {
      lose(error instanceof Error ? error.message : String(error));
    }
  };
  const gather = gathering(flush);
  stream.on("error", (error: Error) => {
    broken = true;
    // The lines that were lost with it are counted where they were written.
    loss.lose(0, error.message);
  });
  const lines = (text: string) => {
    const unwritten = waitingLength + (stream.writableLength ?? 0);
    if (broken || unwritten > MAX_WAITING) return loss.lose(lineEnds(text), NOBODY);
    waiting.push(text);
    waitingLength += text.length;
    gather();
  };
  return {
    line: (text) => lines(`${text}\n`),
    lines,
    reopen: () => {},
    close: () =>
      inTime((resolve) => {
        flush();
        if (broken) resolve();
        else stream.write("", () => resolve());
      }),
    lost: loss.count,
  };
}

const NOBODY = "nobody reads the log";

/** What of `node:fs` a log needs. */
export interface Disk {
  open(path: string, flags: "a", mode: number, done: (error: Error | null, file: number) => void): void;
  write(
    file: number,
    bytes: Uint8Array,
    from: number,
    length: number,
    position: null,
    done: (error: Error | null, written: number) => void,
  ): void;
  close(file: number, done: (error: Error | null | undefined) => void): void;
  /** Whether the path no longer leads to the open file. */
  moved(path: string, file: number, done: (moved: boolean) => void): void;
}

/** How often a log looks whether its file was moved away, in milliseconds, and only when it has lines to write. */
const LOOK_MS = 1_000;

const DISK: Disk = {
  open,
  write,
  close,
  moved: (path, file, done) =>
    stat(
      path,
      (gone, there) =>
        fstat(file, (unknown, mine) =>
          done(
            !unknown && (gone ? gone.code === "ENOENT" : there.ino !== mine.ino || there.dev !== mine.dev),
          )),
    ),
};

const LINE_END = 0x0a;

/**
 * Lines appended to a file, many to a write, one write at a time. A file that was moved away, as log rotation does, is
 * opened anew under its name within a second of lines, without a signal.
 */
export function fileLog(
  path: string,
  report: LossReport,
  disk: Disk = DISK,
): Log {
  const loss = lossCounter(report);
  let file: number | undefined;
  let waiting: string[] = [];
  let waitingLength = 0;
  let busy = false;
  let reopening = false;
  /** The disk was full in the middle of a line: what comes next begins a new one. */
  let torn = false;
  let closing: (() => void)[] = [];
  let lookedAt = -Infinity;

  const next = () => {
    if (busy) return;
    if (file !== undefined && reopening) return shut(file);
    if (waiting.length > 0) {
      if (file === undefined) return begin();
      return performance.now() - lookedAt < LOOK_MS ? flush(file) : look(file);
    }
    if (closing.length === 0) return;
    if (file !== undefined) return shut(file);
    closing.forEach((resolve) => resolve());
    closing = [];
  };
  const shut = (descriptor: number) => {
    busy = true;
    disk.close(descriptor, () => {
      file = undefined;
      busy = reopening = false;
      next();
    });
  };
  const look = (descriptor: number) => {
    busy = true;
    disk.moved(path, descriptor, (moved) => {
      lookedAt = performance.now();
      busy = false;
      reopening ||= moved;
      next();
    });
  };
  const begin = () => {
    busy = true;
    lookedAt = performance.now();
    // Asked for again while the file is being opened, it is opened again: it may have got its new name in between.
    reopening = false;
    disk.open(path, "a", 0o640, (error, descriptor) => {
      busy = false;
      if (error) drop(error.message);
      else file = descriptor;
      next();
    });
  };
  const flush = (descriptor: number) => {
    const mended = torn ? 1 : 0;
    const bytes = Buffer.from((torn ? "\n" : "") + waiting.join(""));
    let from = 0;
    waiting = [];
    waitingLength = 0;
    busy = true;
    const put = () =>
      disk.write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
        if (!error) from += written;
        if (!error && from < bytes.length) return put();
        busy = false;
        if (from > 0) torn = bytes[from - 1] !== LINE_END;
        if (error) loss.lose(lineEnds(bytes.toString("latin1", Math.max(from, mended))), error.message);
        else loss.recovered();
        // Whoever rotates or closes the log waits for it; further lines wait for company.
        if (reopening || closing.length > 0) next();
        else if (waiting.length > 0) gather();
      });
    put();
  };
  const gather = gathering(next);
  const drop = (why: string) => {
    loss.lose(lineEnds(waiting.join("")), why);
    waiting = [];
    waitingLength = 0;
  };

  const lines = (text: string) => {
    if (waitingLength > MAX_WAITING) return loss.lose(lineEnds(text), "the disk is too slow");
    waiting.push(text);
    waitingLength += text.length;
    gather();
  };

  return {
    line: (text) => lines(`${text}\n`),
    lines,
    reopen: () => {
      reopening = true;
      next();
    },
    close: () =>
      inTime((resolve) => {
        closing.push(resolve);
        next();
      }),
    lost: loss.count,
  };
}

/** Calls `flush` soon, and not again within `GATHER_MS` of the last time. */
function gathering(flush: () => void): () => void {
  let last = -Infinity;
  let due = false;
  const run = () => {
    due = false;
    last = performance.now();
    flush();
  };
  return () => {
    if (due) return;
    due = true;
    const rest = last + GATHER_MS - performance.now();
    if (rest > 0) setTimeout(run, rest);
    else setImmediate(run);
  };
}

function lineEnds(text: string): number {
  return text.split("\n").length - 1;
}

/** Whether something is done soon enough. */
function inTime(start: (done: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), CLOSING_MS);
    start(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function lossCounter({ lost: told, back }: LossReport) {
  let lost = 0;
  /** How many were lost before this run, if there is one. */
  let before: number | undefined;
  return {
    count: () => lost,
    lose: (lines: number, why: string) => {
      if (before === undefined) told(why);
      before ??= lost;
      lost += lines;
    },
    recovered: () => {
      if (before !== undefined) back?.(lost - before);
      before = undefined;
    },
  };
}
