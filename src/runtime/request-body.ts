/** A request's body as it comes over a socket, from a client that may be slow, or go. */

import type { IncomingMessage } from "node:http";
import { clientLeft } from "../attempt/deadline.ts";
import { createPieces } from "../pieces.ts";
import type { SpeedWatch } from "./speed-watch.ts";

/**
 * The pieces of a body. Whoever stops reading leaves the connection as it is, so that it can still be answered. Reading
 * throws a GatewayError: `request_timeout` when it comes too slowly, `client_disconnect` when the client went.
 * @param invite called before the first piece is waited for
 */
export function requestBody(
  request: IncomingMessage,
  watch: SpeedWatch,
  invite: () => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const { pieces, push, end, fail } = createPieces({
        pause: () => void request.pause(),
        resume: () => void request.resume(),
        cancel: () => {
          stop();
          request.pause();
        },
      });
      const { count, unwatch } = watch((error) => {
        stop();
        fail(error);
      });
      const came = (piece: Uint8Array) => {
        count(piece.length);
        push(piece);
      };
      const ended = () => {
        stop();
        end();
      };
      const left = () => {
        stop();
        fail(clientLeft());
      };
      const stop = () => {
        unwatch();
        request.off("data", came).off("end", ended).off("error", left).off("close", left);
      };
      if (request.destroyed) left();
      else {
        invite();
        request.on("data", came).on("end", ended).on("error", left).on("close", left);
      }
      return pieces;
    },
  };
}
