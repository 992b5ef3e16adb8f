/** Finds what was probably meant by a name that nobody knows. Pure. */

/** A name longer than this is no slip of the finger, and comparing it is work for nothing. */
const LONGEST = 100;
const MOST_CANDIDATES = 2000;

/**
 * The known name that differs least from `name`, case aside; undefined when none is near: a third of its characters,
 * and at least one, may differ.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name === "" || name.length > LONGEST) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bound = Math.max(1, Math.floor(name.length / 3)) + 1;
  let seen = 0;
  for (const candidate of known) {
    if (candidate === name || candidate.length > LONGEST) continue;
    if (++seen > MOST_CANDIDATES) break;
    if (Math.abs(candidate.length - name.length) >= bound) continue;
    const differing = distance(wanted, candidate.toLowerCase());
    if (differing < bound) {
      best = candidate;
      bound = differing;
    }
  }
  return best;
}

/** `: did you mean "NAME"?` for the end of a message, and empty when nothing is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const found = nearest(name, known);
  return found === undefined ? "" : `: did you mean ${JSON.stringify(found)}?`;
}

/** Edit distance in which two neighbours that changed places count once (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const line = [row];
    for (let column = 1; column <= other.length; column++) {
      const same = one[row - 1] === other[column - 1];
      let least = Math.min(
        at(above, column) + 1,
        at(line, column - 1) + 1,
        at(above, column - 1) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        least = Math.min(least, at(before, column - 2) + 1);
      }
      line.push(least);
    }
    before = above;
    above = line;
  }
  return at(above, other.length);
}

function at(line: readonly number[], column: number): number {
  return line[column] ?? Infinity;
}
