/** What a client may take: time, above all. */

import { descriptorShares } from "../descriptors.ts";

export interface Limits {
  /** Milliseconds until a request's head is there. */
  readonly headers: number;
  /** Milliseconds until its body is, counted from the first wish to read it. */
  readonly body: number;
  /** Milliseconds after which a body that is still coming must come at `bodyRate`. */
  readonly bodyGrace: number;
  /** Bytes in a second, on the average. */
  readonly bodyRate: number;
  /** Milliseconds that a connection may be idle between two requests. */
  readonly keepAlive: number;
  /** Milliseconds in which a client that is sent something must take some of it. */
  readonly stall: number;
  /** Milliseconds in which a client that was refused may go on sending, in vain, before its connection is closed. */
  readonly linger: number;
  /** Connections at once. */
  readonly connections: number;
  /** Milliseconds between two looks whether connections are accepted. */
  readonly selfCheck: number;
}

export const LIMITS: Limits = {
  headers: 10_000,
  body: 60_000,
  bodyGrace: 5_000,
  bodyRate: 10_000,
  // Longer than the 60 s of usual load balancers, so that they close first.
  keepAlive: 75_000,
  stall: 60_000,
  linger: 5_000,
  connections: descriptorShares().clients,
  selfCheck: 3_000,
};
