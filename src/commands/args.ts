/**
 * Arguments, strictly. citty takes unknown flags, missing values and superfluous arguments in silence; here each is a
 * mistake with a name, and what is right goes to citty in a form that has one reading.
 */

import type { ArgDef, ArgsDef, CommandDef, ParsedArgs } from "citty";
import { didYouMean } from "../nearest.ts";
import type { Io } from "./io.ts";

export const FAILED = 1;
export const USAGE = 2;

/** Where `serve` listens unless told otherwise. */
export const DEFAULT_HOST = "127.0.0.1";
export const DEFAULT_PORT = 4242;

/** The end of a command with an exit code and one line for standard error. */
export interface Stop {
  readonly exitCode: number;
  readonly message: string;
}

/** Ends the command: throw what it gives. */
export function stop(exitCode: number, message: string): Stop {
  return { exitCode, message };
}

export function isStop(thrown: unknown): thrown is Stop {
  return typeof thrown === "object" && thrown !== null && "exitCode" in thrown && "message" in thrown;
}

/** A command: its arguments as citty declares them (full names, no aliases), and what it does; gives the exit code. */
export function command<const T extends ArgsDef>(
  args: T,
  run: (args: ParsedArgs<T>, io: Io) => Promise<number>,
): CommandDef<T> {
  return { args, run: ({ args, data }) => run(args, data) };
}

/**
 * Checks a command's arguments.
 * @returns the same arguments as `--name=value` and a `--` before the others
 * @throws Stop for a flag that the command does not have, a value that is missing or too many, an argument too many
 */
export function strictArgs(rawArgs: readonly string[], definitions: ArgsDef): string[] {
  const flags = new Map(Object.entries(definitions).filter(([, { type }]) => type !== "positional"));
  const positionals = Object.entries(definitions).filter(([, { type }]) => type === "positional");
  const given = new Set<string>();
  const found: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < rawArgs.length; at++) {
    const arg = rawArgs[at] ?? "";
    if (arg === "--") {
      rest.push(...rawArgs.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      rest.push(arg);
      continue;
    }
    const flag = findFlag(arg, flags);
    if (given.has(flag.name)) throw stop(USAGE, `The flag --${flag.name} is given twice`);
    given.add(flag.name);
    if (flag.definition.type === "boolean") {
      if (flag.value !== undefined) throw stop(USAGE, `The flag --${flag.name} takes no value`);
      found.push(flag.negated ? `--no-${flag.name}` : `--${flag.name}`);
      continue;
    }
    const value = flag.value ?? valueAt(rawArgs, ++at, flag.name);
    checkOption(flag.name, value, flag.definition);
    found.push(`--${flag.name}=${value}`);
  }
  const [extra] = rest.slice(positionals.length);
  if (extra !== undefined) throw stop(USAGE, `Unexpected argument ${JSON.stringify(extra)}`);
  for (const [name, { required }] of flags) {
    if (required && !given.has(name)) throw stop(USAGE, `The flag --${name} is missing`);
  }
  const [missing] = positionals.slice(rest.length).filter(([, { required }]) => required !== false);
  if (missing) throw stop(USAGE, `The argument ${missing[0].toUpperCase()} is missing`);
  return [...found, "--", ...rest];
}

/** The address to listen on; an IPv6 address may be in brackets, as in the address that `serve` says it listens on. */
export function hostOf(text: string): string {
  return /^\[(.*:.*)\]$/.exec(text)?.[1] ?? text;
}

/**
 * A port's number.
 * @throws Stop for anything but 0 to 65535
 */
export function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw stop(USAGE, `The flag --port takes a number from 0 to 65535, not ${JSON.stringify(text)}`);
}

const MOST_WORKERS = 64;

/**
 * A number of processes.
 * @throws Stop for anything but 1 to 64
 */
export function workersOf(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_WORKERS) return Number(text);
  throw stop(
    USAGE,
    `The flag --workers takes a number from 1 to ${MOST_WORKERS}, not ${JSON.stringify(text)}`,
  );
}

interface Flag {
  readonly name: string;
  readonly definition: ArgDef;
  /** Behind `=`. */
  readonly value: string | undefined;
  readonly negated: boolean;
}

function findFlag(arg: string, flags: ReadonlyMap<string, ArgDef>): Flag {
  const equals = arg.indexOf("=");
  const written = equals === -1 ? arg : arg.slice(0, equals);
  const value = equals === -1 ? undefined : arg.slice(equals + 1);
  const negated = written.startsWith("--no-");
  const name = written.slice(negated ? "--no-".length : "--".length);
  const definition = written.startsWith("--") ? flags.get(name) : undefined;
  if (definition && (!negated || (definition.type === "boolean" && definition.default === true))) {
    return { name, definition, value, negated };
  }
  const known = Array.from(
    flags,
    ([flag, { default: initial }]) => initial === true ? `--no-${flag}` : `--${flag}`,
  );
  const all = [...known, "--help", "--version"];
  const meant = didYouMean(written, all) || `: known are ${all.join(", ")}`;
  throw stop(USAGE, `Unknown flag ${JSON.stringify(written)}${meant}`);
}

function valueAt(rawArgs: readonly string[], at: number, name: string): string {
  const value = rawArgs[at];
  if (value !== undefined && (!value.startsWith("-") || value === "-")) return value;
  throw stop(USAGE, `The flag --${name} needs a value; one that begins with - is written --${name}=VALUE`);
}

function checkOption(name: string, value: string, definition: ArgDef): void {
  if (definition.type !== "enum" || !definition.options || definition.options.includes(value)) return;
  const meant = didYouMean(value, definition.options);
  const options = definition.options.join(" or ");
  throw stop(USAGE, `The flag --${name} takes ${options}, not ${JSON.stringify(value)}${meant}`);
}

/**
 * A number of seconds, 0 or more.
 * @throws Stop for anything else
 */
export function secondsOf(flag: string, text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds <= 86_400) return seconds;
  throw stop(USAGE, `The flag --${flag} takes a number of seconds, not ${JSON.stringify(text)}`);
}
