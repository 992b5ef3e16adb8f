/**
 * Token usage. The wire's `input_tokens` is only what was neither read from a cache nor written to one; a stream's
 * figures are totals that later events replace.
 */

import { MOST_TOKENS, type Usage } from "../../chat.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import { mergeFigures } from "../figures.ts";
import type { DeltaUsage, MessageUsage } from "./wire-reply.ts";

/** What a wire usage says; `suspect` when a figure in it cannot be a count and was taken as missing. */
export interface DecodedUsage {
  readonly usage: Usage | undefined;
  readonly suspect: boolean;
}

/** The members that figures are read from: what else a provider says is not kept, since a stream says it many times. */
const COUNTED = [
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
  "cache_creation",
  "output_tokens_details",
  "iterations",
] as const;

/**
 * The wire usage known so far, with what an update says.
 * @param produced something was answered: before that, an output of 0 is no less true than what `message_start` says
 */
export function mergeUsage(known: JsonObject, update: JsonObject, produced: boolean): JsonObject {
  const merged = mergeFigures(known, update, COUNTED);
  const none = !produced && asNumber(update.output_tokens) === 0;
  return none ? { ...merged, output_tokens: 0 } : merged;
}

/** A wire usage in neutral totals; undefined when it counts neither input nor output. */
export function decodeUsage(wire: JsonObject): DecodedUsage {
  let suspect = false;
  const count = (value: Json | undefined): number | undefined => {
    if (value === undefined || value === null) return undefined;
    const number = asNumber(value);
    if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= MOST_TOKENS) {
      return number;
    }
    suspect = true;
    return undefined;
  };

  if (Array.isArray(wire.iterations) && wire.iterations.length > MOST_ITERATIONS) suspect = true;
  const total = addIterations(wire, (entries, key) => {
    const counts = entries.map((entry) => count(entry[key]));
    return counts.some((known) => known !== undefined)
      ? counts.reduce<number>((sum, known) => sum + (known ?? 0), 0)
      : undefined;
  });
  const input = total("input_tokens");
  const output = total("output_tokens");
  const lifetimes = isObject(wire.cache_creation) ? wire.cache_creation : {};
  const short = count(lifetimes.ephemeral_5m_input_tokens);
  const long = count(lifetimes.ephemeral_1h_input_tokens);
  const cacheRead = total("cache_read_input_tokens") ?? 0;
  const cacheWrite = total("cache_creation_input_tokens") ?? (short ?? 0) + (long ?? 0);
  const details = isObject(wire.output_tokens_details) ? wire.output_tokens_details : {};
  const reasoning = count(details.thinking_tokens) ?? 0;
  if (input === undefined && output === undefined) return { usage: undefined, suspect };
  return {
    suspect,
    usage: {
      input: (input ?? 0) + cacheRead + cacheWrite,
      cacheRead,
      cacheWrite,
      // A later event may have replaced the total without its parts.
      ...((short ?? 0) + (long ?? 0) === cacheWrite && {
        ...(short !== undefined && { cacheWrite5m: short }),
        ...(long !== undefined && { cacheWrite1h: long }),
      }),
      output: output ?? 0,
      reasoning,
    },
  };
}

/** The figures of a `message_delta`. */
export function encodeDeltaUsage(usage: Usage): DeltaUsage {
  return {
    input_tokens: Math.max(0, usage.input - usage.cacheRead - usage.cacheWrite),
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cacheRead,
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
  };
}

/** The usage of a whole message. A member that has nothing to say is not there: the API's own answers have no nulls. */
export function encodeUsage(usage: Usage): MessageUsage {
  const { cacheWrite, cacheWrite5m, cacheWrite1h } = usage;
  const byLifetime = cacheWrite === 0 || cacheWrite5m !== undefined || cacheWrite1h !== undefined;
  return {
    ...encodeDeltaUsage(usage),
    ...(byLifetime && {
      cache_creation: {
        ephemeral_5m_input_tokens: cacheWrite5m ?? 0,
        ephemeral_1h_input_tokens: cacheWrite1h ?? 0,
      },
    }),
  };
}

/** Stands in where the provider counted nothing, since clients fail without figures. */
export function estimatedUsage(input: number, output: number): Usage {
  return { input, cacheRead: 0, cacheWrite: 0, output, reasoning: 0 };
}

/** A request runs a few times. Each event of a stream adds the list up anew: a longer one is not believed. */
const MOST_ITERATIONS = 100;

/**
 * A figure over all that the request ran. Where the provider compacted the conversation first, its own totals leave
 * the compaction out; where another model stood in, they are the stand-in's and right as they are.
 */
function addIterations(
  wire: JsonObject,
  sum: (entries: readonly JsonObject[], key: string) => number | undefined,
): (key: string) => number | undefined {
  const listed = Array.isArray(wire.iterations) ? wire.iterations : [];
  const iterations = listed.length <= MOST_ITERATIONS ? listed.filter(isObject) : [];
  const has = (type: string) => iterations.some((entry) => entry.type === type);
  const own = iterations.filter(({ type }) => type === "message" || type === "compaction");
  const entries = has("compaction") && !has("fallback_message") ? own : [wire];
  return (key) => sum(entries, key);
}
