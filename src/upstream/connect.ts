/**
 * Connections to providers: the thin `fetch` that ofetch is given, over undici on every runtime. It keeps and caps
 * connections, follows no redirect, bounds headers, and has no limit of its own on silence: the line owns the deadlines.
 */

import { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Agent, type Dispatcher, request } from "undici";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { GatewayError, type GatewayErrorOptions } from "../errors.ts";

export interface Connect {
  /** In the shape that ofetch calls; what it gives is read by `answerOf`. */
  readonly fetch: typeof globalThis.fetch;
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

const MAX_CONNECTIONS = 4096;
const MAX_HEADER_BYTES = 64 * 1024;
/** Below what providers keep idle connections open for, so that a request rarely meets one that just closed. */
const IDLE_MS = 30_000;

export function createConnect(): Connect {
  /** By connect timeout, the one setting that a connection pool has and models may differ in. */
  const agents = new Map<number, Agent>();
  const agentFor = (connectTimeout: number): Agent => {
    const known = agents.get(connectTimeout);
    if (known) return known;
    const agent = new Agent({
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
  const thin = async (url: string, init: ThinInit): Promise<ThinResponse> => {
    const { statusCode, headers, body } = await request(url, {
      method: "POST",
      headers: Object.fromEntries(init.headers),
      body: init.body,
      signal: init.signal,
      dispatcher: init.dispatcher,
    });
    const record = flattened(headers);
    return { status: statusCode, headers: record, body: decoded(body, record["content-encoding"]) };
  };
  return {
    // ofetch types its `fetch` as the whole of the platform's; it passes a URL and an init and hands back what it gets.
    fetch: thin as unknown as typeof globalThis.fetch,
    dispatcher: agentFor,
    answerOf: (response) => response as ThinResponse,
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}

interface ThinInit {
  readonly headers: Headers;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  readonly dispatcher: Dispatcher;
}

/** What a thrown error of a connection means. */
export function failureOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const codes = [...causes(thrown)].map((error) => error.code ?? error.name);
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
function decoded(body: Readable, encoding: string | undefined): AsyncIterable<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? "identity";
  if (name === "identity" || name === "") return body;
  const decoders = {
    gzip: createGunzip,
    "x-gzip": createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  };
  if (!Object.hasOwn(decoders, name)) {
    body.destroy();
    throw new GatewayError("upstream_invalid_response", "The provider's answer has an unknown encoding", {
      failure: "invalid",
      detail: "encoding",
    });
  }
  const decoder = decoders[name as keyof typeof decoders]();
  body.on("error", (error) => decoder.destroy(error));
  decoder.on("close", () => body.destroy());
  return body.pipe(decoder);
}
