/**
 * Ids of tool calls as clients of this API get them. Other providers give ids that the API refuses once they come back
 * in a history (`functions.Bash:0`), and want their own ones again: an id is wrapped in one that says what it was.
 */

import { sha256 } from "../../digest.ts";
import { bytesOfBase64, toBase64 } from "../base64.ts";

/** The id itself if the API takes it, else one that the API takes. Always the same. */
export function handOut(id: string): string {
  if (/^[a-zA-Z0-9_-]+$/.test(id)) return id;
  const written = toBase64(new TextEncoder().encode(id)).replaceAll("+", "-").replaceAll("/", "_");
  return `toolu_x${checkOf(id)}_${written.replaceAll("=", "")}`;
}

/** What `handOut` was given; an id of anybody else's stays as it is. */
export function takeBack(id: string): string {
  const [, check, written = ""] = /^toolu_x([0-9a-f]{8})_([a-zA-Z0-9_-]+)$/.exec(id) ?? [];
  if (check === undefined) return id;
  try {
    const bytes = bytesOfBase64(written.replaceAll("-", "+").replaceAll("_", "/"));
    const original = new TextDecoder().decode(bytes);
    return checkOf(original) === check ? original : id;
  } catch {
    return id;
  }
}

function checkOf(id: string): string {
  return sha256(id).slice(0, 8);
}
