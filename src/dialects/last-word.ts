/** What every decoder of a stream owes its readers, whatever its dialect. */

import type { ChatEvent } from "../chat.ts";
import { asGatewayError } from "../errors.ts";
import type { Stepper } from "./stepper.ts";

/** A decoder that never throws, and gives nothing after its last word, be it `end` or `error`. */
export function untilLastWord<In>(decoder: Stepper<In, ChatEvent>): Stepper<In, ChatEvent> {
  let ended = false;
  const guarded = (read: () => ChatEvent[]): ChatEvent[] => {
    if (ended) return [];
    let events: ChatEvent[];
    try {
      events = read();
    } catch (thrown) {
      events = [{ type: "error", error: asGatewayError(thrown) }];
    }
    ended = events.some(({ type }) => type === "end" || type === "error");
    return events;
  };
  return { push: (input) => guarded(() => decoder.push(input)), end: () => guarded(decoder.end) };
}
