/** The folders in which a file can be exchanged: its own, and those of the symbolic links on the way to it. */

import { readlink } from "node:fs/promises";
import { join, parse, resolve, sep } from "node:path";

/** By folder, the names in it that lead to a file. */
export type Places = ReadonlyMap<string, ReadonlySet<string>>;

/** Linux follows no more links than that. */
const MOST_LINKS = 40;

/** Where paths can be exchanged. What is not there yet has its place where it would be. Never throws. */
export async function placesOf(paths: Iterable<string>): Promise<Places> {
  const places = new Map<string, Set<string>>();
  const add = (folder: string, name: string) => {
    const names = places.get(folder) ?? new Set();
    places.set(folder, names.add(name));
  };
  for (const path of paths) await follow(resolve(path), add);
  return places;
}

async function follow(path: string, add: (folder: string, name: string) => void): Promise<void> {
  let steps = stepsOf(path);
  let folder = parse(path).root;
  for (let links = 0; steps.length > 0;) {
    const [name = "", ...rest] = steps;
    const target = await readlink(join(folder, name)).catch(() => undefined);
    if (target === undefined || links++ >= MOST_LINKS) {
      if (rest.length === 0) add(folder, name);
      folder = join(folder, name);
      steps = rest;
      continue;
    }
    add(folder, name);
    const whole = resolve(folder, target);
    steps = [...stepsOf(whole), ...rest];
    folder = parse(whole).root;
  }
}

function stepsOf(path: string): string[] {
  return path.slice(parse(path).root.length).split(sep).filter((step) => step !== "");
}
