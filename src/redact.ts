/**
 * Cuts credentials out of texts that leave the proxy: a provider's error may quote the key that it refused, in its
 * message, its code or a header, and written so that only a parser sees it.
 */

import { createCredentialSearch, type CredentialSearch } from "./credential-search.ts";
import { amended, GatewayError } from "./errors.ts";
import { unescaped, unitsOf } from "./escapes.ts";

/** What a credential is replaced by. */
export const CUT = "[redacted]";

/** Cuts the credentials that it was made of. */
export interface Redactor {
  /** The text without them; the same text if it holds none. */
  cut(text: string): string;
}

/** Escapes within escapes: an error that quotes an error that quotes a URL. */
const MOST_VIEWS = 5;
/** Characters of a text, and of an error's message; one that has more to say is cut off there. */
const LONGEST = 1024 * 1024;
const LONGEST_MESSAGE = 64 * 1024;

/** What a field of a query is called. */
const NAME = /^[\w.[\]$-]{1,32}$/;

/**
 * What cuts these credentials: raw, escaped as JSON, URLs and HTML do it (also twice), in base64 at whatever offset, their
 * first eight or more characters, and their masked forms; and whatever else has the shape of a key.
 */
export function createRedactor(credentials: Iterable<string>): Redactor {
  const search = createCredentialSearch(credentials);
  return {
    cut: (text) => {
      if (!search.suspects(text)) return text;
      return text.length <= LONGEST ? cutWith(search, text) : `${cutWith(search, text.slice(0, LONGEST))}…`;
    },
  };
}

/** Cuts what is found in the text and in what it reads as once its escapes are undone. */
function cutWith(search: CredentialSearch, text: string): string {
  const units = unitsOf(text);
  /** How many ranges begin at an index, less how many end there. */
  let edges: Int32Array | undefined;
  const found = (from: number, to: number) => {
    edges ??= new Int32Array(text.length + 1);
    edges[from] = (edges[from] ?? 0) + 1;
    edges[to] = (edges[to] ?? 0) - 1;
  };
  search.find(units, found);
  let view = unescaped(units);
  for (let count = 1; view && count < MOST_VIEWS; count++) {
    const { from } = view;
    search.find(view.units, (start, end) => found(from[start] ?? 0, from[end] ?? text.length));
    const next = unescaped(view.units);
    view = next && { units: next.units, from: next.from.map((at) => from[at] ?? text.length) };
  }
  return edges === undefined ? text : withoutRanges(text, edges);
}

/** The text with each range, and ranges that touch as one, replaced. */
function withoutRanges(text: string, edges: Int32Array): string {
  const pieces: string[] = [];
  let [at, depth] = [0, 0];
  for (let index = 0; index < edges.length; index++) {
    const edge = edges[index] ?? 0;
    if (edge === 0) continue;
    if (depth === 0) pieces.push(text.slice(at, index), CUT);
    depth += edge;
    at = index;
  }
  return pieces.join("") + text.slice(at);
}

/** Whether a text has escapes, masks or the shape of a key, so that it needs more than a search. */
export function isUnplain(text: string): boolean {
  return ANYBODYS.suspects(text);
}

const ANYBODYS = createCredentialSearch([]);

/** An error without credentials in anything that it says; what is no error of ours as it is. */
export function redactError(thrown: unknown, redactor: Redactor): unknown {
  if (!(thrown instanceof GatewayError)) return thrown;
  let changed = thrown.message.length > LONGEST_MESSAGE;
  const cut = (text: string) => {
    const left = redactor.cut(text);
    changed ||= left !== text;
    return left;
  };
  const { said, shown, param, detail, fields, upstream, headers } = thrown.options;
  const cutOr = <T>(text: T): T | string => typeof text === "string" ? cut(text) : text;
  const error = amended(thrown, {
    message: cut(thrown.message.slice(0, LONGEST_MESSAGE)),
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
  let values = "";
  for (const name in headers) values += `${headers[name] ?? ""}\n`;
  if (values === "" || cut(values) === values) return headers;
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
