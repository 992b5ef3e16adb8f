/** Malformed inputs made of good ones, by a generator that gives the same ones for the same seed. */

import { Buffer } from "node:buffer";

export interface Dice {
  /** A whole number in [0, below). */
  number(below: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** True once in so many throws. */
  once(times: number): boolean;
}

/** Mulberry32: small, fast, and good enough to be malformed by. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const number = (below: number) => Math.floor(next() * below);
  return {
    number,
    pick: (values) => values[number(values.length)] as (typeof values)[number],
    once: (times) => number(times) === 0,
  };
}

const WEIRD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  9007199254740993,
  "",
  " ",
  "\u0000",
  "\ud800",
  "\u{1f469}\u200d\u{1f4bb}",
  "__proto__",
  "constructor",
  "x".repeat(5000),
  [],
  [null],
  [[]],
  {},
  { type: "text" },
  { type: "constructor" },
  { type: null },
  { text: 1 },
  { role: "user" },
  { ["__proto__"]: 1 },
  { $ref: "#" },
];

const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "type",
  "content",
  "index",
  "",
  "\u0000",
  "role",
  "id",
  "model",
];

/** A value with some places in it changed, removed, doubled, wrapped or renamed. */
export function mutateValue(value: unknown, random: Dice): unknown {
  let changed = value;
  for (let count = 1 + random.number(3); count > 0; count--) changed = mutateOnce(changed, random);
  return changed;
}

function mutateOnce(value: unknown, random: Dice): unknown {
  if (Array.isArray(value) && value.length > 0 && !random.once(6)) {
    const at = random.number(value.length);
    switch (random.number(6)) {
      case 0:
        return value.toSpliced(at, 1);
      case 1:
        return value.toSpliced(at, 0, value[at]);
      case 2:
        return value.toReversed();
      default:
        return value.with(at, mutateOnce(value[at], random));
    }
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !random.once(6)) {
    const entries = Object.entries(value);
    if (entries.length === 0) return random.pick(WEIRD);
    const at = random.number(entries.length);
    const [key, inner] = entries[at] ?? ["", undefined];
    switch (random.number(8)) {
      case 0:
        return Object.fromEntries(entries.toSpliced(at, 1));
      case 1:
        return Object.fromEntries(entries.with(at, [random.pick(KEYS), inner]));
      case 2:
        return Object.fromEntries([...entries, [random.pick(KEYS), random.pick(WEIRD)]]);
      default:
        return Object.fromEntries(entries.with(at, [key, mutateOnce(inner, random)]));
    }
  }
  switch (random.number(5)) {
    case 0:
      return [value];
    case 1:
      return { value };
    default:
      return random.pick(WEIRD);
  }
}

const SNIPPETS = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\",
  "\\u00",
  "\\ud83d",
  "1e999",
  "-",
  "\n",
  "\r",
  "\r\n\r\n",
  "data: ",
  "event: ",
  "\u0000",
  "\ufeff",
  "//",
  "null",
  '"__proto__":',
  '{"a":'.repeat(80),
  "[".repeat(300),
  "data: [DONE]\n\n",
  "GET / HTTP/1.1\r\n",
  ": ",
  ";",
  "%",
];

/** Bytes with some places changed: cut, doubled, flipped, filled, or joined with another input. */
export function mutateBytes(bytes: Uint8Array, others: readonly Uint8Array[], random: Dice): Uint8Array {
  let changed = Buffer.from(bytes);
  for (let count = 1 + random.number(4); count > 0; count--) {
    const at = random.number(changed.length + 1);
    const length = random.number(random.once(3) ? changed.length : 16);
    const [head, tail] = [changed.subarray(0, at), changed.subarray(at)];
    switch (random.number(8)) {
      case 0:
        changed = Buffer.from(head);
        break;
      case 1:
        changed = Buffer.concat([head, tail.subarray(length)]);
        break;
      case 2:
        changed = Buffer.concat([head, tail.subarray(0, length), tail]);
        break;
      case 3:
      case 4:
        changed = Buffer.concat([head, Buffer.from(random.pick(SNIPPETS)), tail]);
        break;
      case 5: {
        const other = Buffer.from(random.pick(others));
        changed = Buffer.concat([head, other.subarray(random.number(other.length))]);
        break;
      }
      default:
        if (at < changed.length) changed[at] = random.number(256);
    }
  }
  return new Uint8Array(changed.subarray(0, 200_000));
}
