/** Token counts of this API, and of the many servers that count almost as it does. */

import { MOST_TOKENS, type Usage } from "../../chat.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { mergeFigures } from "../figures.ts";

/**
 * The wire usage known so far, with what an update says; a total belongs to the parts that it came with. An update of
 * zeros says nothing of what is known.
 */
export function mergeUsage(known: JsonObject, update: JsonObject): JsonObject {
  if (isAbsent(update) && !isAbsent(known)) return known;
  return { ...mergeFigures(known, update, COUNTED), total_tokens: update.total_tokens };
}

/** Figures are at the top of an answer or chunk, in its choice (Moonshot), or in a member of Groq's. */
export function figuresOf(body: JsonObject, choice: Json | undefined): Json | undefined {
  if (!isAbsent(body.usage)) return body.usage;
  const own = isObject(choice) ? choice.usage : undefined;
  const groq = isObject(body.x_groq) ? body.x_groq.usage : undefined;
  return own ?? groq ?? body.usage;
}

/**
 * Token counts of an answer; undefined if it has none. Only whole numbers from 0 on are counts. Where the parts do not
 * add up as the API says, they are read so that they do: some servers count what came from a cache, or what the model
 * thought, beside the prompt and the completion and not within them.
 */
export function readUsage(usage: Json | undefined): Usage | undefined {
  if (!isObject(usage)) return undefined;
  const prompt = count(usage.prompt_tokens) ?? count(usage.input_tokens);
  const completion = count(usage.completion_tokens) ?? count(usage.output_tokens);
  if (prompt === undefined && completion === undefined) return undefined;
  const [cacheRead, cacheWrite] = [largest(usage, CACHE_READ), largest(usage, CACHE_WRITE)];
  const reasoning = largest(usage, REASONING);
  const input = prompt ?? 0;
  const output = completion ?? 0;
  const total = count(usage.total_tokens);
  const beyond = total === undefined ? 0 : Math.max(0, total - input - output);
  const beside = cacheBeside(input, cacheRead + cacheWrite, reasoning, beyond);
  const left = beyond - (beside && beyond > 0 ? cacheRead + cacheWrite : 0);
  const thought = thoughtBeside(output, reasoning, total === undefined ? undefined : left);
  return {
    input: input + (beside ? cacheRead + cacheWrite : 0),
    cacheRead,
    cacheWrite,
    output: output + thought,
    reasoning: Math.min(reasoning === 0 ? thought : reasoning, output + thought),
  };
}

/** Whether the prompt's count leaves the cache out: it is smaller than that, or the total counts both. */
function cacheBeside(input: number, cached: number, reasoning: number, beyond: number): boolean {
  if (cached > input) return true;
  return cached > 0 && beyond !== reasoning && (beyond === cached || beyond === cached + reasoning);
}

/**
 * The thinking that the completion's count leaves out.
 * @param left what the total has beyond the other parts; undefined where there is no total
 */
function thoughtBeside(output: number, reasoning: number, left: number | undefined): number {
  if (left === undefined) return reasoning > output ? reasoning : 0;
  // Where the thinking has no figure of its own, the total alone has it (any-llm#1290).
  return reasoning === 0 ? Math.max(0, left) : left === reasoning ? reasoning : 0;
}

/** Names that one figure goes by: at the top, or in one of the details. */
interface Names {
  readonly details: readonly string[];
  readonly within: readonly string[];
  readonly top: readonly string[];
}

const PROMPT_DETAILS = ["prompt_tokens_details", "input_tokens_details"];
const COMPLETION_DETAILS = ["completion_tokens_details", "output_tokens_details"];
const CACHE_READ: Names = {
  details: PROMPT_DETAILS,
  within: ["cached_tokens", "cache_read_tokens", "cache_read_input_tokens"],
  top: ["cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "num_cached_tokens"],
};
const CACHE_WRITE: Names = {
  details: PROMPT_DETAILS,
  within: ["cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"],
  top: ["cache_creation_input_tokens", "cache_write_tokens"],
};
const REASONING: Names = {
  details: COMPLETION_DETAILS,
  within: ["reasoning_tokens", "thinking_tokens"],
  top: ["reasoning_tokens"],
};

/** The members that figures are read from. */
const COUNTED: readonly string[] = [
  "prompt_tokens",
  "input_tokens",
  "completion_tokens",
  "output_tokens",
  ...[CACHE_READ, CACHE_WRITE, REASONING].flatMap(({ top }) => top),
  ...PROMPT_DETAILS,
  ...COMPLETION_DETAILS,
];

/** A figure by whichever of its names it has; a server that has two of them leaves one at zero. */
function largest(usage: JsonObject, { details, within, top }: Names): number {
  let found = 0;
  for (const name of top) found = Math.max(found, count(usage[name]) ?? 0);
  for (const detail of details) {
    const parts = usage[detail];
    if (!isObject(parts)) continue;
    for (const name of within) found = Math.max(found, count(parts[name]) ?? 0);
  }
  return found;
}

/** Token counts as the API gives them, with every key that its own answers have: the parts add up to the total. */
export function writeUsage(usage: Usage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: {
      cached_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite,
      audio_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= 0 && number <= MOST_TOKENS
    ? number
    : undefined;
}
