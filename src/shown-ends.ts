/** The ends of a credential that are shown around what stands for its hidden part: `sk-ab12…7890`. */

import { unitsOf } from "./escapes.ts";

export interface ShownEnds {
  /** Told of each credential that is shown around a mask, which stands from one index up to another. */
  around(units: Uint16Array, from: number, to: number, found: (from: number, to: number) => void): void;
}

/** A key shown in part shows at least so many characters: `sk-...` is how keys begin. At each end it is a few. */
const LEAST_SHOWN = 4;
const MOST_SHOWN = 64;

/** A pair of characters has a place in a table, that most pairs of a text are soon done with. */
const PLACES = 128 * 128;
const placeOf = (one: number, two: number) => ((one << 7) ^ two) & (PLACES - 1);

/** Ends by the place of the two characters that stand against a mask, the longest first. */
type Ends = ReadonlyMap<number, readonly Uint16Array[]>;

export function createShownEnds(credentials: readonly string[]): ShownEnds {
  const heads = endsOf(credentials, (text, length) => text.slice(0, length), (end) => end.slice(-2));
  const tails = endsOf(credentials, (text, length) => text.slice(-length), (end) => end.slice(0, 2));
  return {
    around: (units, from, to, found) => {
      const before = placeOf(units[from - 2] ?? 0, units[from - 1] ?? 0);
      const behind = placeOf(units[to] ?? 0, units[to + 1] ?? 0);
      const head = heads.get(before)?.find((end) => stands(units, from - end.length, end))?.length ?? 0;
      const tail = tails.get(behind)?.find((end) => stands(units, to, end))?.length ?? 0;
      if (head + tail >= LEAST_SHOWN) found(from - head, to + tail);
    },
  };
}

/** Each end once, however many keys share it. */
function endsOf(
  credentials: readonly string[],
  end: (text: string, length: number) => string,
  against: (end: string) => string,
): Ends {
  const texts = new Set<string>();
  for (const text of credentials) {
    for (let length = Math.min(MOST_SHOWN, text.length); length > 1; length--) texts.add(end(text, length));
  }
  const ends = new Map<number, Uint16Array[]>();
  for (const text of [...texts].sort((one, other) => other.length - one.length)) {
    const [one = 0, two = 0] = unitsOf(against(text));
    const place = placeOf(one, two);
    const there = ends.get(place);
    if (there) there.push(unitsOf(text));
    else ends.set(place, [unitsOf(text)]);
  }
  return ends;
}

function stands(units: Uint16Array, from: number, end: Uint16Array): boolean {
  if (from < 0) return false;
  for (let index = 0; index < end.length; index++) {
    if (units[from + index] !== end[index]) return false;
  }
  return true;
}
