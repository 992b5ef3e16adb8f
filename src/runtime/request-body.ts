/** A request's body as it comes over a socket, from a client that may be slow, or go. */

import { clientLeft } from "../http.ts";
import type { GatewayError } from "../errors.ts";
import { createPieces } from "../pieces.ts";
import type { SpeedWatch } from "./speed-watch.ts";
import type { Visit } from "./visit.ts";

/**
 * The pieces of a body. Whoever stops reading leaves the connection as it is, so that it can still be answered. Reading
 * throws a GatewayError: `request_timeout` when it comes too slowly, `invalid_request` when it is malformed, `client_disconnect` when the client
 * went.
 * @param invite called before the first piece is waited for
 */
export function requestBody(
  visit: Visit,
  watch: SpeedWatch,
  invite: () => void,
): AsyncIterable<Uint8Array> {
  const { request } = visit;
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
      const give = (error: GatewayError) => {
        stop();
        fail(error);
      };
      const { count, unwatch } = watch(give);
      const came = (piece: Uint8Array) => {
        count(piece.length);
        push(piece);
      };
      const ended = () => {
        visit.read = true;
        stop();
        end();
      };
      const left = () => give(visit.malformed ?? clientLeft());
      const stop = () => {
        unwatch();
        visit.onMalformed = undefined;
        visit.ends.delete(left);
        request.off("data", came).off("end", ended).off("error", left).off("close", left);
      };
      if (request.destroyed || visit.over || visit.malformed) left();
      else {
        visit.onMalformed = give;
        visit.ends.add(left);
        invite();
        request.on("data", came).on("end", ended).on("error", left).on("close", left);
      }
      return pieces;
    },
  };
}
