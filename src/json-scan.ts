/**
 * One look over JSON before anything parses it: is it small enough in every respect to be parsed without blocking, and
 * where do its top-level members stand. It does not say whether the JSON is valid; the parser does.
 */

import { atOnce, mayPause, type Work } from "./work.ts";

export interface JsonLimits {
  readonly depth: number;
  /** Values of all kinds, in all of the text. */
  readonly values: number;
  readonly keysPerObject: number;
}

/**
 * For what a client sends, its body and the JSON inside of its strings: far above what requests have (a 30 MB body of
 * `{},` blocks a parser for seconds).
 */
export const REQUEST_LIMITS: JsonLimits = { depth: 64, values: 200_000, keysPerObject: 10_000 };

/**
 * For what a provider sends: an answer of 16,000 tokens with the 20 likeliest others of each has three million values.
 * Its bytes have a limit of their own, `MAX_REPLY_BYTES`.
 */
export const ANSWER_LIMITS: JsonLimits = { depth: 512, values: 4_000_000, keysPerObject: 10_000 };

/** Characters of a number, or of anything else outside of strings: no number that means anything has more. */
export const MAX_WORD = 1000;

/** What a look over JSON has found. */
export interface Scan {
  readonly values: number;
  /** Members of all objects: a name that appears twice in one object counts twice. */
  readonly keys: number;
  /** Some number may be one that a JavaScript number would change. */
  readonly longNumbers: boolean;
  /** The members of the outermost object, in their order; empty for any other value. */
  readonly members: readonly RawMember[];
}

/** A top-level member as it is written: the characters of its name between the quotes, and the range of its value. */
export interface RawMember extends Span {
  readonly key: string;
}

/** A range of a text or of bytes, without the white space around it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The top-level members of an object, by key; empty for any other value. */
export type Members = ReadonlyMap<string, Span>;

/** What of a text goes beyond a limit, such as `values`, and the limit. */
export interface Excess {
  readonly excess: string;
  readonly limit: number;
}

/** True for a text that is so short, and has so few brackets, that it can go beyond no limit but that of a number. */
export function isWithin(text: string, { depth, values, keysPerObject }: JsonLimits): boolean {
  if (text.length >= Math.min(values, KEY_CHARACTERS * keysPerObject)) return false;
  return text.length <= 2 * depth || hasFewBrackets(text, depth);
}

/** `"":1,`: no member is shorter. */
const KEY_CHARACTERS = 5;

/** Whether there are not even as many brackets as levels are allowed, strings included. */
function hasFewBrackets(text: string, depth: number): boolean {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++count > depth) return false;
    }
  }
  return true;
}

/** Looks over a body: the spans of its members are in its bytes, which are the text in UTF-8. */
export function scanJson(
  bytes: Uint8Array,
  text: string,
  limits: JsonLimits = REQUEST_LIMITS,
): Scan | Excess {
  return withSpansInBytes(scanText(text, limits), bytes, text);
}

/** `scanJson` in steps. */
export function* scanningJson(
  bytes: Uint8Array,
  text: string,
  limits: JsonLimits = REQUEST_LIMITS,
): Work<Scan | Excess> {
  const scan = yield* scanning(text, limits);
  if (mayPause()) yield;
  return withSpansInBytes(scan, bytes, text);
}

function withSpansInBytes(scan: Scan | Excess, bytes: Uint8Array, text: string): Scan | Excess {
  if ("excess" in scan || text.length === bytes.length) return scan;
  return { ...scan, members: inBytes(text, scan.members) };
}

/** Looks over JSON, each character once. */
export function scanText(text: string, limits: JsonLimits): Scan | Excess {
  return atOnce(scanning(text, limits));
}

/** Characters in one step: they take less than a millisecond. */
const STEP = 64 * 1024;

/** `scanText` in steps. */
export function* scanning(text: string, limits: JsonLimits): Work<Scan | Excess> {
  const members: RawMember[] = [];
  /** Members so far of the object that is open at a depth. */
  const keysAt: number[] = [0];
  let depth = 0;
  let values = 1;
  let keys = 0;
  let longNumbers = false;
  let due = STEP;
  /** The last string at the top level, which a colon makes a key, and where the value behind it begins. */
  let [keyStart, keyEnd, valueStart] = [0, 0, -1];

  const endMember = (end: number) => {
    if (valueStart === -1) return;
    const value = trimmed(text, valueStart, end);
    members.push({ key: text.slice(keyStart + 1, keyEnd - 1), start: value.start, end: value.end });
    valueStart = -1;
  };

  for (let at = 0; at < text.length; at++) {
    if (at >= due) {
      if (mayPause()) yield;
      due = at + STEP;
    }
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        let quote = text.indexOf('"', at + 1);
        while (quote !== -1 && isEscaped(text, quote)) {
          if (quote >= due) {
            if (mayPause()) yield;
            due = quote + STEP;
          }
          quote = text.indexOf('"', quote + 1);
        }
        const end = quote === -1 ? text.length : quote + 1;
        if (depth === 1 && valueStart === -1) [keyStart, keyEnd] = [at, end];
        at = end - 1;
        break;
      }
      case COLON:
        keys++;
        keysAt[depth] = (keysAt[depth] ?? 0) + 1;
        if ((keysAt[depth] ?? 0) > limits.keysPerObject) {
          return excess("keys in one object", limits.keysPerObject);
        }
        if (depth === 1) valueStart = at + 1;
        break;
      case COMMA:
        if (depth === 1) endMember(at);
        if (++values > limits.values) return excess("values", limits.values);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++depth > limits.depth) return excess("levels", limits.depth);
        if (++values > limits.values) return excess("values", limits.values);
        keysAt[depth] = 0;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 1) endMember(at);
        if (depth > 0) depth--;
        break;
      case SPACE:
      case LF:
      case CR:
      case TAB:
        break;
      default: {
        const end = endOfWord(text, at);
        if (end - at > MAX_WORD) return excess("characters in one number", MAX_WORD);
        longNumbers ||= end - at > LEAST_LONG && mayLoseDigits(text.slice(at, end));
        at = end - 1;
      }
    }
  }
  return { values, keys, longNumbers, members };
}

