/** The program: finds the command, checks its arguments, runs it, and turns whatever happens into an exit code. */

import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { type ArgsDef, type CommandDef, renderUsage, runCommand } from "citty";
import { FAILED, isStop, stop, strictArgs, USAGE } from "./commands/args.ts";
import { createLog, type Io, type Output, wantsColour } from "./commands/io.ts";
import { GatewayError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";

interface CommandRow {
  readonly description: string;
  readonly load: () => Promise<{ readonly default: unknown }>;
}

/** Each is loaded when it is asked for. */
const COMMANDS: ReadonlyMap<string, CommandRow> = new Map([
  ["serve", { description: "Run the proxy", load: () => import("./commands/serve.ts") }],
  ["check-config", {
    description: "Check a configuration, or explain a route",
    load: () => import("./commands/check-config.ts"),
  }],
  ["ask", { description: "Send one prompt as a configured user", load: () => import("./commands/ask.ts") }],
  ["key", { description: "Make a client key", load: () => import("./commands/key.ts") }],
]);

/**
 * Runs a command line.
 * @param given without the program's own name
 * @returns the exit code: 0 done, 1 failed, 2 bad usage
 */
export async function main(given: readonly string[], io: Io): Promise<number> {
  // `ai-proxy help serve` is `ai-proxy serve --help`.
  const rawArgs = given[0] === "help" ? [...given.slice(1), "--help"] : given;
  const [name = ""] = rawArgs;
  try {
    const flags = rawArgs.includes("--") ? rawArgs.slice(0, rawArgs.indexOf("--")) : rawArgs;
    const row = COMMANDS.get(name);
    if (!row) return await withoutCommand(name, flags, io);
    if (flags.includes("--version")) return printVersion(io);
    const command = (await row.load()).default as CommandDef;
    const meta = { name, description: row.description };
    if (wantsHelp(flags)) return await printUsage({ ...command, meta }, io.stdout, io);
    const { result } = await runCommand(command, {
      rawArgs: strictArgs(rawArgs.slice(1), (command.args ?? {}) as ArgsDef),
      data: io,
    });
    return typeof result === "number" ? result : 0;
  } catch (thrown) {
    return report(thrown, COMMANDS.has(name) ? `ai-proxy ${name}` : "ai-proxy", io);
  }
}

const ROOT: CommandDef = {
  meta: { name: "ai-proxy", description: "A small, self-hosted AI proxy" },
  args: {
    help: { type: "boolean", description: "Show this, or a command's own help" },
    version: { type: "boolean", description: "Show the version" },
  },
  subCommands: Object.fromEntries(
    Array.from(COMMANDS, ([name, { description }]) => [name, { meta: { name, description } }]),
  ),
};

async function withoutCommand(name: string, flags: readonly string[], io: Io): Promise<number> {
  if (name === "--version" || name === "-v") return printVersion(io);
  if (wantsHelp(flags)) return await printUsage(ROOT, io.stdout, io);
  if (name === "") {
    await printUsage(ROOT, io.stderr, io);
    return USAGE;
  }
  const flag = name.startsWith("-");
  const known = flag ? ["--help", "--version"] : Array.from(COMMANDS.keys());
  const meant = didYouMean(name, known) || `: known are ${known.join(", ")}`;
  throw stop(USAGE, `Unknown ${flag ? "flag" : "command"} ${JSON.stringify(name)}${meant}`);
}

function wantsHelp(flags: readonly string[]): boolean {
  return flags.includes("--help") || flags.includes("-h");
}

async function printUsage(command: CommandDef, output: Output, io: Io): Promise<number> {
  const usage = await renderUsage(command, command === ROOT ? undefined : ROOT);
  output.write(`${wantsColour(output, io.env) ? usage : stripVTControlCharacters(usage)}\n`);
  return 0;
}

function printVersion(io: Io): number {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  io.stdout.write(`${JSON.parse(text).version}\n`);
  return 0;
}

/** One line, and the stack for those who debug. */
function report(thrown: unknown, command: string, io: Io): number {
  const log = createLog(io);
  const message = isStop(thrown) || thrown instanceof Error ? thrown.message : String(thrown);
  const foreseen = isStop(thrown) || thrown instanceof GatewayError;
  log.error(`${command}: ${foreseen ? "" : "Unexpected failure: "}${message.replace(/\s*\n\s*/g, " ")}`);
  if (io.env["DEBUG"] && thrown instanceof Error) log.log(thrown.stack);
  return isStop(thrown) ? thrown.exitCode : FAILED;
}
