/** A daemon in front of simulated providers, for the tests of `serve`. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Providers, startProviders } from "../../src/demo/providers.ts";
import { type Daemon, withDaemon } from "../tools/daemon.ts";
import { ANTHROPIC_KEY, configOf, OPENAI_KEY } from "../tools/proxy.ts";

export const MODELS = {
  "gpt-5": { provider: "openai" },
  sonnet: { provider: "anthropic", model: "claude-sonnet-4-5" },
};

export interface Stage {
  readonly daemon: Daemon;
  readonly providers: Providers;
  /** The configuration, in a folder of its own. */
  readonly file: string;
  readonly folder: string;
  /** Writes the configuration in one go. */
  write(config: unknown): Promise<void>;
}

export interface StageOptions {
  readonly config?: unknown;
  /** Behind `serve`, for the folder's own configuration if they name none; `FOLDER` stands for the folder. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds between two tokens. */
  readonly pace?: number;
  readonly stdout?: number;
  /** Puts further files into the folder. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Runs a test with simulated providers, a configuration that uses them, and a daemon that serves it. */
export async function withStage(options: StageOptions, test: (stage: Stage) => Promise<void>): Promise<void> {
  const { config = configOf(MODELS), args = [], env, pace = 0, stdout } = options;
  const providers = await startProviders({ pace });
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  const write = (value: unknown) =>
    writeFile(file, typeof value === "string" ? value : JSON.stringify(value, null, 2));
  try {
    await write(config);
    await options.prepare?.(folder);
    const own = args.includes("--config") ? [] : ["--config", file];
    const daemonOptions = {
      args: [...own, ...args.map((arg) => arg.replace("FOLDER", folder))],
      env: { ...providerEnv(providers), ...env },
      ...(stdout !== undefined && { stdout }),
    };
    await withDaemon(daemonOptions, (daemon) => test({ daemon, providers, file, folder, write }));
  } finally {
    await providers.close();
    await rm(folder, { recursive: true });
  }
}

/** The environment in which the built-in providers are the simulated ones. */
export function providerEnv(providers: Providers): Record<string, string> {
  return {
    OPENAI_API_KEY: OPENAI_KEY,
    OPENAI_BASE_URL: providers.openaiURL,
    ANTHROPIC_API_KEY: ANTHROPIC_KEY,
    ANTHROPIC_BASE_URL: providers.anthropicURL,
  };
}

/** A question to a model, streamed or not. */
export function hello(model: string, stream = false, content = "Hello") {
  return { model, stream, max_tokens: 1000, messages: [{ role: "user", content }] };
}
