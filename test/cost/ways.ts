/** What reading a shape costs: its processor time on the pure parts, from bytes to bytes. */

import process from "node:process";
import { append } from "../../src/append.ts";
import { clientRequest, prepare, type Prepared } from "../../src/dialects/bridge.ts";
import { collect } from "../../src/dialects/collect.ts";
import type { Dialect, ReplyOptions } from "../../src/dialects/dialect.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";
import type { ChatEvent } from "../../src/chat.ts";
import { GatewayError } from "../../src/errors.ts";
import { parseBody } from "../../src/http.ts";
import { REPLIES, REQUESTS, STREAMS } from "./shapes.ts";
import type { AnswerShape, RequestShape, Side } from "./values.ts";

/** A way through the pure parts, of any length. */
export interface Way {
  readonly name: string;
  /** The bytes for a number, and what is done with them. */
  make(n: number): { readonly bytes: number; readonly run: () => void };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Every shape on every way that it can take. */
export const WAYS: readonly Way[] = [
  ...REQUESTS.map(requestWay),
  ...REPLIES.flatMap((shape) => [wholeWay(shape, "O"), wholeWay(shape, "A")]),
  ...STREAMS.flatMap((shape) => [streamWay(shape, "O"), streamWay(shape, "A"), gatheredWay(shape)]),
];

function requestWay({ name, from, to, body }: RequestShape): Way {
  return {
    name: `request ${from}>${to}: ${name}`,
    make: (n) => {
      const bytes = encoder.encode(body(n));
      return {
        bytes: bytes.length,
        run: () =>
          refused(() => {
            const request = clientRequest(dialectOf(from), parseBody(bytes), {});
            prepare(request, dialectOf(to), targetOf(to), (chat) => chat);
          }),
      };
    },
  };
}

function wholeWay({ name, from, body }: AnswerShape, client: Side): Way {
  return {
    name: `answer ${from}>${client}: ${name}`,
    make: (n) => {
      const bytes = encoder.encode(body(n));
      const prepared = asked(client, from, false);
      return {
        bytes: bytes.length,
        run: () => {
          refused(() => prepared.reply(bytes).body(OPTIONS));
          const error = prepared.error(400, decoder.decode(bytes), {});
          prepared.correct(error);
          dialectOf(client).encodeError(error, OPTIONS.requestId);
        },
      };
    },
  };
}

function streamWay({ name, from, body }: AnswerShape, client: Side): Way {
  return {
    name: `stream ${from}>${client}: ${name}`,
    make: (n) => {
      const bytes = encoder.encode(body(n));
      const prepared = asked(client, from, true);
      return { bytes: bytes.length, run: () => void eventsOf(prepared, bytes) };
    },
  };
}

/** A stream for a client that wants its answer whole. */
function gatheredWay({ name, from, body }: AnswerShape): Way {
  const client = from === "O" ? "A" : "O";
  return {
    name: `stream made whole ${from}>${client}: ${name}`,
    make: (n) => {
      const bytes = encoder.encode(body(n));
      const prepared = asked(client, from, true);
      return {
        bytes: bytes.length,
        run: () => refused(() => prepared.gathered?.(collect(eventsOf(prepared, bytes)))?.body(OPTIONS)),
      };
    },
  };
}

/** Bytes as they come from a socket. */
const READ = 64 * 1024;

function eventsOf(prepared: Prepared, bytes: Uint8Array): ChatEvent[] {
  const steps = prepared.steps(OPTIONS);
  const events: ChatEvent[] = [];
  for (let at = 0; at < bytes.length; at += READ) {
    for (const step of steps.push(bytes.subarray(at, at + READ))) append(events, step.events);
  }
  for (const step of steps.end()) append(events, step.events);
  return events;
}

/** A small request of a client that waits for the answer. */
function asked(client: Side, upstream: Side, stream: boolean): Prepared {
  const body = { model: "m", max_tokens: 10, stream, messages: [{ role: "user", content: "hi" }] };
  const request = clientRequest(dialectOf(client), parseBody(encoder.encode(JSON.stringify(body))), {});
  return prepare(request, dialectOf(upstream), targetOf(upstream), (chat) => chat);
}

const OPTIONS: ReplyOptions = {
  requestId: "req_1",
  created: 1,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 1,
};

const NAMES: Readonly<Record<Side, string>> = { O: "openai-chat", A: "anthropic-messages" };

function dialectOf(side: Side): Dialect {
  const dialect = DIALECTS.get(NAMES[side]);
  if (!dialect) throw new Error(`No dialect ${side}`);
  return dialect;
}

function targetOf(side: Side) {
  return { model: side === "O" ? "gpt-4o" : "claude-sonnet-4-5", options: {}, refuses: new Set<string>() };
}

/** A refusal is an answer as good as any; whatever else is thrown is a fault of ours. */
function refused(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code === "internal") throw thrown;
  }
}

/** The number for which a way's bytes are about so many. */
export function numberFor(way: Way, bytes: number): number {
  const [small, large] = [way.make(50).bytes, way.make(1050).bytes];
  return Math.max(1, Math.round(50 + (bytes - small) / Math.max(0.01, (large - small) / 1000)));
}

/** The least processor time of some runs, in milliseconds. */
export function leastTime(run: () => void, runs: number): number {
  let least = Infinity;
  for (let count = 0; count < runs; count++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
