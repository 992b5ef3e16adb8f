/** Names that an API does not take, under others of at most 64 characters. */

import { sha256 } from "../digest.ts";

/**
 * What the name begins with, and enough of its digest to tell it from its like (litellm#17904). Always the same.
 * @param refused matches the characters that may not stand in it, globally
 */
export function shortName(name: string, refused: RegExp): string {
  const prefix = name.slice(0, 55).replace(refused, "_");
  return `${prefix}_${sha256(name).slice(0, 8)}`;
}
