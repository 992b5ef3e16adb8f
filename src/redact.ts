/** Cuts credentials out of texts that leave the proxy: a provider's error may quote the key that it refused. */

import { amended, GatewayError } from "./errors.ts";

/** What a credential is replaced by. */
export const CUT = "[redacted]";

/** So many first characters of a credential are as secret as the whole. */
const PREFIX = 8;
/** Anything that looks like a provider's key, configured here or not. */
const KEY_SHAPE = /\b(?:sk|rk|pk|aip|gsk|xai)[-_][A-Za-z0-9_-]{16,}/g;
/** A key shown in part: some of its ends around dots, stars or an ellipsis. Bounded, so that it stays linear. */
const MASKED = /([A-Za-z0-9_-]{0,64})(?:\.{2,}|\*{2,}|[…•]+)([A-Za-z0-9_-]{0,64})/g;

/**
 * The text without the credential: raw, URL-encoded, base64, its first eight or more characters, and its masked forms;
 * and without whatever else has the shape of a key.
 */
export function redact(text: string, credential: string | undefined): string {
  const unkeyed = text.replace(KEY_SHAPE, CUT);
  if (!credential) return unkeyed;
  let cut = unkeyed.replace(
    MASKED,
    (found, head: string, tail: string) => isMask(credential, head, tail) ? CUT : found,
  );
  for (const form of [credential, encodeURIComponent(credential), JSON.stringify(credential).slice(1, -1)]) {
    cut = cut.replace(occurrences(form), CUT);
  }
  return cut.replaceAll(btoaSafe(credential), CUT);
}

/** An error without the credential, in its message and in the upstream's own answer; anything else as it is. */
export function redactError(thrown: unknown, credential: string | undefined): unknown {
  if (!(thrown instanceof GatewayError) || thrown.source !== "upstream") return thrown;
  const upstream = thrown.upstream && { ...thrown.upstream, body: redact(thrown.upstream.body, credential) };
  return amended(thrown, { message: redact(thrown.message, credential), upstream });
}

/** A short credential is cut as a word only: `bad` must not be cut out of `badge`. */
function occurrences(credential: string): RegExp {
  if (credential.length < PREFIX) return new RegExp(`(?<![\\w-])${escaped(credential)}(?![\\w-])`, "g");
  return new RegExp(`${escaped(credential.slice(0, PREFIX))}[A-Za-z0-9_.%+/=-]*`, "g");
}

function isMask(credential: string, head: string, tail: string): boolean {
  if (head.length + tail.length < 3) return false;
  return credential.startsWith(head) && credential.endsWith(tail);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function btoaSafe(credential: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(credential)));
}
