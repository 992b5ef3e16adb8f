/** The access log of a daemon, from its flag to its last line. */

import process from "node:process";
import { fileLog, type Log, noLog, streamLog } from "../account/sinks.ts";
import type { AppLog } from "../services.ts";
import type { Io } from "./io.ts";

/** @param destination a file, `-` for standard output, or `off` */
export function openAccessLog(destination: string, io: Io, log: AppLog): Log {
  if (destination === "off") return noLog();
  const onLost = (why: string) => log.error(`Access log lines are lost: ${why}`);
  return destination === "-" ? streamLog(io.stdout, onLost) : fileLog(destination, onLost);
}

const LAST_WORD_MS = 100;

/**
 * Waits for the last lines, for a moment, and says how many were lost.
 * @param code what the process ends with, should the last lines hold it
 */
export async function closeAccessLog(access: Log, log: AppLog, code: number): Promise<void> {
  const written = await access.close();
  if (access.lost() > 0) log.error(`${access.lost()} access log lines were lost`);
  // A write that never ends would keep the process, and whoever waits for its end; what we said has a moment to go.
  if (!written) setTimeout(() => process.exit(code), LAST_WORD_MS).unref();
}
