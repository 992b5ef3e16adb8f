/** Where places of a configuration stand in its text. Pure. */

import { type Visitor, walk } from "./jsonc.ts";
import type { Path } from "./problem.ts";
import type { Pause } from "../slices.ts";

/** The line of a place, from 1; of what encloses it where it is not there; undefined for the document as a whole. */
export type LineOf = (path: Path) => number | undefined;

/** A place that somebody asked for, or that leads to one. */
interface Place {
  offset: number | undefined;
  readonly inner: Map<string | number, Place>;
}

/**
 * Looks places up in a well-formed text, all of them in one go: most configurations have nothing to be shown, and those
 * pay for no line.
 */
export async function linesOf(text: string, paths: readonly Path[], pause: Pause): Promise<LineOf> {
  if (paths.length === 0) return () => undefined;
  const root: Place = { offset: undefined, inner: new Map() };
  for (const path of paths) {
    let place = root;
    for (const step of path) place = inside(place, step);
  }
  await walk(text, finder(root), pause);
  const lineAt = await lineFinder(text, pause);
  return (path) => {
    let place: Place | undefined = root;
    let offset: number | undefined;
    for (const step of path) {
      place = place?.inner.get(step);
      if (place?.offset === undefined) break;
      offset = place.offset;
    }
    return offset === undefined ? undefined : lineAt(offset);
  };
}

function inside(place: Place, step: string | number): Place {
  const known = place.inner.get(step);
  if (known) return known;
  const made: Place = { offset: undefined, inner: new Map() };
  place.inner.set(step, made);
  return made;
}

interface Frame {
  /** Undefined where nobody asked for anything inside. */
  readonly place: Place | undefined;
  /** Of the next item of a list. */
  index: number;
  readonly list: boolean;
  /** The place of the value that comes next in an object. */
  next: Place | undefined;
}

/** Notes the offsets of places; of a key that stands twice, the first. */
function finder(root: Place): Visitor {
  const frames: Frame[] = [];
  const placeOfValue = (offset: number): Place | undefined => {
    const frame = frames.at(-1);
    if (!frame) return root;
    if (!frame.list) return frame.next;
    const place = frame.place?.inner.get(frame.index++);
    if (place) place.offset = offset;
    return place;
  };
  return {
    open: (kind, offset) => {
      const place = placeOfValue(offset);
      frames.push({ place, index: 0, list: kind === "list", next: undefined });
    },
    close: () => void frames.pop(),
    scalar: (_, offset) => void placeOfValue(offset),
    key: (name, offset) => {
      const frame = frames.at(-1);
      if (!frame) return;
      const place = frame.place?.inner.get(name);
      frame.next = place?.offset === undefined ? place : undefined;
      if (frame.next) frame.next.offset = offset;
    },
  };
}

/** Line ends between two questions whether others are due. */
const LINES_A_LOOK = 1024;

/** Gives the line of an offset, from 1. */
export async function lineFinder(text: string, pause: Pause): Promise<(offset: number) => number> {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    if (starts.push(at + 1) % LINES_A_LOOK !== 0) continue;
    const turn = pause();
    if (turn) await turn;
  }
  return (offset) => lineOfOffset(starts, offset);
}

/** The last line that begins at or before an offset, from 1. */
function lineOfOffset(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
