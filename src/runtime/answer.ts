/** One request: from the socket through the gateway to the last byte of its answer. */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import type { Incoming, Outgoing } from "../http.ts";
import { framingFault } from "./framing.ts";
import { headersOf } from "./headers.ts";
import type { Limits } from "./limits.ts";
import { linger } from "./linger.ts";
import { requestBody } from "./request-body.ts";
import type { SpeedWatch } from "./speed-watch.ts";
import type { StallWatch } from "./stall-watch.ts";
import type { Visit } from "./visit.ts";
import { createWriter, SLICE_BYTES, taking } from "./writer.ts";

export interface Answering {
  readonly gateway: Gateway;
  readonly limits: Limits;
  readonly speed: SpeedWatch;
  readonly stall: StallWatch;
  /** From now on no request of the visit's connection is taken. */
  readonly last: () => void;
}

/** Answers a request; resolves when all is written. */
export async function answer(
  visit: Visit,
  { gateway, limits, speed, stall, last }: Answering,
): Promise<void> {
  const { request, response } = visit;
  const fault = visit.fault ?? framingFault(request);
  if (fault) last();
  const body = requestBody(visit, speed, () => visit.waits && response.writeContinue());
  const outgoing = await gateway({ ...incoming(visit), body, fault });

  let bytes = 0;
  let stalled: GatewayError | undefined;
  let told = false;
  const settle = (complete: boolean) => {
    if (told) return;
    told = true;
    outgoing.done({ bytes, complete, ...(stalled && { stalled }) });
  };
  const cut = () => {
    stalled = new GatewayError("request_timeout", "The client took nothing of its answer in time");
    visit.leaving.abort(stalled);
    response.destroy();
    // A response that has no socket of its own any more takes nothing with it.
    request.socket.destroy();
  };
  response.on("finish", () => settle(true));
  visit.ends.add(() => settle(response.writableFinished));
  if (visit.over) return settle(response.writableFinished);

  // What is left of a body that nobody wants is not read, and the connection goes with it, also where all of it is there
  // already: nothing that stands behind a refused request is a request.
  const unread = fault !== undefined || !request.complete || (hasBody(request) && !visit.read);
  if (unread) {
    last();
    response.setHeader("connection", "close");
  }
  const writer = createWriter(visit, stall, cut);
  const write = (piece: string | Uint8Array) => {
    if (visit.over) return;
    bytes += Buffer.byteLength(piece);
    return writer.write(piece);
  };
  if (typeof outgoing.body === "function") {
    response.writeHead(outgoing.status, outgoing.headers);
    await outgoing.body({ write, blocked: writer.blocked });
    response.end();
  } else {
    const { body: whole } = outgoing;
    const length = Buffer.byteLength(whole);
    response.writeHead(outgoing.status, headersWith(outgoing, length));
    if (request.method === "HEAD" || length === 0) response.end();
    else if (length > SLICE_BYTES) {
      await write(whole);
      if (unread) await linger(request, limits.linger);
      response.end();
    } else {
      bytes = length;
      if (unread) {
        response.write(whole, () => settle(true));
        await linger(request, limits.linger);
        response.end();
      } else {
        // As text it goes out with the headers in one piece.
        response.end(whole);
      }
    }
  }
  if (!response.writableFinished && response.socket?.writableLength !== 0) {
    await taking(visit, "finish", stall, cut);
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function headersWith({ status, headers }: Outgoing, length: number): Record<string, string | number> {
  return status === 204 ? { ...headers } : { ...headers, "content-length": length };
}

function incoming({ request, leaving, crowded }: Visit): Omit<Incoming, "body"> {
  const { method = "", url = "", httpVersion: version, socket } = request;
  const headers = headersOf(request);
  const peer = socket.remoteAddress ?? "";
  return { method, target: url, version, headers, peer, left: leaving.signal, crowded };
}
