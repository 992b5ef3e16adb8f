/** Whole lines out of pieces of bytes. */

import { Buffer } from "node:buffer";

export interface WholeLines {
  /** The lines that are whole with this piece, each with its end; empty if none is. */
  push(piece: Uint8Array): string;
  /** What is left of a line whose end never came. */
  rest(): string;
}

const LINE_END = 0x0a;

/** Pieces are cut at their last line end and nowhere else, so that many lines cost little more than one. */
export function wholeLines(): WholeLines {
  let begun: Uint8Array[] = [];
  return {
    push: (piece) => {
      const end = piece.lastIndexOf(LINE_END) + 1;
      if (end === 0) {
        begun.push(piece);
        return "";
      }
      const lines = Buffer.concat([...begun, piece.subarray(0, end)]).toString();
      begun = end < piece.length ? [piece.subarray(end)] : [];
      return lines;
    },
    rest: () => Buffer.concat(begun).toString(),
  };
}
