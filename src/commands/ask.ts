/** `ai-proxy ask`: one prompt through the same routing core, in this process. */

import process from "node:process";
import type { ParsedArgs } from "citty";
import type { Policy, Principal } from "../access/policy.ts";
import { type Entry, openEntry } from "../account/entry.ts";
import type { Answer, Asked } from "../attempt/call.ts";
import { policyRedactor } from "../attempt/redaction.ts";
import type { ChatRequest } from "../chat.ts";
import { defaultFile, loadPolicy } from "../config/load.ts";
import { converse } from "../converse.ts";
import { type ClientRequest, clientRequest } from "../dialects/bridge.ts";
import { clientDialect } from "../dialects/registry.ts";
import { asGatewayError, GatewayError } from "../errors.ts";
import { parseBody } from "../http.ts";
import { stringifyJson } from "../json.ts";
import { didYouMean } from "../nearest.ts";
import { command, FAILED, stop, USAGE } from "./args.ts";
import { renderProblem } from "./check-config.ts";
import { createLog, flushed, type Io } from "./io.ts";
import { personalLog } from "./operator-log.ts";
import { simulate, startServices } from "./start.ts";

const ARGS = {
  prompt: {
    type: "positional",
    required: false,
    description: "What to ask; standard input is put below it, or is all of it",
  },
  user: { type: "string", description: "Who asks; needed unless there is only one user", valueHint: "NAME" },
  model: { type: "string", description: "The model; needed unless the user has only one", valueHint: "NAME" },
  config: {
    type: "string",
    description: "The configuration (default: $AI_PROXY_CONFIG, else rbac.json)",
    valueHint: "FILE",
  },
  system: { type: "string", description: "Instructions for the model", valueHint: "TEXT" },
  stream: { type: "boolean", default: true, description: "Print the answer as it comes" },
  json: { type: "boolean", description: "Print the whole reply as JSON" },
  demo: { type: "boolean", description: "Ask simulated providers: no configuration and no keys needed" },
} as const;

export default command(ARGS, ask);

async function ask(args: ParsedArgs<typeof ARGS>, io: Io): Promise<number> {
  if (args.demo && args.config !== undefined) {
    throw stop(USAGE, "The flag --demo brings its own configuration: leave --config out");
  }
  const demo = args.demo ? await simulate(io.env) : undefined;
  try {
    const policy = await load(demo?.file ?? args.config ?? defaultFile(io.env), demo?.env ?? io.env, io);
    const user = args.user ?? only("user", [...policy.users.keys()]);
    checkUser(policy, user);
    const model = args.model ?? only("model", [...policy.users.get(user)?.routes.keys() ?? []]);
    const prompt = await promptOf(args.prompt, io);
    if (prompt.trim() === "") {
      throw stop(USAGE, "The prompt is empty: give it as an argument or on standard input");
    }
    const request = requestOf({ prompt, system: args.system, model, stream: args.stream && !args.json });
    return await converseOnce(request, { user }, policy, args.json === true, io);
  } finally {
    await demo?.close();
  }
}

async function load(file: string, env: Io["env"], io: Io): Promise<Policy> {
  const { policy, problems, unreadable } = await loadPolicy({ file, env, now: io.now() });
  if (policy) return policy;
  const print = createLog(io);
  for (const problem of problems) {
    (problem.severity === "problem" ? print.fatal : print.warn)(renderProblem(problem));
  }
  throw stop(unreadable === undefined ? FAILED : USAGE, unreadable ?? `Not asked: ${file} has problems`);
}

/** The only one there is, or bad usage. */
function only(what: "user" | "model", names: readonly string[]): string {
  const [first] = names;
  if (first !== undefined && names.length === 1) return first;
  throw stop(
    USAGE,
    `The flag --${what} is missing: ${names.length === 0 ? "there is none" : `one of ${names.join(", ")}`}`,
  );
}

function checkUser(policy: Policy, user: string): void {
  if (policy.users.has(user)) return;
  throw stop(
    FAILED,
    `User not authorized: ${JSON.stringify(user)}${didYouMean(user, [...policy.users.keys()])}`,
  );
}

interface Question {
  readonly prompt: string;
  readonly system: string | undefined;
  readonly model: string;
  readonly stream: boolean;
}

/** The question as a client of the proxy would send it. */
function requestOf({ prompt, system, model, stream }: Question): ClientRequest {
  const text = (words: string) => [{ type: "text", text: words } as const];
  const chat: ChatRequest = {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: "system", content: text(system) } as const]),
      { role: "user", content: text(prompt) },
    ],
    tools: [],
    stream,
    includeUsage: stream,
    legacyFunctions: false,
    losses: [],
  };
  const dialect = clientDialect({});
  const { body } = dialect.encodeRequest(chat, { model, options: {}, refuses: new Set() });
  return clientRequest(dialect, parseBody(new TextEncoder().encode(stringifyJson(body))), {});
}

