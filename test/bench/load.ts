/**
 * Load of two kinds. At saturation the next request is sent when an answer has come: it tells the most that a system
 * does. At a fixed rate requests are sent when they are due, whatever came of those before, and their time counts from
 * when they were due: a system that stalls cannot hide it (no coordinated omission).
 */

import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Pool } from "undici";
import type { Ask } from "./systems.ts";

export interface Load {
  readonly ask: Ask;
  readonly body: string;
}

export interface Saturation {
  readonly requests: number;
  readonly perSecond: number;
}

const CONNECTIONS = 32;

/**
 * As many requests as 32 connections get answered.
 * @throws Error when an answer is not a 200
 */
export function saturate(load: Load, seconds: number, wrk: string | undefined): Promise<Saturation> {
  return wrk === undefined ? saturateHere(load, seconds) : saturateWithWrk(load, seconds, wrk);
}

/** @param directory for the files that wrk reads */
async function saturateWithWrk({ ask, body }: Load, seconds: number, directory: string): Promise<Saturation> {
  const script = join(directory, "wrk.lua");
  await writeFile(join(directory, "wrk.body"), body);
  const headers = Object.entries({ "content-type": "application/json", ...ask.headers })
    .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  await writeFile(
    script,
    `wrk.method = "POST"
wrk.body = io.open("${directory}/wrk.body"):read("*a")
${headers.join("\n")}
done = function(summary)
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, summary.errors.status
    + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
`,
  );
  const url = `http://127.0.0.1:${ask.port}${ask.path}`;
  const printed = await run("wrk", [
    "-t1",
    `-c${CONNECTIONS}`,
    `-d${seconds}s`,
    "--timeout",
    "10s",
    "-s",
    script,
    url,
  ]);
  const [, requests = 0, microseconds = 0, errors = 0] = (/RESULT (\d+) (\d+) (\d+)/.exec(printed) ?? []).map(
    Number,
  );
  if (requests === 0 || errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
  return { requests, perSecond: requests / (microseconds / 1e6) };
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (piece: Uint8Array) => printed += new TextDecoder().decode(piece));
    child.on("error", reject);
    child.on("close", () => resolve(printed));
  });
}

async function saturateHere(load: Load, seconds: number): Promise<Saturation> {
  const pool = new Pool(`http://127.0.0.1:${load.ask.port}`, { connections: CONNECTIONS });
  const began = performance.now();
  const until = began + seconds * 1000;
  let requests = 0;
  const one = async () => {
    while (performance.now() < until) {
      await post(pool, load);
      requests++;
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
  } finally {
    await pool.destroy();
  }
  return { requests, perSecond: requests / ((performance.now() - began) / 1000) };
}

export interface Latencies {
  readonly p50: number;
  readonly p99: number;
}

/**
 * Latencies in milliseconds of so many requests a second to each of several loads, in turns, so that what disturbs one
 * disturbs the others. Each request's time counts from when it was due.
 */
export async function fixedRate(
  loads: readonly Load[],
  perSecond: number,
  seconds: number,
): Promise<readonly Latencies[]> {
  const pools = loads.map(({ ask }) => new Pool(`http://127.0.0.1:${ask.port}`, { connections: 512 }));
  const took = loads.map((): number[] => []);
  const all: Promise<void>[] = [];
  const send = async (which: number, due: number) => {
    const [pool, load] = [pools[which], loads[which]];
    if (pool && load) await post(pool, load);
    took[which]?.push(performance.now() - due);
  };
  const total = Math.round(perSecond * seconds) * loads.length;
  const began = performance.now();
  try {
    for (let at = 0; at < total;) {
      const due = began + (at * 1000) / perSecond / loads.length;
      if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, 1));
      else all.push(send(at++ % loads.length, due));
    }
    await Promise.all(all);
  } finally {
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
  return took.map((each) => ({ p50: percentile(each, 50), p99: percentile(each, 99) }));
}

async function post(pool: Pool, { ask, body }: Load): Promise<void> {
  const answer = await pool.request({
    method: "POST",
    path: ask.path,
    headers: { "content-type": "application/json", ...ask.headers },
    body,
  });
  if (answer.statusCode !== 200) {
    throw new Error(
      `Status ${answer.statusCode} from ${ask.path}: ${(await answer.body.text()).slice(0, 500)}`,
    );
  }
  await answer.body.dump({ limit: 1e9 });
}

/** The value that so many per cent of the values do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN;
}
