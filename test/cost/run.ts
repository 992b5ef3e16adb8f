/**
 * The law of cost at full length: each shape doubled four times from 64 KB. What grows faster than its bytes, costs more
 * than three times an agent's body of the same size, or keeps a running daemon from answering others, is marked, and the
 * exit code is 1. `deno task cost [WORDS OF A SHAPE'S NAME]`, or `node test/cost/run.ts`.
 */

import process from "node:process";
import { type Blocked, LIVE, startLive } from "./live.ts";
import { leastTime, numberFor, type Way, WAYS } from "./ways.ts";

const SIZES = [64, 128, 256, 512, 1024].map((size) => size * 1024);
const RUNS = 5;
const MOST_EXPONENT = 1.3;
const MOST_TIMES = 3;
/** Milliseconds below which an exponent says nothing. */
const LEAST_TOLD = 5;
const MOST_BLOCKED_MS = 50;
const YARDSTICK = "request O>A: an agent's tools";

const words = process.argv.slice(2).join(" ");
const yardstick = WAYS.find(({ name }) => name === YARDSTICK);
if (!yardstick) throw new Error(`No shape is named "${YARDSTICK}"`);
const base = measured(yardstick);
const basePerByte = base.times.map((time, at) => time / (base.bytes[at] ?? 1));

let failed = 0;
console.log(`exponent | ns/byte | times an agent's | KB | shape`);
for (const way of WAYS.filter(({ name }) => name.includes(words))) report(way);
const live = await startLive();
try {
  for (const shape of LIVE.filter(({ name }) => name.includes(words))) {
    reportLive(await live.blockedBy(shape));
  }
} finally {
  await live.close();
}
console.log(failed === 0 ? "All within the law" : `${failed} beyond the law`);
process.exitCode = failed === 0 ? 0 : 1;

interface Measured {
  readonly bytes: readonly number[];
  /** Milliseconds of processor time, the least of some runs. */
  readonly times: readonly number[];
}

function measured(way: Way): Measured {
  const bytes: number[] = [];
  const times: number[] = [];
  for (const size of SIZES) {
    const made = way.make(numberFor(way, size));
    bytes.push(made.bytes);
    times.push(leastTime(made.run, RUNS));
  }
  return { bytes, times };
}

function report(way: Way): void {
  const { bytes, times } = measured(way);
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  const exponent = Math.log(last / first) / Math.log((bytes.at(-1) ?? 1) / (bytes[0] ?? 1));
  const perByte = times.map((time, at) => time / (bytes[at] ?? 1));
  const ratio = Math.max(0, ...perByte.map((cost, at) => cost / (basePerByte[at] ?? cost)));
  const beyond = (exponent > MOST_EXPONENT && last > LEAST_TOLD) || ratio > MOST_TIMES;
  if (beyond) failed++;
  const figures = [
    exponent.toFixed(2),
    ((perByte.at(-1) ?? 0) * 1e6).toFixed(0),
    ratio.toFixed(1),
    ((bytes.at(-1) ?? 0) / 1024).toFixed(0),
  ];
  console.log(`${beyond ? "!! " : ""}${figures.join(" | ")} | ${way.name}`);
}

function reportLive({ name, bytes, status, blocked, parse }: Blocked): void {
  const beyond = blocked > MOST_BLOCKED_MS + parse;
  if (beyond) failed++;
  const figures = `blocked ${blocked.toFixed(0)} ms, JSON.parse alone ${
    parse.toFixed(0)
  } ms, status ${status}`;
  console.log(`${beyond ? "!! " : ""}live, ${(bytes / 1024).toFixed(0)} KB: ${figures} | ${name}`);
}
