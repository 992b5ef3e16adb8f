/**
 * The proxy as its users meet it, for tests: the real gateway on a real socket, simulated providers behind it, the
 * official SDKs in front, all on free loopback ports in this process.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { logLine } from "../../src/account/access-log.ts";
import type { Entry } from "../../src/account/entry.ts";
import { startServices } from "../../src/commands/start.ts";
import { loadPolicy } from "../../src/config/load.ts";
import { type Providers, startProviders } from "../../src/demo/providers.ts";
import type { Recording } from "../../src/demo/replay.ts";
import { createGateway } from "../../src/gateway.ts";
import type { Limits } from "../../src/runtime/limits.ts";
import { listen } from "../../src/runtime/listen.ts";
import { exchangeRaw, type RawReply, type RawRequest } from "./raw.ts";

/** The providers' keys: nothing that leaves the proxy may hold one, which `withProxy` checks of all that is logged. */
export const OPENAI_KEY = "sk-proj-canaryopenai0123456789abcdefghij";
export const ANTHROPIC_KEY = "sk-ant-canaryanthropic0123456789abcdefg";

export interface ProxyOptions {
  /** The configuration: a value, the text of a file, or what makes one once the providers have their ports. */
  readonly config: unknown;
  /** Over an environment in which the built-in providers are the simulated ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of the simulated providers: milliseconds between two tokens, 0 if absent. */
  readonly pace?: number;
  readonly replies?: ReadonlyMap<string, Recording>;
  /** On what clients may take, in place of the usual ones. */
  readonly limits?: Partial<Limits>;
}

export interface Proxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly providers: Providers;
  /** Closed entries, oldest first. */
  readonly entries: readonly Entry[];
  /** What the application logged, causes and stacks included. */
  readonly appLog: readonly string[];
  /** The official SDKs as clients of a user, or of what other headers say. They never try again. */
  openai(user: string, headers?: Readonly<Record<string, string>>): OpenAI;
  anthropic(user: string, headers?: Readonly<Record<string, string>>): Anthropic;
  /** A request as bytes, for what no SDK would send or show. */
  raw(request: RawRequest): Promise<RawReply>;
  /** A JSON body posted as a user. */
  post(user: string, path: string, body: unknown): Promise<RawReply>;
  /** The newest entry, once so many are closed: an answer may be read before its entry is. */
  logged(count?: number): Promise<Entry>;
  /** The newest entry's line of the access log, once so many are closed. */
  line(count?: number): Promise<string>;
}

/** Runs a test with a proxy of its own, and closes everything after it. */
export async function withProxy(options: ProxyOptions, test: (proxy: Proxy) => Promise<void>): Promise<void> {
  const providers = await startProviders({
    pace: options.pace ?? 0,
    ...(options.replies && { replies: options.replies }),
  });
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const closing: (() => Promise<unknown>)[] = [
    () => providers.close(),
    () => rm(directory, { recursive: true }),
  ];
  try {
    const { proxy, close } = await start(options, providers, join(directory, "rbac.json"));
    closing.unshift(close);
    try {
      await test(proxy);
    } catch (thrown) {
      // What went wrong inside is seldom in the answer.
      if (proxy.appLog.length > 0) console.error(proxy.appLog.join("\n"));
      throw thrown;
    }
    checkSecrets(proxy);
  } finally {
    for (const close of closing) await close();
  }
}

async function start(options: ProxyOptions, providers: Providers, file: string) {
  const config = typeof options.config === "function" ? options.config(providers) : options.config;
  await writeFile(file, typeof config === "string" ? config : JSON.stringify(config));
  const env = {
    OPENAI_API_KEY: OPENAI_KEY,
    OPENAI_BASE_URL: providers.openaiURL,
    ANTHROPIC_API_KEY: ANTHROPIC_KEY,
    ANTHROPIC_BASE_URL: providers.anthropicURL,
    ...options.env,
  };
  const { policy, problems, unreadable } = await loadPolicy({ file, env, now: Date.now() });
  if (!policy) throw new Error(`No policy: ${unreadable ?? JSON.stringify(problems)}`);

  const entries: Entry[] = [];
  const waiting = new Set<() => void>();
  const appLog: string[] = [];
  const log = (message: string, cause?: unknown) => void appLog.push(`${message} ${described(cause)}`);
  const started = startServices({
    policy: () => policy,
    sink: (entry) => {
      entries.push(entry);
      for (const check of waiting) check();
    },
    log: { info: log, warn: log, error: log },
    phase: () => "up",
  });
  const listener = await listen(createGateway(started.services), {
    host: "127.0.0.1",
    port: 0,
    onError: log,
    ...(options.limits && { limits: options.limits }),
  });
  const logged = async (count = 1): Promise<Entry> => {
    await until(() => entries.length >= count, waiting);
    const newest = entries.at(-1);
    assert(newest);
    return newest;
  };
  const proxy: Proxy = {
    url: listener.url,
    providers,
    entries,
    appLog,
    openai: (user, headers = {}) =>
      new OpenAI({
        apiKey: "none",
        baseURL: `${listener.url}/v1`,
        maxRetries: 0,
        defaultHeaders: { "x-user": user, ...headers },
      }),
    anthropic: (user, headers = {}) =>
      new Anthropic({
        apiKey: "none",
        baseURL: listener.url,
        maxRetries: 0,
        defaultHeaders: { "x-user": user, ...headers },
      }),
    raw: (request) => exchangeRaw(listener.port, request),
    post: (user, path, body) =>
      exchangeRaw(listener.port, {
        method: "POST",
        path,
        headers: { "x-user": user, "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    logged,
    line: async (count) => logLine(await logged(count), "combined"),
  };
  const close = async () => {
    listener.cut();
    await listener.close();
    await started.close();
  };
  return { proxy, close };
}

/** Every user of the configuration may use every model; each model has the failover that is given for it. */
export function configOf(
  models: Readonly<Record<string, unknown>>,
  failover: Readonly<Record<string, string | readonly string[]>> = {},
  further: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const routes = Object.keys(models).map((name) => ({
    name,
    ...(Object.hasOwn(failover, name) && { failover: failover[name] }),
  }));
  return { users: { ann: { models: routes } }, models, ...further };
}

/** An answer's error in the SDKs' own classes; fails if there is none. */
export async function rejected(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (thrown) {
    assert(thrown instanceof Error);
    return thrown;
  }
  throw new assert.AssertionError({ message: "Expected a rejection" });
}

/** Waits for what a request leaves behind in other tasks of this process; far longer than that ever takes. */
export function until(condition: () => boolean, checks: Set<() => void> = new Set()): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearInterval(interval);
      clearTimeout(timer);
      checks.delete(check);
    };
    const check = () => {
      if (!condition()) return;
      end();
      resolve();
    };
    const interval = setInterval(check, 10);
    const timer = setTimeout(() => {
      end();
      reject(new Error(`Waited in vain for ${condition}`));
    }, 10_000);
    checks.add(check);
    check();
  });
}

function checkSecrets({ entries, appLog }: Proxy): void {
  const lines = entries.flatMap((entry) => [logLine(entry, "combined"), logLine(entry, "json")]);
  for (const line of [...lines, ...appLog]) {
    for (const part of ["canaryopenai", "canaryanthropic"]) {
      assert(!line.includes(part), `A provider's key is logged: ${line}`);
    }
  }
}

function described(cause: unknown): string {
  return cause instanceof Error ? `${cause.stack} ${described(cause.cause)}` : String(cause ?? "");
}
