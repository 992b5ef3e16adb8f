/** `ai-proxy serve`: the daemon. */

import type { ParsedArgs } from "citty";
import type { LogFormat } from "../account/access-log.ts";
import { defaultFile, type Loaded } from "../config/load.ts";
import { createLoader } from "../config/loader.ts";
import type { Problem } from "../config/problem.ts";
import type { Demo } from "../demo/start-demo.ts";
import { checkAccessLog, openAccessLog } from "./access-log.ts";
import {
  command,
  DEFAULT_HOST,
  DEFAULT_PORT,
  FAILED,
  hostOf,
  isStop,
  portOf,
  secondsOf,
  stop,
  USAGE,
  workersOf,
} from "./args.ts";
import { renderProblem } from "./check-config.ts";
import { signalEnds } from "./drain.ts";
import { createLog, type Io } from "./io.ts";
import { operatorLog } from "./operator-log.ts";
import { checkPermissions } from "./permissions.ts";
import { hearSignals } from "./reload.ts";
import { run } from "./run.ts";
import { simulate } from "./start.ts";
import type { Supervision } from "./workers/supervise.ts";

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
  workers: {
    type: "string",
    default: "1",
    description: "How many processes share the port",
    valueHint: "NUMBER",
  },
} as const;

type Args = ParsedArgs<typeof ARGS>;

export default command(ARGS, serveOrSay);

/** Where machines read the log, they read why nothing is served too. */
async function serveOrSay(args: Args, io: Io): Promise<number> {
  if (args["log-format"] !== "json") return await serve(args, io);
  try {
    return await serve(args, io);
  } catch (thrown) {
    if (!isStop(thrown)) throw thrown;
    operatorLog(io, { format: "json" }).error(thrown.message, undefined, "not_started");
    return thrown.exitCode;
  }
}

async function serve(args: Args, io: Io): Promise<number> {
  if (args.demo && args.config !== undefined) {
    throw stop(USAGE, "The flag --demo brings its own configuration: leave --config out");
  }
  const [host, port, workers] = [hostOf(args.host), portOf(args.port), workersOf(args.workers)];
  if (args.demo && workers > 1) {
    throw stop(USAGE, "The flag --demo simulates all in one process: leave --workers out");
  }
  // It would hand every provider's key to whoever stands between.
  if (io.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    throw stop(
      FAILED,
      "Not started: NODE_TLS_REJECT_UNAUTHORIZED=0 would leave providers' certificates unchecked",
    );
  }
  checkPermissions();
  const drainSeconds = secondsOf("drain-timeout", args["drain-timeout"]);
  const demo = args.demo ? await simulate(io.env) : undefined;
  try {
    const file = demo?.file ?? args.config ?? defaultFile(io.env);
    const env = demo?.env ?? io.env;
    const loader = createLoader({ file, env, listen: { host, port }, now: io.now });
    const first = accepted(await loader.load(), file, args, io);
    await checkAccessLog(args["access-log"]);
    const serving = { file, host, port, drainSeconds, format: args["log-format"] };
    const start = { serving, first, loader, accessLog: args["access-log"], io };
    if (workers === 1) return await alone(start, demo);
    const { supervise } = await import("./workers/supervise.ts");
    return await supervise({ ...start, workers });
  } finally {
    await demo?.close();
  }
}

/** The policy to start with; all problems of the configuration are printed before it is refused. */
function accepted(
  { policy, text, held, problems, unreadable }: Loaded,
  file: string,
  args: Args,
  io: Io,
) {
  for (const problem of problems) say(problem, args, io);
  if (policy && text !== undefined) return { policy, text, held };
  const hint = args.config === undefined ? "; ai-proxy serve --demo needs no configuration" : "";
  throw stop(FAILED, unreadable === undefined ? `Not started: ${file} has problems` : `${unreadable}${hint}`);
}

function say(problem: Problem, args: Args, io: Io): void {
  const text = renderProblem(problem);
  const bad = problem.severity === "problem";
  if (args["log-format"] !== "json") return (bad ? createLog(io).fatal : createLog(io).warn)(text);
  const log = operatorLog(io, { format: "json" });
  if (bad) log.error(text, undefined, "configuration");
  else log.warn(text, "configuration");
}

/** Serves in this process alone. */
function alone(
  { serving, first, loader, accessLog, io }: Omit<Supervision, "workers">,
  demo: Demo | undefined,
): Promise<number> {
  const log = operatorLog(io, serving);
  const access = openAccessLog(accessLog, io, log);
  return run({
    ...serving,
    shared: false,
    policy: first.policy,
    load: loader.load,
    access,
    log,
    hear: (policy) => hearSignals(loader.seen, policy, access, log),
    ends: signalEnds(log),
    onListening: (url) => {
      log.info(`ai-proxy listens on ${url}`, "started");
      // It is for a person to read and to paste from.
      if (demo) createLog(io).log(demo.welcome(url));
    },
  });
}
