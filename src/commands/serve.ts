/** `ai-proxy serve`: the daemon. */

import process from "node:process";
import type { ParsedArgs } from "citty";
import type { LogFormat } from "../account/access-log.ts";
import { accessLog, fileLog, type Log, noLog, streamLog } from "../account/sinks.ts";
import type { Policy } from "../access/policy.ts";
import { defaultFile, loadPolicy } from "../config/load.ts";
import { createGateway } from "../gateway.ts";
import { listen, type Listener } from "../runtime/listen.ts";
import type { AppLog } from "../services.ts";
import { command, DEFAULT_HOST, DEFAULT_PORT, FAILED, portOf, stop, USAGE } from "./args.ts";
import { renderProblem } from "./check-config.ts";
import { type Demo, startDemo } from "../demo/start-demo.ts";
import { createLog, type Io } from "./io.ts";
import { appLog, startServices } from "./start.ts";

const LOG_FORMATS: LogFormat[] = ["combined", "json"];

const ARGS = {
  config: {
    type: "string",
    description: "The configuration (default: $AI_PROXY_CONFIG, else rbac.json)",
    valueHint: "FILE",
  },
  host: {
    type: "string",
    default: DEFAULT_HOST,
    description: "The address to listen on",
    valueHint: "ADDRESS",
  },
  port: {
    type: "string",
    default: `${DEFAULT_PORT}`,
    description: "The port; 0 for any free one",
    valueHint: "NUMBER",
  },
  demo: {
    type: "boolean",
    description: "Serve with simulated providers: no configuration and no keys needed",
  },
  "log-format": { type: "enum", options: LOG_FORMATS, default: "combined", description: "Of the access log" },
  "access-log": {
    type: "string",
    default: "-",
    description: "A file, - for standard output, or off",
    valueHint: "FILE",
  },
} as const;

export default command(ARGS, serve);

async function serve(args: ParsedArgs<typeof ARGS>, io: Io): Promise<number> {
  if (args.demo && args.config !== undefined) {
    throw stop(USAGE, "The flag --demo brings its own configuration: leave --config out");
  }
  const port = portOf(args.port);
  const log = appLog(io);
  const demo = args.demo ? await startDemo(io.env) : undefined;
  try {
    const policy = await startPolicy(demo, args, port, io);
    return await run({ args, port, policy, demo, log, io });
  } finally {
    await demo?.close();
  }
}

/** The policy to start with; all problems of the configuration are printed before it is refused. */
async function startPolicy(
  demo: Demo | undefined,
  args: ParsedArgs<typeof ARGS>,
  port: number,
  io: Io,
): Promise<Policy> {
  const file = demo?.file ?? args.config ?? defaultFile(io.env);
  const env = demo?.env ?? io.env;
  const loaded = await loadPolicy({ file, env, listen: { host: args.host, port }, now: io.now() });
  const print = createLog(io);
  for (const problem of loaded.problems) {
    (problem.severity === "problem" ? print.fatal : print.warn)(renderProblem(problem));
  }
  if (loaded.policy) return loaded.policy;
  const hint = args.config === undefined ? "; ai-proxy serve --demo needs no configuration" : "";
  throw stop(FAILED, loaded.unreadable ? `${loaded.unreadable}${hint}` : `Not started: ${file} has problems`);
}

interface Run {
  readonly args: ParsedArgs<typeof ARGS>;
  readonly port: number;
  readonly policy: Policy;
  readonly demo: Demo | undefined;
  readonly log: AppLog;
  readonly io: Io;
}

/** Serves until a signal ends it; gives the exit code. */
async function run({ args, port, policy, demo, log, io }: Run): Promise<number> {
  const access = openLog(args["access-log"], io, (why) => log.error(`Access log lines are lost: ${why}`));
  let draining = false;
  const started = startServices({
    policy: () => policy,
    sink: accessLog(access, args["log-format"]),
    log,
    draining: () => draining,
  });
  let listener: Listener;
  try {
    listener = await listen(createGateway(started.services), { host: args.host, port, onError: log.error });
  } catch (thrown) {
    throw stop(FAILED, `Cannot listen on ${args.host}:${port}: ${whyNot(thrown)}`);
  }
  log.info(`ai-proxy listens on ${listener.url}`);
  if (demo) log.info(demo.welcome(listener.url));

  const reopen = () => access.reopen();
  process.on("SIGUSR1", reopen);
  const code = await ended(log);
  draining = true;
  const closed = listener.close();
  // A second signal does not wait for what still runs.
  await Promise.race([closed, ended(log).then(() => listener.cut())]);
  process.off("SIGUSR1", reopen);
  await started.close();
  await access.close();
  if (access.lost() > 0) log.error(`${access.lost()} access log lines were lost`);
  return code;
}

function openLog(destination: string, io: Io, onLost: (why: string) => void): Log {
  if (destination === "off") return noLog();
  if (destination === "-") return streamLog(io.stdout, onLost);
  return fileLog(destination, onLost);
}

/** Resolves when the process is told to end: 0 for a signal, 1 for a fault that nothing caught. */
function ended(log: AppLog): Promise<number> {
  return new Promise((resolve) => {
    const signal = () => settle(0);
    const fault = (thrown: unknown) => {
      log.error("Ending after a fault that nothing caught", thrown);
      settle(FAILED);
    };
    const settle = (code: number) => {
      for (const name of SIGNALS) process.off(name, signal);
      process.off("uncaughtException", fault);
      process.off("unhandledRejection", fault);
      resolve(code);
    };
    for (const name of SIGNALS) process.on(name, signal);
    process.on("uncaughtException", fault);
    process.on("unhandledRejection", fault);
  });
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

function whyNot(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "not allowed to use the port";
    case "EADDRNOTAVAIL":
      return "the address is not this machine's";
    default:
      return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
