/** The gateway on a socket: node:http on both runtimes, with limits on what a client may take. */

import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { descriptorShares } from "../descriptors.ts";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { answer } from "./answer.ts";
import { type Connections, createConnections } from "./connections.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { watchListener } from "./self-check.ts";
import { createSpeedWatch } from "./speed-watch.ts";
import { createStallWatch } from "./stall-watch.ts";
import { lineOf, MAX_HEADER_BYTES, type ParseError, refuseUnreadable, whyUnreadable } from "./unreadable.ts";

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

/** How often the limit on a head's time is looked after in that time, but at least each second. */
const LOOKS = 4;

/** Starts to listen; rejects with the system's error (`EADDRINUSE`, `EACCES`, …) if it cannot. */
export async function listen(gateway: Gateway, options: ListenOptions): Promise<Listener> {
  const { host, shared = false, onError } = options;
  const limits = { ...LIMITS, ...options.limits };
  const speed = createSpeedWatch(limits);
  const stall = createStallWatch(limits.stall);
  let turnedAway = false;
  let closing = false;
  const connections = createConnections({
    max: limits.connections,
    answer: (visit, last) => {
      if (turnedAway) visit.response.setHeader("connection", "close");
      return answer(visit, { gateway, limits, speed: speed.watch, stall: stall.watch, last });
    },
    // The connection of an answer that had begun before would be kept alive, and the listener open with it.
    onIdle: () => {
      if (closing) setImmediate(() => servers.forEach((server) => server.closeIdleConnections()));
    },
    onError,
  });
  /** One that accepts, and those that it has replaced and that still have connections. */
  const servers = new Set<Server>();
  const open = async (port: number): Promise<Server> => {
    const server = serverOf(connections, gateway, limits);
    await started(server, { host, port, shared });
    server.on("error", (error) => onError("The listener fails", error));
    servers.add(server);
    server.on("close", () => servers.delete(server));
    return server;
  };
  let current = await open(options.port);
  const address = current.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  const checking = watchListener({
    address,
    every: limits.selfCheck,
    replace: async () => {
      onError(`The listener on port ${address.port} accepts nothing: it is replaced by a new one`, undefined);
      // It keeps the connections that it has; only its port is given up.
      current.close();
      current = await open(address.port);
    },
    onError,
  });
  const stop = () => {
    closing = true;
    checking.stop();
  };
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    turnAway: () => {
      turnedAway = true;
    },
    close: async () => {
      stop();
      await Promise.all([...servers].map(closed));
      speed.stop();
      stall.stop();
    },
    end: connections.end,
    cut: () => {
      stop();
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function serverOf(connections: Connections, gateway: Gateway, limits: Limits): Server {
  const server = createServer({
    headersTimeout: limits.headers,
    // The body has a watch of its own, which can say what is wrong; this one is for what that does not see.
    requestTimeout: limits.headers + 2 * limits.body,
    connectionsCheckingInterval: Math.min(1000, limits.headers / LOOKS),
    keepAliveTimeout: limits.keepAlive,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Said by us, where it can be said in the client's words.
    requireHostHeader: false,
    noDelay: true,
  });
  server.maxConnections = limits.connections;
  server.on("connection", connections.opened);
  server.on("request", (request, response) => connections.request(request, response, {}));
  // The client asks before it sends its body: it is told to when the body is wanted.
  server.on("checkContinue", (request, response) => connections.request(request, response, { waits: true }));
  server.on("checkExpectation", (request, response) => {
    const message = "The only expectation that can be met is 100-continue";
    const fault = new GatewayError("invalid_request", message, { status: 417 });
    connections.request(request, response, { fault });
  });
  server.on("clientError", (error: ParseError, socket: Socket) => {
    const fault = whyUnreadable(error, socket);
    if (!fault) return void socket.destroy();
    connections.unreadable(socket, fault, (first) => {
      void refuseUnreadable(gateway, { fault, socket, line: first ? lineOf(error, socket) : undefined });
    });
  });
  server.on("connect", (request, duplex) => {
    const socket = duplex as Socket;
    const message = "Method 'CONNECT' is not allowed here: nothing is tunnelled";
    const fault = new GatewayError("method_not_allowed", message, { headers: { allow: "GET, HEAD, POST" } });
    const line = { method: "CONNECT", target: request.url ?? "", version: request.httpVersion };
    socket.on("error", () => {});
    connections.unreadable(socket, fault, () => void refuseUnreadable(gateway, { fault, socket, line }));
  });
  return server;
}

function started(
  server: Server,
  { host, port, shared }: { host: string; port: number; shared: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // What waits in the kernel is accepted in one go.
    server.listen({ port, host, backlog: descriptorShares().waiting, reusePort: shared }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
