/** A file that holds a secret, and who else on this machine may get at it. */

import { stat } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { type Access, accessOf, exposedFolder } from "./exposure.ts";
import { type FileRead, readFileUpTo } from "./read-file.ts";

export interface SecretFile {
  readonly read: FileRead;
  /** What others may do with it, in words; empty when nothing. */
  readonly exposed: Access;
  /** Others may put another file into its place. */
  readonly replaceable: boolean;
}

/** Bytes; far longer than any key, so that a larger file is another one. */
const LARGEST = 16 * 1024;

/** Reads a secret file, whatever is there. */
export async function readSecretFile(path: string): Promise<SecretFile> {
  const read = await readFileUpTo(path, LARGEST);
  if ("failure" in read) return { read, exposed: "", replaceable: false };
  // Container runtimes mount secrets readable; Windows has no such bits.
  const mounted = path.startsWith("/run/secrets/");
  const { mode } = await stat(path).catch(() => ({ mode: 0 }));
  const exposed = sep === "/" ? accessOf(mounted ? mode & ~0o444 : mode) : "";
  return { read, exposed, replaceable: await exposedFolder(dirname(path)) };
}
