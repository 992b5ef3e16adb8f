/**
 * Bytes on their way from events to whoever reads them: a queue with a push at one end and a `next` at the other. It
 * costs a promise for each piece, and none of the bookkeeping of a stream.
 */

/** Where the pieces come from. */
export interface Source {
  /** The reader is slower: no more, until `resume`. What comes all the same is kept. */
  pause(): void;
  resume(): void;
  /** The reader wants nothing more. */
  cancel(): void;
}

export interface PieceQueue {
  /** To be read once. After the last piece it is done, or throws what `fail` was given. */
  readonly pieces: AsyncIterableIterator<Uint8Array>;
  push(piece: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
}

/** Bytes that may wait for the reader before the source is told to pause. */
const MOST_WAITING = 64 * 1024;

const DONE: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

export function createPieces(source: Source): PieceQueue {
  let waiting: Uint8Array[] = [];
  /** The piece that is next: taken out one by one, each would move all behind it. */
  let head = 0;
  let bytes = 0;
  let paused = false;
  let ending: { readonly error?: unknown } | undefined;
  let reader: Reader | undefined;

  const finish = (how: { readonly error?: unknown }) => {
    if (ending) return;
    ending = how;
    if (!reader) return;
    const { resolve, reject } = reader;
    reader = undefined;
    if ("error" in how) reject(how.error);
    else resolve(DONE);
  };
  const next = (): Promise<IteratorResult<Uint8Array, undefined>> => {
    const piece = waiting[head];
    if (piece) {
      head++;
      if (head === waiting.length) {
        waiting = [];
        head = 0;
      }
      bytes -= piece.length;
      if (paused && bytes < MOST_WAITING / 2) {
        paused = false;
        source.resume();
      }
      return Promise.resolve({ done: false, value: piece });
    }
    if (!ending) return new Promise((resolve, reject) => reader = { resolve, reject });
    return "error" in ending ? Promise.reject(ending.error) : Promise.resolve(DONE);
  };
  return {
    pieces: {
      next,
      return: () => {
        waiting = [];
        head = 0;
        if (!ending) source.cancel();
        finish({});
        return Promise.resolve(DONE);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    push: (piece) => {
      if (ending || piece.length === 0) return;
      if (reader) {
        const { resolve } = reader;
        reader = undefined;
        resolve({ done: false, value: piece });
        return;
      }
      waiting.push(piece);
      bytes += piece.length;
      if (paused || bytes <= MOST_WAITING) return;
      paused = true;
      source.pause();
    },
    end: () => finish({}),
    fail: (error) => finish({ error }),
  };
}

interface Reader {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: unknown) => void;
}
