/** One simulated API as an HTTP server: reads a request as the API would, and plays what its model's name asks for. */

import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { sha256 } from "../digest.ts";
import { isObject, type Json, type JsonObject } from "../json.ts";
import type { Api, Headers, Problem } from "./api.ts";
import { type Exchange, framesOf, give, refuse } from "./exchange.ts";
import { findFault } from "./faults.ts";
import type { Attempt, LedgerEntry, Records } from "./ledger.ts";
import { type Recording, replay } from "./replay.ts";

/** Models whose requests are counted. */
const MOST_MODELS = 10_000;
const MOST_BODY_BYTES = 40 * 1024 * 1024;

/** What both servers share. */
export interface Shared {
  readonly records: Records;
  readonly pace: number;
  readonly replies: ReadonlyMap<string, Recording> | undefined;
  readonly counters: { request: number; connection: number };
}

export interface Provider {
  readonly api: Api;
  readonly server: Server;
  readonly shared: Shared;
  /** By model: how many requests there were, and when the first came. */
  readonly memory: Map<string, { count: number; first: number }>;
  elsewhere: string;
  close(): Promise<void>;
}

/** A server of one API; it does not listen yet. */
export function createProvider(api: Api, shared: Shared): Provider {
  const sockets = new Map<Socket, number>();
  const server = createServer((request, response) => {
    const connection = sockets.get(request.socket) ?? 0;
    serve(provider, request, response, connection).catch((error) => {
      // A fault of the simulation itself must not look like one that was asked for.
      console.error(`The simulated ${api.name} API failed:`, error);
      response.destroy();
    });
  });
  server.on("connection", (socket) => {
    sockets.set(socket, ++shared.counters.connection);
    socket.on("close", () => sockets.delete(socket));
  });
  const provider: Provider = {
    api,
    server,
    shared,
    memory: new Map(),
    elsewhere: "",
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.keys()) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return provider;
}

async function serve(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  connection: number,
): Promise<void> {
  const { api, shared } = provider;
  const number = ++shared.counters.request;
  const requestId = `req_simulated_${String(number).padStart(6, "0")}`;
  const headers = headersOf(request);
  const method = request.method ?? "";
  const attempt: Attempt = {
    number,
    api: api.name,
    method,
    path: request.url ?? "",
    headers,
    connection,
    body: "",
  };
  shared.records.received(attempt);
  const refuseWith = (problem: Problem) => answerJson(api, response, requestId, problem);

  const text = await bodyOf(request);
  if (text === undefined) return; // The client went away.
  if (text === "too large") return refuseWith(tooLarge(api));
  shared.records.bodyOf(attempt, text.text);

  const refused = api.authenticate(headers);
  if (refused) return refuseWith(refused);
  const body = method === "POST" ? parse(text.text) : {};
  if (!isObject(body)) return refuseWith(api.invalid("We could not parse the JSON body of your request."));
  const path = attempt.path.split("?")[0] ?? "";
  if (method !== "POST" || path !== api.path) {
    const other = api.other(method, path, body, headers);
    if (other === undefined) {
      return refuseWith({ ...api.notFound(`Unknown request URL: ${method} ${path}`), status: 404 });
    }
    return "problem" in other
      ? refuseWith(other.problem)
      : answerJson(api, response, requestId, undefined, other.body);
  }
  const [problem] = api.check(body, headers);
  if (problem) return refuseWith(problem);
  const prompt = api.read(body, seedOf(api, body));
  await play(
    exchangeOf(provider, { prompt, attempt, response, socket: request.socket, requestId }),
    shared.replies,
  );
}

/** A hash of the request, the same for a plain and a streamed one. */
function seedOf(api: Api, body: JsonObject): string {
  const { stream: _, stream_options: __, ...rest } = body;
  return sha256(`${api.name}\n${JSON.stringify(rest)}`);
}

/** Plays what the model's name asks for. */
async function play(exchange: Exchange, replies: Shared["replies"]): Promise<void> {
  const { api, prompt, earlier } = exchange;
  const recording = replies?.get(prompt.model);
  if (recording) return await replay(exchange, recording);
  if (prompt.model.endsWith("-unknown")) return refuse(exchange, unknownModel(api, prompt.model));
  const found = findFault(prompt.model);
  if (found === "unknown") return refuse(exchange, unknownModel(api, prompt.model));
  if (found === undefined || (found.once && earlier > 0)) return await give(exchange, framesOf(exchange));
  await found.fault.play(exchange, found.parameter);
}

type Parts = Pick<Exchange, "prompt" | "attempt" | "response" | "socket" | "requestId">;

function exchangeOf(provider: Provider, parts: Parts): Exchange {
  const { api, shared, memory, elsewhere } = provider;
  const { prompt, attempt, response } = parts;
  const started = performance.now();
  const remembered = memory.get(prompt.model) ?? { count: 0, first: started };
  if (memory.size >= MOST_MODELS) memory.clear();
  memory.set(prompt.model, { ...remembered, count: remembered.count + 1 });
  const fault = findFault(prompt.model);
  const entry: LedgerEntry = {
    number: attempt.number,
    api: api.name,
    model: prompt.model,
    stream: prompt.stream,
    fault: typeof fault === "object" ? fault.word : undefined,
    bytesReceived: Buffer.byteLength(attempt.body),
    status: 0,
    bytesSent: 0,
    tokensSent: 0,
    usage: undefined,
    outcome: "pending",
    milliseconds: undefined,
  };
  shared.records.answered(entry);
  const over = new AbortController();
  response.on("close", () => {
    entry.milliseconds = Math.round(performance.now() - started);
    if (entry.outcome === "pending") {
      entry.outcome = response.writableFinished ? "complete" : "client-closed";
    }
    over.abort();
  });
  return {
    ...parts,
    api,
    entry,
    elsewhere,
    pace: shared.pace,
    over: over.signal,
    earlier: remembered.count,
    sinceFirst: started - remembered.first,
  };
}

function answerJson(
  api: Api,
  response: ServerResponse,
  requestId: string,
  problem?: Problem,
  body?: Json,
): void {
  const text = JSON.stringify(problem ? api.error(problem, requestId) : body);
  response.writeHead(problem?.status ?? 200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...api.headers(requestId),
    ...problem?.headers,
  });
  response.end(text);
}

function headersOf(request: IncomingMessage): Headers {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
  );
}

/** The body as text; undefined when the client went away before its end. */
async function bodyOf(request: IncomingMessage): Promise<{ text: string } | "too large" | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      length += chunk.length;
      if (length <= MOST_BODY_BYTES) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch {
    return undefined;
  }
  return length > MOST_BODY_BYTES ? "too large" : { text: Buffer.concat(chunks).toString("utf8") };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooLarge(api: Api): Problem {
  const problem = api.invalid("Request exceeds the maximum allowed number of bytes.");
  const type = api.name === "anthropic" ? { type: "request_too_large" } : {};
  return { ...problem, status: 413, error: { ...problem.error, ...type } };
}

function unknownModel(api: Api, model: string): Problem {
  return api.notFound(
    api.name === "openai"
      ? `The model \`${model}\` does not exist or you do not have access to it.`
      : `model: ${model}`,
  );
}
