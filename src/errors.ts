/**
 * Every failure that a client, a log line or a failover decision can meet. A refusal is a thrown `GatewayError`; the
 * gateway catches it in one place and the client's dialect renders it.
 */

/** What went wrong, in words that no dialect owns. Each dialect maps them to its own types. */
export type ErrorKind =
  | "invalid-request"
  | "authentication"
  | "permission"
  | "not-found"
  | "conflict"
  | "too-large"
  | "rate-limit"
  | "quota"
  | "overloaded"
  | "timeout"
  | "server";

interface CodeRow {
  readonly status: number;
  readonly kind: ErrorKind;
  /** The refusal stands however often it is repeated: both official SDKs then leave it. */
  readonly final: boolean;
}

/** The proxy's own codes. */
export const CODES = {
  user_missing: { status: 401, kind: "authentication", final: true },
  user_unknown: { status: 403, kind: "permission", final: true },
  invalid_api_key: { status: 401, kind: "authentication", final: true },
  invalid_json: { status: 400, kind: "invalid-request", final: true },
  model_missing: { status: 400, kind: "invalid-request", final: true },
  model_not_found: { status: 404, kind: "not-found", final: true },
  invalid_value: { status: 400, kind: "invalid-request", final: true },
  unsupported_parameter: { status: 400, kind: "invalid-request", final: true },
  invalid_request: { status: 400, kind: "invalid-request", final: true },
  json_too_complex: { status: 400, kind: "invalid-request", final: true },
  not_found: { status: 404, kind: "not-found", final: true },
  method_not_allowed: { status: 405, kind: "invalid-request", final: true },
  request_timeout: { status: 408, kind: "timeout", final: false },
  request_too_large: { status: 413, kind: "too-large", final: true },
  unsupported_media_type: { status: 415, kind: "invalid-request", final: true },
  headers_too_large: { status: 431, kind: "invalid-request", final: true },
  client_disconnect: { status: 499, kind: "invalid-request", final: true },
  internal: { status: 500, kind: "server", final: false },
  upstream_unreachable: { status: 502, kind: "server", final: false },
  upstream_invalid_response: { status: 502, kind: "server", final: false },
  upstream_invalid_event: { status: 502, kind: "server", final: false },
  upstream_stream_interrupted: { status: 502, kind: "server", final: false },
  provider_key_missing: { status: 502, kind: "server", final: true },
  draining: { status: 503, kind: "overloaded", final: false },
  server_shutting_down: { status: 503, kind: "overloaded", final: false },
  overloaded: { status: 503, kind: "overloaded", final: false },
  upstream_timeout: { status: 504, kind: "timeout", final: false },
} as const satisfies Record<string, CodeRow>;

export type ErrorCode = keyof typeof CODES;

/** What kind of failure an attempt had, in the words of `failoverOn`: a status, or that there was no answer. */
export type Failure = "connect" | "timeout" | "invalid" | `${number}`;

/** An upstream's own error answer. */
export interface UpstreamError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body as it came, where a client of the same dialect gets it unchanged but for the secret. */
  readonly body?: string | undefined;
}

export interface GatewayErrorOptions {
  readonly param?: string | undefined;
  readonly cause?: unknown;
  readonly status?: number | undefined;
  readonly kind?: ErrorKind | undefined;
  readonly source?: "proxy" | "upstream" | undefined;
  readonly failure?: Failure | undefined;
  readonly final?: boolean | undefined;
  readonly retryAfter?: number | undefined;
  readonly upstream?: UpstreamError | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly detail?: string | undefined;
}

/** The one error that is meant for a client; whatever else is thrown becomes `internal`. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  /** One of `CODES` for our own, the provider's word for an upstream's; null if it has none. */
  readonly code: string | null;
  /** HTTP status in the sense of the OpenAI API; a dialect may render another. */
  readonly status: number;
  readonly kind: ErrorKind;
  /** The field at fault, as the client wrote it. */
  readonly param: string | undefined;
  readonly source: "proxy" | "upstream";
  /** How `failoverOn` classes it. */
  readonly failure: Failure;
  /** Repeating the request cannot help. */
  readonly final: boolean;
  /** Seconds after which the upstream, or we, may be asked again. */
  readonly retryAfter: number | undefined;
  /** What the upstream answered, where it did. */
  readonly upstream: UpstreamError | undefined;
  /** What the client is told beside it: limits, the provider's id of the request. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** A finer reason (`dns`, `tls`, `redirect`), for the log alone. */
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, options?: GatewayErrorOptions);
  constructor(
    code: string | null,
    message: string,
    options: GatewayErrorOptions & { status: number; kind: ErrorKind },
  );
  constructor(code: string | null, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const row: CodeRow = code !== null && Object.hasOwn(CODES, code)
      ? CODES[code as ErrorCode]
      : CODES.internal;
    this.code = code;
    this.status = options.status ?? row.status;
    this.kind = options.kind ?? row.kind;
    this.param = options.param;
    this.source = options.source ?? "proxy";
    this.failure = options.failure ?? `${this.status}`;
    this.final = options.final ?? row.final;
    this.retryAfter = options.retryAfter;
    this.upstream = options.upstream;
    this.headers = options.headers;
    this.detail = options.detail;
  }
}

/** The error with some of its fields replaced. */
export function amended(
  error: GatewayError,
  changes: GatewayErrorOptions & { readonly message?: string },
): GatewayError {
  const { status, kind, param, source, failure, final, retryAfter, upstream, headers, detail, cause } = error;
  const fields = {
    status,
    kind,
    param,
    source,
    failure,
    final,
    retryAfter,
    upstream,
    headers,
    detail,
    cause,
  };
  return new GatewayError(
    error.code,
    changes.message ?? error.message,
    { ...fields, ...changes } as typeof fields,
  );
}

/** Whether an upstream caused the failure: with words of its own, or with an answer that was none, or with no answer. */
export function isUpstreams({ source, code }: GatewayError): boolean {
  return source === "upstream" || (code?.startsWith("upstream_") ?? false);
}

/** A field of the request that is malformed, out of range or impossible for its target. */
export function invalidValue(param: string, message: string): GatewayError {
  return new GatewayError("invalid_value", message, { param });
}

/** A field of the request that its target has no counterpart for. */
export function unsupported(param: string, message: string): GatewayError {
  return new GatewayError("unsupported_parameter", message, { param });
}

/** What was thrown, as something that a client may see: anything unforeseen says nothing more than `internal`. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("internal", "Internal error", { cause: thrown });
}
