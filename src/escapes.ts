/** Text as it reads once a parser has undone its escapes, and where each character of it stood. */

/** Characters as their UTF-16 code units, which are looked at one by one. */
export interface View {
  readonly units: Uint16Array;
  /** Where the character at an index began in what was given; the last entry is its length. */
  readonly from: Int32Array;
}

export function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let at = 0; at < units.length; at++) units[at] = text.charCodeAt(at);
  return units;
}

export function textOf(units: Uint16Array): string {
  return Array.from(units, (unit) => String.fromCharCode(unit)).join("");
}

/**
 * Undoes the escapes of a text once, all kinds at the same time: JSON's and JavaScript's, percent-encoding (RFC 3986), and
 * the character references of HTML and XML. A byte of percent-encoding is a character of its own: what is looked for is
 * compared in that form too.
 * @returns undefined when there are none
 */
export function unescaped(units: Uint16Array): View | undefined {
  const length = units.length;
  let [text, from]: [Uint16Array, Int32Array] = [units, NO_PLACES];
  let size = 0;
  for (let at = 0; at < length;) {
    const unit = unitAt(units, at);
    const escape = unit === BACKSLASH || unit === PERCENT || unit === AMPERSAND ? escapeAt(units, at) : 0;
    if (escape === 0) {
      if (text !== units) {
        text[size] = unit;
        from[size] = at;
      }
      size++;
      at++;
      continue;
    }
    if (text === units) {
      // No escape reads as more than it is.
      text = units.slice();
      from = new Int32Array(length + 1);
      for (let index = 0; index < at; index++) from[index] = index;
    }
    const code = Math.floor(escape / WIDTHS);
    for (const part of code > 0xffff ? unitsOf(String.fromCodePoint(code)) : [code]) {
      text[size] = part;
      from[size++] = at;
    }
    at += escape % WIDTHS;
  }
  if (text === units) return undefined;
  from[size] = length;
  return { units: text.subarray(0, size), from: from.subarray(0, size + 1) };
}

const NO_PLACES = new Int32Array();
const [BACKSLASH, PERCENT, AMPERSAND] = [0x5c, 0x25, 0x26];
const [HASH, SEMICOLON, OPEN, CLOSE] = [0x23, 0x3b, 0x7b, 0x7d];
const [LETTER_U, LETTER_X] = [0x75, 0x78];

/** What stands behind a backslash for another character; whatever else does stands for itself. */
const SHORT = new Map([..."nrtbf"].map((letter, at) => [letter.charCodeAt(0), "\n\r\t\b\f".charCodeAt(at)]));
/** The references that every writer of XML knows. */
const NAMED = Object.entries({ amp: "&", quot: '"', apos: "'", lt: "<", gt: ">" })
  .map(([name, means]) => ({ name: unitsOf(`${name};`), code: means.charCodeAt(0) }));

/** An escape in one number: what it means, times this, and how many units it has. */
const WIDTHS = 16;
const escapeOf = (code: number, width: number) => code > 0x10ffff ? 0 : code * WIDTHS + width;

/** 0 where there is none. */
function escapeAt(units: Uint16Array, at: number): number {
  const unit = unitAt(units, at);
  if (unit === PERCENT) return fixed(units, at, 1, 2);
  if (unit === AMPERSAND) return referenceAt(units, at);
  const next = units[at + 1];
  if (next === undefined) return 0;
  const letter = next | 0x20;
  if (letter === LETTER_X) return fixed(units, at, 2, 2);
  if (letter !== LETTER_U) return escapeOf(SHORT.get(next) ?? next, 2);
  return units[at + 2] === OPEN ? upTo(units, at, 3, 6, 16, CLOSE) : fixed(units, at, 2, 4);
}

function referenceAt(units: Uint16Array, at: number): number {
  if (units[at + 1] !== HASH) {
    const known = NAMED.find(({ name }) => name.every((unit, index) => units[at + 1 + index] === unit));
    return known ? escapeOf(known.code, known.name.length + 1) : 0;
  }
  return ((units[at + 2] ?? 0) | 0x20) === LETTER_X
    ? upTo(units, at, 3, 6, 16, SEMICOLON)
    : upTo(units, at, 2, 7, 10, SEMICOLON);
}

/** An escape of so many hexadecimal digits. */
function fixed(units: Uint16Array, at: number, skip: number, digits: number): number {
  let code = 0;
  for (let index = 0; index < digits; index++) {
    const digit = digitOf(units[at + skip + index], 16);
    if (digit < 0) return 0;
    code = code * 16 + digit;
  }
  return escapeOf(code, skip + digits);
}

/** An escape of one digit up to so many, with a sign behind them. */
function upTo(
  units: Uint16Array,
  at: number,
  skip: number,
  most: number,
  base: number,
  last: number,
): number {
  let [code, digits] = [0, 0];
  for (; digits <= most; digits++) {
    const unit = units[at + skip + digits];
    if (unit === last) return digits === 0 ? 0 : escapeOf(code, skip + digits + 1);
    const digit = digitOf(unit, base);
    if (digit < 0) return 0;
    code = code * base + digit;
  }
  return 0;
}

/** -1 for what is no digit. */
function digitOf(unit: number | undefined, base: number): number {
  if (unit === undefined) return -1;
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const letter = unit | 0x20;
  return base === 16 && letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** A unit that is known to be there. */
function unitAt(units: Uint16Array, at: number): number {
  return units[at] ?? 0;
}
