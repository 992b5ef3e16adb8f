/** What a thrown error of a connection means, whichever runtime threw it. */

import { GatewayError, type GatewayErrorOptions } from "../errors.ts";

/** Who is at the other end of a connection. */
export type Peer = "provider" | "forward proxy";

/**
 * The failure that an error is. Its detail is a word for the log; where certificates are at fault, the runtime's own.
 * @param peer with whom the connection was to be
 */
export function failureOf(thrown: unknown, peer: Peer = "provider"): GatewayError {
  const errors = [...causes(thrown)];
  const own = errors.find((error) => error instanceof GatewayError);
  if (own) return own;
  const found = errors.map((error) => error.code ?? error.name);
  const row = FAILURES.find(({ pattern }) => found.some((code) => pattern.test(code)));
  const word = found.find((code) => row?.pattern.test(code)) ?? found.at(-1);
  const { code, message, failure, detail } = speaksHttp2(errors) ? HTTP2 : row ?? UNKNOWN;
  const said = detail ?? word;
  return new GatewayError(code, message.replace("{peer}", peer), {
    failure,
    detail: peer === "provider" ? said : `proxy-${said}`,
    cause: thrown,
    ...(code === "overloaded" && { retryAfter: 1 }),
  });
}

/** Whether certificates or TLS itself are why there is no connection: what an operator can mend. */
export function isTlsFailure(error: GatewayError): boolean {
  return error.detail !== undefined && TLS.test(error.detail.replace("proxy-", ""));
}

/** An error and what caused it, outermost first. */
function* causes(thrown: unknown): Generator<Error & { code?: string; data?: unknown }> {
  for (let error = thrown; error instanceof Error; error = error.cause) yield error;
}

/** Without TLS a server that speaks HTTP/2 alone begins with a frame of settings (RFC 9113, 3.4 and 6.5). */
function speaksHttp2(errors: readonly { readonly data?: unknown }[]): boolean {
  // deno-lint-ignore no-control-regex -- three bytes of length, the type, no flags, and no stream
  return errors.some(({ data }) => typeof data === "string" && /^[\0-\x40]{3}\x04\0\0{4}/.test(data));
}

const TLS = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_|CRL|^EPROTO$/;

interface Failing extends Pick<GatewayErrorOptions, "failure" | "detail"> {
  readonly code: "upstream_unreachable" | "upstream_invalid_response" | "overloaded";
  readonly message: string;
}

const UNKNOWN: Failing = {
  code: "upstream_unreachable",
  message: "The connection to the {peer} failed",
  failure: "connect",
};

const HTTP2: Failing = {
  code: "upstream_unreachable",
  message: "The {peer} speaks HTTP/2 alone, which is not spoken here",
  failure: "connect",
  detail: "http2-only",
};

/** The first row that fits counts; without a detail of its own, the word that fits is the detail. */
const FAILURES: readonly (Failing & { readonly pattern: RegExp })[] = [
  {
    pattern: /^UND_ERR_CONNECT_TIMEOUT$|^ETIMEDOUT$/,
    code: "upstream_unreachable",
    message: "No connection to the {peer} in time",
    failure: "connect",
    detail: "connect-timeout",
  },
  {
    pattern: /^ENOTFOUND$|^EAI_/,
    code: "upstream_unreachable",
    message: "The {peer}'s address was not found",
    failure: "connect",
    detail: "dns",
  },
  {
    pattern: /^ECONNREFUSED$/,
    code: "upstream_unreachable",
    message: "The {peer} refused the connection",
    failure: "connect",
    detail: "refused",
  },
  {
    pattern: /^ENETUNREACH$|^EHOSTUNREACH$|^ENETDOWN$|^EHOSTDOWN$/,
    code: "upstream_unreachable",
    message: "The {peer}'s network cannot be reached",
    failure: "connect",
    detail: "no-route",
  },
  // The fault is this machine's, not the target's.
  {
    pattern: /^EMFILE$|^ENFILE$|^ENOBUFS$/,
    code: "overloaded",
    message: "No more connections to providers can be opened",
    failure: "503",
    detail: "descriptors",
  },
  { ...HTTP2, pattern: /NO_APPLICATION_PROTOCOL/ },
  {
    pattern: TLS,
    code: "upstream_unreachable",
    message: "No trusted connection to the {peer}",
    failure: "connect",
  },
  {
    pattern: /^UND_ERR_HEADERS_OVERFLOW$|^HPE_HEADER_OVERFLOW$/,
    code: "upstream_invalid_response",
    message: "The {peer}'s answer has too many headers",
    failure: "invalid",
    detail: "headers",
  },
  {
    pattern: /^HPE_|^UND_ERR_RES_|^Z_|^ERR_STREAM_PREMATURE_CLOSE$/,
    code: "upstream_invalid_response",
    message: "The {peer}'s answer cannot be read",
    failure: "invalid",
  },
  {
    pattern: /^ECONNRESET$|^UND_ERR_SOCKET$|^EPIPE$|^ECONNABORTED$/,
    code: "upstream_unreachable",
    message: "The {peer} closed the connection",
    failure: "connect",
    detail: "reset",
  },
];
