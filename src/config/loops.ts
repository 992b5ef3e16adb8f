/** Finds the loops of a graph. Pure. */

import type { Pause } from "../slices.ts";

interface Step {
  readonly name: string;
  readonly next: Iterator<string>;
}

/** Steps between two questions whether others are due. */
const STEPS_A_LOOK = 256;

/**
 * For each way back to where a walk came from, the names on the loop, in order: `a → b → a` is `["a", "b"]`. A name
 * that leads to itself is left out. Takes time in proportion to names and edges, and no recursion.
 */
export async function findLoops(
  edges: ReadonlyMap<string, readonly string[]>,
  pause: Pause,
): Promise<string[][]> {
  const loops: string[][] = [];
  const done = new Set<string>();
  let steps = 0;
  for (const start of edges.keys()) {
    if (done.has(start)) continue;
    const walk: Step[] = [stepTo(start, edges)];
    const places = new Map([[start, 0]]);
    for (let step = walk.at(-1); step; step = walk.at(-1)) {
      const turn = ++steps % STEPS_A_LOOK === 0 ? pause() : undefined;
      if (turn) await turn;
      const next = step.next.next();
      if (next.done) {
        walk.pop();
        places.delete(step.name);
        done.add(step.name);
        continue;
      }
      const place = places.get(next.value);
      if (place !== undefined && place < walk.length - 1) {
        loops.push(walk.slice(place).map((one) => one.name));
      } else if (place === undefined && !done.has(next.value)) {
        places.set(next.value, walk.length);
        walk.push(stepTo(next.value, edges));
      }
    }
  }
  return loops;
}

function stepTo(name: string, edges: ReadonlyMap<string, readonly string[]>): Step {
  return { name, next: (edges.get(name) ?? [])[Symbol.iterator]() };
}
