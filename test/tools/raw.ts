/** HTTP without an SDK: any request target, any body, and the answer's bytes as they came. */

import { Buffer } from "node:buffer";
import { request } from "node:http";

export interface RawRequest {
  readonly method?: string;
  /** The raw request target. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent at once; a list is sent in pieces, without a content-length. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
}

export interface RawReply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  // deno-lint-ignore no-explicit-any -- a test says by its assertions what it expects to find
  json(): any;
  /** The connection broke before the answer's end. */
  readonly broken: boolean;
}

/** One request over a connection of its own. Rejects when no answer comes. */
export function exchangeRaw(port: number, asked: RawRequest): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const { method = "GET", path, headers = {}, body } = asked;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const pieces: Uint8Array[] = [];
      const done = (broken: boolean) => {
        const bytes = Buffer.concat(pieces);
        const text = bytes.toString("utf8");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as RawReply["headers"],
          bytes,
          text,
          json: () => JSON.parse(text),
          broken,
        });
      };
      response.on("data", (piece: Uint8Array) => pieces.push(piece));
      response.on("end", () => done(false));
      response.on("error", () => done(true));
    });
    if (Array.isArray(body)) {
      for (const piece of body) outgoing.write(piece);
      outgoing.end();
    } else outgoing.end(body);
  });
}
