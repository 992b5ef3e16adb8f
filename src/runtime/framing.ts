/** What the runtime's HTTP parser lets through and a proxy must not. */

import type { IncomingMessage } from "node:http";
import { GatewayError } from "../errors.ts";

const MAX_HEADERS = 100;
/** A host and perhaps a port; no path, query or user part that somebody might take for the target. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;

/**
 * What is wrong with a request's head: another version than this wire speaks, too many headers, not exactly one
 * well-formed Host (RFC 9112, 3.2), two framings at once, or one that nobody here can read (6.1).
 */
export function framingFault(
  { rawHeaders, headers, httpVersion }: IncomingMessage,
): GatewayError | undefined {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") {
    return new GatewayError("invalid_request", `HTTP/${httpVersion} is not spoken here, only HTTP/1.1`, {
      status: 505,
    });
  }
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    return new GatewayError("headers_too_large", `The request has more than ${MAX_HEADERS} headers`);
  }
  const { host } = headers;
  const hosts = host === undefined ? 0 : count(rawHeaders, "host");
  if (hosts > 1 || (hosts === 0 && httpVersion !== "1.0")) {
    return new GatewayError("invalid_request", `The request has ${hosts} Host headers instead of one`);
  }
  if (host !== undefined && !HOST.test(host)) {
    return new GatewayError("invalid_request", "The Host header is not a host with an optional port");
  }
  const coding = headers["transfer-encoding"];
  if (headers["content-length"] === undefined) {
    return coding === undefined ? undefined : codingFault(coding, httpVersion);
  }
  if (coding !== undefined) {
    return new GatewayError(
      "invalid_request",
      "The request has both a Content-Length and a Transfer-Encoding",
    );
  }
  if (count(rawHeaders, "content-length") > 1) {
    return new GatewayError("invalid_request", "The request has two Content-Length headers");
  }
  return undefined;
}

function codingFault(coding: string, version: string): GatewayError | undefined {
  // Whoever speaks 1.0 does not know of chunks: something on the way has made it up.
  if (version === "1.0") {
    return new GatewayError("invalid_request", "A request of HTTP/1.0 has no Transfer-Encoding");
  }
  if (coding.trim().toLowerCase() === "chunked") return undefined;
  const message = "The only Transfer-Encoding that is understood is chunked";
  return new GatewayError("invalid_request", message, { status: 501 });
}

/** How often a header stands in a list of names and values in turns. */
function count(rawHeaders: readonly string[], name: string): number {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const each = rawHeaders[at] ?? "";
    if (each.length === name.length && each.toLowerCase() === name) found++;
  }
  return found;
}
