/**
 * What the line costs alone: the gateway called in a loop, with a function in this process for the provider. No socket
 * and no disk; what a daemon costs beside this is the runtime's own. `node test/bench/core.ts [SECONDS]`, the same on
 * Deno.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { accessLog, noLog } from "../../src/account/sinks.ts";
import { startServices } from "../../src/commands/start.ts";
import { loadPolicy } from "../../src/config/load.ts";
import { createGateway, type Gateway } from "../../src/gateway.ts";
import type { Incoming } from "../../src/http.ts";
import type { UpstreamResponse } from "../../src/upstream/send.ts";
import { answerBody, requestBody, streamBody } from "./bodies.ts";
import { pathOf, type Place, SIZE_NAMES, SIZES, type Wire } from "./places.ts";
import { proxyConfig, proxySystem } from "./systems.ts";

const EVENTS = 1000;
const WAYS = { relay: "openai-chat", translation: "anthropic-messages" } as const;
const STREAM: Place = { kind: "stream", events: EVENTS, pace: 0 };
const PLACES: readonly Place[] = [
  ...SIZE_NAMES.map((size): Place => ({ kind: "plain", size, delay: 0 })),
  STREAM,
];

/** What the provider answers, by URL. */
const kept = new Map<string, readonly Uint8Array[]>();
const seconds = Number(process.argv[2] ?? 2);
const directory = await mkdtemp(join(tmpdir(), "ai-proxy-core-"));
try {
  const origin = "http://127.0.0.1:1";
  const file = await proxyConfig(directory, PLACES, { files: origin, paced: origin });
  const gateway = await gatewayOf(file);
  const { ask } = await proxySystem("core", [], file);
  for (const place of PLACES) {
    for (const [way, wire] of Object.entries(WAYS)) {
      const { model, headers, path } = ask(place, wire);
      const body = bytesOf(
        requestBody(model, place, place.kind === "plain" ? SIZES[place.size] : SIZES["2k"]),
      );
      const one = () => exchange(gateway, path, headers, body);
      const spent = await timed(one);
      const name = place.kind === "plain" ? `${place.size}, ${way}` : `streams, ${way}`;
      const [each, unit] = place.kind === "plain" ? [spent, "µs/request"] : [spent / EVENTS, "µs/event"];
      console.log(`${name.padEnd(24)}${each.toFixed(1).padStart(8)} ${unit}`);
    }
  }
} finally {
  await rm(directory, { recursive: true });
}

/** A gateway whose provider answers at once with what the URL asks for. */
async function gatewayOf(file: string): Promise<Gateway> {
  const { policy } = await loadPolicy({ file, env: { BENCH_PROVIDER_KEY: "sk-bench" }, now: Date.now() });
  if (!policy) throw new Error("The benchmark's own configuration has problems");
  const log = { info: () => {}, warn: console.error, error: console.error };
  const sink = accessLog(noLog(), "combined");
  const { services } = startServices({ policy: () => policy, sink, log, phase: () => "up" });
  return createGateway({ ...services, send: ({ url }) => Promise.resolve(answerTo(url)) });
}

function answerTo(url: string): UpstreamResponse {
  const wire: Wire = url.endsWith("/messages") ? "anthropic-messages" : "openai-chat";
  const streamed = url.includes(`/${pathOf(STREAM)}/`);
  const pieces = kept.get(url) ?? piecesOf(url, wire, streamed);
  kept.set(url, pieces);
  const type = streamed ? "text/event-stream" : "application/json";
  return { status: 200, headers: { "content-type": type }, body: inTurn(pieces) };
}

function piecesOf(url: string, wire: Wire, streamed: boolean): readonly Uint8Array[] {
  if (streamed) {
    const { first, each, last } = streamBody(wire);
    return [first, ...Array.from({ length: EVENTS }, () => each), last].map(bytesOf);
  }
  const size = SIZE_NAMES.find((name) => url.includes(`/plain/${name}/`)) ?? "2k";
  return [bytesOf(answerBody(wire, SIZES[size]))];
}

async function exchange(
  gateway: Gateway,
  target: string,
  headers: Readonly<Record<string, string>>,
  bytes: Uint8Array,
): Promise<void> {
  const request: Incoming = {
    method: "POST",
    target,
    version: "1.1",
    headers: { ...headers, "content-type": "application/json", "content-length": `${bytes.length}` },
    peer: "127.0.0.1",
    body: inTurn([bytes]),
    left: new AbortController().signal,
  };
  const { status, body, done } = await gateway(request);
  if (status !== 200) throw new Error(`Status ${status}: ${String(body)}`);
  let sent = 0;
  if (typeof body === "function") await body({ write: (piece) => void (sent += piece.length) });
  else sent = body.length;
  done({ bytes: sent, complete: true });
}

/** Microseconds of processor time that a call takes, the compiler's warm-up left out. */
async function timed(call: () => Promise<void>): Promise<number> {
  await many(call, seconds);
  const before = process.cpuUsage();
  const calls = await many(call, seconds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

async function many(call: () => Promise<void>, duration: number): Promise<number> {
  const until = performance.now() + duration * 1000;
  let calls = 0;
  for (; performance.now() < until; calls++) await call();
  return calls;
}

function inTurn(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const values = pieces.values();
      return { next: () => Promise.resolve(values.next()) };
    },
  };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
