/**
 * When the configuration or a secret may have changed: their folders say so, or a look at the files every few seconds
 * does, for file systems that do not tell. A look asks the system how the files are; it reads none of them.
 */

import { type FSWatcher, watch } from "node:fs";
import type { Seen } from "./loader.ts";
import { isSame, markOf } from "./mark.ts";
import { type Places, placesOf } from "./places.ts";

export interface Watch {
  close(): void;
}

export interface WatchOptions {
  /** What was read last, by whatever has it read. */
  readonly seen: () => Seen;
  /** Has the files read again; resolves when that is done. */
  readonly onChange: () => Promise<void>;
}

/** Several events belong to one change, and a file that is being written is not yet worth a look. */
const SETTLE_MS = 100;
const LOOK_MS = 2_000;
/** Systems give a user some hundred watchers; files in further folders are left to the regular look. */
const MOST_FOLDERS = 16;

/** Has files read again after each change that may be one of their content. */
export async function watchFiles({ seen, onChange }: WatchOptions): Promise<Watch> {
  const folders = new Map<string, FSWatcher>();
  let places: Places = new Map();
  let placed: Seen["marks"] | undefined;
  let settling: NodeJS.Timeout | undefined;
  let closed = false;
  let looking = false;
  let missed = false;

  const soon = () => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      missed = looking;
      void look();
    }, SETTLE_MS);
  };
  /** Watches the folders in which the files are now. */
  const follow = async () => {
    if (placed === seen().marks) return;
    placed = seen().marks;
    places = await placesOf(placed.keys());
    if (closed) return;
    for (const [folder, watcher] of folders) {
      if (places.has(folder)) continue;
      watcher.close();
      folders.delete(folder);
    }
    for (const folder of places.keys()) {
      if (folders.has(folder) || folders.size >= MOST_FOLDERS) continue;
      const onEvent = (name: string | null) => {
        // A folder has other files too: a log that is written all the time, say.
        if (name === null || places.get(folder)?.has(name)) soon();
      };
      const watcher = openWatcher(folder, onEvent, () => folders.delete(folder));
      if (watcher) folders.set(folder, watcher);
    }
  };
  const look = async () => {
    // On a disk that does not answer, one look waits; the regular one comes again.
    if (looking || closed) return;
    looking = true;
    try {
      if (await hasChanged(seen()) && !closed) await onChange();
      await follow();
    } finally {
      looking = false;
      if (missed && !closed) soon();
      missed = false;
    }
  };

  await follow();
  const regular = setInterval(() => void look(), LOOK_MS);
  // What changed since it was read, before anybody watched.
  soon();
  return {
    close: () => {
      closed = true;
      clearTimeout(settling);
      clearInterval(regular);
      folders.forEach((watcher) => watcher.close());
    },
  };
}

async function hasChanged({ configuration, marks }: Seen): Promise<boolean> {
  for (const [path, before] of marks) {
    const now = await markOf(path);
    // A configuration that is gone for a moment is one half of a rename.
    const away = path === configuration && (now === "gone" || now === "other");
    if (!away && !isSame(before, now)) return true;
  }
  return false;
}

/** Undefined where the system cannot watch: the regular look remains. */
function openWatcher(
  folder: string,
  onEvent: (name: string | null) => void,
  onEnd: () => void,
): FSWatcher | undefined {
  try {
    const watcher = watch(folder, (_, name) => onEvent(name));
    watcher.on("error", () => {
      watcher.close();
      onEnd();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
