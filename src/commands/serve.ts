/** `ai-proxy serve`: the daemon. */

import process from "node:process";
import type { ParsedArgs } from "citty";
import type { LogFormat } from "../account/access-log.ts";
import { accessLog, fileLog, type Log, noLog, streamLog } from "../account/sinks.ts";
import { defaultFile, type Loaded, loadPolicy } from "../config/load.ts";
import type { Demo } from "../demo/start-demo.ts";
import { createGateway } from "../gateway.ts";
import { listen, type Listener } from "../runtime/listen.ts";
import type { AppLog, Phase } from "../services.ts";
import { command, DEFAULT_HOST, DEFAULT_PORT, FAILED, portOf, secondsOf, stop, USAGE } from "./args.ts";
import { renderProblem } from "./check-config.ts";
import { drain } from "./drain.ts";
import { createLog, type Io } from "./io.ts";
import { type LivePolicy, livePolicy, reloadOnChange } from "./reload.ts";
import { appLog, simulate, startServices } from "./start.ts";

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
  "drain-timeout": {
    type: "string",
    default: "600",
    description: "How long running answers may go on after SIGTERM",
    valueHint: "SECONDS",
  },
} as const;

type Args = ParsedArgs<typeof ARGS>;

export default command(ARGS, serve);

async function serve(args: Args, io: Io): Promise<number> {
  if (args.demo && args.config !== undefined) {
    throw stop(USAGE, "The flag --demo brings its own configuration: leave --config out");
  }
  // It would hand every provider's key to whoever stands between.
  if (io.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    throw stop(
      FAILED,
      "Not started: NODE_TLS_REJECT_UNAUTHORIZED=0 would leave providers' certificates unchecked",
    );
  }
  const port = portOf(args.port);
  const drainSeconds = secondsOf("drain-timeout", args["drain-timeout"]);
  const demo = args.demo ? await simulate(io.env) : undefined;
  try {
    return await run({ args, port, drainSeconds, demo, io });
  } finally {
    await demo?.close();
  }
}

interface Run {
  readonly args: Args;
  readonly port: number;
  readonly drainSeconds: number;
  readonly demo: Demo | undefined;
  readonly io: Io;
}

const LAST_WORD_MS = 100;

/** Serves until a signal ends it; gives the exit code. */
async function run({ args, port, drainSeconds, demo, io }: Run): Promise<number> {
  const log = appLog(io);
  const file = demo?.file ?? args.config ?? defaultFile(io.env);
  const env = demo?.env ?? io.env;
  const load = () => loadPolicy({ file, env, listen: { host: args.host, port }, now: io.now() });
  const policy: LivePolicy = livePolicy(
    firstPolicy(await load(), file, args, io),
    load,
    log,
    () => services.health,
  );

  let phase: Phase = "up";
  const access = openLog(args["access-log"], io, (why) => log.error(`Access log lines are lost: ${why}`));
  const sink = accessLog(access, args["log-format"]);
  const { services, close } = startServices({ policy: policy.current, sink, log, phase: () => phase });
  // Signals are heard before anybody is told that there is somebody to send them to.
  const stopReloading = await reloadOnChange(file, policy);
  process.on("SIGUSR1", access.reopen);
  let code = FAILED;
  try {
    const listener = await listenOn(args.host, port, createGateway(services), log);
    log.info(`ai-proxy listens on ${listener.url}`);
    if (demo) log.info(demo.welcome(listener.url));
    code = await drain({ listener, log, seconds: drainSeconds, enter: (next) => phase = next });
    return code;
  } finally {
    process.off("SIGUSR1", access.reopen);
    stopReloading();
    await close();
    const written = await access.close();
    if (access.lost() > 0) log.error(`${access.lost()} access log lines were lost`);
    // A write that never ends would keep the process, and whoever waits for its end; what we said has a moment to go.
    if (!written) setTimeout(() => process.exit(code), LAST_WORD_MS).unref();
  }
}

/** The policy to start with; all problems of the configuration are printed before it is refused. */
function firstPolicy({ policy, problems, unreadable }: Loaded, file: string, args: Args, io: Io) {
  const print = createLog(io);
  for (const problem of problems) {
    (problem.severity === "problem" ? print.fatal : print.warn)(renderProblem(problem));
  }
  if (policy) return policy;
  const hint = args.config === undefined ? "; ai-proxy serve --demo needs no configuration" : "";
  throw stop(FAILED, unreadable === undefined ? `Not started: ${file} has problems` : `${unreadable}${hint}`);
}

function openLog(destination: string, io: Io, onLost: (why: string) => void): Log {
  if (destination === "off") return noLog();
  if (destination === "-") return streamLog(io.stdout, onLost);
  return fileLog(destination, onLost);
}

async function listenOn(
  host: string,
  port: number,
  gateway: ReturnType<typeof createGateway>,
  log: AppLog,
): Promise<Listener> {
  try {
    return await listen(gateway, { host, port, onError: log.error });
  } catch (thrown) {
    throw stop(FAILED, `Cannot listen on ${host}:${port}: ${whyNot(thrown)}`);
  }
}

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
