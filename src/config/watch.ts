/**
 * When the configuration may have changed: the file's folder says so, or a look at the file every few seconds does, for
 * file systems that do not tell. Atomic renames, writes in place and swapped symbolic links are all seen.
 */

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { sha256 } from "../digest.ts";
import { LARGEST } from "./load.ts";
import { readFileUpTo } from "./read-file.ts";

export interface Watch {
  close(): void;
}

/** Several events belong to one change, and a file that is being written is not yet worth a look. */
const SETTLE_MS = 100;
const LOOK_MS = 2_000;

/** Calls back after each change of the file's content; not for the content that it has now. */
export async function watchFile(file: string, onChange: () => void): Promise<Watch> {
  let known = await contentOf(file);
  let settling: NodeJS.Timeout | undefined;
  let closed = false;
  let looking = false;
  const look = async () => {
    // On a disk that does not answer, one look waits; the regular one comes again.
    if (looking) return;
    looking = true;
    const content = await contentOf(file).finally(() => looking = false);
    // A file that is gone for a moment is one half of a rename.
    if (closed || content === undefined || content === known) return;
    known = content;
    onChange();
  };
  const soon = () => {
    clearTimeout(settling);
    settling = setTimeout(() => void look(), SETTLE_MS);
  };
  const folder = openWatcher(dirname(resolve(file)), soon);
  const regular = setInterval(() => void look(), LOOK_MS);
  return {
    close: () => {
      closed = true;
      clearTimeout(settling);
      clearInterval(regular);
      folder?.close();
    },
  };
}

/** Undefined where the system cannot watch: the regular look remains. */
function openWatcher(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, onEvent);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

/** A hash of what a reload would see; undefined for what is no file, or not there. */
async function contentOf(file: string): Promise<string | undefined> {
  try {
    if (!(await stat(file)).isFile()) return undefined;
  } catch {
    return undefined;
  }
  return sha256(JSON.stringify(await readFileUpTo(file, LARGEST)));
}
