/** The file descriptors of the process, shared out so that neither clients nor providers can use them up. */

import { readFileSync } from "node:fs";

export interface Shares {
  /** Connections of clients, at most. */
  readonly clients: number;
  /** Connections that wait to be accepted: the system hands them over in one go. */
  readonly waiting: number;
  /** Connections to providers, at most, idle ones included; so also the requests that may be at a provider at once. */
  readonly upstream: number;
}

/** Files, pipes, listeners, what the runtime opens for itself, and room for a look at the configuration. */
const RESERVE = 64;
const SMALLEST_RESERVE = 40;
const LEAST = 4;
const MAX_WAITING = 511;
const USUAL_LIMIT = 1024;
const UNLIMITED = 1_000_000;

/** Half of what the reserve leaves is for clients, and the rest for providers, since a request takes one of each. */
export function shareDescriptors(limit: number): Shares {
  const reserve = limit >= 4 * RESERVE ? RESERVE : Math.max(SMALLEST_RESERVE, Math.floor(limit / 4));
  const free = Math.max(2 * LEAST, limit - reserve);
  const clients = Math.max(LEAST, Math.floor(free / 2));
  const waiting = Math.min(MAX_WAITING, Math.max(1, Math.floor(clients / 8)));
  return { clients, waiting, upstream: Math.max(LEAST, free - clients - waiting) };
}

let shares: Shares | undefined;

/** The shares of this process. */
export function descriptorShares(): Shares {
  return shares ??= shareDescriptors(descriptorLimit());
}

/** The soft limit of this process; the usual one where the system does not say. */
function descriptorLimit(): number {
  try {
    const row = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    if (row?.[1] === "unlimited") return UNLIMITED;
    return Number(row?.[1] ?? USUAL_LIMIT);
  } catch {
    return USUAL_LIMIT;
  }
}
