/** The access log of a daemon, from its flag to its last line. */

import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import process from "node:process";
import { fileLog, type Log, type LossReport, noLog, streamLog } from "../account/sinks.ts";
import type { AppLog } from "../services.ts";
import { FAILED, stop } from "./args.ts";
import type { Io } from "./io.ts";

/**
 * Makes sure that an access log can be written, before anybody is served: its first lines would be lost otherwise.
 * @param destination a file, `-` for standard output, or `off`
 * @throws Stop when the file cannot be opened
 */
export async function checkAccessLog(destination: string): Promise<void> {
  if (destination === "off" || destination === "-") return;
  try {
    const there = await stat(destination).catch(() => undefined);
    // Opening a pipe would wait for its reader.
    if (there && !there.isFile() && !there.isDirectory()) return;
    const { O_APPEND, O_CREAT, O_WRONLY } = constants;
    await (await open(destination, O_APPEND | O_CREAT | O_WRONLY, 0o640)).close();
  } catch (thrown) {
    throw stop(FAILED, `Cannot open the access log ${JSON.stringify(destination)}: ${whyNot(thrown)}`);
  }
}

function whyNot(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  switch (code) {
    case "ENOENT":
      return "there is no such folder";
    case "EACCES":
    case "EPERM":
    case "NotCapable":
      return "not allowed to write it";
    case "EISDIR":
      return "it is a folder";
    case "EROFS":
      return "the disk is read-only";
    default:
      return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** @param destination a file, `-` for standard output, or `off` */
export function openAccessLog(destination: string, io: Io, log: AppLog): Log {
  if (destination === "off") return noLog();
  const report: LossReport = {
    lost: (why) => log.error(`Access log lines are lost: ${why}`, undefined, "log_lost"),
    back: (lines) => log.info(`The access log is written again: ${lines} lines were lost`, "log_back"),
  };
  return destination === "-" ? streamLog(io.stdout, report) : fileLog(destination, report);
}

const LAST_WORD_MS = 100;

/**
 * Waits for the last lines, for a moment, and says how many were lost.
 * @param code what the process ends with, should the last lines hold it
 */
export async function closeAccessLog(access: Log, log: AppLog, code: number): Promise<void> {
  const written = await access.close();
  if (access.lost() > 0) log.error(`${access.lost()} access log lines were lost`, undefined, "log_lost");
  // A write that never ends would keep the process, and whoever waits for its end; what we said has a moment to go.
  if (!written) setTimeout(() => process.exit(code), LAST_WORD_MS).unref();
}
