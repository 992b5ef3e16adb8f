/** The policy in force, and how it is replaced while the daemon runs: whole, or not at all. */

import process from "node:process";
import type { Policy } from "../access/policy.ts";
import type { Log } from "../account/sinks.ts";
import { difference } from "../config/difference.ts";
import type { Loaded } from "../config/load.ts";
import { watchFile } from "../config/watch.ts";
import type { AppLog } from "../services.ts";
import { renderProblem } from "./check-config.ts";
import { hearUserSignal } from "./user-signal.ts";

export interface LivePolicy {
  current(): Policy;
  /** Reads the file again: takes the policy over, or keeps the one in force and says why. */
  reload(): Promise<void>;
}

/** What is kept by the names of providers and models, and must not outlive what they stood for. */
export interface Stores {
  /** The provider has another address or key: what was learned of it is out of date. */
  forget(provider: string): void;
  /** Only what the policy names is kept: what is taken out of the file and put back is new. */
  keep(policy: Policy): void;
}

/** @param load gives what the file says now */
export function livePolicy(
  first: Policy,
  load: () => Promise<Loaded>,
  log: AppLog,
  stores: () => Stores,
): LivePolicy {
  let policy = first;
  /** Reloads follow each other, so that the last word is that of the last file. */
  let last: Promise<void> = Promise.resolve();
  const reload = async () => {
    const loaded = await load();
    if (!loaded.policy) {
      const problems = loaded.problems.filter(({ severity }) => severity === "problem").map(renderProblem);
      const why = loaded.unreadable ?? problems.join("; ");
      return log.error(
        `Configuration rejected, the last good one stays: ${why}`,
        undefined,
        "reload_refused",
      );
    }
    const { text, providers } = difference(policy, loaded.policy);
    policy = loaded.policy;
    const kept = stores();
    providers.forEach(kept.forget);
    kept.keep(policy);
    log.info(`Configuration reloaded: ${text}`, "reloaded");
    for (const problem of loaded.problems) log.warn(renderProblem(problem), "configuration");
  };
  return {
    current: () => policy,
    reload: () =>
      last = last.then(reload).catch((thrown: unknown) =>
        log.error("The configuration was not reloaded", thrown, "reload_refused")
      ),
  };
}

/**
 * Obeys the signals of a running daemon, until it is told to stop: `SIGHUP` reloads and opens the access log anew, a
 * change of the file reloads, `SIGUSR1` opens the log alone, where that signal is the program's to hear.
 */
export async function hearSignals(
  file: string,
  { reload }: Pick<LivePolicy, "reload">,
  { reopen }: Pick<Log, "reopen">,
  log: AppLog,
): Promise<() => void> {
  const onChange = () => void reload();
  const onHangup = () => {
    reopen();
    onChange();
  };
  process.on("SIGHUP", onHangup);
  const stopHearing = hearUserSignal(reopen, log);
  const watching = await watchFile(file, onChange);
  return () => {
    process.off("SIGHUP", onHangup);
    stopHearing();
    watching.close();
  };
}
