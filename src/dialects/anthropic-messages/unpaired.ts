/** Calls and results that are not paired, in the API's own words. */

import type { Loss, Message } from "../../chat.ts";
import { type Unpaired, unpairedCalls } from "../pairing.ts";

export function unpairedLosses(messages: readonly Message[]): Loss[] {
  return unpairedCalls(messages.map((message, index) => ({ index, message }))).map((unpaired): Loss => {
    const field = `messages.${unpaired.kind === "unasked" ? unpaired.at : unpaired.asked}`;
    return { field, code: "unpaired_tool_calls", refuse: true, message: `${field}: ${told(unpaired)}` };
  });
}

function told(unpaired: Unpaired): string {
  if (unpaired.kind === "unasked") {
    return `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unpaired.id}. ` +
      "Each `tool_result` block must have a corresponding `tool_use` block in the previous message.";
  }
  return `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${
    unpaired.ids.join(", ")
  }. ` +
    "Each `tool_use` block must have a corresponding `tool_result` block in the next message.";
}
