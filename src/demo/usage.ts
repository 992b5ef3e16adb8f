/** What a simulated answer costs: a token count that is an estimate, but the same for the same request, and adds up. */

import { asNumber, isObject, type Json } from "../json.ts";

/** Tokens of one answer; `input` includes both cache figures, `output` includes `reasoning`. */
export interface Usage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** The part of `cacheWrite` that is kept for an hour. */
  readonly cacheWrite1h: number;
  readonly output: number;
  readonly reasoning: number;
}

/** Fields that hold no text for the model. */
const OPAQUE = new Set(["data", "url", "file_data", "signature", "encrypted_content"]);
const IMAGE_TOKENS = 85;

/** A text cut into the pieces that are streamed one by one, each counted as a token; joined they are the text. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S{1,8}|\s+/gu) ?? [];
}

/** A text cut every `size` characters, never inside one. */
export function slicesOf(text: string, size: number): string[] {
  return text.match(new RegExp(`.{1,${Math.max(size, 1)}}`, "gsu")) ?? [];
}

/** Estimated tokens of what a request says: texts, tools and images, whatever its API. */
export function estimateInput(value: Json | undefined): number {
  if (typeof value === "string") return Math.ceil(value.length / 4);
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + estimateInput(item), 0);
  if (!isObject(value)) return 0;
  const type = value["type"];
  const start = type === "image" || type === "image_url" ? IMAGE_TOKENS : 1;
  return Object.entries(value).reduce(
    (sum, [key, item]) => OPAQUE.has(key) ? sum : sum + estimateInput(item),
    start,
  );
}

/**
 * The usage of an answer, or what the request orders it to be: `usage 8/20` (input and output) and `cache 100/50`
 * (read and written) in the user's text, or a model whose name holds `demo-usage-8-20`.
 */
export function orderedUsage(usage: Usage, model: string, text: string): Usage {
  const tokens = /\bdemo-usage-(\d+)-(\d+)/.exec(model) ?? /\busage (\d+)\/(\d+)\b/.exec(text);
  const cache = /\bcache (\d+)\/(\d+)\b/.exec(text);
  const read = cache ? Number(cache[1]) : usage.cacheRead;
  const write = cache ? Number(cache[2]) : usage.cacheWrite;
  const output = tokens ? Number(tokens[2]) : usage.output;
  const input = tokens ? Number(tokens[1]) : usage.input;
  return {
    input: Math.max(input, cache ? read + write : 0),
    cacheRead: tokens && !cache ? 0 : read,
    cacheWrite: tokens && !cache ? 0 : write,
    cacheWrite1h: tokens || cache ? 0 : usage.cacheWrite1h,
    output,
    reasoning: Math.min(usage.reasoning, output),
  };
}

/** A whole number at or above zero, of either JSON form. */
export function wholeNumber(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number !== undefined && Number.isInteger(number) && number >= 0 ? number : undefined;
}
