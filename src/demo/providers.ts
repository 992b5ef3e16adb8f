/**
 * Simulated providers: the OpenAI and the Anthropic API as real HTTP servers on loopback ports, for `--demo` and for
 * tests. Faults are chosen by the model's name (`faults.ts`), tool calls and lengths by the request (`answers.ts`).
 */

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { anthropic } from "./anthropic.ts";
import { type Attempt, createRecords, type LedgerEntry } from "./ledger.ts";
import { openai } from "./openai.ts";
import type { Recording } from "./replay.ts";
import { createProvider } from "./server.ts";

export interface ProviderOptions {
  /** Where to listen: `127.0.0.1` if absent. */
  readonly host?: string;
  /** Ports; absent or 0 for any that is free. */
  readonly openaiPort?: number;
  readonly anthropicPort?: number;
  /** Milliseconds between two tokens: 25, which reads like a real one, if absent; 0 for as fast as possible. */
  readonly pace?: number;
  /** Models that are answered with recorded bytes; looked up anew for each request. */
  readonly replies?: ReadonlyMap<string, Recording>;
}

export interface Providers {
  /** The base URL of each API as its official SDK wants it. */
  readonly openaiURL: string;
  readonly anthropicURL: string;
  /** What each request for an answer was given, oldest first. */
  readonly ledger: readonly LedgerEntry[];
  /** What arrived, oldest first. */
  readonly attempts: readonly Attempt[];
  /** Breaks off what is running and frees the ports. */
  close(): Promise<void>;
}

const PACE = 25;

/** Starts both servers. Rejects with the system's error when a port cannot be had. */
export async function startProviders(options: ProviderOptions = {}): Promise<Providers> {
  const records = createRecords();
  const shared = {
    records,
    pace: options.pace ?? PACE,
    replies: options.replies,
    counters: { request: 0, connection: 0 },
  };
  const host = options.host ?? "127.0.0.1";
  const [one, other] = [createProvider(openai, shared), createProvider(anthropic, shared)];
  try {
    const openaiURL = await listen(one.server, host, options.openaiPort ?? 0);
    const anthropicURL = await listen(other.server, host, options.anthropicPort ?? 0);
    one.elsewhere = anthropicURL;
    other.elsewhere = openaiURL;
    return {
      openaiURL: `${openaiURL}/v1`,
      anthropicURL,
      ledger: records.ledger,
      attempts: records.attempts,
      close: async () => void await Promise.all([one.close(), other.close()]),
    };
  } catch (error) {
    await Promise.all([one.close(), other.close()]);
    throw error;
  }
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const { port } = server.address() as AddressInfo;
      resolve(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
    });
  });
}
