/** What the simulated providers received and what they gave for it: arrays in memory, bounded. */

import type { Usage } from "./usage.ts";

/** A request as it arrived. */
export interface Attempt {
  /** Counts the requests of all providers, from 1. */
  readonly number: number;
  readonly api: "openai" | "anthropic";
  readonly method: string;
  /** The raw request target. */
  readonly path: string;
  /** Lower-case names; repeated headers joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Counts the connections of all providers: requests of one connection have one number. */
  readonly connection: number;
  body: string;
}

/** What a request for an answer was given. */
export interface LedgerEntry {
  readonly number: number;
  readonly api: "openai" | "anthropic";
  readonly model: string;
  readonly stream: boolean;
  /** The fault that was played, if one was. */
  readonly fault: string | undefined;
  readonly bytesReceived: number;
  /** 0 until a status was sent. */
  status: number;
  /** Bytes of the body. */
  bytesSent: number;
  /** Output tokens that were sent off. */
  tokensSent: number;
  /** The last usage that was reported. */
  usage: Usage | undefined;
  /** `client-closed`: the client went before the end; `broken`: the provider broke off. */
  outcome: "pending" | "complete" | "client-closed" | "broken";
  /** Milliseconds from the request to its end. */
  milliseconds: number | undefined;
}

const MOST_ATTEMPTS = 2000;
const MOST_BODY_CHARACTERS = 64 * 1024 * 1024;
const MOST_ENTRIES = 10_000;

export interface Records {
  readonly attempts: Attempt[];
  readonly ledger: LedgerEntry[];
  /** Keeps a request; its body is given when it has arrived. */
  received(attempt: Attempt): void;
  /** Keeps the body of a request, and forgets the oldest requests past the bounds. */
  bodyOf(attempt: Attempt, body: string): void;
  answered(entry: LedgerEntry): void;
}

/** Empty records. */
export function createRecords(): Records {
  const attempts: Attempt[] = [];
  const ledger: LedgerEntry[] = [];
  let characters = 0;
  const forgetOldest = () => {
    while (attempts.length > MOST_ATTEMPTS || (characters > MOST_BODY_CHARACTERS && attempts.length > 1)) {
      characters -= attempts.shift()?.body.length ?? 0;
    }
  };
  return {
    attempts,
    ledger,
    received(attempt) {
      attempts.push(attempt);
      forgetOldest();
    },
    bodyOf(attempt, body) {
      attempt.body = body;
      // One that was forgotten meanwhile is not counted.
      if (attempts.includes(attempt)) characters += body.length;
      forgetOldest();
    },
    answered(entry) {
      ledger.push(entry);
      if (ledger.length > MOST_ENTRIES) ledger.shift();
    },
  };
}
