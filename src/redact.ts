/**
 * Cuts credentials out of texts that leave the proxy: a provider's error may quote the key that it refused, in its
 * message, its code or a header, and written so that only a parser sees it.
 */

import { amended, GatewayError } from "./errors.ts";
import { unescaped } from "./escapes.ts";

/** What a credential is replaced by. */
export const CUT = "[redacted]";

/** Cuts the credentials that it was made of. */
export interface Redactor {
  /** The text without them; the same text if it holds none. */
  cut(text: string): string;
}

/** So many first characters of a credential are as secret as the whole. */
const PREFIX = 8;
/** Anything that looks like a provider's key, configured here or not, or like a client's, even in part. */
const KEY_SHAPE = /\b(?:(?:sk|rk|pk|gsk|xai)[-_][A-Za-z0-9_-]{16,}|aip_[A-Za-z0-9_-]{6,})/g;
/** What stands for the hidden part of a key that is shown in part. */
const MASK = /\.{2,}|\*{2,}|[…•●]+/g;
/** A key shown in part shows at least so many characters, and at each end no more than so many. */
const LEAST_SHOWN = 3;
const MOST_SHOWN = 64;
/** What may follow a credential's beginning and still belong to it. */
const REST = /[A-Za-z0-9_.%+/=-]*/y;
/** Escapes within escapes: an error that quotes an error that quotes a URL. */
const MOST_VIEWS = 4;

/** What a field of a query is called. */
const NAME = /^[\w.[\]$-]{1,32}$/;

/** From one index of a text up to another. */
type Range = readonly [from: number, to: number];

/**
 * What cuts these credentials: raw, escaped as JSON, URLs and HTML do it (also twice), in base64 at whatever offset, their
 * first eight or more characters, and their masked forms; and whatever else has the shape of a key.
 */
export function createRedactor(credentials: Iterable<string>): Redactor {
  const known = Array.from(new Set(credentials)).filter(Boolean).map(lookFor);
  const beginnings = known.flatMap(({ forms }) => forms.map((form) => form.slice(0, PREFIX)));
  return {
    cut: (text) => {
      // Nearly all texts are plain: native searches say so in less than a microsecond.
      if (!isUnplain(text) && !beginnings.some((one) => text.includes(one))) return text;
      const found = rangesIn(text, known);
      return found.length === 0 ? text : withoutRanges(text, found);
    },
  };
}

/** Whether a text has escapes, masks or the shape of a key, so that it needs more than a search. */
export function isUnplain(text: string): boolean {
  return UNPLAIN.some((sign) => text.includes(sign)) || KEY_BEGINNING.test(text);
}

const UNPLAIN = ["\\", "%", "&#", "..", "**", "…", "•", "●"] as const;
const KEY_BEGINNING = /\b(?:sk|rk|pk|aip|gsk|xai)[-_]/;

/** An error without credentials in anything that it says; what is no error of ours as it is. */
export function redactError(thrown: unknown, redactor: Redactor): unknown {
  if (!(thrown instanceof GatewayError)) return thrown;
  let changed = false;
  const cut = (text: string) => {
    const left = redactor.cut(text);
    changed ||= left !== text;
    return left;
  };
  const { said, shown, param, detail, fields, upstream, headers } = thrown.options;
  const cutOr = <T>(text: T): T | string => typeof text === "string" ? cut(text) : text;
  const error = amended(thrown, {
    message: cut(thrown.message),
    said: cutOr(said),
    shown: cutOr(shown),
    param: cutOr(param),
    detail: cutOr(detail),
    fields: fields?.map((field) => ({ ...field, path: cut(field.path) })),
    headers: headers && redactHeaders(headers, { cut }) as Record<string, string>,
    upstream: upstream &&
      { ...upstream, body: cutOr(upstream.body), headers: redactHeaders(upstream.headers, { cut }) },
  });
  return changed ? error : thrown;
}

/** Headers without credentials in their values; the same headers if they hold none. */
export function redactHeaders<T extends Readonly<Record<string, string | undefined>>>(
  headers: T,
  { cut }: Redactor,
): T | Record<string, string | undefined> {
  const values = Object.values(headers).join("\n");
  if (cut(values) === values) return headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value === undefined ? value : cut(value)]),
  );
}

/** A URL or a part of it for a log: without the values of its query, which may be keys, and the key in its path. */
export function redactTarget(target: string, { cut }: Redactor): string {
  const [path = "", query] = splitOnce(target, "?");
  if (query === undefined) return cut(path);
  const fields = query.split("&").map((field) => {
    const [name = "", value] = splitOnce(field, "=");
    // What has no name is a value, and so is a long word that ends in base64's last sign.
    if (value === undefined || !NAME.test(name)) return field && CUT;
    return `${cut(name)}=${value && CUT}`;
  });
  return `${cut(path)}?${fields.join("&")}`;
}

