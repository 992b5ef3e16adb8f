/**
 * Connections to providers: the thin `fetch` that ofetch is given, over undici on every runtime. It keeps and caps
 * connections, follows no redirect, bounds headers, and has no limit of its own on silence: the line owns the deadlines.
 */

import { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Agent, Dispatcher } from "undici";
// The whole of undici would take 50 ms and 14 MiB more at start; it has no list of exports, so its files may be imported.
// @ts-ignore: they have no types of their own, those of the package fit
import PooledAgent from "undici/lib/dispatcher/agent.js";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { GatewayError, type GatewayErrorOptions } from "../errors.ts";
import { createPieces, type PieceQueue } from "../pieces.ts";

export interface Connect {
  /** In the shape that ofetch calls; what it gives is read by `answerOf`. */
  readonly fetch: typeof globalThis.fetch;
  /** What ofetch keeps headers in on their way to `fetch`. */
  readonly Headers: typeof globalThis.Headers;
  /** @param connectTimeout seconds */
  dispatcher(connectTimeout: number): Dispatcher;
  answerOf(response: unknown): ThinResponse;
  /** Closes all connections; running exchanges fail. */
  close(): Promise<void>;
}

export interface ThinResponse {
  readonly status: number;
  readonly headers: HeaderRecord;
  readonly body: AsyncIterable<Uint8Array>;
}

/** To one provider. More than a process has descriptors for: a stream holds one, and what waits in a queue looks hung. */
const MAX_CONNECTIONS = 16_384;
const MAX_HEADER_BYTES = 64 * 1024;
/** Below what providers keep idle connections open for, so that a request rarely meets one that just closed. */
const IDLE_MS = 30_000;

