/**
 * Faults by the model's name: `gpt-5-demo-cut-3` plays `cut` with the parameter 3. `-once` behind the word plays it
 * for the first request of that model only. To add a fault is to add a line to one of the tables.
 */

import type { Problem } from "./api.ts";
import { type Exchange, framesOf, give, refuse } from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { ANSWER_FAULTS } from "./faults-answer.ts";
import { BODY_FAULTS } from "./faults-body.ts";
import { CONNECTION_FAULTS } from "./faults-connection.ts";
import { STREAM_FAULTS } from "./faults-stream.ts";
import { rateLimit, type Trouble, TROUBLES } from "./problems.ts";

export interface FoundFault {
  readonly word: string;
  readonly fault: Fault;
  readonly parameter: number | undefined;
  readonly once: boolean;
}

const STATUS_FAULTS: Readonly<Record<string, Fault>> = {
  ...Object.fromEntries(Object.entries(TROUBLES).map(([word, row]) => [word, faultOf(row)])),
  "401": {
    about: "401, the key is refused and quoted as the API does",
    play: (exchange) =>
      refuse(exchange, exchange.api.badKey(exchange.api.credential(exchange.attempt.headers) ?? "")),
  },
  "401-leak": { about: "401 that quotes the key whole, URL-encoded and cut short", play: leakKey },
  "429": {
    about: "429 with retry-after: N seconds (2)",
    play: (exchange, n = 2) => limit(exchange, String(n)),
  },
  "429-date": {
    about: "429 with retry-after: the date N seconds (2) from now",
    play: (exchange, n = 2) => limit(exchange, new Date(Date.now() + n * 1000).toUTCString()),
  },
  "429-bare": { about: "429 without retry-after", play: (exchange) => limit(exchange, undefined) },
  flap: { about: "503 for N seconds (60), healthy for as long, and so on", play: flap },
};

/** Every fault by its word. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...STATUS_FAULTS,
  ...CONNECTION_FAULTS,
  ...BODY_FAULTS,
  ...STREAM_FAULTS,
  ...ANSWER_FAULTS,
};

const WORDS = Object.keys(FAULTS).sort((one, other) => other.length - one.length);
const NAMED = new RegExp(`demo-(${WORDS.join("|")})(-once)?(?:-(\\d+(?:\\.\\d+)?))?(?![a-z0-9])`);
const ORDERED_USAGE = /demo-usage-\d+-\d+/;

/** The fault that a model's name asks for; undefined for a healthy one, `unknown` for a word that is no fault. */
export function findFault(model: string): FoundFault | "unknown" | undefined {
  const found = NAMED.exec(model);
  const word = found?.[1];
  const fault = word === undefined ? undefined : FAULTS[word];
  if (word === undefined || fault === undefined) {
    return model.includes("demo-") && !ORDERED_USAGE.test(model) ? "unknown" : undefined;
  }
  return {
    word,
    fault,
    parameter: found?.[3] === undefined ? undefined : Number(found[3]),
    once: found?.[2] !== undefined,
  };
}

function faultOf(trouble: Trouble): Fault {
  return { about: trouble.about, play: (exchange) => refuse(exchange, trouble[exchange.api.name]) };
}

function limit(exchange: Exchange, retryAfter: string | undefined): void {
  refuse(exchange, rateLimit(retryAfter)[exchange.api.name]);
}

function leakKey(exchange: Exchange): void {
  const { api, attempt } = exchange;
  const key = api.credential(attempt.headers) ?? "";
  const message =
    `Refused key ${key} (${encodeURIComponent(key)}, ${key.slice(0, 8)}, ${key.slice(0, 3)}...` +
    `${key.slice(-4)})`;
  const problem: Problem = api.badKey(key);
  refuse(exchange, { ...problem, error: { ...problem.error, message } });
}

async function flap(exchange: Exchange, seconds = 60): Promise<void> {
  const down = Math.floor(exchange.sinceFirst / (seconds * 1000)) % 2 === 0;
  if (!down) return await give(exchange, framesOf(exchange));
  const outage = TROUBLES["503"];
  if (outage) refuse(exchange, outage[exchange.api.name]);
}
