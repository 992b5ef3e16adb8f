/** Which TCP ports a process listens on, as the kernel has it (Linux). */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTENING = "0A";

/** The ports, in order; empty for a process that is gone. */
export function listeningPorts(pid: number): number[] {
  const sockets = socketsOf(pid);
  const ports = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8").split("\n").slice(1).flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      return state === LISTENING && sockets.has(inode) ? [parseInt(local.split(":")[1] ?? "", 16)] : [];
    })
  );
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** The inodes of its sockets. */
function socketsOf(pid: number): Set<string> {
  const found = new Set<string>();
  for (const file of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${file}`)) ?? [];
      if (inode !== undefined) found.add(inode);
    } catch {
      // Closed since.
    }
  }
  return found;
}
