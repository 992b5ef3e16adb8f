/**
 * Where credentials stand in a text: one walk through it, whatever it repeats and however many are looked for. A provider's
 * error may be a megabyte of what only looks like keys.
 */

import { textOf, unescaped, unitsOf } from "./escapes.ts";
import { createShownEnds, type ShownEnds } from "./shown-ends.ts";

/** Told a range that is not for others: from one index up to another. */
export type Found = (from: number, to: number) => void;

export interface CredentialSearch {
  /** Whether a text needs more than a look at each character; nearly all do not. */
  suspects(text: string): boolean;
  /** Every range of a text that is a credential, a part of one or shaped like one; ranges may overlap. */
  find(units: Uint16Array, found: Found): void;
}

/** So many first characters of a credential are as secret as the whole, and so many in a row anywhere in it. */
const PREFIX = 8;
const INNER = 16;
/** A key that is longer has no need of all of its parts to be known again. */
const MOST_INNER = 32;

/** How keys of providers and of this proxy begin, and how many more characters such a key has at least. */
const SHAPES = [
  ...["sk", "rk", "pk", "gsk", "csk", "xai", "hf", "nvapi", "pplx"]
    .flatMap((word) => [`${word}-`, `${word}_`].map((beginning) => ({ beginning, least: 16 }))),
  { beginning: "AIza", least: 24 },
  { beginning: "aip_", least: 6 },
].map(({ beginning, least }) => ({ units: unitsOf(beginning), least }));

/** What stands for the hidden part of a key that is shown in part, and how often at least. */
const MASKS: ReadonlyMap<number, number> = new Map(
  Object.entries({ ".": 2, "*": 2, "…": 1, "•": 1, "●": 1, "·": 2, "█": 1, "#": 3, "-": 4, _: 4, x: 4, X: 4 })
    .map(([sign, least]) => [sign.charCodeAt(0), least]),
);

/** Two characters that follow each other have a place in a table; those that are ASCII have it alone. */
const PLACES = 128 * 128;
const placeOf = (one: number, two: number) => ((one << 7) ^ two) & (PLACES - 1);
const [FORM, SHAPE, MASK, ESCAPE] = [1, 2, 4, 8] as const;

/** How a credential may be written, and from where on it is looked for: its beginning, or a part of it. */
interface Form {
  readonly index: number;
  readonly units: Uint16Array;
  readonly start: number;
}

export function createCredentialSearch(credentials: Iterable<string>): CredentialSearch {
  const known = Array.from(new Set(credentials)).filter(Boolean);
  const forms: readonly Form[] = [...new Set(known.flatMap(formsOf))]
    .flatMap((text) => {
      const units = unitsOf(text);
      const inner = Math.min(MOST_INNER, Math.floor((units.length - INNER) / PREFIX) + 1);
      return Array.from({ length: Math.max(0, inner) + 1 }, (_, part) => ({ units, start: part * PREFIX }));
    })
    .map((form, index) => ({ ...form, index }));
  const signs = SIGNS.slice();
  const byPlace = new Map<number, Form[]>();
  for (const form of forms) {
    const [one = 0, two] = form.units.subarray(form.start);
    // Any character may stand behind one that is all of a credential.
    const seconds = two === undefined ? Array.from({ length: 128 }, (_, code) => code) : [two];
    for (const second of seconds) {
      const place = placeOf(one, second);
      mark(signs, place, FORM);
      const there = byPlace.get(place);
      if (there) there.push(form);
      else byPlace.set(place, [form]);
    }
  }
  let shown: ShownEnds | undefined;

  return {
    suspects: (text) => {
      for (let at = 0; at < text.length; at++) {
        const one = text.charCodeAt(at);
        const two = at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
        const place = placeOf(one, two);
        const sign = signs[place] ?? 0;
        if (sign >= MASK || one > 0x7f) return true;
        if (sign & SHAPE && SHAPES.some(({ units }) => beginsAt(text, at, units))) return true;
        // Two characters of a key are in many texts, eight in few.
        if (
          sign & FORM && byPlace.get(place)?.some(({ units, start }) => beginsAt(text, at, units, start))
        ) return true;
      }
      return false;
    },
    find: (units, found) => {
      const formAt = formWalk(units, forms.length, found);
      let [shapesFrom, masksFrom] = [0, 0];
      for (let at = 0; at < units.length; at++) {
        const one = units[at] ?? 0;
        const place = placeOf(one, units[at + 1] ?? 0);
        const sign = signs[place] ?? 0;
        if (sign === 0 && one <= 0x7f) continue;
        if (sign & FORM) {
          for (const form of byPlace.get(place) ?? []) formAt(at, form);
        }
        if (sign & SHAPE && at >= shapesFrom) {
          const end = shapeEnd(units, at);
          if (end > at) found(at, shapesFrom = end);
        }
        if ((sign & MASK || one > 0x7f) && at >= masksFrom) {
          masksFrom = maskEnd(units, at);
          if (masksFrom > at) (shown ??= createShownEnds(known)).around(units, at, masksFrom, found);
        }
      }
    },
  };
}

function beginsAt(text: string, at: number, units: Uint16Array, start = 0): boolean {
  for (let index = start; index < Math.min(units.length, start + PREFIX); index++) {
    if (text.charCodeAt(at + index - start) !== units[index]) return false;
  }
  return true;
}

function mark(signs: Uint8Array, place: number, sign: number): void {
  signs[place] = (signs[place] ?? 0) | sign;
}

