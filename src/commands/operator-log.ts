/** The operator's log of a command that runs: on standard error, a line each, in the format of the access log. */

import type { LogObject } from "consola/core";
import type { LogFormat } from "../account/access-log.ts";
import type { AppLog, OperatorEvent } from "../services.ts";
import { createLog, type Io, LABELS, reporting, show, wantsColour } from "./io.ts";

/** The log of a command that a person watches: what it says is enough. */
export function personalLog(io: Io): AppLog {
  const print = createLog(io);
  return {
    info: (message) => print.log(message),
    warn: (message) => print.warn(message),
    error: (message, cause) => {
      print.error(withCause(message, cause));
      if (io.env["DEBUG"] && cause instanceof Error) print.log(cause.stack);
    },
  };
}

export interface OperatorLogOptions {
  /** `combined`: `TIME LEVEL MESSAGE`; `json`: an object with `time`, `level`, `event` and `message`. */
  readonly format: LogFormat;
  /** The number of the worker that speaks, where several processes share the output. */
  readonly worker?: number;
  /** Takes whole lines; standard error if absent. */
  readonly write?: (lines: string) => void;
}

/** The log of a daemon. Nobody may be watching: each line says when, and how bad it is. */
export function operatorLog(io: Io, options: OperatorLogOptions): AppLog {
  const { format, worker, write = (lines) => void io.stderr.write(lines) } = options;
  const render = format === "json" ? jsonLine : textLine;
  const coloured = wantsColour(io.stderr, io.env);
  const print = reporting(({ type, args: [message, event, stack] }) =>
    write(
      render({ time: timeStamp(io), level: type, event, worker, message: String(message), stack }, coloured),
    )
  );
  const say = (type: "info" | "warn" | "error", message: string, event?: OperatorEvent, stack?: string) =>
    print[type](message, event, stack);
  return {
    info: (message, event) => say("info", message, event),
    warn: (message, event) => say("warn", message, event),
    error: (message, cause, event) => {
      // A stack names files of this machine: it is for those who look for a fault.
      const stack = io.env["DEBUG"] && cause instanceof Error ? cause.stack : undefined;
      say("error", withCause(message, cause), event, stack);
    },
  };
}

/** Whether a line was written by an `operatorLog` of this format, not by a runtime that broke down. */
export function isOperatorLine(line: string, format: LogFormat): boolean {
  return format === "json" ? line.startsWith('{"time":"') : /^\d{4}-\d\d-\d\dT\S+Z \S+ /.test(line);
}

interface Line {
  readonly time: string;
  readonly level: LogObject["type"];
  readonly event: OperatorEvent | undefined;
  readonly worker: number | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

function textLine({ time, level, worker, message, stack }: Line, coloured: boolean): string {
  const label = LABELS.get(level);
  const who = worker === undefined ? "" : `worker ${worker}: `;
  const line = `${time} ${label ? show(label, coloured) : level} ${who}${oneLine(message)}\n`;
  return stack === undefined ? line : `${line}${stack}\n`;
}

/** JSON leaves out what is undefined, and escapes what would begin another line. */
function jsonLine(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** RFC 3339, with milliseconds. */
function timeStamp(io: Io): string {
  return new Date(io.now()).toISOString();
}

/** What a name or an error brings along does not begin a line of its own. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- these are what a line must not hold
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
}

function withCause(message: string, cause: unknown): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
