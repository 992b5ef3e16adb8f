/** What the runtime's HTTP parser lets through and a proxy must not. */

import type { IncomingMessage } from "node:http";
import { GatewayError } from "../errors.ts";

const MAX_HEADERS = 100;
/** A host and perhaps a port; no path, query or user part that somebody might take for the target. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;

/**
 * What is wrong with a request's head: too many headers, not exactly one well-formed Host (RFC 9112, 3.2), or two
 * framings at once.
 */
export function framingFault(request: IncomingMessage): GatewayError | undefined {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.length > MAX_HEADERS) {
    return new GatewayError("headers_too_large", `The request has more than ${MAX_HEADERS} headers`);
  }
  const hosts = names.filter((name) => name === "host").length;
  if (hosts > 1 || (hosts === 0 && request.httpVersion !== "1.0")) {
    return new GatewayError("invalid_request", `The request has ${hosts} Host headers instead of one`);
  }
  const { host } = request.headers;
  if (host !== undefined && !HOST.test(host)) {
    return new GatewayError("invalid_request", "The Host header is not a host with an optional port");
  }
  if (names.includes("content-length") && names.includes("transfer-encoding")) {
    return new GatewayError(
      "invalid_request",
      "The request has both a Content-Length and a Transfer-Encoding",
    );
  }
  if (names.filter((name) => name === "content-length").length > 1) {
    return new GatewayError("invalid_request", "The request has two Content-Length headers");
  }
  return undefined;
}
