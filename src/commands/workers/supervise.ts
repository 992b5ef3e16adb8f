/** Several processes that serve on one port, and the one that starts them, speaks for them and serves nothing itself. */

import type { Policy } from "../../access/policy.ts";
import type { LogFormat } from "../../account/access-log.ts";
import { streamLog } from "../../account/sinks.ts";
import type { LoadedAgain, Loader } from "../../config/loader.ts";
import type { Held } from "../../config/secrets.ts";
import { findSharedPort } from "../../runtime/shared-port.ts";
import type { AppLog } from "../../services.ts";
import { closeAccessLog, openAccessLog } from "../access-log.ts";
import { FAILED, stop } from "../args.ts";
import { drainingLine, type Ends, pause, type Reason, signalEnds } from "../drain.ts";
import type { Io } from "../io.ts";
import { isOperatorLine, operatorLog } from "../operator-log.ts";
import { hearSignals, livePolicy } from "../reload.ts";
import { cannotListen, type Serving } from "../run.ts";
import { type Crew, startCrew } from "./crew.ts";
import { perWorkerLine } from "./per-worker.ts";

export interface Supervision {
  readonly workers: number;
  readonly serving: Serving;
  /** The configuration to start with, and what gives the one to replace it. */
  readonly first: { readonly policy: Policy; readonly text: string; readonly held: Held | undefined };
  readonly loader: Loader;
  /** A file, `-` or `off`. */
  readonly accessLog: string;
  readonly io: Io;
}

/**
 * Has workers serve until a signal ends them all. The configuration, signals and the log are its own; workers are told.
 * @returns the exit code
 * @throws Stop when the port is not free or cannot be shared, or a worker cannot start
 */
export async function supervise(
  { workers, serving, first, loader, accessLog, io }: Supervision,
): Promise<number> {
  const log = operatorLog(io, serving);
  const port = await sharedPort(serving, workers);
  // From now on a signal is for all.
  const ends = signalEnds(log);
  const access = openAccessLog(accessLog, io, log);
  const crew = startCrew({
    workers,
    order: {
      kind: "start",
      serving: { ...serving, port },
      text: first.text,
      keys: keysOf(first.held),
      accessLog: accessLog === "off" ? "off" : "-",
    },
    env: io.env,
    access: accessLog === "off" ? undefined : access.lines,
    say: workersVoice(serving.format, io),
    log,
  });
  const kept = { forget: () => {}, keep: () => {} };
  const policy = livePolicy(first.policy, handedOn(loader.load, crew), log, () => kept);
  const stopHearing = await hearSignals(loader.seen, policy, access, log);
  let code = FAILED;
  try {
    const url = await Promise.race([crew.listening, ends.first.then(() => undefined)]);
    if (url !== undefined) {
      log.info(`ai-proxy listens on ${url} with ${workers} workers`, "started");
      log.info(perWorkerLine(workers));
    }
    code = await drainAll(crew, await ends.first, ends, serving.drainSeconds, log);
    return code;
  } finally {
    await endAll(crew);
    stopHearing();
    await closeAccessLog(access, log, code);
  }
}

/** Passes on what workers say; what a runtime that breaks down says gets the form of the log. */
function workersVoice(format: LogFormat, io: Io): (line: string, worker: number) => void {
  // Whoever reads it may stand still: then its lines are lost, and no memory with them.
  const { lines: write } = streamLog(io.stderr, { lost: () => {} });
  return (line, worker) => {
    if (isOperatorLine(line, format)) write(`${line}\n`);
    else operatorLog(io, { format, worker, write }).warn(line);
  };
}

/** A port that is free and can be shared. */
async function sharedPort({ host, port }: Serving, workers: number): Promise<number> {
  const found = await findSharedPort(host, port).catch((thrown: unknown) => {
    throw cannotListen(host, port, thrown);
  });
  if (found.refusal === undefined) return found.port;
  throw stop(FAILED, `Not started with ${workers} workers: ${found.refusal}`);
}

/** What is accepted is in force once all workers use it. */
function handedOn(load: Loader["load"], crew: Crew): () => Promise<LoadedAgain> {
  return async () => {
    const loaded = await load();
    const { policy, text, held } = loaded;
    if (policy && text !== undefined) await crew.configure({ text, keys: keysOf(held) });
    return loaded;
  };
}

function keysOf(held: Held | undefined): Record<string, string> {
  return Object.fromEntries(Array.from(held ?? [], ([path, key]) => [path, key.reveal()]));
}

/** Beyond its own limits a worker takes longer only if it hangs. */
const GRACE_MS = 15_000;

async function drainAll(
  crew: Crew,
  reason: Reason,
  ends: Ends,
  seconds: number,
  log: AppLog,
): Promise<number> {
  log.info(drainingLine(reason, seconds), "draining");
  const gone = crew.drain(reason === "fault" ? "SIGINT" : reason);
  await Promise.race([gone, ends.second, pause(seconds * 1000 + GRACE_MS)]);
  const well = await endAll(crew);
  return well && reason !== "fault" ? 0 : FAILED;
}

/** How long workers may take to end at once. */
const ENDING_MS = 3_000;

/** Whether all ended well; those that do not hear are killed. */
async function endAll(crew: Crew): Promise<boolean> {
  const gone = crew.end();
  const heard = await Promise.race([gone.then(() => true), pause(ENDING_MS)]);
  if (!heard) crew.kill();
  return await gone;
}
