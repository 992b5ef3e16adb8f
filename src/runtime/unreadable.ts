/** Requests that the runtime's HTTP parser refuses itself: they get an answer that clients read, and a line in the log. */

import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { GatewayError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import type { Incoming } from "../http.ts";

export const MAX_HEADER_BYTES = 16 * 1024;

/** What the parser or the runtime's clock says. */
export interface ParseError extends Error {
  readonly code?: string;
  /** What came last, where the runtime says so. */
  readonly rawPacket?: Uint8Array;
}

/** Why a request is refused; undefined where nothing of one had come, or the client has just left. */
export function whyUnreadable({ code = "" }: ParseError, socket: Socket): GatewayError | undefined {
  if (socket.bytesRead === 0) return undefined;
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new GatewayError(
        "headers_too_large",
        `The request's headers have more than ${MAX_HEADER_BYTES} bytes`,
      );
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new GatewayError("request_too_large", "The chunks of the request have too many extensions");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new GatewayError("request_timeout", "The request did not come in time");
    case "HPE_INVALID_EOF_STATE":
      return undefined;
    default:
      if (!code.startsWith("HPE_")) return undefined;
      return new GatewayError("invalid_request", "The HTTP request is malformed");
  }
}

export interface Unreadable {
  readonly fault: GatewayError;
  readonly socket: Socket;
  /** Its request line, if that is known. */
  readonly line: RequestLine | undefined;
}

type RequestLine = Pick<Incoming, "method" | "target" | "version">;

/** Refuses it on the bare socket, and closes that. */
export async function refuseUnreadable(gateway: Gateway, { fault, socket, line }: Unreadable): Promise<void> {
  const { status, headers, body, done } = await gateway({
    ...(line ?? { method: "", target: "", version: "" }),
    headers: {},
    peer: socket.remoteAddress ?? "",
    left: new AbortController().signal,
    fault,
    body: NOTHING,
  });
  const text = typeof body === "string" ? body : "";
  const length = Buffer.byteLength(text);
  let told = false;
  const settle = (bytes: number) => {
    if (!told) done({ bytes, complete: bytes === length });
    told = true;
  };
  if (!socket.writable) {
    socket.destroy();
    return settle(0);
  }
  socket.on("close", () => settle(0));
  const lines = Object.entries({ ...headers, "content-length": `${length}`, connection: "close" });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${head}\r\n${text}`, () => settle(length));
  // A client that goes on sending would keep the socket; it has been told.
  socket.destroySoon();
}

const NOTHING: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

/** The line of the first request on a connection, if it came in one piece with what cannot be read. */
export function lineOf({ rawPacket }: ParseError, socket: Socket): RequestLine | undefined {
  if (!rawPacket || rawPacket.length !== socket.bytesRead) return undefined;
  const start = Buffer.from(
    rawPacket.buffer,
    rawPacket.byteOffset,
    Math.min(rawPacket.length, MAX_HEADER_BYTES),
  );
  const found = LINE.exec(start.toString("latin1"));
  return found ? { method: found[1] ?? "", target: found[2] ?? "", version: found[3] ?? "" } : undefined;
}

const LINE = /^([A-Za-z]{1,20}) ([!-~]{1,8192}) HTTP\/(\d\.\d)\r?\n/;
