/** Cuts credentials out of texts that leave the proxy: a provider's error may quote the key that it refused. */

import { amended, GatewayError } from "./errors.ts";

/** What a credential is replaced by. */
export const CUT = "[redacted]";

/** So many first characters of a credential are as secret as the whole. */
const PREFIX = 8;
/** Anything that looks like a provider's key, configured here or not. */
const KEY_SHAPE = /\b(?:sk|rk|pk|aip|gsk|xai)[-_][A-Za-z0-9_-]{16,}/g;
/** What stands for the hidden part of a key that is shown in part; JSON may have escaped it. */
const MASK = /\.{2,}|\*{2,}|(?:[…•●]|\\u(?:2026|2022|25cf))+/gi;
/** A key shown in part shows at least so many characters, and at each end no more than so many. */
const LEAST_SHOWN = 3;
const MOST_SHOWN = 64;
/** What may follow a credential's beginning and still belong to it. */
const REST = /[A-Za-z0-9_.%+/=-]*/y;

/**
 * The text without the credential: raw, URL-encoded, JSON-escaped, base64, its first eight or more characters, and its
 * masked forms; and without whatever else has the shape of a key.
 */
export function redact(text: string, credential: string | undefined): string {
  // The masked forms first: what is left of one once its beginning is cut is not recognised any more.
  const known = credential ? cutForms(cutMasked(text, credential), formsOf(credential)) : text;
  return known.replace(KEY_SHAPE, CUT);
}

/** An error without the credential, in its message and in the upstream's own answer; anything else as it is. */
export function redactError(thrown: unknown, credential: string | undefined): unknown {
  if (!(thrown instanceof GatewayError) || thrown.source !== "upstream") return thrown;
  const { upstream: answer } = thrown;
  const upstream = answer?.body === undefined ? answer : { ...answer, body: redact(answer.body, credential) };
  return amended(thrown, { message: redact(thrown.message, credential), upstream });
}

/** How a credential may be written. */
function formsOf(credential: string): readonly string[] {
  const bytes = new TextEncoder().encode(credential);
  // Half a surrogate pair cannot be URL-encoded; the bytes have a replacement for it.
  const url = encodeURIComponent(new TextDecoder().decode(bytes));
  const escaped = JSON.stringify(credential).slice(1, -1);
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).replace(/=+$/, "");
  const forms = [
    credential,
    url,
    url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    escaped,
    escaped.replaceAll("/", "\\/"),
    base64,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
  ];
  return [...new Set(forms)];
}

/** Cuts each place where a form begins, as far as a form goes and whatever hangs on to it. */
function cutForms(text: string, forms: readonly string[]): string {
  const begins = new RegExp(forms.map(beginning).join("|"), "g");
  let cut = "";
  let from = 0;
  for (let found = begins.exec(text); found; found = begins.exec(text)) {
    let end = found.index + found[0].length;
    for (const form of forms) end = Math.max(end, found.index + sharedLength(text, found.index, form));
    if (found[0].length >= PREFIX) {
      REST.lastIndex = end;
      end += REST.exec(text)?.[0].length ?? 0;
    }
    cut += text.slice(from, found.index) + CUT;
    from = begins.lastIndex = end;
  }
  return cut + text.slice(from);
}

/** A short credential is cut as a word only: `bad` must not be cut out of `badge`. */
function beginning(form: string): string {
  const literal = form.slice(0, PREFIX).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return form.length < PREFIX ? `(?<![\\w-])${literal}(?![\\w-])` : literal;
}

/** How many characters of `form` the text has from `start` on. */
function sharedLength(text: string, start: number, form: string): number {
  let length = 0;
  while (length < form.length && text[start + length] === form[length]) length++;
  return length;
}

/** Cuts each mask together with the ends of the credential that are shown around it. */
function cutMasked(text: string, credential: string): string {
  let cut = "";
  let from = 0;
  for (const mask of text.matchAll(MASK)) {
    const end = mask.index + mask[0].length;
    const head = shownHead(text.slice(Math.max(from, mask.index - MOST_SHOWN), mask.index), credential);
    const tail = shownTail(text.slice(end, end + MOST_SHOWN), credential);
    if (head + tail < LEAST_SHOWN) continue;
    cut += text.slice(from, mask.index - head) + CUT;
    from = end + tail;
  }
  return cut + text.slice(from);
}

/** How many of a credential's first characters the text ends with. */
function shownHead(text: string, credential: string): number {
  for (let length = Math.min(text.length, credential.length); length > 0; length--) {
    if (text.at(-1) === credential[length - 1] && text.endsWith(credential.slice(0, length))) return length;
  }
  return 0;
}

/** How many of a credential's last characters the text begins with. */
function shownTail(text: string, credential: string): number {
  for (let length = Math.min(text.length, credential.length); length > 0; length--) {
    if (text[0] === credential.at(-length) && text.startsWith(credential.slice(-length))) return length;
  }
  return 0;
}
