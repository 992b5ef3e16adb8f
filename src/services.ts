/** All that the line may touch of the world. Tests hand in fakes; `commands/start.ts` hands in the real ones. */

import type { Policy } from "./access/policy.ts";
import type { Sink } from "./account/entry.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { InFlight } from "./in-flight.ts";
import type { Learned } from "./attempt/learned.ts";
import type { Recall } from "./recall.ts";
import type { Health } from "./routing/health.ts";
import type { RetryBudget } from "./routing/retry.ts";
import type { Send } from "./upstream/send.ts";

export interface Services {
  /** The policy in force; a request asks once and keeps what it got. */
  readonly policy: () => Policy;
  readonly send: Send;
  readonly clock: Clock;
  /** A fresh id for a request: unique, and safe in a header and a log line. */
  readonly newId: () => string;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly health: Health;
  readonly retries: RetryBudget;
  readonly recall: Recall;
  readonly learned: Learned;
  /** Where closed entries go. */
  readonly sink: Sink;
  /** The application's own log. */
  readonly log: AppLog;
  /** Memory for the bodies of requests under way. */
  readonly bodies: ByteBudget;
  /** Places for the requests that are at providers at once. */
  readonly inFlight: InFlight;
  /** `draining`: clients are told to go elsewhere; `stopping`: no new work is taken. */
  readonly phase: () => Phase;
}

export type Phase = "up" | "draining" | "stopping";

export interface Clock {
  /** Milliseconds since 1970, for time stamps alone. */
  now(): number;
  /** Milliseconds that only grow, for every measure of time. */
  monotonic(): number;
  /** Calls back once after so many milliseconds, unless it is cancelled by the function that this gives. */
  after(ms: number, callback: () => void): () => void;
}

/** What a line of the operator's log is about: a word that an alert can look for without reading the sentence. */
export type OperatorEvent =
  | "started"
  | "not_started"
  | "draining"
  | "configuration"
  | "reloaded"
  | "reload_refused"
  | "target_down"
  | "target_waits"
  | "target_up"
  | "credential_refused"
  | "outage_ended"
  | "worker_lost"
  | "worker_back"
  | "log_lost"
  | "log_back"
  | "request_failed"
  | "debugger_opened"
  | "fault";

/** The operator's log. */
export interface AppLog {
  info(message: string, event?: OperatorEvent): void;
  warn(message: string, event?: OperatorEvent): void;
  /** `cause` is for operators: its stack is shown when `DEBUG` is set. */
  error(message: string, cause?: unknown, event?: OperatorEvent): void;
}
