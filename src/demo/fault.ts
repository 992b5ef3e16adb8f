/** What a fault is. */

import type { Exchange } from "./exchange.ts";

export interface Fault {
  /** What it does, and its parameter with the default. */
  readonly about: string;
  /** Plays it to the end; the parameter is what the model's name has behind the word. */
  play(exchange: Exchange, parameter?: number): Promise<void> | void;
}
