/** Reads files that an operator named, whatever is there. */

import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";

export type FileRead = { readonly text: string } | { readonly failure: string };

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "permission denied"],
  ["EISDIR", "it is a directory"],
]);

/**
 * A file's text, or in a few words why there is none. No more is read than may be: the path may be a device, or a pipe
 * of any length.
 * @param largest in bytes
 */
export async function readFileUpTo(path: string, largest: number): Promise<FileRead> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: largest })) chunks.push(chunk);
  } catch (error) {
    return { failure: reasonOf(error) };
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length > largest) return { failure: `it is larger than ${largest} bytes` };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    return { failure: wide ? "it is UTF-16 text: save it as UTF-8" : "it is not UTF-8 text" };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return REASONS.get("code" in error ? error.code : undefined) ?? error.message;
}
