/** The end of a connection whose request was answered before all of it had come. */

import type { IncomingMessage } from "node:http";

/** A client that sends nothing for so long has read its answer, or will not. */
const QUIET_MS = 500;

/**
 * Takes in what the client still sends, and forgets it, for so many milliseconds at most. A socket that is closed while
 * bytes wait in it resets the connection, and the client may lose the very answer that told it to stop (RFC 9112, 9.6).
 */
export function linger(request: IncomingMessage, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(end);
      clearInterval(watch);
      for (const event of ENDINGS) request.off(event, done);
      resolve();
    };
    let came = true;
    const watch = setInterval(() => {
      if (!came) done();
      came = false;
    }, QUIET_MS);
    const end = setTimeout(done, ms);
    for (const event of ENDINGS) request.on(event, done);
    request.on("data", () => came = true);
    request.resume();
  });
}

const ENDINGS = ["end", "close", "error"] as const;
