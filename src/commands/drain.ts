/** The end of the daemon: told to go, it stops taking work and lets what runs finish. */

import process from "node:process";
import { GatewayError } from "../errors.ts";
import type { Listener } from "../runtime/listen.ts";
import type { AppLog, Phase } from "../services.ts";
import { FAILED } from "./args.ts";

/** Why the daemon ends: a signal, or a fault that nothing caught. */
export type Reason = NodeJS.Signals | "fault";

/** What tells the daemon to end. */
export interface Ends {
  /** Resolves when a drain is to begin. */
  readonly first: Promise<Reason>;
  /** Resolves when it is to be cut short. */
  readonly second: Promise<unknown>;
}

export interface DrainOptions {
  readonly listener: Listener;
  readonly log: AppLog;
  readonly ends: Ends;
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
 * Waits to be told to end, then drains. Told again, it ends at once.
 * @returns the exit code: 0, or 1 when a fault that nothing caught made an end of it
 */
export async function drain(options: DrainOptions): Promise<number> {
  const { listener, ends, enter } = options;
  const first = await ends.first;
  enter("draining");
  listener.turnAway();
  await Promise.race([finish(options, first), ends.second]);
  listener.end(shuttingDown());
  listener.cut();
  return first === "fault" ? FAILED : 0;
}

/**
 * Signals to this process, `SIGTERM` or `SIGINT`, and faults that nothing caught. They are heard from now on without a
 * gap: a second signal right behind the first would meet nobody there, and kill the process.
 */
export function signalEnds(log: AppLog): Ends {
  const first = later<Reason>();
  const second = later<void>();
  let told = false;
  const settle = (reason: Reason) => {
    if (told) {
      second.resolve();
      // Whoever signals once more means the process itself.
      for (const name of SIGNALS) process.off(name, signal);
    }
    told = true;
    first.resolve(reason);
  };
  const signal = (name: NodeJS.Signals) => settle(name);
  for (const name of SIGNALS) process.on(name, signal);
  onFault(log, () => settle("fault"));
  return { first: first.promise, second: second.promise };
}

async function finish(
  { listener, log, seconds, delay = DELAY, enter }: DrainOptions,
  reason: Reason,
): Promise<void> {
  log.info(drainingLine(reason, seconds), "draining");
  // Somebody at a terminal does not stand behind a load balancer.
  if (reason === "SIGTERM") await pause(delay * 1000);
  enter("stopping");
  const closed = listener.close();
  if (await Promise.race([closed.then(() => true), pause(seconds * 1000)])) return;
  listener.end(shuttingDown());
  await Promise.race([closed, pause(LAST_WORD_MS)]);
}

/** @param seconds how long running answers may go on */
export function drainingLine(reason: Reason, seconds: number): string {
  return `Draining after ${reason}: running answers have ${seconds} s to finish`;
}

function shuttingDown(): GatewayError {
  return new GatewayError("server_shutting_down", "The proxy is shutting down and could wait no longer");
}

/** Calls back for each fault that nothing caught, which is logged. */
export function onFault(log: AppLog, callback: () => void): void {
  const fault = (thrown: unknown) => {
    log.error("Ending after a fault that nothing caught", thrown, "fault");
    callback();
  };
  process.on("uncaughtException", fault);
  process.on("unhandledRejection", fault);
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** A promise, and what resolves it. */
export function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => resolve = settle);
  return { promise, resolve };
}

/** So many milliseconds, for which alone no process is kept. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
