/**
 * JSON that loses nothing: numbers that a JavaScript number cannot hold keep their text, keys are own properties
 * whatever their name, and what is written is what was read. And the one door through which JSON comes in: nothing is
 * parsed that is not known to be within limits.
 */

import {
  ANSWER_LIMITS,
  doubledKey,
  endOfString,
  type Excess,
  isWithin,
  type JsonLimits,
  MAX_WORD,
  type Members,
  type Scan,
  scanJson,
  scanning,
  scanningJson,
  scanText,
  type Span,
} from "./json-scan.ts";
import { atOnce, mayPause, type Work } from "./work.ts";

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

/** What reading a text gives: a value, or why there is none. */
export type Reading =
  | { readonly kind: "read"; readonly value: Json }
  | { readonly kind: "no-json"; readonly cause: unknown }
  | { readonly kind: "too-much"; readonly excess: Excess };

/** Reads JSON text within limits; numbers that would lose digits become `ExactNumber`. */
export function readJson(text: string, limits: JsonLimits): Reading {
  return readShort(text, limits) ?? atOnce(readingJson(text, limits));
}

/** What is short has nothing to look for but its numbers: so it is with most answers, and with the events of streams. */
function readShort(text: string, limits: JsonLimits): Reading | undefined {
  if (!isWithin(text, limits)) return undefined;
  const long = LONG_NUMBER.test(text);
  return !long || text.length <= MAX_WORD ? parsed(text, long) : undefined;
}

/** `readJson` in steps, of which `JSON.parse` is one. */
export function* readingJson(text: string, limits: JsonLimits): Work<Reading> {
  const short = readShort(text, limits);
  if (short) return short;
  const scan = yield* scanning(text, limits);
  if (mayPause()) yield;
  return "excess" in scan ? { kind: "too-much", excess: scan } : parsed(text, scan.longNumbers);
}

/**
 * Parses JSON text that a provider sent, or that holds no more than one may.
 * @throws SyntaxError when the text is not JSON or goes beyond a limit
 */
export function parseJson(text: string, limits: JsonLimits = ANSWER_LIMITS): Json {
  const reading = readJson(text, limits);
  switch (reading.kind) {
    case "read":
      return reading.value;
    case "no-json":
      throw reading.cause;
    case "too-much":
      throw new SyntaxError(`The JSON has ${tooMuch(reading.excess)}`);
  }
}

/** As `parseJson`, for text that may not be JSON: undefined when it is not, or goes beyond a limit. */
export function tryParseJson(text: string, limits: JsonLimits = ANSWER_LIMITS): Json | undefined {
  const reading = readJson(text, limits);
  return reading.kind === "read" ? reading.value : undefined;
}

/** What goes beyond a limit, as a person says it: `more than 64 levels`. */
export function tooMuch({ excess, limit }: Excess): string {
  return `more than ${limit} ${excess}`;
}

/** How much JSON inside of strings may still be read of one request or answer: all of it shares one limit of values. */
export interface Allowance {
  readonly limits: JsonLimits;
  /** Values that are left. */
  left: number;
}

/** @param spent values that were read already: the body's own */
export function allowance(limits: JsonLimits, spent = 0): Allowance {
  return { limits, left: limits.values - spent };
}

/** Reads JSON inside of a string, out of what is left: undefined for what is no JSON, and for more than that. */
export function readWithin(text: string, from: Allowance): Json | undefined {
  const scan = scanText(text, { ...from.limits, values: from.left });
  const reading = "excess" in scan ? undefined : parsed(text, scan.longNumbers);
  if (reading?.kind !== "read" || "excess" in scan) return undefined;
  from.left -= scan.values;
  return reading.value;
}

/** A body that is JSON, with where its members stand and how many values it has. */
export interface ReadBody {
  readonly value: Json;
  readonly members: Members;
  readonly values: number;
}

/** A body that was not read: `doubled` names a key that appears twice in one object. */
export type Unread = Exclude<Reading, { kind: "read" }> | { readonly kind: "doubled"; readonly key: string };

/**
 * Reads the whole body of a request. No object may name a key twice: parsers differ in which of the two they take, so
 * what was checked might not be what is used.
 * @param text what the bytes say in UTF-8
 */
export function readBody(bytes: Uint8Array, text: string): ReadBody | Unread {
  const scan = scanJson(bytes, text);
  if ("excess" in scan) return { kind: "too-much", excess: scan };
  return bodyOf(parsed(text, scan.longNumbers), scan, text);
}

/** `readBody` in steps. */
export function* readingBody(bytes: Uint8Array, text: string): Work<ReadBody | Unread> {
  const scan = yield* scanningJson(bytes, text);
  if (mayPause()) yield;
  if ("excess" in scan) return { kind: "too-much", excess: scan };
  const reading = parsed(text, scan.longNumbers);
  if (mayPause()) yield;
  return bodyOf(reading, scan, text);
}

function bodyOf(reading: Reading, scan: Scan, text: string): ReadBody | Unread {
  if (reading.kind !== "read") return reading;
  // Counted, all keys cost less than a set of them for each object; only where one is missing is it looked for.
  if (countKeys(reading.value) !== scan.keys) {
    return { kind: "doubled", key: doubledKey(text, unescaped) ?? "" };
  }
  const members = new Map<string, Span>();
  for (const { key, start, end } of scan.members) members.set(unescaped(key), { start, end });
  return { value: reading.value, members, values: scan.values };
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
  const kept: Record<string, Json> = {};
  for (const [key, value] of entries) {
    if (value === undefined) continue;
    // Assigned, this one key would set the prototype.
    if (key === "__proto__") Object.defineProperty(kept, key, { ...MEMBER, value });
    else kept[key] = value;
  }
  return kept;
}

const MEMBER = { enumerable: true, configurable: true, writable: true } as const;

function isExact(value: unknown): value is ExactNumber {
  return typeof value === "object" && value !== null && EXACT in value;
}

function parsed(text: string, mayHaveLongNumbers: boolean): Reading {
  try {
    const marked = mayHaveLongNumbers ? markLongNumbers(text) : undefined;
    return { kind: "read", value: marked === undefined ? JSON.parse(text) : unmark(JSON.parse(marked)) };
  } catch (cause) {
    return { kind: "no-json", cause };
  }
}

/** What stands between the quotes of a valid string, as parsers see it: `mod\u0065l` is `model`. */
export function unescaped(written: string): string {
  return written.includes("\\") ? JSON.parse(`"${written}"`) : written;
}

function countKeys(value: Json | undefined): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") count += countKeys(item);
    return count;
  }
  for (const key in value) {
    const item = (value as JsonObject)[key];
    count += typeof item === "object" ? 1 + countKeys(item) : 1;
  }
  return count;
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
  const written = String(value);
  // Almost every number is written as JavaScript writes it.
  return written === token || (Number.isFinite(value) && canonical(written) === canonical(token));
}

/** A decimal number as digits and exponent, so that `1.50e3` and `1500` are the same. */
function canonical(token: string): string {
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ??
      [];
  const digits = `${whole}${fraction}`;
  let [first, end] = [0, digits.length];
  while (digits[first] === "0") first++;
  if (first === end) return "0";
  while (digits[end - 1] === "0") end--;
  return `${sign}${digits.slice(first, end)}e${Number(exponent) - fraction.length + (digits.length - end)}`;
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
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && holdsExact(item)) return true;
    return false;
  }
  if (isExact(value)) return true;
  for (const key in value) {
    const item = (value as JsonObject)[key];
    if (typeof item === "object" && holdsExact(item)) return true;
  }
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
