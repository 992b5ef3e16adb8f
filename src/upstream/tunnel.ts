/** A way through a forward proxy: it connects us to an address, and passes bytes on (RFC 9110, 9.3.6). */

import type { Socket } from "node:net";
import { GatewayError } from "../errors.ts";

/** A forward proxy says little before the tunnel is there. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * Asks for a tunnel over a connection to a forward proxy. Afterwards the connection is one to the address.
 * @param address `HOST:PORT`
 * @throws GatewayError `upstream_unreachable` when the proxy refuses, the socket's error when it breaks
 */
export function tunnel(socket: Socket, address: string, authorization: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = "";
    const done = (error?: Error) => {
      socket.off("data", read).off("error", done).off("close", closed);
      if (!error) {
        socket.pause();
        return resolve();
      }
      // The end of what it says is to be seen, or the connection would be cut.
      socket.resume();
      reject(error);
    };
    const closed = () => done(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
    const read = (piece: Buffer) => {
      head += piece.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1 && head.length < MAX_HEAD_BYTES) return;
      const error = end === -1 ? unreadable() : refusal(head);
      done(error);
      // Whoever is behind the tunnel has not been asked anything; what it says first is kept all the same.
      if (!error && head.length > end + 4) socket.unshift(Buffer.from(head.slice(end + 4), "latin1"));
    };
    socket.on("data", read).on("error", done).on("close", closed);
    const login = authorization === undefined ? "" : `proxy-authorization: ${authorization}\r\n`;
    socket.write(`CONNECT ${address} HTTP/1.1\r\nhost: ${address}\r\n${login}\r\n`);
  });
}

function refusal(head: string): GatewayError | undefined {
  const status = /^HTTP\/1\.\d (\d{3})(?: |\r)/.exec(head)?.[1];
  if (status === undefined) return unreadable();
  return status.startsWith("2") ? undefined : proxyRefusal(status);
}

/** What a forward proxy's own refusal means, by its status. */
export function proxyRefusal(status: string): GatewayError {
  const message = status === "407"
    ? "The forward proxy wants another login (407)"
    : `The forward proxy refused to connect (${status})`;
  return new GatewayError("upstream_unreachable", message, { failure: "connect", detail: `proxy-${status}` });
}

function unreadable(): GatewayError {
  return new GatewayError("upstream_unreachable", "The forward proxy's answer cannot be read", {
    failure: "connect",
    detail: "proxy-answer",
  });
}
