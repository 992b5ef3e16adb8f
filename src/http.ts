/**
 * HTTP as the gateway sees it, on any runtime: plain values in, plain values out, and bodies that are read and
 * written piece by piece.
 */

import type { HeaderRecord } from "./dialects/dialect.ts";
import { GatewayError } from "./errors.ts";
import {
  isObject,
  type JsonObject,
  type ReadBody,
  readBody,
  readingBody,
  tooMuch,
  type Unread,
} from "./json.ts";
import type { Members } from "./json-scan.ts";
import { inSlices } from "./slices.ts";
import { mayPause, SMALL, type Work } from "./work.ts";

export interface Incoming {
  readonly method: string;
  /** The raw request target, as it stood in the request line. */
  readonly target: string;
  /** `1.1` */
  readonly version: string;
  /** A header that came more than once is joined by ", ". */
  readonly headers: HeaderRecord;
  /** The address of the socket's other end. */
  readonly peer: string;
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Aborts when the client leaves before its answer is complete, or when we cannot wait for it any more: then its reason
   * is the GatewayError to say so.
   */
  readonly left: AbortSignal;
  /** What is wrong with the request's framing or headers: it is refused, whatever it asks for. */
  readonly fault?: GatewayError | undefined;
  /** Its connection is one too many: it may not ask a provider. */
  readonly crowded?: boolean;
}

export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | StreamBody;
  /** Called exactly once, when the last byte has gone or the client has. */
  readonly done: (sent: Sent) => void;
}

/** Writes a body as it comes; returns when all is written. */
export type StreamBody = (out: Out) => Promise<void>;

export interface Out {
  /** A promise when the client is slower than we are: to be awaited before the next write. */
  write(piece: string | Uint8Array): void | Promise<void>;
  /** The client has not yet taken what was written. */
  blocked?(): boolean;
}

export interface Sent {
  /** Bytes of the body that were handed to the connection. */
  readonly bytes: number;
  /** The whole answer went out. */
  readonly complete: boolean;
  /** Why we gave the client up, if we did. */
  readonly stalled?: GatewayError;
}

/** The client is gone: nobody reads what this says, but the log knows it by its code. */
export function clientLeft(): GatewayError {
  return new GatewayError("client_disconnect", "The client left");
}

/** Why a client's signal has aborted: it left, or the reason that the signal carries. */
export function whyLeft({ reason }: AbortSignal): GatewayError {
  return reason instanceof GatewayError ? reason : clientLeft();
}

/** @throws why the client cannot be answered any more */
export function checkLeft(left: AbortSignal): void {
  if (left.aborted) throw whyLeft(left);
}

/** 32 MiB: what the providers accept. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A request's body, parsed once: its bytes for those who relay it, where its members stand, and its value. */
export interface JsonBody {
  /** UTF-8, without a byte order mark. */
  readonly bytes: Uint8Array;
  readonly members: Members;
  readonly value: JsonObject;
  /** How many values it has, of all kinds. */
  readonly values: number;
}

/**
 * Reads a request's body as one JSON object.
 * @param admit told how many bytes the body takes in memory, before they are read where that is known; may throw
 * @throws GatewayError `unsupported_media_type`, `request_too_large`, `json_too_complex`, `invalid_json`, or
 * `invalid_value` for a key that stands twice in one object
 */
export async function readJsonObject(request: Incoming, admit: (bytes: number) => void): Promise<JsonBody> {
  checkMedia(request.headers);
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > MAX_BODY_BYTES) throw bodyTooLarge();
  admit(announced);
  // A body of unknown length is admitted piece by piece.
  const admitPiece = (piece: number, length: number) => {
    if (length > announced) admit(Math.min(piece, length - announced));
  };
  const bytes = await readBytes(request.body, MAX_BODY_BYTES, bodyTooLarge, admitPiece);
  if (bytes.length <= SMALL) return parseBody(bytes);
  return inSlices(parsingBody(bytes), () => checkLeft(request.left));
}

/** A JSON object's bytes as a `JsonBody`; throws as `readJsonObject` does. */
export function parseBody(given: Uint8Array): JsonBody {
  const bytes = withoutMark(given);
  return jsonBody(bytes, readBody(bytes, decodeText(bytes)));
}

/** `parseBody` in steps. */
function* parsingBody(given: Uint8Array): Work<JsonBody> {
  const bytes = withoutMark(given);
  const text = decodeText(bytes);
  if (mayPause()) yield;
  return jsonBody(bytes, yield* readingBody(bytes, text));
}

function jsonBody(bytes: Uint8Array, body: ReadBody | Unread): JsonBody {
  if ("kind" in body) throw refusalOf(body);
  const { value, members, values } = body;
  if (!isObject(value)) throw invalidJson();
  return { bytes, members, value, values };
}

function refusalOf(unread: Unread): GatewayError {
  switch (unread.kind) {
    case "no-json":
      return invalidJson(unread.cause);
    case "too-much":
      return new GatewayError("json_too_complex", `The request body has ${tooMuch(unread.excess)}`);
    case "doubled": {
      const { key } = unread;
      const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key;
      return new GatewayError(
        "invalid_value",
        `The key ${JSON.stringify(shown)} appears twice in one object`,
        {
          param: shown,
        },
      );
    }
  }
}

/**
 * All bytes of a body; `tooLarge` makes the error for more than `limit` of them.
 * @param came told of each piece: its bytes, and all bytes so far; what it throws ends the reading
 */
export async function readBytes(
  body: AsyncIterable<Uint8Array>,
  limit: number,
  tooLarge: () => GatewayError,
  came: (bytes: number, all: number) => void = () => {},
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    came(piece.length, length);
    if (length > limit) throw tooLarge();
    pieces.push(piece);
  }
  const [first] = pieces;
  if (pieces.length === 1 && first) return first;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A byte order mark (U+FEFF) may stand before JSON, and is no part of it (RFC 8259, 8.1). */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that is well-formed UTF-8, or `invalid_json`. */
function decodeText(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (cause) {
    throw invalidJson(cause);
  }
}

/** A JSON body under another declared type (curl's default) is read as JSON; what cannot be JSON is refused. */
function checkMedia(headers: HeaderRecord): void {
  const encoding = headers["content-encoding"]?.trim().toLowerCase();
  if (encoding && encoding !== "identity") throw unsupportedMedia(`content-encoding '${encoding}'`);
  const type = headers["content-type"]?.toLowerCase() ?? "";
  if (type.startsWith("multipart/")) throw unsupportedMedia("a multipart body");
  const charset = /;\s*charset="?([^";\s]+)/.exec(type)?.[1];
  if (charset && !["utf-8", "utf8", "us-ascii"].includes(charset)) {
    throw unsupportedMedia(`charset '${charset}'`);
  }
}

function unsupportedMedia(what: string): GatewayError {
  return new GatewayError("unsupported_media_type", `Send the request body as plain UTF-8 JSON, not ${what}`);
}

function invalidJson(cause?: unknown): GatewayError {
  return new GatewayError("invalid_json", "Invalid JSON in request body", { cause });
}

function bodyTooLarge(): GatewayError {
  return new GatewayError(
    "request_too_large",
    `The request body is larger than ${MAX_BODY_BYTES} bytes (32 MiB)`,
  );
}
