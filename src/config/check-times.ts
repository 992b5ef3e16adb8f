/** Checks of times: other programs take milliseconds, and a limit of hours is none. Pure. */

import { type Finding, type Path, warning } from "./problem.ts";
import type { Config } from "./schema.ts";

type Times = Config["timeouts"];

/** Seconds up to which a time may be meant. */
const LONGEST_CONNECT = 120;
const LONGEST_WAIT = 3_600;
const LONGEST_SILENCE = 600;

export function checkTimes(config: Config): Finding[] {
  return [
    ...checkTimeouts(["timeouts"], config.timeouts),
    ...checkSeconds(["keepAlive"], config.keepAlive, LONGEST_SILENCE),
    ...Object.entries(config.providers ?? {}).flatMap(([name, { timeouts }]) =>
      checkTimeouts(["providers", name, "timeouts"], timeouts)
    ),
    ...Object.entries(config.models ?? {}).flatMap(([name, { timeouts }]) =>
      checkTimeouts(["models", name, "timeouts"], timeouts)
    ),
  ];
}

function checkTimeouts(here: Path, times: Times): Finding[] {
  return Object.entries(times ?? {}).flatMap(([name, seconds]) =>
    checkSeconds([...here, name], seconds, name === "connect" ? LONGEST_CONNECT : LONGEST_WAIT)
  );
}

function checkSeconds(path: Path, seconds: number | undefined, longest: number): Finding[] {
  if (seconds === undefined || seconds <= longest) return [];
  const message = `${seconds} seconds are ${
    lengthOf(seconds)
  }. Times are in seconds: if ${seconds} are milliseconds, write ${seconds / 1000}`;
  return [warning(path, message)];
}

function lengthOf(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
