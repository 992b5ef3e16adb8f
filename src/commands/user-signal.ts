/**
 * `SIGUSR1`: on Node it opens the access log anew, as with NGINX. Deno opens its debugger on it, without authentication
 * and whatever its permissions (since 2.9.2); who reaches that port reads every key of the process. No flag turns it off.
 */

import process from "node:process";
import type { AppLog } from "../services.ts";

/**
 * Hears the signal until it is told to stop.
 * @param obey what the signal is for, where it is the program's
 * @param log told loudly where it is not
 */
export function hearUserSignal(obey: () => void, log: AppLog): () => void {
  const onSignal = process.versions["deno"] === undefined ? obey : debuggerCloser(log);
  process.on("SIGUSR1", onSignal);
  return () => void process.off("SIGUSR1", onSignal);
}

const DANGER = "SIGUSR1 opens Deno's debugger, from which every key can be read: never send it. " +
  "SIGHUP opens the access log anew";

/** Deno opens the debugger some milliseconds after the signal, on a busy machine later. */
const LOOKS = [{ everyMs: 1, untilMs: 250 }, { everyMs: 20, untilMs: 15_000 }] as const;

/** What closes the debugger as soon as it is open. */
function debuggerCloser(log: AppLog): () => void {
  // There is no time to load it once the signal came.
  const inspector = import("node:inspector");
  let signalled = 0;
  let looking = false;
  const look = async () => {
    const { default: { url, close } } = await inspector;
    const ms = performance.now() - signalled;
    const open = url();
    if (open !== undefined) {
      close();
      log.warn(`The debugger at ${open} was closed after ${ms.toFixed(0)} ms`, "debugger_opened");
    }
    const next = open === undefined ? LOOKS.find(({ untilMs }) => ms < untilMs) : undefined;
    looking = next !== undefined;
    if (next) setTimeout(look, next.everyMs).unref();
  };
  return () => {
    signalled = performance.now();
    log.error(DANGER, undefined, "debugger_opened");
    if (looking) return;
    looking = true;
    void look();
  };
}
