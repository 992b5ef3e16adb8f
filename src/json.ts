/**
 * JSON that loses nothing: numbers that a JavaScript number cannot hold keep their text, keys are own properties
 * whatever their name, and what is written is what was read.
 */

import { endOfString } from "./json-scan.ts";

export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** A number whose digits a JavaScript number would change (2^53 + 1, 20 decimals), kept as its text. */
export interface ExactNumber {
  readonly [EXACT]: string;
}

const EXACT: unique symbol = Symbol("exact number");
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NUMBER_CHARACTERS = /[-+.\deE]+/y;
/** Sixteen digits in a row or an exponent of three: no other number can lose a digit, or be too large or too small. */
const LONG_NUMBER = /\d[\d.]{15}|\d[eE][+-]?\d{3}/;
/** What is nested deeper could be parsed, but not be walked through or written again without filling the stack. */
const MAX_DEPTH = 512;

/**
 * Parses JSON text; numbers that would lose digits become `ExactNumber`.
 * @throws SyntaxError when the text is not JSON, or is nested deeper than 512 levels
 */
export function parseJson(text: string): Json {
  if (isTooDeep(text)) throw new SyntaxError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
  return parseShallowJson(text);
}

/**
 * As `parseJson`, for text whose depth is known to be bounded: `scanJson` has looked at it.
 * @throws SyntaxError when the text is not JSON
 */
export function parseShallowJson(text: string): Json {
  const marked = LONG_NUMBER.test(text) ? markLongNumbers(text) : undefined;
  return marked === undefined ? JSON.parse(text) : unmark(JSON.parse(marked));
}

/** Parses text that may not be JSON: undefined when it is not. */
export function tryParseJson(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/**
 * JSON text of a value, with the digits of exact numbers as they were read. Properties whose value is undefined are
 * left out.
 */
export function stringifyJson(value: Json): string {
  return holdsExact(value) ? write(value) : JSON.stringify(value);
}

/** True for a JSON object: not null, not an array, not a number kept as text. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExact(value);
}

/** A JSON number of either form as a JavaScript number; undefined for anything else. */
export function asNumber(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value;
  return isExact(value) ? Number(value[EXACT]) : undefined;
}

/** Copies an object's members, `undefined` ones left out. Safe for every key, `__proto__` included. */
export function members(entries: Iterable<readonly [string, Json | undefined]>): JsonObject {
  const kept: [string, Json][] = [];
  for (const [key, value] of entries) if (value !== undefined) kept.push([key, value]);
  return Object.fromEntries(kept);
}

function isExact(value: unknown): value is ExactNumber {
  return typeof value === "object" && value !== null && EXACT in value;
}

function isTooDeep(text: string): boolean {
  if (text.length <= 2 * MAX_DEPTH || hasFewBrackets(text)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at) - 1;
    else if (code === 0x5b || code === 0x7b) depth++;
    else if (code === 0x5d || code === 0x7d) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** Whether there are not even as many brackets as levels are allowed, strings included: most texts are done with here. */
function hasFewBrackets(text: string): boolean {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++count > MAX_DEPTH) return false;
    }
  }
  return true;
}

/** Begins a string that stands for a number. */
const MARK = "#";
/** Put before a string that could be taken for such a one: no string of the text can imitate a number. */
const GUARD = "=";

/** Puts each number that would lose digits into a string, so that `JSON.parse` keeps it; undefined if there is none. */
function markLongNumbers(text: string): string | undefined {
  let marked = "";
  let from = 0;
  let found = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const first = text[at + 1];
      if (first === MARK || first === GUARD || first === "\\") {
        marked += text.slice(from, at + 1) + GUARD;
        from = at + 1;
      }
      at = endOfString(text, at) - 1;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      NUMBER_CHARACTERS.lastIndex = at;
      const token = NUMBER_CHARACTERS.exec(text)?.[0] ?? "";
      if (NUMBER.test(token) && !keepsDigits(token)) {
        marked += `${text.slice(from, at)}"${MARK}${token}"`;
        from = at + token.length;
        found = true;
      }
      at += Math.max(token.length - 1, 0);
    }
  }
  return found ? marked + text.slice(from) : undefined;
}

/** True when a JavaScript number holds the same value as the text says. */
function keepsDigits(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  return canonical(String(value)) === canonical(token);
}

/** A decimal number as digits and exponent, so that `1.50e3` and `1500` are the same. */
function canonical(token: string): string {
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ??
      [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const trimmed = digits.replace(/0+$/, "");
  if (trimmed === "") return "0";
  return `${sign}${trimmed}e${Number(exponent) - fraction.length + (digits.length - trimmed.length)}`;
}

function unmark(value: Json): Json {
  if (typeof value === "string") {
    return value.startsWith(MARK) ? { [EXACT]: value.slice(MARK.length) } : unguarded(value);
  }
  if (Array.isArray(value)) return value.map(unmark);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key.startsWith(MARK)) throw new SyntaxError("A number stands in the place of a key");
      return [unguarded(key), unmark(item ?? null)];
    }),
  );
}

function unguarded(text: string): string {
  return text.startsWith(GUARD) ? text.slice(GUARD.length) : text;
}

function holdsExact(value: Json | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (isExact(value)) return true;
  for (const item of Array.isArray(value) ? value : Object.values(value)) if (holdsExact(item)) return true;
  return false;
}

function write(value: Json): string {
  if (isExact(value)) return value[EXACT];
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) parts.push(`${JSON.stringify(key)}:${write(item)}`);
  }
  return `{${parts.join(",")}}`;
}
