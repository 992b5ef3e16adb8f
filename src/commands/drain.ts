/** The end of the daemon: told to go, it stops taking work and lets what runs finish. */

import process from "node:process";
import { GatewayError } from "../errors.ts";
import type { Listener } from "../runtime/listen.ts";
import type { AppLog, Phase } from "../services.ts";
import { FAILED } from "./args.ts";

export interface DrainOptions {
  readonly listener: Listener;
  readonly log: AppLog;
  /** How long running answers may go on. */
  readonly seconds: number;
  /** How long `SIGTERM` leaves load balancers to notice, in seconds. */
  readonly delay?: number;
  /** Told each phase as it begins. */
  readonly enter: (phase: Phase) => void;
}

/** Load balancers need a moment to see that `/readyz` says no: until then new requests are still served. */
const DELAY = 5;
/** How long a client may take to read the error that ends its stream. */
const LAST_WORD_MS = 1_000;

/**
 * Waits for `SIGTERM` or `SIGINT`, then drains. A second signal ends at once.
 * @returns the exit code: 0, or 1 when a fault that nothing caught made an end of it
 */
export async function drain(options: DrainOptions): Promise<number> {
  const { listener, log, enter } = options;
  const first = await endSignal(log);
  enter("draining");
  listener.turnAway();
  const second = endSignal(log);
  await Promise.race([finish(options, first), second]);
  listener.end(shuttingDown());
  listener.cut();
  return first === "fault" ? FAILED : 0;
}

type Reason = NodeJS.Signals | "fault";

async function finish(
  { listener, log, seconds, delay = DELAY, enter }: DrainOptions,
  reason: Reason,
): Promise<void> {
  log.info(`Draining after ${reason}: running answers have ${seconds} s to finish`);
  // Somebody at a terminal does not stand behind a load balancer.
  if (reason === "SIGTERM") await pause(delay * 1000);
  enter("stopping");
  const closed = listener.close();
  if (await Promise.race([closed.then(() => true), pause(seconds * 1000)])) return;
  listener.end(shuttingDown());
  await Promise.race([closed, pause(LAST_WORD_MS)]);
}

function shuttingDown(): GatewayError {
  return new GatewayError("server_shutting_down", "The proxy is shutting down and could wait no longer");
}

/** The next reason to end: a signal, or a fault that nothing caught. */
function endSignal(log: AppLog): Promise<Reason> {
  return new Promise((resolve) => {
    const settle = (reason: Reason) => {
      for (const name of SIGNALS) process.off(name, signal);
      process.off("uncaughtException", fault);
      process.off("unhandledRejection", fault);
      resolve(reason);
    };
    const signal = (name: NodeJS.Signals) => settle(name);
    const fault = (thrown: unknown) => {
      log.error("Ending after a fault that nothing caught", thrown);
      settle("fault");
    };
    for (const name of SIGNALS) process.on(name, signal);
    process.on("uncaughtException", fault);
    process.on("unhandledRejection", fault);
  });
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
