/** What a provider's headers say that its client may know: limits, when to ask again, the provider's id of the request. */

import type { Dialect, HeaderRecord, RateLimits } from "../dialects/dialect.ts";
import { ownFamily } from "../dialects/own-family.ts";
import { amended, type GatewayError } from "../errors.ts";

/**
 * The headers of a provider's answer for a client: the dialect's own family as it came where both speak the same one,
 * else the limits in the words of the client's dialect. Nothing else passes: no cookie, no name of the operator's.
 * @param now milliseconds since 1970
 */
export function providerHeaders(
  headers: HeaderRecord,
  upstream: Dialect,
  client: Dialect,
  now: number,
): Record<string, string> {
  const id = headers[upstream.requestIdHeader];
  const limits = client === upstream
    ? saneRetries(ownFamily(headers, client), now)
    : client.limitHeaders.write(upstream.limitHeaders.read(headers, now));
  return { ...limits, ...(id !== undefined && { "x-upstream-request-id": headerSafe(id) }) };
}

/** Those headers of a provider's answer of which anything is told to a client or a log. */
export function toldHeaders(headers: HeaderRecord, upstream: Dialect): HeaderRecord {
  const { requestIdHeader } = upstream;
  const id = headers[requestIdHeader];
  const told = ownFamily(headers, upstream);
  return id === undefined || Object.hasOwn(told, requestIdHeader) ? told : { ...told, [requestIdHeader]: id };
}

/** Advice to wait for ever, or that is none, is not passed on. */
function saneRetries(headers: Record<string, string>, now: number): Record<string, string> {
  const { "retry-after": after, "retry-after-ms": afterMs } = headers;
  if (after !== undefined && !isSane(after, MAX_RETRY_AFTER) && untilDate(headers, now) === undefined) {
    delete headers["retry-after"];
  }
  if (afterMs !== undefined && !isSane(afterMs, MAX_RETRY_AFTER * 1000)) delete headers["retry-after-ms"];
  return headers;
}

function isSane(value: string, most: number): boolean {
  return /^\s*\d+(?:\.\d+)?\s*$/.test(value) && Number(value) <= most;
}

/** An upstream's error with what its headers say. A 429 without `retry-after` waits for the limit that is exhausted. */
export function withProviderHeaders(
  error: GatewayError,
  upstream: Dialect,
  client: Dialect,
  now: number,
): GatewayError {
  const answer = error.upstream;
  if (!answer) return error;
  const derived = error.kind === "rate-limit"
    ? longestReset(upstream.limitHeaders.read(answer.headers, now))
    : undefined;
  const headers = providerHeaders(answer.headers, upstream, client, now);
  return amended(error, {
    retryAfter: error.retryAfter ?? untilDate(answer.headers, now) ?? derived,
    headers,
  });
}

/** A provider that wants longer than this is not taken at its word. */
const MAX_RETRY_AFTER = 3600;

/** Seconds from `now` to a `retry-after` that is a date (RFC 9110, 10.2.3); dialects read the one that is a number. */
function untilDate(headers: HeaderRecord, now: number): number | undefined {
  const seconds = Math.max(0, (dateOf(headers["retry-after"] ?? "") - now) / 1000);
  return seconds <= MAX_RETRY_AFTER ? seconds : undefined;
}

function dateOf(value: string): number {
  const date = value.trim();
  return /^[A-Z][a-z]{2,8},? /.test(date) ? Date.parse(date) : NaN;
}

/** Seconds until every limit of which nothing is left has begun anew. */
function longestReset({ requests, tokens }: RateLimits): number | undefined {
  const resets = [requests, tokens].flatMap((limit) =>
    limit?.remaining === 0 && limit.reset !== undefined && limit.reset <= MAX_RETRY_AFTER ? [limit.reset] : []
  );
  return resets.length === 0 ? undefined : Math.max(...resets);
}

const SAFE = /^[\w.:/-]*$/;

/** A name that a header cannot carry is percent-encoded. */
export function headerSafe(value: string): string {
  return SAFE.test(value) ? value : value.replace(/[^\x21-\x7e]|%/gu, (character) => {
    const bytes = new TextEncoder().encode(character);
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}
