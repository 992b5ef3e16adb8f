/** An entry as a line of the access log, in the format of NGINX's demo with fields appended, or as JSON. */

import type { Entry } from "./entry.ts";

export type LogFormat = "combined" | "json";

/** No value has more bytes, before it is escaped: a client cannot fill the disk with one header. */
const MAX_FIELD = 256;

/** The line of an entry, without its line end. */
export function logLine(entry: Entry, format: LogFormat): string {
  return format === "json" ? jsonLine(entry) : combinedLine(entry);
}

function combinedLine(entry: Entry): string {
  const { method, target, version } = entry;
  // Of what could not be read as a request there is no line.
  const request = method === "" ? "-" : `${quotable(method)} ${quotable(target)} HTTP/${quotable(version)}`;
  let line = `${bare(entry.peer)} - ${bare(entry.user)} [${commonTime(entry.time)}] "${request}" ` +
    `${entry.status} ${entry.bytes} "${quotable(entry.referer)}" "${quotable(entry.userAgent)}" ` +
    `"${quotable(entry.forwardedFor)}"`;
  for (const { key, read } of COMBINED_FIELDS) line += key + bare(read(entry), "");
  for (const { key, read } of MORE_COMBINED_FIELDS) {
    const value = read(entry);
    if (value !== undefined && value !== "") line += key + bare(value, "");
  }
  return line;
}

function jsonLine(entry: Entry): string {
  const fields: Record<string, unknown> = {
    time: new Date(entry.time).toISOString(),
    peer: entry.peer,
    user: entry.user,
    method: entry.method,
    target: entry.target,
    version: entry.version,
    status: entry.status,
    bytes: entry.bytes,
    referer: entry.referer,
    user_agent: entry.userAgent,
    forwarded_for: entry.forwardedFor,
  };
  for (const [name, read] of [...FIELDS, ...MORE_FIELDS]) fields[name] = read(entry);
  fields.attempts = entry.attempts.map(({ requestId, reason, detail, ms, ...attempt }) => ({
    ...attempt,
    request_id: requestId,
    reason,
    detail,
    ms: Math.round(ms),
  }));
  fields.attempt_count = entry.tries;
  fields.warnings = entry.warnings;
  const line = JSON.stringify(fields, (_, value) => typeof value === "string" ? capped(value) : value);
  // Valid inside JSON, but line ends to some readers of logs.
  return line.replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => unicodeEscape(character));
}

type Read = (entry: Entry) => string | number | undefined;

/** Behind NGINX's own fields, in this order; what a request has not got stays empty. */
const FIELDS: readonly (readonly [name: string, read: Read])[] = [
  // The three figures of NGINX's demo.
  ["prompt_tokens", ({ usage }) => usage?.input],
  ["completion_tokens", ({ usage }) => usage?.output],
  ["total_tokens", ({ usage }) => usage && usage.input + usage.output],
  ["request_id", ({ requestId }) => requestId],
  ["model", ({ model }) => model],
  ["served", ({ served }) => served],
  ["provider", ({ provider }) => provider],
  ["attempts", ({ tries }) => tries],
  ["failover", ({ failover }) => failover],
  ["outcome", ({ outcome }) => outcome],
  ["usage", ({ usageSource }) => usageSource],
  ["ttft_ms", ({ firstTokenMs }) => firstTokenMs === undefined ? undefined : Math.round(firstTokenMs)],
  ["duration_ms", ({ durationMs }) => Math.round(durationMs)],
  // What the totals are made of, as the provider reports it.
  ["input", ({ usage }) => usage && Math.max(0, usage.input - usage.cacheRead - usage.cacheWrite)],
  ["cached_read", ({ usage }) => usage?.cacheRead],
  ["cache_write", ({ usage }) => usage?.cacheWrite],
  ["cache_write_5m", ({ usage }) => usage?.cacheWrite5m],
  ["cache_write_1h", ({ usage }) => usage?.cacheWrite1h],
  ["output", ({ usage }) => usage?.output],
  ["reasoning", ({ usage }) => usage?.reasoning],
  ["key", ({ key }) => key],
  ["error", ({ error }) => error],
  ["upstream_request_id", ({ upstreamRequestId }) => upstreamRequestId],
  ["warnings", ({ warnings }) => warnings.join(",")],
];

/** Behind those, and only on the lines that have them. */
const MORE_FIELDS: readonly (readonly [name: string, read: Read])[] = [
  ["upstream_status", ({ upstreamStatus }) => upstreamStatus],
  ["upstream_error", ({ upstreamError }) => upstreamError],
];

const keyed = ([name, read]: readonly [name: string, read: Read]) => ({ key: ` ${name}=`, read });
const COMBINED_FIELDS = FIELDS.map(keyed);
const MORE_COMBINED_FIELDS = MORE_FIELDS.map(keyed);

/** A value inside quotes, escaped as NGINX does: `\xHH` for quotes, backslashes and what is not printable ASCII. */
function quotable(value: string | undefined): string {
  return value === undefined || value === "" ? "-" : escaped(value, /[^\x20-\x7e]|["\\]/gu);
}

/** A value without quotes: a space would end it, so it is escaped too. */
function bare(value: string | number | undefined, empty = "-"): string {
  if (typeof value === "number") return `${value}`;
  const text = value ?? "";
  return text === "" ? empty : escaped(text, /[^\x21-\x7e]|["\\]/gu);
}

function escaped(text: string, unsafe: RegExp): string {
  if (text.length <= MAX_FIELD && PLAIN.test(text)) return text;
  return capped(text).replace(unsafe, (character) => {
    const bytes = encoder.encode(character);
    return Array.from(bytes, (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

/** What most values are made of: safe wherever it stands, a byte to a character. */
const PLAIN = /^[\w.:/-]*$/;

const encoder = new TextEncoder();

/** A text, cut between two characters if it is too long. */
function capped(text: string): string {
  const start = text.length > MAX_FIELD ? text.slice(0, MAX_FIELD) : text;
  if (start.length * 3 <= MAX_FIELD) return start;
  const { read } = encoder.encodeInto(start, new Uint8Array(MAX_FIELD));
  return read < text.length ? `${text.slice(0, read)}…` : text;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The second that was written last: under load most lines share theirs with the one before. */
let latest = { second: -1, text: "" };

/** `22/Nov/2026:09:15:02 +0000` */
function commonTime(time: number): string {
  const second = Math.floor(time / 1000);
  if (latest.second !== second) latest = { second, text: writtenTime(time) };
  return latest.text;
}

function writtenTime(time: number): string {
  const [year, month, day, clock] = new Date(time).toISOString().split(/[-T.]/);
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock} +0000`;
}
