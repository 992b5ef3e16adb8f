/** What a supervisor and its workers say to each other, over the channel between their processes. */

import type { Reason } from "../drain.ts";
import type { Serving } from "../run.ts";

/** A configuration that the supervisor accepted. */
export interface Configuration {
  readonly text: string;
  /** The keys of the files that it names, by path: all workers use those that were read once. */
  readonly keys: Readonly<Record<string, string>>;
}

/** The first thing that a worker is told. */
export interface StartOrder extends Configuration {
  readonly kind: "start";
  readonly serving: Serving;
  /** To standard output, which the supervisor reads, or `off`. */
  readonly accessLog: "-" | "off";
}

export type ToWorker =
  | StartOrder
  /** A piece of the text of another configuration: a large one in one message would hold up requests. */
  | { readonly kind: "piece"; readonly text: string }
  /** All pieces are told: they are in force from now on. */
  | { readonly kind: "configuration"; readonly keys: Configuration["keys"] }
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
