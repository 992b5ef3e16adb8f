/**
 * Asks the daemon's own port now and then whether anybody accepts. A process that has run out of descriptors may stop
 * accepting for good: Deno 2.9 does, and looks well from inside.
 */

import { type AddressInfo, connect } from "node:net";

export interface SelfCheck {
  readonly address: AddressInfo;
  /** Milliseconds between two questions, and so many for an answer. */
  readonly every: number;
  /** Puts a new listener in place of the one that accepts nothing. */
  readonly replace: () => Promise<void>;
  readonly onError: (message: string, cause: unknown) => void;
}

export function watchListener({ address, every, replace, onError }: SelfCheck): { stop(): void } {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The port can be reached from here at all. */
  let reached = false;
  const look = async () => {
    const answer = await ask(address, every);
    if (stopped) return;
    reached ||= answer === "accepts";
    if (answer === "silent" && reached) {
      await replace().catch((error) => onError("No new listener can be opened", error));
    }
    later();
  };
  const later = () => {
    if (stopped) return;
    timer = setTimeout(() => void look(), every);
    timer.unref();
  };
  // At once: whether the port can be reached at all is found out while nothing is wrong.
  void look();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** `unknown`: nothing can be said, since the question could not be asked. */
type Answer = "accepts" | "silent" | "unknown";

/** Looks in the time for an answer. They are counted: in a busy process all are late alike. */
const LOOKS = 5;

/** Opens a connection and closes its own side: whoever accepts closes the other, and there is no request to answer. */
export function ask({ address, family, port }: AddressInfo, ms: number): Promise<Answer> {
  return new Promise((resolve) => {
    const anywhere = family === "IPv6" ? "::1" : "127.0.0.1";
    const host = address === "0.0.0.0" || address === "::" ? anywhere : address;
    const socket = connect({ host, port });
    let looks = 0;
    const done = (answer: Answer) => {
      clearInterval(timer);
      resolve(answer);
      socket.destroy();
    };
    const timer = setInterval(() => {
      if (++looks >= LOOKS) done("silent");
    }, ms / LOOKS);
    timer.unref();
    socket.on("connect", () => socket.end());
    socket.on("data", () => done("accepts"));
    socket.on("end", () => done("accepts"));
    socket.on("close", () => done("accepts"));
    socket.on("error", (error: Error & { code?: string }) => done(meaningOf(error.code)));
  });
}

function meaningOf(code: string | undefined): Answer {
  switch (code) {
    case "ECONNREFUSED":
      return "silent";
    // Accepted, and sent away: there are too many.
    case "ECONNRESET":
    case "EPIPE":
      return "accepts";
    default:
      return "unknown";
  }
}