/** What is looked at in every text, whoever's keys are looked for. */
const SIGNS = new Uint8Array(PLACES);
for (const { units: [one = 0, two = 0] } of SHAPES) mark(SIGNS, placeOf(one, two), SHAPE);
for (const [sign, least] of MASKS) if (least > 1) mark(SIGNS, placeOf(sign, sign), MASK);
// An escape is told by its first character, whatever stands behind it.
for (const sign of unitsOf("\\%&")) {
  for (let next = 0; next < 128; next++) mark(SIGNS, placeOf(sign, next), ESCAPE);
}

/** The forms of a credential: raw, as bytes, in hexadecimal, and in base64 at whatever offset. */
function formsOf(credential: string): string[] {
  const bytes = new TextEncoder().encode(credential);
  const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const base64At = (offset: number) => {
    const text = btoa("\0".repeat(offset) + latin).replace(/=+$/, "");
    // The characters that depend on the credential alone, with so many bytes of something before it.
    const whole = Math.floor((offset + bytes.length) * 8 / 6);
    return text.slice(Math.ceil(offset * 8 / 6), offset === 0 ? text.length : whole);
  };
  const encoded = (bytes.length < PREFIX ? [0] : [0, 1, 2]).map(base64At);
  const forURLs = encoded.map((base64) => base64.replaceAll("+", "-").replaceAll("/", "_"));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [credential, latin, ...read(credential), ...encoded, ...forURLs, hex, hex.toUpperCase()];
}

/** What a credential is read as that has something like an escape in it, where other escapes are undone. */
function read(credential: string): string[] {
  const kinds = [/%[0-9a-f]{2}/gi, /\\./gs, /[^]+/g];
  return kinds.map((kind) =>
    credential.replace(kind, (escape) => textOf(unescaped(unitsOf(escape))?.units ?? unitsOf(escape)))
  );
}

/** Tells of a form or a part of one at an index, with whatever hangs on to it. */
function formWalk(units: Uint16Array, count: number, found: Found): (at: number, form: Form) => void {
  /** Where each form may begin again: what it has is not walked through twice. */
  const from = new Uint32Array(count);
  let [restFrom, restTo] = [0, 0];
  /** What may follow a credential's beginning and still belong to it. */
  const endOfRest = (start: number) => {
    let at = start;
    while (at < units.length && isRest(units[at] ?? 0)) {
      if (at >= restFrom && at < restTo) return restTo;
      at++;
    }
    [restFrom, restTo] = [start, at];
    return at;
  };
  return (at, { index, units: form, start }) => {
    if (at < (from[index] ?? 0)) return;
    let end = at;
    while (start + end - at < form.length && units[end] === form[start + end - at]) end++;
    const least = Math.min(PREFIX, form.length);
    if (end - at < least) return;
    let begin = at;
    if (start > 0) {
      while (at - begin < start && units[begin - 1] === form[start - (at - begin) - 1]) begin--;
      if (end - begin < INNER) return;
    }
    // A short credential is cut as a word only: `bad` must not be cut out of `badge`.
    if (least < PREFIX && (!isAlone(units, at, end) || isSyntax(units, at, end))) return;
    if (least === PREFIX) end = endOfRest(end);
    from[index] = end;
    found(begin, end);
  };
}

function isAlone(units: Uint16Array, from: number, to: number): boolean {
  return !isKeyCharacter(units[from - 1] ?? 0) && !isKeyCharacter(units[to] ?? 0);
}

/** Whether a word is a member's name in JSON, or a value without quotes: who has `error` for a key keeps errors readable. */
function isSyntax(units: Uint16Array, from: number, to: number): boolean {
  const quoted = units[from - 1] === QUOTE && units[to] === QUOTE;
  const beside = (at: number, step: number) => {
    while (units[at] === BLANK) at += step;
    return String.fromCharCode(units[at] ?? 0);
  };
  if (quoted) return beside(to + 1, 1) === ":";
  return LITERAL.test(textOf(units.subarray(from, to))) && /[[:,]/.test(beside(from - 1, -1)) &&
    /[\],}]/.test(beside(to, 1));
}

const [QUOTE, BLANK] = [0x22, 0x20];
const LITERAL = /^(?:null|true|false|\d+)$/;

/** Where what has the shape of a key ends; the index itself when it has not. */
function shapeEnd(units: Uint16Array, at: number): number {
  if (isWord(units[at - 1] ?? 0)) return at;
  for (const { units: beginning, least } of SHAPES) {
    if (!startsWith(units, at, beginning)) continue;
    const start = at + beginning.length;
    let end = start;
    while (isKeyCharacter(units[end] ?? 0)) end++;
    if (end - start >= least) return end;
  }
  return at;
}

function startsWith(units: Uint16Array, at: number, beginning: Uint16Array): boolean {
  for (let index = 0; index < beginning.length; index++) {
    if (units[at + index] !== beginning[index]) return false;
  }
  return true;
}

/** Where a mask ends; the index itself when there is none. */
function maskEnd(units: Uint16Array, at: number): number {
  const sign = units[at] ?? 0;
  const least = MASKS.get(sign);
  if (least === undefined) return at;
  let end = at + 1;
  while (units[end] === sign) end++;
  return end - at >= least ? end : at;
}

const WORD = 1;
const KEY = 2;
const REST = 4;
const CLASSES = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  CLASSES[code] = (/\w/.test(character) ? WORD : 0) | (/[\w-]/.test(character) ? KEY : 0) |
    (/[\w.%+/=-]/.test(character) ? REST : 0);
}

const isWord = (unit: number) => ((CLASSES[unit] ?? 0) & WORD) !== 0;
const isKeyCharacter = (unit: number) => ((CLASSES[unit] ?? 0) & KEY) !== 0;
const isRest = (unit: number) => ((CLASSES[unit] ?? 0) & REST) !== 0;
