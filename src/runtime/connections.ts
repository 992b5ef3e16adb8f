/**
 * The connections of clients: how many there may be, how many requests each may have under way, and that the end of a
 * connection is the end of all of them.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { GatewayError } from "../errors.ts";
import { tooMany } from "../in-flight.ts";
import { openVisit, type Visit } from "./visit.ts";

export interface Connections {
  opened(socket: Socket): void;
  /** A request came. `fault`: it is refused, whatever it asks for. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    kind: { waits?: boolean; fault?: GatewayError },
  ): void;
  /** What came next cannot be read. `refuse` is called when all answers before it have gone. */
  unreadable(socket: Socket, error: GatewayError, refuse: (first: boolean) => void): void;
  /** Ends what is under way, for a reason of ours. */
  end(reason: GatewayError): void;
  readonly count: number;
}

/** Requests of one connection that are answered at once, and those that may wait for it: whoever sends more is refused. */
const MAX_AT_ONCE = 16;
const MAX_WAITING = 112;
/** A request that waits keeps its body in memory meanwhile. */
const MAX_WAITING_BODY = 16 * 1024;
/** Requests behind one that was refused: they are not looked at, but they are not free either. */
const MAX_IGNORED = 1_000;
/** Of the connections that there may be, so many are kept for those who only ask how it is. */
const SPARE = 16;

interface Connection {
  readonly socket: Socket;
  /** Of a number that is one too many: providers are not asked for it. */
  readonly crowded: boolean;
  readonly running: Set<Visit>;
  readonly waiting: Visit[];
  /** Requests so far. */
  requests: number;
  /** No further request is taken from it: who knows where a refused one ends? */
  refused: boolean;
  ignored: number;
  /** What is to be said when the answers before it have gone. */
  lastWord: (() => void) | undefined;
}

export interface ConnectionsOptions {
  /** Connections at most. */
  readonly max: number;
  /** Answers a request; `last` closes its connection to further ones. */
  readonly answer: (visit: Visit, last: () => void) => Promise<void>;
  /** Told of a connection that has nothing under way any more. */
  readonly onIdle: () => void;
  readonly onError: (message: string, cause: unknown) => void;
}

export function createConnections({ max, answer, onIdle, onError }: ConnectionsOptions): Connections {
  const all = new Map<Socket, Connection>();
  /** Without a request under way, those that have been so for the longest time first. */
  const idle = new Set<Connection>();
  const spare = Math.min(SPARE, Math.floor(max / 4));

  const start = (connection: Connection, visit: Visit) => {
    connection.running.add(visit);
    visit.ends.add(() => ended(connection, visit));
    const last = () => {
      connection.refused = true;
      connection.lastWord = undefined;
    };
    answer(visit, last).catch((thrown: unknown) => {
      onError("A request could not be answered", thrown);
      visit.response.destroy();
      visit.end();
    });
  };
  const ended = (connection: Connection, visit: Visit) => {
    const { running, waiting, socket } = connection;
    running.delete(visit);
    if (!all.has(socket) || socket.destroyed) return;
    while (running.size < MAX_AT_ONCE && waiting.length > 0) {
      const next = waiting.shift();
      if (next) start(connection, next);
    }
    if (running.size > 0) return;
    connection.lastWord?.();
    connection.lastWord = undefined;
    idle.add(connection);
    onIdle();
  };
  const closed = (connection: Connection) => {
    all.delete(connection.socket);
    idle.delete(connection);
    connection.lastWord = undefined;
    const { running, waiting } = connection;
    // Not all runtimes tell the answers that stand behind another.
    for (const visit of running) visit.end();
    // A request that still waits gets its line in the log too.
    for (const visit of waiting.splice(0)) {
      visit.end();
      start(connection, visit);
    }
  };

  return {
    get count() {
      return all.size;
    },
    opened: (socket) => {
      // One that has nothing under way makes room: in the worst case it is opened again.
      if (all.size >= max - spare) {
        const [longest] = idle;
        longest?.socket.destroy();
        if (longest) closed(longest);
      }
      const crowded = all.size >= max - spare;
      const connection: Connection = {
        socket,
        crowded,
        running: new Set(),
        waiting: [],
        requests: 0,
        refused: false,
        ignored: 0,
        lastWord: undefined,
      };
      all.set(socket, connection);
      idle.add(connection);
      socket.on("close", () => closed(connection));
    },
    request: (request, response, { waits = false, fault }) => {
      const connection = all.get(request.socket);
      if (!connection) return void request.socket.destroy();
      if (connection.refused) {
        if (++connection.ignored > MAX_IGNORED) connection.socket.destroy();
        return;
      }
      idle.delete(connection);
      connection.requests++;
      const { running, waiting, crowded } = connection;
      const visit = (wrong: GatewayError | undefined) =>
        openVisit({ request, response, waits, crowded, fault: wrong });
      if (running.size < MAX_AT_ONCE || fault) start(connection, visit(fault));
      else if (waiting.length < MAX_WAITING && isSmall(request)) waiting.push(visit(undefined));
      else start(connection, visit(tooMany(Math.random)));
    },
    unreadable: (socket, error, refuse) => {
      const connection = all.get(socket);
      // What stands behind a refused request has no claim to an answer of its own.
      if (!connection || connection.refused) return void socket.destroySoon();
      connection.refused = true;
      const first = connection.requests === 0;
      const { running, waiting } = connection;
      const [begun] = [...running, ...waiting].filter(({ request }) => !request.complete);
      if (begun) {
        begun.malformed = error;
        begun.onMalformed?.(error);
      } else if (running.size > 0) connection.lastWord = () => refuse(first);
      else refuse(first);
    },
    end: (reason) => {
      for (const { running } of all.values()) for (const { leaving } of running) leaving.abort(reason);
    },
  };
}

/** Whether it can wait for its turn without filling memory, or stopping the connection from being read. */
function isSmall({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] === undefined &&
    !(Number(headers["content-length"] ?? 0) > MAX_WAITING_BODY);
}
