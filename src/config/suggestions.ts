/** The models that were probably meant by names that nobody knows: many users may have the same slip. Pure. */

import { nearest } from "../nearest.ts";

export interface Suggestions {
  /** The known name that differs least; undefined when none is near. */
  nearest(name: string): string | undefined;
  /** What was suggested so far. */
  readonly suggested: ReadonlySet<string>;
}

export function createSuggestions(known: readonly string[]): Suggestions {
  const found = new Map<string, string | undefined>();
  const suggested = new Set<string>();
  return {
    nearest: (name) => {
      if (found.has(name)) return found.get(name);
      const meant = nearest(name, known);
      found.set(name, meant);
      if (meant !== undefined) suggested.add(meant);
      return meant;
    },
    suggested,
  };
}
