/**
 * Which web pages' scripts may ask (cross-origin resource sharing, https://fetch.spec.whatwg.org/#http-cors-protocol),
 * and what caches must know of an answer.
 */

import { KEY_HEADERS } from "./access/authenticate.ts";
import type { Policy } from "./access/policy.ts";
import type { HeaderRecord } from "./dialects/dialect.ts";
import type { Incoming } from "./http.ts";

/** How long a browser may remember what it was told. */
const MAX_AGE_SECONDS = 600;

/** The value that allows a request's origin; undefined where it has none, or one that is not listed. */
function allowedOrigin({ cors }: Policy, { origin }: HeaderRecord): string | undefined {
  if (cors === undefined || origin === undefined) return undefined;
  if (cors === "any") return "*";
  return cors.has(origin) ? origin : undefined;
}

/**
 * The headers that answer a browser's question whether a page's script may ask; undefined where it is no such question,
 * or the page may not. Who asks is not known yet: the question never carries a key.
 */
export function preflightHeaders(
  policy: Policy,
  { method, headers }: Pick<Incoming, "method" | "headers">,
  methods: readonly string[] | undefined,
): Record<string, string> | undefined {
  const wanted = headers["access-control-request-method"];
  if (method !== "OPTIONS" || wanted === undefined || allowedOrigin(policy, headers) === undefined) {
    return undefined;
  }
  const asked = headers["access-control-request-headers"];
  return {
    // Where nothing is served, the page's script is to read that from the answer itself.
    "access-control-allow-methods": (methods ?? [wanted].filter(isNames)).join(", "),
    ...(asked !== undefined && isNames(asked) && { "access-control-allow-headers": asked }),
    "access-control-max-age": `${MAX_AGE_SECONDS}`,
  };
}

/** Names of headers or methods, with commas between them. */
function isNames(text: string): boolean {
  return /^[!#$%&'*+.^`|~\w, -]{1,8192}$/.test(text);
}

/** What scripts may read where it is there: ids, when to come again, limits, and what is ours. */
const ALWAYS_EXPOSED = [
  "x-request-id",
  "x-upstream-request-id",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "server-timing",
  "x-ai-proxy-model",
  "x-ai-proxy-provider",
  "x-ai-proxy-attempts",
  "x-ai-proxy-failover",
  "x-ai-proxy-warnings",
  "x-ai-proxy-refusal-category",
  "x-ai-proxy-error-source",
];
/** What is for the browser and for caches alone. */
const NEVER_EXPOSED = /^(?:access-control-.*|cache-control|content-.*|vary|x-accel-buffering)$/;

/** What lets the script of an allowed page read an answer with these headers; nothing for others. */
export function corsHeaders(
  policy: Policy,
  request: HeaderRecord,
  answer: HeaderRecord,
): Record<string, string> {
  const allowed = allowedOrigin(policy, request);
  if (allowed === undefined) return {};
  const more = Object.keys(answer).filter((name) =>
    !NEVER_EXPOSED.test(name) && !ALWAYS_EXPOSED.includes(name)
  );
  return {
    "access-control-allow-origin": allowed,
    "access-control-expose-headers": [...ALWAYS_EXPOSED, ...more].join(", "),
  };
}

const BY_KEY = KEY_HEADERS.join(", ");

/** What an answer depends on: the headers that say who asks, and the page where that matters. */
export function varyHeader({ identity, cors }: Policy): string | undefined {
  const who = identity.mode === "keys" ? BY_KEY : identity.mode === "header" ? identity.header : undefined;
  if (cors === undefined) return who;
  return who === undefined ? "origin" : `${who}, origin`;
}
