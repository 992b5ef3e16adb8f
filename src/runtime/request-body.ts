/** A request's body as it comes over a socket, from a client that may be slow, or go. */

import type { IncomingMessage } from "node:http";
import { clientLeft } from "../attempt/deadline.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "./limits.ts";

/**
 * The pieces of a body. Whoever stops reading leaves the connection as it is, so that it can still be answered.
 * @param invite called before the first piece is waited for
 * @throws GatewayError `request_timeout` when it comes too slowly, `client_disconnect` when the client went
 */
export async function* requestBody(
  request: IncomingMessage,
  limits: Pick<Limits, "body" | "bodyGrace" | "bodyRate">,
  invite: () => void,
): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  const watch = watchSpeed(limits);
  try {
    invite();
    for (;;) {
      const piece = await Promise.race([pieces.next(), watch.tooSlow]);
      if (piece.done) return;
      watch.count(piece.value.length);
      yield piece.value;
    }
  } catch (thrown) {
    throw thrown instanceof GatewayError ? thrown : clientLeft();
  } finally {
    watch.stop();
  }
}

/** How often a slow body is looked after: so many times in its grace. */
const LOOKS = 5;

/** `tooSlow` rejects once the limits are passed, and never resolves. */
function watchSpeed({ body, bodyGrace, bodyRate }: Pick<Limits, "body" | "bodyGrace" | "bodyRate">) {
  const began = performance.now();
  let bytes = 0;
  let timer: ReturnType<typeof setInterval> | undefined;
  const tooSlow = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const ms = performance.now() - began;
      if (ms < body && (ms < bodyGrace || bytes * 1000 >= bodyRate * ms)) return;
      reject(new GatewayError("request_timeout", "The request body did not come in time"));
    }, bodyGrace / LOOKS);
  });
  // It may reject when nobody waits any more.
  tooSlow.catch(() => {});
  return {
    tooSlow,
    count: (length: number) => void (bytes += length),
    stop: () => clearInterval(timer),
  };
}
