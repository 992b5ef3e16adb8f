/**
 * Every failure that a client, a log line or a failover decision can meet. A refusal is a thrown `GatewayError`; the
 * gateway catches it in one place and the client's dialect renders it.
 */

/** What went wrong, in words that no dialect owns. Each dialect maps them to its own types. */
export type ErrorKind =
  | "invalid-request"
  | "context-length"
  | "content-policy"
  | "authentication"
  | "permission"
  | "not-found"
  | "model-missing"
  | "conflict"
  | "too-large"
  | "rate-limit"
  | "quota"
  | "overloaded"
  | "timeout"
  | "server";

/**
 * Whose fault a failure is. It is decided where the error is decoded; health, failover, retries and the log read it.
 * `credential`: the key was refused, or its account cannot pay. `provider`: also what is not clear.
 */
export type Blame = "caller" | "credential" | "model" | "provider" | "ours";

/** The blame that a meaning has where nothing says it better; what is not clear is the provider's. */
const BLAME: Readonly<Record<ErrorKind, Blame>> = {
  "invalid-request": "caller",
  "context-length": "caller",
  "content-policy": "caller",
  "not-found": "caller",
  "too-large": "caller",
  authentication: "credential",
  quota: "credential",
  "model-missing": "model",
  permission: "provider",
  conflict: "provider",
  "rate-limit": "provider",
  overloaded: "provider",
  timeout: "provider",
  server: "provider",
};

interface CodeRow {
  readonly status: number;
  readonly kind: ErrorKind;
  readonly blame?: Blame;
  /** The refusal stands however often it is repeated: both official SDKs then leave it. */
  readonly final: boolean;
  /** A request had gone to a provider. */
  readonly sent?: true;
}

const CALLERS = { kind: "invalid-request", blame: "caller", final: true } as const;
const PROVIDERS = { kind: "server", final: false, sent: true } as const;
const OVERLOADED = { status: 503, kind: "overloaded", blame: "ours", final: false } as const;

/** The proxy's own codes. */
export const CODES = {
  user_missing: { ...CALLERS, status: 401, kind: "authentication" },
  user_unknown: { ...CALLERS, status: 403, kind: "permission" },
  invalid_api_key: { ...CALLERS, status: 401, kind: "authentication" },
  invalid_json: { ...CALLERS, status: 400 },
  model_missing: { ...CALLERS, status: 400 },
  model_not_found: { ...CALLERS, status: 404, kind: "model-missing" },
  invalid_value: { ...CALLERS, status: 400 },
  unsupported_parameter: { ...CALLERS, status: 400 },
  invalid_request: { ...CALLERS, status: 400 },
  json_too_complex: { ...CALLERS, status: 400 },
  not_found: { ...CALLERS, status: 404, kind: "not-found" },
  method_not_allowed: { ...CALLERS, status: 405 },
  request_timeout: { ...CALLERS, status: 408, kind: "timeout", final: false },
  request_too_large: { ...CALLERS, status: 413, kind: "too-large" },
  unsupported_media_type: { ...CALLERS, status: 415 },
  headers_too_large: { ...CALLERS, status: 431 },
  client_disconnect: { ...CALLERS, status: 499 },
  internal: { status: 500, kind: "server", blame: "ours", final: false },
  upstream_error: { ...PROVIDERS, status: 502 },
  upstream_unreachable: { ...PROVIDERS, status: 502 },
  upstream_invalid_response: { ...PROVIDERS, status: 502 },
  upstream_invalid_event: { ...PROVIDERS, status: 502 },
  upstream_stream_interrupted: { ...PROVIDERS, status: 502 },
  upstream_timeout: { ...PROVIDERS, status: 504, kind: "timeout" },
  provider_key_missing: { status: 502, kind: "server", blame: "ours", final: true },
  draining: OVERLOADED,
  server_shutting_down: OVERLOADED,
  overloaded: OVERLOADED,
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

/** A field that a refusal names in a place of its own: it is unknown to the provider, or its value will not do. */
export interface RefusedField {
  /** As the provider wrote it: `seed`, `messages[1].name`, `messages.1.assistant.name`. */
  readonly path: string;
  readonly fault: "unknown" | "value";
}

export interface GatewayErrorOptions {
  readonly fields?: readonly RefusedField[] | undefined;
  readonly param?: string | undefined;
  readonly cause?: unknown;
  readonly status?: number | undefined;
  readonly kind?: ErrorKind | undefined;
  readonly blame?: Blame | undefined;
  readonly said?: string | null | undefined;
  readonly shown?: string | null | undefined;
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
  /** One of our words. A provider's own error is `upstream_error`, whatever it says. */
  readonly code: ErrorCode;
  /** What the error was made of. */
  readonly options: GatewayErrorOptions;
  /** HTTP status in the sense of the OpenAI API; a dialect may render another. */
  readonly status: number;
  readonly kind: ErrorKind;
  readonly blame: Blame;
  /** The provider's own word for it: logged and shown, never compared with ours. */
  readonly said: string | null;
  /** The provider's word in the sense of the OpenAI API, as `status` is: for clients. */
  readonly shown: string | null;
  /** The field at fault, as the client wrote it. */
  readonly param: string | undefined;
  /** All that the provider lists as at fault, where it has a list for that. */
  readonly fields: readonly RefusedField[];
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

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const row: CodeRow = CODES[code];
    this.code = code;
    this.options = options;
    this.status = options.status ?? row.status;
    this.kind = options.kind ?? row.kind;
    this.blame = options.blame ?? row.blame ?? BLAME[this.kind];
    this.said = options.said ?? null;
    this.shown = options.shown === undefined ? this.said : options.shown;
    this.param = options.param;
    this.fields = options.fields ?? [];
    this.source = code === "upstream_error" ? "upstream" : "proxy";
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
  { message = error.message, ...changes }: GatewayErrorOptions & { readonly message?: string },
): GatewayError {
  return new GatewayError(error.code, message, { ...error.options, ...changes });
}

/** Whether a request had gone to a provider, which failed or refused it, whosever fault that is. */
export function isUpstreams({ code }: GatewayError): boolean {
  const row: CodeRow = CODES[code];
  return row.sent ?? false;
}

/** What an error's text quotes of a value: enough to know it again, however long it is. */
export function shortened(value: string): string {
  return value.length <= MOST_QUOTED ? value : `${value.slice(0, MOST_QUOTED)}…`;
}

const MOST_QUOTED = 256;

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
