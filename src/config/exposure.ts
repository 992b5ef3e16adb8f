/** What the mode of a file lets other users of this machine do. */

import { access, constants, stat } from "node:fs/promises";
import { sep } from "node:path";

/** `read`, `written`, both, or nothing. */
export type Access = "" | "read" | "written" | "read and written";

const READ = 0o044;
const WRITE = 0o022;
const WRITE_BY_ALL = 0o002;
const STICKY = 0o1000;

/** What others than its owner may do with a file of this mode. */
export function accessOf(mode: number): Access {
  const [read, written] = [(mode & READ) !== 0, (mode & WRITE) !== 0];
  if (read && written) return "read and written";
  return read ? "read" : written ? "written" : "";
}

/** Whether everybody may write a file. Windows has no such bits. */
export async function writableByAll(path: string): Promise<boolean> {
  if (sep !== "/") return false;
  const { mode } = await stat(path).catch(() => ({ mode: 0 }));
  return (mode & WRITE_BY_ALL) !== 0;
}

/**
 * Whether everybody may put another file into the place of one in this folder: in a sticky folder (/tmp) only owners
 * may, and on a disk that is mounted to be read, nobody.
 */
export async function exposedFolder(path: string): Promise<boolean> {
  if (sep !== "/") return false;
  const { mode } = await stat(path).catch(() => ({ mode: 0 }));
  if ((mode & WRITE_BY_ALL) === 0 || (mode & STICKY) !== 0) return false;
  return await access(path, constants.W_OK).then(() => true, () => false);
}
