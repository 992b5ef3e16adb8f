/** Calls and results that are not paired, in the API's own words and its own way to name the message. */

import type { Loss } from "../../chat.ts";
import { type NumberedMessage, UNANSWERED, UNASKED, unpairedCalls } from "../pairing.ts";

export function unpairedLosses(messages: readonly NumberedMessage[]): Loss[] {
  return unpairedCalls(messages).map((unpaired) =>
    unpaired.kind === "unasked"
      ? loss(unpaired.at, UNASKED)
      : loss(unpaired.expected, `${UNANSWERED}: ${unpaired.ids.join(", ")}`)
  );
}

function loss(index: number, message: string): Loss {
  return { field: `messages.[${index}].role`, code: "unpaired_tool_calls", refuse: true, message };
}
