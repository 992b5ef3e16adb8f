/** Recorded answers: bytes that a model's name is answered with, instead of a simulated answer. */

import { Buffer } from "node:buffer";
import { begin, breakOff, type Exchange, finish, wait, write } from "./exchange.ts";

export interface Recording {
  /** 200 if absent. */
  readonly status?: number;
  /** Beside the API's own, or in their place. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** Bytes of one write; the whole body at once if absent. */
  readonly slice?: number;
  /** Line ends become CRLF. */
  readonly crlf?: boolean;
  /** The connection is closed after so many bytes of the body. */
  readonly cut?: number;
  /** Milliseconds between two writes. */
  readonly pace?: number;
}

/** Answers with a recording. */
export async function replay(exchange: Exchange, recording: Recording): Promise<void> {
  const { body, status = 200, headers = {}, crlf = false, pace = 0 } = recording;
  const bytes = Buffer.from(crlf ? Buffer.from(body).toString("utf8").replace(/\r?\n/g, "\r\n") : body);
  const end = Math.min(recording.cut ?? bytes.length, bytes.length);
  const size = Math.max(recording.slice ?? end, 1);
  begin(exchange, status, headers);
  for (let at = 0; at < end && !exchange.over.aborted; at += size) {
    if (at > 0) await wait(exchange, pace);
    await write(exchange, bytes.subarray(at, Math.min(at + size, end)));
  }
  if (recording.cut === undefined) finish(exchange);
  else breakOff(exchange);
}
