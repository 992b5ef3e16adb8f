/** The end of a connection whose request was answered before all of it had come. */

import type { IncomingMessage } from "node:http";

/**
 * Takes in what the client still sends, and forgets it, for so long at most. A socket that is closed while bytes wait in
 * it resets the connection, and the client may lose the very answer that told it to stop (RFC 9112, 9.6).
 */
export function linger(request: IncomingMessage, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const event of ENDINGS) request.off(event, done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const event of ENDINGS) request.on(event, done);
    // Whoever read the body until now has left its listener, which would hold the rest back.
    request.removeAllListeners("readable");
    request.resume();
  });
}

const ENDINGS = ["end", "close", "error"] as const;
