/** A client of many streams at once, bare sockets: when events come, and how many. */

import { connect, type Socket } from "node:net";
import { percentile } from "./load.ts";
import type { Load } from "./load.ts";

export interface StreamFigures {
  /** Events that came, of all streams. */
  readonly events: number;
  /** Milliseconds from a request to the first event of its answer. */
  readonly firstP50: number;
  readonly firstP99: number;
  /** Milliseconds between two events of a stream. */
  readonly gapP50: number;
  readonly gapP99: number;
}

/**
 * Asks for so many streams, spread over `rampMs`, and reads them to their ends.
 * @throws Error when a stream is not a 200 or ends without its last event
 */
export async function runStreams(load: Load, count: number, rampMs: number): Promise<StreamFigures> {
  const firsts: number[] = [];
  const gaps: number[] = [];
  let events = 0;
  const one = async (at: number) => {
    await new Promise((resolve) => setTimeout(resolve, (at * rampMs) / count));
    const stream = await readStream(load);
    firsts.push(stream.first);
    for (const gap of stream.gaps) gaps.push(gap);
    events += stream.events;
  };
  await Promise.all(Array.from({ length: count }, (_, at) => one(at)));
  return {
    events,
    firstP50: percentile(firsts, 50),
    firstP99: percentile(firsts, 99),
    gapP50: percentile(gaps, 50),
    gapP99: percentile(gaps, 99),
  };
}

interface StreamTimes {
  readonly events: number;
  readonly first: number;
  readonly gaps: readonly number[];
}

function readStream(load: Load): Promise<StreamTimes> {
  return new Promise((resolve, reject) => {
    const socket = open(load);
    const began = performance.now();
    let first = NaN;
    let last = NaN;
    let events = 0;
    let tail = "";
    const gaps: number[] = [];
    socket.on("data", (bytes: Uint8Array) => {
      const now = performance.now();
      const text = latin1.decode(bytes);
      const came = count(text, "data: ");
      tail = (tail + text).slice(-4096);
      if (came === 0) return;
      if (events === 0) first = now - began;
      else gaps.push(now - last);
      for (let more = 1; more < came; more++) gaps.push(0);
      events += came;
      last = now;
    });
    socket.on("error", reject);
    socket.on("close", () => {
      if (tail.includes("[DONE]") || tail.includes("message_stop")) resolve({ events, first, gaps });
      else reject(new Error(`A stream ended without its last event: ${tail.split("\r\n", 1)[0]}`));
    });
  });
}

const latin1 = new TextDecoder("latin1");

function count(text: string, wanted: string): number {
  let found = 0;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) found++;
  return found;
}

/** Opens streams and leaves them open; resolves, when each has had its first event, to what closes them. */
export async function holdStreams(load: Load, count: number): Promise<() => void> {
  const sockets: Socket[] = [];
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = open(load);
      sockets.push(socket);
      socket.once("data", (bytes: Uint8Array) => {
        if (latin1.decode(bytes).startsWith("HTTP/1.1 200")) return resolve();
        reject(new Error(`A stream was refused: ${latin1.decode(bytes).split("\r\n", 1)[0]}`));
      });
      socket.on("error", reject);
      socket.resume();
    });
  // A hundred at a time: no listen queue overflows.
  for (let opened = 0; opened < count; opened += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - opened) }, one));
  }
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

function open({ ask, body }: Load): Socket {
  const socket = connect({ host: "127.0.0.1", port: ask.port, noDelay: true });
  const headers = {
    host: `127.0.0.1:${ask.port}`,
    connection: "close",
    "content-type": "application/json",
    "content-length": `${new TextEncoder().encode(body).length}`,
    ...ask.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${ask.path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return socket;
}
