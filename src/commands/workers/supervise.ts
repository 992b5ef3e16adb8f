/** Several processes that serve on one port, and the one that starts them, speaks for them and serves nothing itself. */

import type { Policy } from "../../access/policy.ts";
import type { LogFormat } from "../../account/access-log.ts";
import { streamLog } from "../../account/sinks.ts";
import type { Loaded } from "../../config/load.ts";
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
  readonly first: { readonly policy: Policy; readonly text: string };
  readonly load: () => Promise<Loaded>;
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
  { workers, serving, first, load, accessLog, io }: Supervision,
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
      accessLog: accessLog === "off" ? "off" : "-",
    },
    env: io.env,
    access: accessLog === "off" ? undefined : access.lines,
    say: workersVoice(serving.format, io),
    log,
  });
  const kept = { forget: () => {}, keep: () => {} };
  const policy = livePolicy(first.policy, handedOn(load, crew), log, () => kept);
  const stopHearing = await hearSignals(serving.file, policy, access, log);
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
  const { lines: write } = streamLog(io.stderr, () => {});
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
function handedOn(load: () => Promise<Loaded>, crew: Crew): () => Promise<Loaded> {
  return async () => {
    const loaded = await load();
    if (loaded.text !== undefined) await crew.configure(loaded.text);
    return loaded;
  };
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
