/** How a file looks from outside, to see whether it may have changed without reading it. */

import { stat } from "node:fs/promises";

/** Equal marks: the file is the same. `gone`, `other`: there is none, or what is there is no file. */
export type Mark = string;

/**
 * Milliseconds. Clocks of file systems are coarse, so that a file which was just written may be written again without
 * another look: what is so young is never the same.
 */
const YOUNG_MS = 2_000;
const YOUNG = "young";

/** The mark of what a path leads to, symbolic links followed. Never throws. */
export async function markOf(path: string): Promise<Mark> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, mode, mtimeMs } = await stat(path, { bigint: true });
    if ((mode & FORMAT) !== REGULAR) return "other";
    if (Math.abs(Date.now() - Number(mtimeMs)) < YOUNG_MS) return YOUNG;
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return "gone";
  }
}

const FORMAT = 0o170000n;
const REGULAR = 0o100000n;

/** Whether two looks at a file were at the same content. */
export function isSame(before: Mark, now: Mark): boolean {
  return before === now && now !== YOUNG;
}
