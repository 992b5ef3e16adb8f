/** The gateway on a socket: node:http on both runtimes, with limits on what a client may take. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { clientLeft } from "../attempt/deadline.ts";
import { descriptorShares } from "../descriptors.ts";
import type { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import type { Incoming, Outgoing } from "../http.ts";
import { framingFault } from "./framing.ts";
import { headersOf } from "./headers.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { linger } from "./linger.ts";
import { requestBody } from "./request-body.ts";
import { createSpeedWatch, type SpeedWatch } from "./speed-watch.ts";

export interface Listener {
  /** `http://127.0.0.1:4242`: where it really listens. */
  readonly url: string;
  readonly port: number;
  /** From now on every answer closes its connection, so that clients go elsewhere. */
  turnAway(): void;
  /** Takes no new connections, closes idle ones, and resolves when the last answer has gone. */
  close(): Promise<void>;
  /** Ends what still runs with an error. */
  end(reason: GatewayError): void;
  /** Takes no new connections, and cuts those that are there. */
  cut(): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Other processes listen on the same port, and the system spreads the connections. */
  readonly shared?: boolean;
  /** Told of what goes wrong outside any request. */
  readonly onError: (message: string, cause: unknown) => void;
  /** In place of the usual ones. */
  readonly limits?: Partial<Limits>;
}

/** How often the limits on time are looked after: so many times in the shortest of them, but at least each second. */
const LOOKS = 4;
const MAX_HEADER_BYTES = 16 * 1024;

/** Starts to listen; rejects with the system's error (`EADDRINUSE`, `EACCES`, …) if it cannot. */
export async function listen(gateway: Gateway, options: ListenOptions): Promise<Listener> {
  const { onError } = options;
  const limits = { ...LIMITS, ...options.limits };
  const running = new Set<AbortController>();
  const refused = new WeakSet<Socket>();
  const speed = createSpeedWatch(limits);
  let turnedAway = false;
  let closing = false;
  const server = createServer({
    headersTimeout: limits.headers,
    // The body has a watch of its own, which can say what is wrong; this one is for what that does not see.
    requestTimeout: limits.headers + 2 * limits.body,
    connectionsCheckingInterval: Math.min(1000, limits.headers / LOOKS),
    keepAliveTimeout: limits.keepAlive,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  });
  server.maxConnections = descriptorShares().clients;
  const serve = (request: IncomingMessage, response: ServerResponse, waits: boolean) => {
    // Nothing that stands behind a refused request is a request: who knows where its body ends?
    if (refused.has(request.socket)) return;
    const leaving = new AbortController();
    running.add(leaving);
    response.on("close", () => {
      running.delete(leaving);
      // The connection of an answer that had begun before would be kept alive, and the listener open with it.
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    if (turnedAway) response.setHeader("connection", "close");
    handle({ gateway, limits, watch: speed.watch, request, response, leaving, waits, refused }).catch(
      (thrown: unknown) => {
        onError("A request could not be answered", thrown);
        response.destroy();
      },
    );
  };
  server.on("request", (request, response) => serve(request, response, false));
  // The client asks before it sends its body: it is told to when the body is wanted.
  server.on("checkContinue", (request, response) => serve(request, response, true));
  server.on("clientError", (error, socket) => {
    // What stands behind a refused request has no claim to an answer of its own.
    if (refused.has(socket as Socket)) (socket as Socket).destroySoon();
    else refuseUnreadable(error, socket as Socket);
  });
  server.on("close", speed.stop);
  await started(server, options);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    turnAway: () => {
      turnedAway = true;
    },
    close: () =>
      new Promise((resolve) => {
        closing = true;
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    end: (reason) => running.forEach((one) => one.abort(reason)),
    cut: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function started(server: Server, { host, port, shared = false }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // What waits in the kernel is accepted in one go: it must fit between the cap and the limit on descriptors. Deno 2.9
    // does not accept again once it has met that limit.
    const backlog = descriptorShares().waiting;
    server.listen({ port, host, backlog, reusePort: shared }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A request that cannot be read gets what can be said without knowing its dialect, and its connection ends. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  const [status, code, message] = UNREADABLE.get(error.code ?? "") ?? MALFORMED;
  const body = JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code } });
  if (!socket.writable) return void socket.destroy();
  const length = Buffer.byteLength(body);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${body}`,
  );
  // A client that goes on sending would keep the socket; it has been told.
  socket.destroySoon();
}

const MALFORMED = ["400 Bad Request", "invalid_request", "The HTTP request is malformed"] as const;
const UNREADABLE: ReadonlyMap<string, readonly [string, string, string]> = new Map([
  ["HPE_HEADER_OVERFLOW", [
    "431 Request Header Fields Too Large",
    "headers_too_large",
    `The request's headers have more than ${MAX_HEADER_BYTES} bytes`,
  ]],
  ["ERR_HTTP_REQUEST_TIMEOUT", [
    "408 Request Timeout",
    "request_timeout",
    "The request did not come in time",
  ]],
]);

