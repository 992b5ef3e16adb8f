/**
 * Connections to providers: the thin `fetch` that ofetch is given, over undici on every runtime. It keeps and caps
 * connections, follows no redirect, bounds headers, and has no limit of its own on silence: the line owns the deadlines.
 */

import type { Socket } from "node:net";
import type { Agent, buildConnector, Dispatcher } from "undici";
// The whole of undici would take 50 ms and 14 MiB more at start; it has no list of exports, so its files may be imported.
// @ts-ignore: they have no types of their own, those of the package fit
import PooledAgent from "undici/lib/dispatcher/agent.js";
// @ts-ignore: as above
import SingleClient from "undici/lib/dispatcher/client.js";
// @ts-ignore: as above
import ClientPool from "undici/lib/dispatcher/pool.js";
import { type Connections, createConnections } from "./connections.ts";
import { createConnector, type Open, type Wanted } from "./connector.ts";
import type { Lookup } from "./reach.ts";
import {
  type Asking,
  type Connection,
  thinFetch,
  ThinHeaders,
  type ThinResponse,
  type Way,
} from "./thin-fetch.ts";

export interface Connect {
  /** In the shape that ofetch calls; what it gives is read by `answerOf`. */
  readonly fetch: typeof globalThis.fetch;
  /** What ofetch keeps headers in on their way to `fetch`. */
  readonly Headers: typeof globalThis.Headers;
  readonly way: Way;
  answerOf(response: unknown): ThinResponse;
  /** Closes all connections; running exchanges fail. */
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Connections that may be open at once, to all providers together. */
  readonly mostConnections: number;
  /** What operators are to know of connections that fail. */
  readonly warn: (message: string) => void;
  /** In place of the system's. */
  readonly lookup?: Lookup | undefined;
}

const MAX_HEADER_BYTES = 64 * 1024;
/**
 * Below what providers keep idle connections open for, so that a request rarely meets one that just closed; 15 s was
 * measured of one.
 */
const IDLE_MS = 10_000;

export function createConnect({ mostConnections, warn, lookup }: ConnectOptions): Connect {
  const connections = createConnections(mostConnections);
  const open = createConnector({ connections, warn, lookup });
  const agentOf = (): Agent =>
    new PooledAgent({
      factory: (origin: string | URL, options: object) =>
        new ClientPool(origin, {
          ...options,
          factory: (at: string | URL, shared: object) => clientOf(at, shared, open, connections),
        }),
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The line has deadlines of its own, by phase; undici's would cut healthy answers at 300 s.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  const way: Way = { agent: agentOf(), single: agentOf() };
  return {
    // ofetch types its `fetch` as the whole of the platform's; it passes a URL and an init and hands back what it gets.
    fetch: thinFetch as unknown as typeof globalThis.fetch,
    Headers: ThinHeaders as unknown as typeof globalThis.Headers,
    way,
    answerOf: (response) => response as ThinResponse,
    close: async () => {
      await Promise.all([way.agent.destroy(), way.single.destroy()]);
    },
  };
}

/** One client of undici, which has one connection at a time and one request on it, and knows which. */
function clientOf(origin: string | URL, shared: object, open: Open, connections: Connections): Dispatcher {
  let wanted: Wanted | undefined;
  let socket: Socket | undefined;
  let used = false;
  const connect: buildConnector.connector = (to, done) => {
    if (!wanted) throw new Error("A connection that nobody wants");
    open(to, wanted, (...[error, opened]) => {
      socket = opened ?? undefined;
      used = false;
      if (error) done(error, null);
      else done(null, opened);
    });
  };
  const connection: Connection = {
    begin: () => {
      const reused = used;
      used = true;
      return reused;
    },
    end: () => {
      if (socket) connections.idle(socket);
    },
  };
  const client: Dispatcher = new SingleClient(origin, { ...shared, connect });
  const dispatch = client.dispatch.bind(client);
  client.dispatch = (asking, handler) => {
    wanted = (asking as Asking).wanted;
    (asking as Asking).connection = connection;
    if (socket) connections.busy(socket);
    return dispatch(asking, handler);
  };
  return client;
}
