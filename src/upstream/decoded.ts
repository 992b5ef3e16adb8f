/** Bodies that a provider compressed, though it was asked not to. */

import type { Transform } from "node:stream";
import { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { GatewayError } from "../errors.ts";
import { failureOf } from "./failures.ts";

type Bytes = AsyncIterable<Uint8Array>;

const DECODERS: ReadonlyMap<string, (pieces: Bytes) => Bytes> = new Map([
  ["gzip", (pieces: Bytes) => through(pieces, createGunzip())],
  ["x-gzip", (pieces: Bytes) => through(pieces, createGunzip())],
  ["br", (pieces: Bytes) => through(pieces, createBrotliDecompress())],
  ["deflate", inflated],
]);

/**
 * A body's bytes as they were before they were compressed. Identity is what we ask for; one usual encoding is understood
 * all the same, a stack of them is not.
 * @throws GatewayError `upstream_invalid_response` for an encoding that is not known
 */
export function decoded(pieces: Bytes, encoding: string | undefined): Bytes {
  if (encoding === undefined) return pieces;
  const names = encoding.toLowerCase().split(",").map((name) => name.trim());
  const [name, ...more] = names.filter((name) => name !== "" && name !== "identity");
  if (name === undefined) return pieces;
  const decoder = DECODERS.get(name);
  if (decoder && more.length === 0) return decoder(pieces);
  throw new GatewayError("upstream_invalid_response", "The provider's answer has an unknown encoding", {
    failure: "invalid",
    detail: "encoding",
  });
}

async function* through(pieces: Bytes, decoder: Transform): AsyncGenerator<Uint8Array> {
  const source = Readable.from(pieces);
  source.on("error", (error) => decoder.destroy(error));
  decoder.on("close", () => source.destroy());
  try {
    yield* source.pipe(decoder);
  } catch (error) {
    throw failureOf(error);
  }
}

/** Servers mean two formats by one name: zlib's, which begins with its method, and the bare one (RFC 9110, 8.4.1.2). */
async function* inflated(pieces: Bytes): AsyncGenerator<Uint8Array> {
  const rest = pieces[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done) return;
  const all: Bytes = {
    async *[Symbol.asyncIterator]() {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => rest };
    },
  };
  const zlib = ((first.value[0] ?? 0) & 0x0f) === 8;
  yield* through(all, zlib ? createInflate() : createInflateRaw());
}
