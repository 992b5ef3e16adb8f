/** `ai-proxy check-config`: validates a configuration and says all that is wrong with it, or explains a route. */

import type { ParsedArgs } from "citty";
import { defaultFile, type Loaded, loadPolicy } from "../config/load.ts";
import type { Problem } from "../config/problem.ts";
import { command, DEFAULT_HOST, DEFAULT_PORT, FAILED, portOf, stop, USAGE, workersOf } from "./args.ts";
import { explain, type Explanation, renderExplanation } from "./explain.ts";
import { createLog, type Io } from "./io.ts";
import { PER_WORKER, perWorkerLine } from "./workers/per-worker.ts";

const ARGS = {
  file: {
    type: "positional",
    required: false,
    description: "The configuration (default: $AI_PROXY_CONFIG, else rbac.json)",
  },
  json: { type: "boolean", description: "Print the result as JSON on standard output" },
  strict: { type: "boolean", description: "Take warnings for problems" },
  explain: {
    type: "boolean",
    description: "Print the route that a request of --user for --model would take",
  },
  user: { type: "string", description: "With --explain: who asks", valueHint: "NAME" },
  model: { type: "string", description: "With --explain: the model asked for", valueHint: "NAME" },
  host: {
    type: "string",
    default: DEFAULT_HOST,
    description: "Where serve will listen",
    valueHint: "ADDRESS",
  },
  port: { type: "string", default: `${DEFAULT_PORT}`, description: "And at which port", valueHint: "NUMBER" },
  workers: { type: "string", default: "1", description: "And with how many processes", valueHint: "NUMBER" },
} as const;

export default command(ARGS, checkConfig);

async function checkConfig(args: ParsedArgs<typeof ARGS>, io: Io): Promise<number> {
  const question = questionOf(args);
  const file = args.file ?? defaultFile(io.env);
  const listen = { host: args.host, port: portOf(args.port) };
  const workers = workersOf(args.workers);
  const { policy, problems, unreadable }: Loaded = await loadPolicy({
    file,
    env: io.env,
    listen,
    now: io.now(),
  });
  const result: Result = {
    file,
    unreadable,
    problems: args.strict ? problems.map((one) => ({ ...one, severity: "problem" })) : problems,
    explanation: policy && question && explain(policy, question.user, question.model),
    workers,
  };
  (args.json ? writeJson : writeText)(result, io);
  if (unreadable !== undefined) return USAGE;
  return isClean(result) ? 0 : FAILED;
}

interface Result {
  readonly file: string;
  readonly unreadable: string | undefined;
  readonly problems: readonly Problem[];
  readonly explanation: Explanation | undefined;
  readonly workers: number;
}

function isClean({ unreadable, problems }: Result): boolean {
  return unreadable === undefined && problems.every(({ severity }) => severity === "warning");
}

function questionOf(
  { explain, user, model }: ParsedArgs<typeof ARGS>,
): { user: string; model: string } | undefined {
  if (!explain) {
    if (user !== undefined || model !== undefined) {
      throw stop(USAGE, "The flags --user and --model go with --explain");
    }
    return undefined;
  }
  if (user === undefined || model === undefined) {
    throw stop(USAGE, "The flag --explain needs --user and --model");
  }
  return { user, model };
}

function writeJson(result: Result, io: Io): void {
  const { file, unreadable, problems, explanation, workers } = result;
  const perWorker = workers > 1 ? PER_WORKER : undefined;
  const shown = { file, ok: isClean(result), unreadable, problems, explain: explanation, perWorker };
  io.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
}

function writeText({ file, unreadable, problems, explanation, workers }: Result, io: Io): void {
  const log = createLog(io);
  if (unreadable !== undefined) log.error(unreadable);
  for (const one of problems) (one.severity === "problem" ? log.fatal : log.warn)(renderProblem(one));
  if (explanation) io.stdout.write(renderExplanation(explanation));
  else if (unreadable === undefined) log.log(`${file}: ${summary(problems)}`);
  if (workers > 1) log.log(perWorkerLine(workers));
}

/** One problem as a line: its place, what it is, and the line of the file. */
export function renderProblem({ path, message, line }: Problem): string {
  return [path, message, line === undefined ? "" : `(line ${line})`].filter((part) => part !== "").join("  ");
}

function summary(problems: readonly Problem[]): string {
  const count = (severity: Problem["severity"], name: string) => {
    const found = problems.filter((one) => one.severity === severity).length;
    return found === 0 ? [] : [`${found} ${name}${found === 1 ? "" : "s"}`];
  };
  return [...count("problem", "problem"), ...count("warning", "warning")].join(", ") || "no problems";
}