interface Handling {
  readonly gateway: Gateway;
  readonly limits: Limits;
  readonly watch: SpeedWatch;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly leaving: AbortController;
  /** The client asked whether it may send its body. */
  readonly waits: boolean;
  /** Connections that end with the answer that they get. */
  readonly refused: WeakSet<Socket>;
}

async function handle(handling: Handling): Promise<void> {
  const { gateway, limits, watch, request, response, leaving, waits, refused } = handling;
  let settled: Outgoing["done"] | undefined;
  let bytes = 0;
  const settle = (complete: boolean) => {
    settled?.({ bytes, complete });
    settled = undefined;
  };
  response.on("finish", () => settle(true));
  response.on("close", () => {
    // It comes after a complete answer too.
    if (response.writableFinished) return settle(true);
    leaving.abort(clientLeft());
    settle(false);
  });

  const fault = framingFault(request);
  if (fault) refused.add(request.socket);
  const body = requestBody(request, watch, () => waits && response.writeContinue());
  const outgoing = await gateway({ ...incoming(request, leaving.signal), body, fault });
  settled = outgoing.done;
  if (response.destroyed) return settle(false);
  // What is left of a body that nobody wants is not read: the connection goes with it.
  if (fault || !request.complete) {
    refused.add(request.socket);
    response.setHeader("connection", "close");
  }
  const bare = request.method === "HEAD";
  if (typeof outgoing.body !== "function") {
    const length = Buffer.byteLength(outgoing.body);
    response.writeHead(outgoing.status, { ...outgoing.headers, "content-length": length });
    bytes = bare ? 0 : length;
    if (bare) return void response.end();
    // As text it goes out with the headers in one piece.
    if (request.complete) return void response.end(outgoing.body);
    response.write(outgoing.body, () => settle(true));
    await linger(request, limits.linger);
    response.end();
    return;
  }
  response.writeHead(outgoing.status, outgoing.headers);
  await outgoing.body({
    write: (piece) => {
      if (response.destroyed) return;
      bytes += typeof piece === "string" ? Buffer.byteLength(piece) : piece.length;
      return response.write(piece) ? undefined : drained(response, limits.stall);
    },
  });
  response.end();
}

function incoming(request: IncomingMessage, left: AbortSignal): Omit<Incoming, "body"> {
  const { method = "", url = "", httpVersion: version, socket } = request;
  const headers = headersOf(request);
  return { method, target: url, version, headers, peer: socket.remoteAddress ?? "", left };
}

/** When the client has taken enough to be sent more, or is gone; one that takes nothing at all is sent away. */
function drained(response: ServerResponse, stall: number): Promise<void> {
  return new Promise((resolve) => {
    const waiting = () => response.socket?.writableLength ?? 0;
    let before = waiting();
    const watch = setInterval(() => {
      const now = waiting();
      if (now >= before) response.destroy();
      before = now;
    }, stall);
    const done = () => {
      clearInterval(watch);
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
