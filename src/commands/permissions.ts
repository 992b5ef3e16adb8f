/** What Deno must allow, so that a daemon that starts can also serve. */

import process from "node:process";
import { FAILED, stop } from "./args.ts";

/** Variables that the HTTP client reads when it first connects: every request would fail there, long after the start. */
const READ_LATE = ["JEST_WORKER_ID", "UNDICI_NO_WASM_SIMD"] as const;

/**
 * Checks at the start what is needed later.
 * @param env the environment itself, which throws where Deno forbids to read a name
 * @throws Stop that names what is to be allowed
 */
export function checkPermissions(env: NodeJS.ProcessEnv = process.env): void {
  const forbidden = READ_LATE.filter((name) => !mayRead(env, name));
  if (forbidden.length === 0) return;
  throw stop(
    FAILED,
    `Not started: the HTTP client reads ${forbidden.join(" and ")}: allow it with --allow-env`,
  );
}

function mayRead(env: NodeJS.ProcessEnv, name: string): boolean {
  try {
    void env[name];
    return true;
  } catch {
    return false;
  }
}