async function converseOnce(
  request: ClientRequest,
  principal: Principal,
  policy: Policy,
  json: boolean,
  io: Io,
): Promise<number> {
  let closed: Entry | undefined;
  const sink = (entry: Entry) => closed = entry;
  const { services, close } = startServices({
    policy: () => policy,
    sink,
    // What a daemon would remember of its targets ends with this process: what became of the request is told below.
    log: { ...personalLog(io), info: () => {}, warn: () => {} },
    phase: () => "up",
  });
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.on("SIGINT", leave);
  // Nobody reads the answer any more: the provider need not go on with it.
  let unread = false;
  const onUnread = () => {
    unread = true;
    leave();
  };
  io.stdout.on("error", onUnread);
  const start = {
    requestId: services.newId(),
    method: "",
    target: "",
    version: "",
    peer: "",
    time: services.clock.now(),
  };
  const entry = openEntry(
    { ...start, referer: undefined, userAgent: undefined, forwardedFor: undefined },
    services.clock.monotonic,
    sink,
  );
  const { dialect } = request;
  const redactor = policyRedactor(policy);
  const asked: Asked = { request, dialect, principal, policy, entry, redactor, left: leaving.signal };
  let failure: GatewayError | undefined;
  try {
    await print(await converse(asked, services), asked, json, io);
  } catch (thrown) {
    failure = asGatewayError(thrown);
    entry.failed(failure);
  } finally {
    process.off("SIGINT", leave);
    io.stdout.off("error", onUnread);
    entry.close({ status: failure?.status ?? 200, bytes: 0, complete: true });
    await close();
  }
  // What is said of the answer stands behind it, where both go to one place.
  if (!unread) await flushed(io.stdout);
  if (closed) report(closed, io);
  if (!failure || unread) return 0;
  if (failure.code === "internal") throw failure.cause;
  throw stop(FAILED, failure.message);
}

/** The answer to standard output, as it comes. */
async function print(answer: Answer, asked: Asked, json: boolean, io: Io): Promise<void> {
  if (answer.body.kind === "whole") {
    const { brought } = answer.body;
    asked.entry.answered(brought.reply);
    const texts = brought.reply.content.flatMap((part) => part.type === "text" ? [part.text] : []);
    io.stdout.write(json ? brought.body(answer.options) : texts.join(""));
    io.stdout.write("\n");
    return;
  }
  const { held, rest } = answer.body;
  let begun = false;
  try {
    for (let steps: typeof held | undefined = held; steps; steps = await rest.next()) {
      for (const event of steps.flatMap(({ events }) => events)) {
        asked.entry.saw(event);
        if (event.type === "error") throw event.error;
        if (event.type !== "text-delta") continue;
        io.stdout.write(event.text);
        begun = true;
      }
    }
  } finally {
    if (begun) io.stdout.write("\n");
  }
}

/** Route, failover and token usage, for people. */
function report(entry: Entry, io: Io): void {
  const print = createLog(io);
  for (const { model, provider, reason, status } of entry.attempts) {
    if (reason !== "ok") {
      const shown = status === undefined || reason === `${status}` ? reason : `${reason}, status ${status}`;
      print.warn(`${model} at ${provider} did not answer: ${shown}`);
    }
  }
  if (entry.outcome !== "ok" && entry.firstTokenMs === undefined) return;
  const { usage, usageSource } = entry;
  const tokens = usage
    ? `${usage.input} + ${usage.output} = ${usage.input + usage.output} tokens (${usageSource})`
    : "no token usage";
  const did = entry.outcome === "ok" ? "answered" : "began to answer";
  print.log(`${entry.served} at ${entry.provider} ${did}: ${tokens}, ${Math.round(entry.durationMs)} ms`);
}

/**
 * What is asked: the argument, and below it what was piped in, which it speaks of.
 * @throws Stop for text that is not UTF-8: what is garbled is not asked
 */
async function promptOf(argument: string | undefined, io: Io): Promise<string> {
  if (argument === undefined) return await readAll(io.stdin);
  // The runtime puts this character where an argument's bytes are no text.
  if (argument.includes("\uFFFD")) throw stop(USAGE, `The prompt ${NOT_TEXT}`);
  const piped = io.isPiped ? await readAll(io.stdin) : "";
  return piped.trim() === "" ? argument : `${argument}\n\n${piped}`;
}

const NOT_TEXT = "is not UTF-8: convert it first, with iconv for example";

async function readAll(input: Io["stdin"]): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for await (const piece of input) {
      text += typeof piece === "string" ? piece : decoder.decode(piece, { stream: true });
    }
    return text + decoder.decode();
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw stop(USAGE, `Standard input ${NOT_TEXT}`);
  }
}
