/**
 * One look over JSON before anything parses it: is it small enough in depth and number of values to parse without
 * blocking, does any object name a key twice, and where do its top-level members stand. It does not say whether the
 * JSON is valid; the parser does.
 */

import { GatewayError } from "./errors.ts";

export interface JsonLimits {
  readonly depth: number;
  readonly values: number;
  readonly keysPerObject: number;
}

/** Far above what requests have (a 30 MB body of `{},` blocks a parser for seconds). */
export const JSON_LIMITS: JsonLimits = { depth: 64, values: 200_000, keysPerObject: 10_000 };

/** The range of a top-level member's value in the bytes, without the white space around it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The top-level members of an object, by key; empty for any other value. */
export type Members = ReadonlyMap<string, Span>;

/**
 * Scans JSON.
 * @param decoded the text of the bytes, by any encoding that extends ASCII
 * @throws GatewayError `json_too_complex` past a limit, `invalid_value` for a key that stands twice in one object:
 * parsers differ in which of the two they take, so what was checked might not be what is used
 */
export function scanJson(bytes: Uint8Array, decoded: string, limits: JsonLimits = JSON_LIMITS): Members {
  const text = decoded.length === bytes.length ? decoded : byteText(bytes);
  const found = new Map<string, Span>();
  /** For each open container its keys so far; null for an array. */
  const open: (Set<string> | null)[] = [];
  let values = 1;
  let keyNext = false;
  let member: { key: string; start: number } | undefined;
  /** Where the characters between two marks begin, and the last of them so far. */
  let [plainStart, plainEnd] = [0, -1];

  const endMember = (end: number) => {
    if (member === undefined || open.length !== 1) return;
    found.set(member.key, trimmed(text, member.start, end));
    member = undefined;
  };

  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keyNext && keys) {
          const key = readKey(bytes, text, at, end);
          if (keys.has(key)) throw duplicateKey(key);
          if (keys.add(key).size > limits.keysPerObject) {
            throw tooComplex("keys in one object", limits.keysPerObject);
          }
          if (open.length === 1) member = { key, start: end };
          keyNext = false;
        }
        at = end - 1;
        break;
      }
      case COLON:
        if (member !== undefined && open.length === 1) member.start = at + 1;
        break;
      case COMMA:
        endMember(at);
        keyNext = open.at(-1) != null;
        if (++values > limits.values) throw tooComplex("values", limits.values);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        keyNext = text.charCodeAt(at) === OPEN_BRACE;
        if (open.push(keyNext ? new Set() : null) > limits.depth) throw tooComplex("levels", limits.depth);
        if (++values > limits.values) throw tooComplex("values", limits.values);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        endMember(at);
        open.pop();
        keyNext = false;
        break;
      default:
        if (plainEnd !== at - 1) plainStart = at;
        // Few runs are as long; those that are may be as long as the text, and are not walked through.
        if (at - plainStart === LONG_RUN) {
          at = nextMark(text, at) - 1;
          if (ENDLESS_WORD.test(text.slice(plainStart, at + 1))) {
            throw tooComplex("characters in one number", MAX_WORD);
          }
        }
        plainEnd = at;
    }
  }
  return found;
}

/**
 * A character to each byte, so that what is found in the text has the same place in the bytes: the marks of JSON are
 * ASCII, and in UTF-8 no other character has a byte of ASCII in it.
 */
export function byteText(bytes: Uint8Array): string {
  return byteDecoder.decode(bytes);
}

const byteDecoder = new TextDecoder("latin1");

const LONG_RUN = 64;
/** No number that means anything is longer. */
const MAX_WORD = 1000;
const ENDLESS_WORD = new RegExp(`\\S{${MAX_WORD + 1}}`);
const MARK = /["{}[\],:]/g;

/** The index of the next character that is a mark of JSON's; the text's length if there is none. */
function nextMark(text: string, from: number): number {
  MARK.lastIndex = from;
  return MARK.exec(text)?.index ?? text.length;
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
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
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

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A key as parsers see it: `"mod\u0065l"` is `model`. */
function readKey(bytes: Uint8Array, text: string, start: number, end: number): string {
  const shown = text.slice(start + 1, end - 1);
  const raw = ASCII.test(shown) ? shown : keyDecoder.decode(bytes.subarray(start + 1, end - 1));
  if (!raw.includes("\\")) return raw;
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return raw; // The parser will refuse it.
  }
}

const ASCII = /^[\0-\x7f]*$/;
const keyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function trimmed(text: string, start: number, end: number): Span {
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return { start, end };
}

function duplicateKey(key: string): GatewayError {
  const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key;
  return new GatewayError("invalid_value", `The key ${JSON.stringify(shown)} stands twice in one object`, {
    param: shown,
  });
}

function tooComplex(what: string, limit: number): GatewayError {
  return new GatewayError("json_too_complex", `The request body has more than ${limit} ${what}`);
}
