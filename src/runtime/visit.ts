/** A request on a connection, until the last byte of its answer has gone or its client has. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { clientLeft } from "../http.ts";
import type { GatewayError } from "../errors.ts";

export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client asked whether it may send its body. */
  readonly waits: boolean;
  /** The connection is one too many: providers are not asked for it. */
  readonly crowded: boolean;
  /** Why it is refused, whatever it asks for. */
  readonly fault: GatewayError | undefined;
  /** Aborts when the client leaves, or for a reason of ours. */
  readonly leaving: AbortController;
  /** Called when it is over. */
  readonly ends: Set<() => void>;
  readonly over: boolean;
  /** Its body was read to the end. */
  read: boolean;
  /** What is wrong with the body, once that is known; told whoever reads it. */
  malformed: GatewayError | undefined;
  onMalformed: ((error: GatewayError) => void) | undefined;
  /** The answer went out whole, or the connection is gone; a second call does nothing. */
  end(): void;
}

export type VisitStart = Pick<Visit, "request" | "response" | "waits" | "crowded" | "fault">;

export function openVisit(start: VisitStart): Visit {
  const { response } = start;
  const visit: Visit & { over: boolean } = {
    ...start,
    leaving: new AbortController(),
    ends: new Set(),
    over: false,
    read: false,
    malformed: undefined,
    onMalformed: undefined,
    end: () => {
      if (visit.over) return;
      visit.over = true;
      if (!response.writableFinished) visit.leaving.abort(clientLeft());
      for (const end of [...visit.ends]) end();
    },
  };
  // Not always told of an answer that stands behind another: the connection tells those that are left.
  response.on("close", visit.end);
  return visit;
}
