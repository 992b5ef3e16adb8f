/** What changes in the health of targets and credentials, as values: the operator's log turns them into sentences. */

import type { Failure } from "../errors.ts";

/** Why a target is passed over. */
export type DownCause =
  | { readonly kind: "row"; readonly count: number }
  | { readonly kind: "share"; readonly failures: number; readonly requests: number }
  /** No connection in time: each further request would wait as long. */
  | { readonly kind: "no-connection" }
  /** The provider does not have the model, or not for this credential. */
  | { readonly kind: "model" }
  /** The request that should have brought it back failed. */
  | { readonly kind: "probe" };

/** `ms`: how long it will be passed over, or was; `moved`: requests that others answered meanwhile, by their ids. */
export type HealthChange =
  | {
    readonly kind: "target_down";
    readonly target: string;
    readonly ms: number;
    readonly cause: DownCause;
    readonly failure: Failure;
    readonly said: string | null;
    readonly detail: string | undefined;
    /** It is known already. */
    readonly again: boolean;
    /** The user for whom alone it is passed over; undefined for all. */
    readonly user: string | undefined;
  }
  | {
    readonly kind: "target_up";
    readonly target: string;
    readonly ms: number;
    readonly failure: Failure | undefined;
    readonly moved: ReadonlyMap<string, number>;
  }
  | {
    /** The provider asked for patience. */
    readonly kind: "target_waits";
    readonly target: string;
    readonly ms: number;
    readonly failure: Failure;
  }
  | {
    readonly kind: "key_refused" | "account_refused";
    readonly provider: string;
    readonly ms: number;
    readonly failure: Failure;
    readonly said: string | null;
  }
  | {
    readonly kind: "credential_accepted";
    readonly provider: string;
    readonly ms: number;
    readonly failure: Failure;
    readonly moved: ReadonlyMap<string, number>;
  };
