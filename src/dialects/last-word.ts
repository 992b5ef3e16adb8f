/** What every decoder of a stream owes its readers, whatever its dialect. */

import type { ChatEvent } from "../chat.ts";
import { asGatewayError } from "../errors.ts";
import type { Stepper } from "./stepper.ts";

/** A decoder that never throws, and gives nothing after its last word, be it `end` or `error`. */
export function untilLastWord<In>(decoder: Stepper<In, ChatEvent>): Stepper<In, ChatEvent> {
  let ended = false;
  const given = (events: ChatEvent[]): ChatEvent[] => {
    ended = events.some(isLastWord);
    return events;
  };
  const failed = (thrown: unknown): ChatEvent[] => given([{ type: "error", error: asGatewayError(thrown) }]);
  return {
    push: (input) => {
      if (ended) return [];
      try {
        return given(decoder.push(input));
      } catch (thrown) {
        return failed(thrown);
      }
    },
    end: () => {
      if (ended) return [];
      try {
        return given(decoder.end());
      } catch (thrown) {
        return failed(thrown);
      }
    },
  };
}

/** Whether nothing of an answer comes behind this. */
export function isLastWord({ type }: ChatEvent): boolean {
  return type === "end" || type === "error";
}
