/** Long work in slices, so that a reload holds up no request: who works asks now and then whether others are due. */

/** Undefined to go on at once; else a promise of the next turn. */
export type Pause = () => Promise<void> | undefined;

/** Milliseconds; several of them fit into what a client may notice. */
const SLICE_MS = 5;

/** Gives others a turn whenever a slice of time is used up. By a timer: on Deno, `setImmediate` comes before sockets. */
export function slices(): Pause {
  let began = performance.now();
  return () => {
    if (performance.now() - began < SLICE_MS) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        began = performance.now();
        resolve();
      }, 0)
    );
  };
}
