/** What the reliability figures are measured with. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Providers, startProviders } from "../../src/demo/providers.ts";
import { providerEnv } from "../commands/_daemon.ts";
import { type Daemon, startDaemon } from "../tools/daemon.ts";
import { configOf } from "../tools/proxy.ts";

export interface Bench {
  readonly daemon: Daemon;
  readonly providers: Providers;
  write(config: unknown): Promise<void>;
}

export interface BenchOptions {
  readonly config?: unknown;
  readonly pace?: number;
  readonly descriptors?: number;
  readonly args?: readonly string[];
}

export const MODELS = {
  healthy: { provider: "openai", model: "gpt-5" },
  sonnet: { provider: "anthropic", model: "claude-sonnet-4-5" },
};

/** A daemon of its own for a measurement. */
export async function withBench<Result>(
  { config = configOf(MODELS), pace = 0, descriptors, args = [] }: BenchOptions,
  measure: (bench: Bench) => Promise<Result>,
): Promise<Result> {
  const providers = await startProviders({ pace });
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  const write = (value: unknown) =>
    writeFile(file, typeof value === "string" ? value : JSON.stringify(value));
  await write(config);
  const daemon = await startDaemon({
    args: ["--config", file, "--access-log", "off", ...args],
    env: providerEnv(providers),
    ...(descriptors !== undefined && { descriptors }),
  });
  try {
    return await measure({ daemon, providers, write });
  } finally {
    if (daemon.child.exitCode === null) daemon.signal("SIGKILL");
    await daemon.exited;
    await providers.close();
    await rm(folder, { recursive: true });
  }
}

/** Resident memory of a daemon, in MiB. */
export function residentMemory({ child }: Daemon): number {
  const row = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
  return Math.round(Number(row?.[1]) / 1024);
}

export interface Probe {
  /** Milliseconds of the round trips so far, and how many failed. */
  stop(): Promise<
    { readonly p50: number; readonly p99: number; readonly max: number; readonly failed: number }
  >;
}

/** Asks `/healthz` over and over: what blocks the daemon's event loop makes these wait. */
export function probe(port: number, everyMs = 5): Probe {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  let failed = 0;
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      const began = performance.now();
      await get(port, "/healthz", agent).then((status) => status === 200 || failed++, () => failed++);
      times.push(performance.now() - began);
      await pause(everyMs);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopped = true;
      await running;
      agent.destroy();
      return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1), failed };
    },
  };
}

export function get(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** Milliseconds to one decimal. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN) * 10) /
    10;
}
