/** Signals that mean something to a daemon, and would end it before it is one. */

import process from "node:process";

/**
 * From now on `SIGHUP` and `SIGUSR1` do not end the process, and on Node open no debugger; what they are for is heard
 * beside this. To be called before anything is loaded, which takes long enough for a signal to come.
 */
export function outlive(): void {
  for (const name of ["SIGHUP", "SIGUSR1"] as const) process.on(name, () => {});
}
