/** Tool calls and their results: each call has its result in the next turn, each result answers a call of the turn before. */

import type { Loss } from "../../chat.ts";
import type { NumberedMessage } from "./decode-messages.ts";

/**
 * What is not paired, in the API's own words and its own way to name the message. Messages of one role that follow
 * each other are one turn; system messages do not count.
 */
export function unpairedCalls(messages: readonly NumberedMessage[]): Loss[] {
  const losses: Loss[] = [];
  let open = new Set<string>();
  let answering = false;
  /** The message that stands where a result was expected; the last one of the turn if nothing follows. */
  let blamed: number | undefined;
  let last = 0;
  const close = () => {
    if (open.size > 0) losses.push(missingResults(blamed ?? last, [...open]));
    open = new Set();
    blamed = undefined;
  };
  for (const { index, message } of messages) {
    if (message.role === "system") continue;
    if (message.role === "assistant") {
      if (answering) close();
      answering = false;
      for (const part of message.content) if (part.type === "tool-call") open.add(part.id);
    } else {
      const results = message.content.filter((part) => part.type === "tool-result");
      if (results.length === 0) blamed ??= index;
      for (const { id } of results) if (!open.delete(id)) losses.push(orphanResult(index));
      answering = true;
    }
    last = index;
  }
  close();
  return losses;
}

function missingResults(index: number, ids: readonly string[]): Loss {
  return unpaired(
    index,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      `The following tool_call_ids did not have response messages: ${ids.join(", ")}`,
  );
}

function orphanResult(index: number): Loss {
  return unpaired(
    index,
    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
  );
}

function unpaired(index: number, message: string): Loss {
  return { field: `messages.[${index}].role`, code: "unpaired_tool_calls", refuse: true, message };
}
