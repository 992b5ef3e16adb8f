/** The thin `fetch` over undici: a request out, the answer's head and its bytes back, and nothing between. */

import type { Agent, Dispatcher } from "undici";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { GatewayError } from "../errors.ts";
import { createPieces, type PieceQueue } from "../pieces.ts";
import type { Wanted } from "./connector.ts";
import { decoded } from "./decoded.ts";
import { failureOf } from "./failures.ts";
import type { ForwardProxy } from "./forward-proxy.ts";
import { proxyRefusal } from "./tunnel.ts";

export interface ThinResponse {
  readonly status: number;
  readonly headers: HeaderRecord;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Where requests go out. */
export interface Way {
  /** Keeps its connections. */
  readonly agent: Agent;
  /** Is only asked for connections that serve once: no request meets one that was used before. */
  readonly single: Agent;
}

/** A request on its way to a connection. */
export interface Asking extends Dispatcher.DispatchOptions {
  readonly wanted: Wanted;
  /** What it goes over, once that is known. */
  connection?: Connection;
}

/** One connection as long as it lasts, and then the next. */
export interface Connection {
  /** A request goes out. True if another one went before it. */
  begin(): boolean;
  /** Nobody uses it for now. */
  end(): void;
}

interface ThinInit {
  readonly headers: ThinHeaders;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  readonly way: Way;
  readonly connectTimeout: number;
  readonly proxy?: ForwardProxy;
  /** The body is not to be kept until the answer's end. */
  readonly letGo?: boolean;
}

interface ThinHeaders {
  readonly record: Record<string, string>;
  get(name: string): string | undefined;
  has(name: string): boolean;
  set(name: string, value: string): void;
}

/**
 * What ofetch uses of a `Headers`, over a record with lower-case names: the platform's own checks and sorts what undici
 * checks again.
 */
export function ThinHeaders(given: Readonly<Record<string, string>>): ThinHeaders {
  const record = { ...given };
  return {
    record,
    get: (name) => record[name],
    has: (name) => Object.hasOwn(record, name),
    set: (name, value) => void (record[name] = value),
  };
}

/**
 * Posts, and resolves when the answer's head is there. What breaks off behind it, its body throws. A request that ended
 * without a byte of an answer on a connection that had served before met a provider that was closing it: it goes out
 * once more, on a new connection, and nobody is told.
 */
export function thinFetch(url: string, init: ThinInit): Promise<ThinResponse> {
  const { signal, way, letGo } = init;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // Let go of when the head of the answer is there: a stream may run for an hour.
    let body: string | Uint8Array | undefined = init.body;
    if (letGo) init.headers.set("content-length", `${Buffer.byteLength(init.body)}`);
    const send = (agent: Agent, onStale: (() => void) | undefined) => {
      if (body === undefined) return;
      const asking: Asking = {
        ...addressOf(url, init),
        method: "POST",
        // undici takes iterables too, whatever its types say.
        body: letGo ? once(body) as unknown as Uint8Array : body,
        ...(onStale ? {} : { reset: true }),
      };
      const answered = (answer: ThinResponse) => {
        body = undefined;
        resolve(answer);
      };
      agent.dispatch(asking, handlerOf(asking, signal, answered, reject, onStale));
    };
    send(way.agent, () => send(way.single, undefined));
  });
}

/** A forward proxy is asked for plain HTTP by the whole address, and for TLS to be a tunnel (RFC 9112, 3.2.2). */
function addressOf(
  url: string,
  { headers: { record }, connectTimeout, proxy }: ThinInit,
): Pick<Asking, "origin" | "path" | "headers" | "wanted"> {
  const at = url.indexOf("/", url.indexOf("://") + 3);
  const [origin, path] = [url.slice(0, at), url.slice(at)];
  if (!proxy || url.startsWith("https:")) {
    return { origin, path, headers: record, wanted: { connectTimeout, tunnel: proxy, peer: "provider" } };
  }
  const login = proxy.authorization && { "proxy-authorization": proxy.authorization.reveal() };
  return {
    origin: proxy.origin,
    path: url,
    headers: { ...record, ...login, host: origin.slice("http://".length) },
    wanted: { connectTimeout, peer: "forward proxy" },
  };
}

