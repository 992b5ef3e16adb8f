/** The gateway on a socket: node:http on both runtimes, with limits on what a client may take. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Gateway } from "../gateway.ts";
import type { Incoming, Outgoing } from "../http.ts";

export interface Listener {
  /** `http://127.0.0.1:4242`: where it really listens. */
  readonly url: string;
  readonly port: number;
  /** Takes no new connections, closes idle ones, and resolves when the last answer has gone. */
  close(): Promise<void>;
  /** Cuts what still runs. */
  cut(): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Told of what goes wrong outside any request. */
  readonly onError: (message: string, cause: unknown) => void;
}

const HEADERS_MS = 10_000;
const BODY_MS = 60_000;
/** Longer than the 60 s of usual load balancers, so that they close first. */
const KEEP_ALIVE_MS = 75_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** Starts to listen; rejects with the system's error (`EADDRINUSE`, `EACCES`, …) if it cannot. */
export async function listen(gateway: Gateway, { host, port, onError }: ListenOptions): Promise<Listener> {
  const server = createServer({
    headersTimeout: HEADERS_MS,
    requestTimeout: BODY_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  });
  server.on("request", (request, response) => {
    handle(gateway, request, response).catch((thrown: unknown) => {
      onError("A request could not be answered", thrown);
      response.destroy();
    });
  });
  await started(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    cut: () => server.closeAllConnections(),
  };
}

function started(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function handle(gateway: Gateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const leaving = new AbortController();
  let settled: Outgoing["done"] | undefined;
  let bytes = 0;
  const settle = (complete: boolean) => {
    settled?.({ bytes, complete });
    settled = undefined;
  };
  response.on("finish", () => settle(true));
  response.on("close", () => {
    // Both runtimes emit it after a complete answer too.
    if (response.writableFinished) return settle(true);
    leaving.abort();
    settle(false);
  });
  request.on("error", () => leaving.abort());

  const outgoing = await gateway(incoming(request, leaving.signal));
  settled = outgoing.done;
  if (response.destroyed || leaving.signal.aborted) return settle(false);
  const bare = request.method === "HEAD";
  if (typeof outgoing.body === "string") {
    const body = Buffer.from(outgoing.body, "utf8");
    response.writeHead(outgoing.status, {
      ...outgoing.headers,
      "content-length": body.length,
      // What is left of a body that nobody wants is not read: the connection goes with it.
      ...(!request.complete && { connection: "close" }),
    });
    bytes = bare ? 0 : body.length;
    response.end(bare ? undefined : body);
    return;
  }
  response.writeHead(outgoing.status, { ...outgoing.headers });
  await outgoing.body({
    write: (piece) => {
      if (response.destroyed) return;
      bytes += typeof piece === "string" ? Buffer.byteLength(piece) : piece.length;
      return response.write(piece) ? undefined : drained(response);
    },
  });
  response.end();
}

function incoming(request: IncomingMessage, left: AbortSignal): Incoming {
  return {
    method: request.method ?? "",
    target: request.url ?? "",
    version: request.httpVersion,
    headers: request.headers as Incoming["headers"],
    peer: request.socket.remoteAddress ?? "",
    body: request,
    left,
  };
}

/** When the client has taken enough to be sent more, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
