/** Client keys: what one looks like, what of it is kept, and until when it holds. Pure. */

import { sha256 } from "../digest.ts";

const PREFIX = "aip_";
const BYTES = 32;
const KEY = /^aip_[A-Za-z0-9_-]{43}$/;
const HASH = /^sha256:([0-9a-f]{64})$/i;

/**
 * A new key of random bytes.
 * @param random 32 bytes from a generator fit for secrets
 */
export function makeKey(random: Uint8Array): string {
  if (random.length !== BYTES) {
    throw new RangeError(`A key takes ${BYTES} random bytes, not ${random.length}`);
  }
  const base64 = btoa(String.fromCharCode(...random));
  return PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Whether a text has the form of a key. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** What the configuration holds of a key: `sha256:` and the hex digest of the whole of it. */
export function hashOf(key: string): string {
  return `sha256:${sha256(key)}`;
}

/** The lower-case hex digest in a configured hash; undefined for a malformed one. */
export function digestOf(hash: string): string | undefined {
  return HASH.exec(hash)?.[1]?.toLowerCase();
}

/** A date, or a date and time with its zone. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/**
 * Milliseconds since 1970 from which on a key is refused: `2027-01-01` is the beginning of that day, UTC. Undefined
 * for what is no date.
 */
export function parseExpiry(text: string): number | undefined {
  const day = DATE.exec(text)?.[1];
  if (day === undefined) return undefined;
  // 30 February is read as 2 March by some: a day that comes back as another is none.
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