/** undici keeps a body until the answer has ended; of this one it keeps nothing once it is written. */
function once(body: string | Uint8Array): Iterable<string | Uint8Array> {
  let rest: string | Uint8Array | undefined = body;
  return {
    *[Symbol.iterator]() {
      const piece = rest;
      rest = undefined;
      if (piece) yield piece;
    },
  };
}

/** What undici calls beside what its types say: the first byte of an answer is there. */
interface Handler extends Dispatcher.DispatchHandler {
  onResponseStarted(): void;
}

/**
 * What undici tells of an exchange becomes an answer, or why there is none.
 * @param onStale called in place of `reject` when the connection had been closed before the request reached it
 */
function handlerOf(
  asking: Asking,
  signal: AbortSignal,
  resolve: (answer: ThinResponse) => void,
  reject: (error: unknown) => void,
  onStale: (() => void) | undefined,
): Handler {
  let running: Dispatcher.DispatchController | undefined;
  let pieces: PieceQueue | undefined;
  let reused = false;
  let begun = false;
  const end = () => {
    signal.removeEventListener("abort", abort);
    if (running) asking.connection?.end();
  };
  const broken = (error: unknown) => {
    end();
    if (pieces) pieces.fail(signal.aborted ? signal.reason : failureOf(error));
    else if (signal.aborted) reject(signal.reason);
    else if (onStale && reused && !begun && isClosed(error)) onStale();
    else reject(error);
  };
  const abort = () => {
    // What still waits for a connection has nothing to break off: it is not sent once there is one.
    running?.abort(signal.reason);
    broken(signal.reason);
  };
  signal.addEventListener("abort", abort);
  return {
    onRequestStart: (controller) => {
      running = controller;
      reused = asking.connection?.begin() ?? false;
      if (signal.aborted) controller.abort(signal.reason);
    },
    onResponseStarted: () => {
      begun = true;
    },
    onResponseStart: (controller, status, head) => {
      // An interim answer (100, 103) says that one will come.
      if (status < 200) return;
      const queue = createPieces({
        pause: () => controller.pause(),
        resume: () => controller.resume(),
        cancel: () => controller.abort(unread()),
      });
      try {
        if (status === 407 && asking.wanted.peer === "forward proxy") throw proxyRefusal("407");
        const headers = flattened(head, status);
        const body = bodyOf(queue.pieces, headers["content-encoding"], status);
        pieces = queue;
        resolve({ status, headers, body });
      } catch (error) {
        reject(error);
        controller.abort(unread());
      }
    },
    onResponseData: (_, piece) => pieces?.push(piece),
    onResponseEnd: () => {
      end();
      pieces?.end();
    },
    onResponseError: (_, error) => broken(error),
  };
}

/** Why an exchange ends whose answer nobody wants to read to its end. */
function unread(): Error {
  return new Error("The rest of the answer is not read");
}

function isClosed(error: unknown): boolean {
  return failureOf(error).detail === "reset";
}

/** An error's status counts, whatever its body is: one that cannot be read throws when somebody does. */
function bodyOf(
  pieces: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  status: number,
): AsyncIterable<Uint8Array> {
  try {
    return decoded(pieces, encoding);
  } catch (error) {
    if (status < 400) throw error;
    return {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
    };
  }
}

/** Providers send some thirty; clients, and what stands between, take about a hundred. */
const MAX_HEADERS = 100;

function flattened(headers: Record<string, string | string[] | undefined>, status: number): HeaderRecord {
  const entries = Object.entries(headers);
  const count = entries.reduce((sum, [, value]) => sum + (Array.isArray(value) ? value.length : 1), 0);
  if (count > MAX_HEADERS) {
    // What an error says counts more than what its headers are.
    if (status >= 400) return flattened(Object.fromEntries(entries.filter(isOfUse)), status);
    throw new GatewayError("upstream_invalid_response", "The provider's answer has too many headers", {
      failure: "invalid",
      detail: "headers",
    });
  }
  // Most answers have no header twice, and headers are many: no copy without a need.
  if (count === entries.length && entries.every(([, value]) => !Array.isArray(value))) {
    return headers as HeaderRecord;
  }
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
}

function isOfUse([name, value]: [string, unknown]): boolean {
  return ["content-type", "content-encoding", "retry-after", "retry-after-ms"].includes(name) &&
    typeof value === "string";
}