function excess(what: string, limit: number): Excess {
  return { excess: what, limit };
}

/** `1e999` has five characters: no shorter number is too large or too small, or has more digits than fit. */
const LEAST_LONG = 4;

/** So many digits always fit. */
const MOST_SURE = 15;

function mayLoseDigits(word: string): boolean {
  return word.length > MOST_SURE ? String(Number(word)) !== word : /[eE][+-]?\d{3}/.test(word);
}

/** The index just behind a run of characters that are neither marks of JSON's nor white space, or that is too long. */
function endOfWord(text: string, start: number): number {
  const last = Math.min(text.length, start + MAX_WORD + 1);
  for (let at = start + 1; at < last; at++) {
    switch (text.charCodeAt(at)) {
      case COMMA:
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
      case SPACE:
      case LF:
      case CR:
      case TAB:
      case COLON:
      case QUOTE:
      case OPEN_BRACE:
      case OPEN_BRACKET:
        return at;
    }
  }
  return last;
}

/** The name, as it is written, that some object of a text has twice; undefined if there is none. */
export function doubledKey(text: string, sameKey: (written: string) => string): string | undefined {
  /** For each open container its keys so far; null for an array. */
  const open: (Set<string> | null)[] = [];
  let last = "";
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        last = text.slice(at + 1, end - 1);
        at = end - 1;
        break;
      }
      case COLON: {
        const key = sameKey(last);
        if (open.at(-1)?.has(key)) return key;
        open.at(-1)?.add(key);
        break;
      }
      case OPEN_BRACE:
        open.push(new Set());
        break;
      case OPEN_BRACKET:
        open.push(null);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        open.pop();
        break;
    }
  }
  return undefined;
}

/** Members in their order, as spans of the bytes that the text has in UTF-8. */
function inBytes(text: string, members: readonly RawMember[]): RawMember[] {
  let [from, at] = [0, 0];
  const byteOf = (index: number): number => {
    at += utf8Length(text, from, index);
    from = index;
    return at;
  };
  return members.map(({ key, start, end }) => ({ key, start: byteOf(start), end: byteOf(end) }));
}

/** How many bytes a part of a well-formed text takes. */
function utf8Length(text: string, from: number, to: number): number {
  let length = to - from;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    // Half a surrogate pair is two of its four bytes.
    length += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return length;
}

/**
 * An object with some of its top-level members replaced or added; every other byte stays as it was.
 * @param replacements JSON text by key
 * @returns the very bytes that were given, where that changes nothing
 */
export function withMembers(
  bytes: Uint8Array,
  found: Members,
  replacements: Readonly<Record<string, string>>,
): Uint8Array {
  const edits: { start: number; end: number; by: Uint8Array }[] = [];
  const added: string[] = [];
  for (const [key, json] of Object.entries(replacements)) {
    const span = found.get(key);
    if (!span) added.push(`${JSON.stringify(key)}:${json}`);
    else {
      const by = encoder.encode(json);
      if (!isSame(bytes.subarray(span.start, span.end), by)) edits.push({ ...span, by });
    }
  }
  if (added.length > 0) {
    const close = bytes.lastIndexOf(CLOSE_BRACE);
    edits.push({
      start: close,
      end: close,
      by: encoder.encode((found.size > 0 ? "," : "") + added.join(",")),
    });
  }
  if (edits.length === 0) return bytes;
  edits.sort((one, other) => one.start - other.start);
  const grown = edits.reduce((sum, { start, end, by }) => sum + by.length - (end - start), 0);
  const edited = new Uint8Array(bytes.length + grown);
  let from = 0;
  let at = 0;
  for (const { start, end, by } of edits) {
    edited.set(bytes.subarray(from, start), at);
    at += start - from;
    edited.set(by, at);
    at += by.length;
    from = end;
  }
  edited.set(bytes.subarray(from), at);
  return edited;
}

const encoder = new TextEncoder();

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** The index just behind the string that begins at `start`; the text's length for one that never ends. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    if (!isEscaped(text, end)) return end + 1;
  }
  return text.length;
}

/** Whether a quote is one of its string's characters: an odd number of backslashes stands before it. */
function isEscaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}

/**
 * Watches JSON text that comes in pieces, each of which is looked at once.
 * @returns takes the next piece, and says whether it closes the bracket that was opened first
 */
export function closingBrace(): (piece: string) => boolean {
  let depth = 0;
  let inString = false;
  let escaped = false;
  return (piece) => {
    let closed = false;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (escaped) escaped = false;
      else if (code === QUOTE) inString = !inString;
      else if (inString) escaped = code === BACKSLASH;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
      else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) closed = true;
    }
    return closed;
  };
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function trimmed(text: string, start: number, end: number): Span {
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return { start, end };
}