export function createConnect(): Connect {
  /** By connect timeout, the one setting that a connection pool has and models may differ in. */
  const agents = new Map<number, Agent>();
  const agentFor = (connectTimeout: number): Agent => {
    const known = agents.get(connectTimeout);
    if (known) return known;
    const agent: Agent = new PooledAgent({
      connect: { timeout: connectTimeout * 1000 },
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The line has deadlines of its own, by phase; undici's would cut healthy answers at 300 s.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    agents.set(connectTimeout, agent);
    return agent;
  };
  return {
    // ofetch types its `fetch` as the whole of the platform's; it passes a URL and an init and hands back what it gets.
    fetch: thinFetch as unknown as typeof globalThis.fetch,
    Headers: ThinHeaders as unknown as typeof globalThis.Headers,
    dispatcher: agentFor,
    answerOf: (response) => response as ThinResponse,
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}

interface ThinInit {
  readonly headers: ThinHeaders;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  readonly dispatcher: Dispatcher;
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
function ThinHeaders(given: Readonly<Record<string, string>>): ThinHeaders {
  const record = { ...given };
  return {
    record,
    get: (name) => record[name],
    has: (name) => Object.hasOwn(record, name),
    set: (name, value) => void (record[name] = value),
  };
}

/** Posts, and resolves when the answer's head is there. What breaks off behind it, its body throws. */
function thinFetch(
  url: string,
  { headers, body, signal, dispatcher, letGo }: ThinInit,
): Promise<ThinResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const at = url.indexOf("/", url.indexOf("://") + 3);
    const [origin, path] = [url.slice(0, at), url.slice(at)];
    const handler = handlerOf(signal, resolve, reject);
    if (letGo) headers.set("content-length", `${Buffer.byteLength(body)}`);
    // undici takes iterables too, whatever its types say.
    const given = letGo ? once(body) as unknown as Uint8Array : body;
    dispatcher.dispatch({ origin, path, method: "POST", headers: headers.record, body: given }, handler);
  });
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

/** What undici tells of an exchange becomes an answer, or why there is none. It knows nothing of the request. */
function handlerOf(
  signal: AbortSignal,
  resolve: (answer: ThinResponse) => void,
  reject: (error: unknown) => void,
): Dispatcher.DispatchHandler {
  let running: Dispatcher.DispatchController | undefined;
  let pieces: PieceQueue | undefined;
  const broken = (error: unknown) => {
    signal.removeEventListener("abort", abort);
    if (pieces) pieces.fail(signal.aborted ? signal.reason : failureOf(error));
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
      if (signal.aborted) controller.abort(signal.reason);
    },
    onResponseStart: (controller, status, head) => {
      // An interim answer (100, 103) says that one will come.
      if (status < 200) return;
      pieces = createPieces({
        pause: () => controller.pause(),
        resume: () => controller.resume(),
        cancel: () => controller.abort(unread()),
      });
      const record = flattened(head);
      try {
        resolve({ status, headers: record, body: decoded(pieces.pieces, record["content-encoding"]) });
      } catch (error) {
        controller.abort(unread());
        reject(error);
      }
    },
    onResponseData: (_, piece) => pieces?.push(piece),
    onResponseEnd: () => {
      signal.removeEventListener("abort", abort);
      pieces?.end();
    },
    onResponseError: (_, error) => broken(error),
  };
}

/** Why an exchange ends whose answer nobody wants to read to its end. */
function unread(): Error {
  return new Error("The rest of the answer is not read");
}

/** What a thrown error of a connection means. */
export function failureOf(thrown: unknown): GatewayError {
  const errors = [...causes(thrown)];
  const own = errors.find((error) => error instanceof GatewayError);
  if (own) return own;
  const codes = errors.map((error) => error.code ?? error.name);
  const row = FAILURES.find(({ pattern }) => codes.some((code) => pattern.test(code)));
  const { code, message, failure, detail } = row ?? UNKNOWN_FAILURE;
  return new GatewayError(code, message, { failure, detail: detail ?? codes.at(-1), cause: thrown });
}

interface FailureRow extends Pick<GatewayErrorOptions, "failure" | "detail"> {
  readonly pattern: RegExp;
  readonly code: "upstream_unreachable" | "upstream_invalid_response";
  readonly message: string;
}

const UNKNOWN_FAILURE = {
  code: "upstream_unreachable",
  message: "The connection to the provider failed",
  failure: "connect",
  detail: undefined,
} as const;

/** The first row that fits counts. */
const FAILURES: readonly FailureRow[] = [
  {
    pattern: /^UND_ERR_CONNECT_TIMEOUT$|^ETIMEDOUT$/,
    code: "upstream_unreachable",
    message: "No connection to the provider in time",
    failure: "connect",
    detail: "connect-timeout",
  },
  {
    pattern: /^ENOTFOUND$|^EAI_/,
    code: "upstream_unreachable",
    message: "The provider's address was not found",
    failure: "connect",
    detail: "dns",
  },
  {
    pattern: /^ECONNREFUSED$/,
    code: "upstream_unreachable",
    message: "The provider refused the connection",
    failure: "connect",
    detail: "refused",
  },
  {
    pattern: /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|^UNABLE_TO_/,
    code: "upstream_unreachable",
    message: "No trusted connection to the provider",
    failure: "connect",
    detail: "tls",
  },
  {
    pattern: /^UND_ERR_HEADERS_OVERFLOW$|^HPE_HEADER_OVERFLOW$/,
    code: "upstream_invalid_response",
    message: "The provider's answer has too many headers",
    failure: "invalid",
    detail: "headers",
  },
  {
    pattern: /^HPE_|^UND_ERR_RES_|^Z_|^ERR_STREAM_PREMATURE_CLOSE$/,
    code: "upstream_invalid_response",
    message: "The provider's answer cannot be read",
    failure: "invalid",
    detail: undefined,
  },
  {
    pattern: /^ECONNRESET$|^UND_ERR_SOCKET$|^EPIPE$/,
    code: "upstream_unreachable",
    message: "The provider closed the connection",
    failure: "connect",
    detail: "reset",
  },
];

/** An error and what caused it, outermost first. */
function* causes(thrown: unknown): Generator<Error & { code?: string }> {
  for (let error = thrown; error instanceof Error; error = error.cause) yield error;
}

function flattened(headers: Record<string, string | string[] | undefined>): HeaderRecord {
  // Most answers have no header twice, and headers are many: no copy without a need.
  if (Object.values(headers).every(isSingle)) return headers as HeaderRecord;
  const entries = Object.entries(headers);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isSingle(value) ? value : value?.join(", ")]),
  );
}

function isSingle(value: string | string[] | undefined): value is string | undefined {
  return !Array.isArray(value);
}

/** Identity is what we ask for; one usual encoding is understood all the same, a stack of them is not. */
function decoded(pieces: AsyncIterable<Uint8Array>, encoding: string | undefined): AsyncIterable<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return pieces;
  const decoders = {
    gzip: createGunzip,
    "x-gzip": createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  };
  if (!Object.hasOwn(decoders, name)) {
    throw new GatewayError("upstream_invalid_response", "The provider's answer has an unknown encoding", {
      failure: "invalid",
      detail: "encoding",
    });
  }
  const source = Readable.from(pieces);
  const decoder = decoders[name as keyof typeof decoders]();
  source.on("error", (error) => decoder.destroy(error));
  decoder.on("close", () => source.destroy());
  return explained(source.pipe(decoder));
}

async function* explained(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw failureOf(error);
  }
}
