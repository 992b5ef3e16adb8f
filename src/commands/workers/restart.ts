/** When a worker that died is started again: at once, and after growing pauses where that does not help. */

export interface Restart {
  /** Seconds. */
  readonly pause: number;
  /** Short lives in a row, with the one that ended. */
  readonly shortLives: number;
}

/** Seconds; a worker that lived so long was no failure of its start. */
const LONG_LIFE = 60;
const LONGEST_PAUSE = 30;

/**
 * @param shortLives in a row, before the one that ended
 * @param lived seconds
 */
export function restartAfter(shortLives: number, lived: number): Restart {
  if (lived >= LONG_LIFE) return { pause: 0, shortLives: 0 };
  const pause = shortLives === 0 ? 0 : Math.min(2 ** (shortLives - 1), LONGEST_PAUSE);
  return { pause, shortLives: shortLives + 1 };
}
