/** How many connections the process can hold before it runs out of file descriptors. */

import { readFileSync } from "node:fs";

/** Files, pipes and the sockets of answers under way that are no clients. */
const RESERVE = 64;
const USUAL_LIMIT = 1024;

/** Client connections that are safe to hold: half of the descriptors, since an answer under way takes a second one. */
export function maxConnections(): number {
  return Math.max(16, Math.floor((descriptorLimit() - RESERVE) / 2));
}

/** The soft limit of this process; the usual one where the system does not say. */
function descriptorLimit(): number {
  try {
    const row = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    if (row?.[1] === "unlimited") return 1_000_000;
    return Number(row?.[1] ?? USUAL_LIMIT);
  } catch {
    return USUAL_LIMIT;
  }
}
