/** The policy in force, and how it is replaced while the daemon runs: whole, or not at all. */

import process from "node:process";
import type { Policy } from "../access/policy.ts";
import type { Log } from "../account/sinks.ts";
import { difference } from "../config/difference.ts";
import type { LoadedAgain, Loader } from "../config/loader.ts";
import { masked } from "../config/masked.ts";
import { type Problem, quote } from "../config/problem.ts";
import { slices } from "../slices.ts";
import { watchFiles } from "../config/watch.ts";
import type { AppLog } from "../services.ts";
import { renderProblem } from "./check-config.ts";
import { hearUserSignal } from "./user-signal.ts";

export interface LivePolicy {
  current(): Policy;
  /** Reads the file again: takes the policy over, or keeps the one in force and says why. */
  reload(cause?: Cause): Promise<void>;
}

/** What is kept by the names of providers and models, and must not outlive what they stood for. */
export interface Stores {
  /** The provider has another address or key: what was learned of it is out of date. */
  forget(provider: string): void;
  /** Only what the policy names is kept: what is taken out of the file and put back is new. */
  keep(policy: Policy): void;
}

/** Whoever orders a reload is told what came of it; a change that turns out to be none is not worth a word. */
export type Cause = "order" | "change";

/** Milliseconds in which an order follows a change that was seen by itself: then it is of the same change. */
const SAME_CHANGE_MS = 1_000;

const UNCHANGED = "Configuration is unchanged";

/** @param load gives what the file says now */
export function livePolicy(
  first: Policy,
  load: () => Promise<LoadedAgain>,
  log: AppLog,
  stores: () => Stores,
): LivePolicy {
  let policy = first;
  let rejected = false;
  let warned: readonly Problem[] = [];
  let away: readonly string[] = [];
  /** When the last change was told that nobody had ordered to look for. */
  let toldAt = -Infinity;

  const takeOver = async (loaded: LoadedAgain, next: Policy, cause: Cause): Promise<void> => {
    const { text, providers } = await difference(policy, next, slices());
    policy = next;
    const kept = stores();
    providers.forEach(kept.forget);
    kept.keep(policy);
    if (text !== "") log.info(`Configuration reloaded: ${text}`, "reloaded");
    else if (rejected && !loaded.lastGood) {
      log.info("Configuration accepted again: it is the one in use", "reloaded");
    } else if (cause === "order") log.info(UNCHANGED, "reloaded");
    if (!loaded.lastGood) rejected = false;
    const { away: nowAway = [], problems } = loaded;
    for (const file of away) {
      if (!nowAway.includes(file)) {
        log.info(`The secret file ${masked(quote(file))} is read again`, "configuration");
      }
    }
    away = nowAway;
    for (const problem of text === "" ? newIn(problems, warned) : problems) {
      log.warn(renderProblem(problem), "configuration");
    }
    warned = problems;
  };
  const reload = async (cause: Cause, orderedAt: number): Promise<void> => {
    const loaded = await load();
    if (loaded.unchanged && cause === "change") return;
    if (loaded.unchanged && orderedAt - toldAt < SAME_CHANGE_MS) {
      toldAt = -Infinity;
      return;
    }
    if (cause === "change") toldAt = performance.now();
    const why = rejection(loaded);
    if (why !== undefined) {
      rejected = true;
      log.error(`Configuration rejected, the last good one stays: ${why}`, undefined, "reload_refused");
    } else if (loaded.policy) await takeOver(loaded, loaded.policy, cause);
    else if (cause === "order") log.info(UNCHANGED, "reloaded");
  };

  return { current: () => policy, reload: oneAfterAnother(reload, log) };
}

interface Order {
  readonly cause: Cause;
  readonly orderedAt: number;
}

/** Reloads follow each other, so that the last word is that of the last file; while one runs, one waits for all. */
function oneAfterAnother(
  reload: (cause: Cause, orderedAt: number) => Promise<void>,
  log: AppLog,
): LivePolicy["reload"] {
  let running: Promise<void> | undefined;
  let waiting: { order: Order; readonly done: Promise<void> } | undefined;
  const run = async ({ cause, orderedAt }: Order) => {
    try {
      await reload(cause, orderedAt);
    } catch (thrown) {
      log.error("The configuration was not reloaded", thrown, "reload_refused");
    }
    if (!waiting) running = undefined;
  };
  return (cause = "order") => {
    const order = { cause, orderedAt: performance.now() };
    if (!running) return running = run(order);
    if (!waiting) {
      const next = async () => {
        const { order } = waiting ?? { order: { cause, orderedAt: 0 } };
        waiting = undefined;
        await (running = run(order));
      };
      waiting = { order, done: running.then(next) };
    } else if (cause === "order") waiting.order = order;
    return waiting.done;
  };
}

/** A line of the log stays one that people read. */
const MOST_PROBLEMS = 20;

/** Why what was loaded is not used, in one line; undefined when nothing is wrong with it. */
function rejection({ unreadable, problems }: LoadedAgain): string | undefined {
  if (unreadable !== undefined) return unreadable;
  const wrong = problems.filter(({ severity }) => severity === "problem");
  if (wrong.length === 0) return undefined;
  const more = wrong.length > MOST_PROBLEMS ? `; and ${wrong.length - MOST_PROBLEMS} more problems` : "";
  return wrong.slice(0, MOST_PROBLEMS).map(renderProblem).join("; ") + more;
}

/** Warnings that were not there before, wherever their lines are now. */
function newIn(problems: readonly Problem[], before: readonly Problem[]): Problem[] {
  const known = new Set(before.map(({ path, message }) => JSON.stringify([path, message])));
  return problems.filter(({ path, message }) => !known.has(JSON.stringify([path, message])));
}

/**
 * Obeys the signals of a running daemon, until it is told to stop: `SIGHUP` reloads and opens the access log anew, a
 * change of the files reloads, `SIGUSR1` opens the log alone, where that signal is the program's to hear.
 */
export async function hearSignals(
  seen: Loader["seen"],
  { reload }: Pick<LivePolicy, "reload">,
  { reopen }: Pick<Log, "reopen">,
  log: AppLog,
): Promise<() => void> {
  const onHangup = () => {
    reopen();
    void reload("order");
  };
  process.on("SIGHUP", onHangup);
  const stopHearing = hearUserSignal(reopen, log);
  const watching = await watchFiles({ seen, onChange: () => reload("change") });
  return () => {
    process.off("SIGHUP", onHangup);
    stopHearing();
    watching.close();
  };
}
