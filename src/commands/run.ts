/** One process that serves, from its policy to the end of its drain. */

import type { Policy } from "../access/policy.ts";
import type { LogFormat } from "../account/access-log.ts";
import { accessLog, type Log } from "../account/sinks.ts";
import type { LoadedAgain } from "../config/loader.ts";
import { createGateway } from "../gateway.ts";
import { listen, type Listener } from "../runtime/listen.ts";
import type { AppLog, Phase } from "../services.ts";
import { closeAccessLog } from "./access-log.ts";
import { FAILED, type Stop, stop } from "./args.ts";
import { drain, type Ends } from "./drain.ts";
import { type LivePolicy, livePolicy } from "./reload.ts";
import { startServices } from "./start.ts";

/** What the flags of `serve` say of every process that serves. */
export interface Serving {
  /** The configuration. */
  readonly file: string;
  readonly host: string;
  readonly port: number;
  readonly drainSeconds: number;
  readonly format: LogFormat;
}

export interface RunOptions extends Serving {
  /** The port is shared with other processes. */
  readonly shared: boolean;
  /** The policy to start with, and what gives the one to replace it. */
  readonly policy: Policy;
  readonly load: () => Promise<LoadedAgain>;
  readonly access: Log;
  readonly log: AppLog;
  /** What reloads say, if not to the same log. */
  readonly reloadLog?: AppLog;
  /** Hears what has the policy replaced, until it is told to stop. */
  readonly hear: (policy: LivePolicy) => Promise<() => void>;
  readonly ends: Ends;
  readonly onListening: (url: string) => void;
}

/**
 * Serves until it is told to end.
 * @returns the exit code
 * @throws Stop when it cannot listen
 */
export async function run(options: RunOptions): Promise<number> {
  const { format, load, access, log, reloadLog = log, ends, drainSeconds: seconds } = options;
  const policy: LivePolicy = livePolicy(options.policy, load, reloadLog, () => stores);
  let phase: Phase = "up";
  const sink = accessLog(access, format);
  const { services, stores, close } = startServices({
    policy: policy.current,
    sink,
    log,
    phase: () => phase,
  });
  // Signals are heard before anybody is told that there is somebody to send them to.
  const stopHearing = await options.hear(policy);
  let code = FAILED;
  try {
    const listener = await listenOn(options, createGateway(services));
    options.onListening(listener.url);
    code = await drain({ listener, log, ends, seconds, enter: (next) => phase = next });
    return code;
  } finally {
    stopHearing();
    await close();
    await closeAccessLog(access, log, code);
  }
}

async function listenOn(
  { host, port, shared, log }: RunOptions,
  gateway: ReturnType<typeof createGateway>,
): Promise<Listener> {
  try {
    return await listen(gateway, { host, port, shared, onError: log.error });
  } catch (thrown) {
    throw cannotListen(host, port, thrown);
  }
}

/** @param thrown the system's error */
export function cannotListen(host: string, port: number, thrown: unknown): Stop {
  return stop(FAILED, `Cannot listen on ${host}:${port}: ${whyNot(thrown)}`);
}

function whyNot(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "not allowed to use the port";
    case "EADDRNOTAVAIL":
      return "the address is not this machine's";
    default:
      return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
