/** What a supervisor and its workers say to each other, over the channel between their processes. */

import type { Reason } from "../drain.ts";
import type { Serving } from "../run.ts";

/** The first thing that a worker is told. */
export interface StartOrder {
  readonly kind: "start";
  readonly serving: Serving;
  /** The configuration that the supervisor accepted. */
  readonly text: string;
  /** To standard output, which the supervisor reads, or `off`. */
  readonly accessLog: "-" | "off";
}

export type ToWorker =
  | StartOrder
  /** Another configuration that the supervisor accepted. */
  | { readonly kind: "configuration"; readonly text: string }
  | { readonly kind: "drain"; readonly reason: Reason }
  | { readonly kind: "end" };

export type FromWorker =
  /** It hears what it is told. */
  | { readonly kind: "ready" }
  | { readonly kind: "listening"; readonly url: string }
  /** It could not start. */
  | { readonly kind: "failed"; readonly message: string }
  /** It uses the configuration that it was sent last but for those that are still to be confirmed. */
  | { readonly kind: "configured" }
  /** It drains though nobody told it to. */
  | { readonly kind: "leaving"; readonly reason: Reason };
