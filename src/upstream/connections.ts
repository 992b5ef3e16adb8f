/**
 * The connections to all providers, counted: each holds a descriptor, and a process that has no more of them cannot even
 * say so.
 */

import type { Socket } from "node:net";
import { GatewayError } from "../errors.ts";

export interface Connections {
  /** Counts a socket until it is closed. */
  count(socket: Socket): void;
  /**
   * Makes room for one more, if need be by closing the one that has been idle for the longest time.
   * @throws GatewayError `overloaded` when there is none
   */
  makeRoom(): void;
  /** The connection serves nobody for now. */
  idle(socket: Socket): void;
  busy(socket: Socket): void;
}

/** @param most as many may be open at once */
export function createConnections(most: number): Connections {
  const idle = new Set<Socket>();
  /** Whose end is told: with TLS what serves is another socket than the one that was counted. */
  const watched = new WeakSet<Socket>();
  let open = 0;
  return {
    count: (socket) => {
      open++;
      socket.once("close", () => open--);
    },
    makeRoom: () => {
      if (open < most) return;
      const [oldest] = idle;
      if (!oldest) throw full();
      idle.delete(oldest);
      oldest.destroy();
    },
    idle: (socket) => {
      if (socket.destroyed) return;
      idle.add(socket);
      if (watched.has(socket)) return;
      watched.add(socket);
      socket.once("close", () => idle.delete(socket));
    },
    busy: (socket) => void idle.delete(socket),
  };
}

function full(): GatewayError {
  return new GatewayError("overloaded", "No more connections to providers can be opened", {
    retryAfter: 1,
    detail: "connections",
  });
}