function splitOnce(text: string, at: string): [string, string?] {
  const index = text.indexOf(at);
  return index === -1 ? [text] : [text.slice(0, index), text.slice(index + at.length)];
}

/** What a credential is found by. */
interface Sought {
  readonly credential: string;
  readonly forms: readonly string[];
  /** Each two characters that follow each other in it; made when a mask asks for them. */
  pairs(): ReadonlySet<string>;
}

function lookFor(credential: string): Sought {
  const bytes = new TextEncoder().encode(credential);
  const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const encoded = bytes.length < PREFIX ? [btoa(latin).replace(/=+$/, "")] : [0, 1, 2].map(base64At);
  const forms = [credential, latin, ...encoded, ...encoded.map(forUrls)];
  let pairs: Set<string> | undefined;
  return {
    credential,
    forms: [...new Set(forms)],
    pairs: () => pairs ??= new Set(Array.from(credential, (_, at) => credential.slice(at, at + 2))),
  };

  /** The characters of base64 that depend on the credential alone, with so many bytes of something before it. */
  function base64At(offset: number): string {
    const text = btoa("\0".repeat(offset) + latin).replace(/=+$/, "");
    const whole = Math.floor((offset + bytes.length) * 8 / 6);
    return text.slice(Math.ceil(offset * 8 / 6), offset === 0 ? text.length : whole);
  }
}

function forUrls(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

/** Where credentials stand, in the text and in what it reads as once its escapes are undone. */
function rangesIn(text: string, known: readonly Sought[]): Range[] {
  const found = [...rangesOf(text, known)];
  let view = unescaped(text);
  let from = view?.from;
  for (let count = 1; view && from && count < MOST_VIEWS; count++) {
    const places = from;
    for (const [start, end] of rangesOf(view.text, known)) {
      found.push([places[start] ?? 0, places[end] ?? text.length]);
    }
    view = unescaped(view.text);
    from = view?.from.map((at) => places[at] ?? text.length);
  }
  return found;
}

function* rangesOf(text: string, known: readonly Sought[]): Generator<Range> {
  for (const sought of known) {
    for (const form of sought.forms) yield* formsIn(text, form);
    yield* masksIn(text, sought);
  }
  for (const { index, 0: key } of text.matchAll(KEY_SHAPE)) yield [index, index + key.length];
}

/** Each place where a form begins, as far as it goes and whatever hangs on to it. */
function* formsIn(text: string, form: string): Generator<Range> {
  const beginning = form.slice(0, PREFIX);
  for (let at = text.indexOf(beginning); at !== -1;) {
    let end = at + beginning.length;
    while (end < at + form.length && text[end] === form[end - at]) end++;
    if (beginning.length >= PREFIX) {
      REST.lastIndex = end;
      end += REST.exec(text)?.[0].length ?? 0;
    }
    if (beginning.length >= PREFIX || isWord(text, at, end)) yield [at, end];
    at = text.indexOf(beginning, end);
  }
}

/** A short credential is cut as a word only: `bad` must not be cut out of `badge`. */
function isWord(text: string, from: number, to: number): boolean {
  return !/[\w-]/.test(text[from - 1] ?? "") && !/[\w-]/.test(text[to] ?? "");
}

/** Each mask, together with the ends of the credential that are shown around it. */
function* masksIn(text: string, sought: Sought): Generator<Range> {
  const { credential } = sought;
  let from = 0;
  for (const mask of text.matchAll(MASK)) {
    const end = mask.index + mask[0].length;
    // Most masks are dots in prose. Less than two characters on each side are too few, and two are soon looked up.
    const pairs = sought.pairs();
    const beside = [text.slice(Math.max(0, mask.index - 2), mask.index), text.slice(end, end + 2)];
    if (!beside.some((pair) => pairs.has(pair))) continue;
    const head = shownHead(text.slice(Math.max(from, mask.index - MOST_SHOWN), mask.index), credential);
    const tail = shownTail(text.slice(end, end + MOST_SHOWN), credential);
    if (head + tail < LEAST_SHOWN) continue;
    yield [mask.index - head, end + tail];
    from = end + tail;
  }
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

/** The text with each range, and ranges that touch as one, replaced. */
function withoutRanges(text: string, ranges: readonly Range[]): string {
  const pieces: string[] = [];
  let at = 0;
  let open = -1;
  for (const [from, to] of ranges.toSorted(([one], [other]) => one - other)) {
    if (from > open) {
      if (open !== -1) pieces.push(CUT);
      pieces.push(text.slice(at, from));
    }
    at = open = Math.max(open, to);
  }
  pieces.push(CUT, text.slice(at));
  return pieces.join("");
}
