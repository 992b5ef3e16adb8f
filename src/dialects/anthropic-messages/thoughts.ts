/** Thoughts of earlier turns: which of them may go back to the provider, and what their absence forbids. */

import { isThought } from "../../block-order.ts";
import type { Message, Part } from "../../chat.ts";
import type { Capabilities } from "./models.ts";
import type { Warn } from "./warn.ts";

/**
 * The conversation with those thoughts alone that may go back: signed ones, and all or none where they are bound to
 * all that stands before them. A thought without a signature is never sent to a model that signs its own, whatever the
 * text says; other vendors' models want theirs back as they gave them.
 * @param refused thoughts of this conversation were refused
 */
export function withSignedThoughts(
  messages: readonly Message[],
  model: Capabilities,
  refused: boolean,
  warn: Warn,
): readonly Message[] {
  const thoughts = messages.flatMap((message) => message.content.filter(isThought));
  const unsigned = model.proofs ? thoughts.filter(isUnsigned) : [];
  const none = refused || model.thinking.length === 0 || (model.preservedThinking && unsigned.length > 0);
  if (none ? thoughts.length === 0 : unsigned.length === 0) return messages;
  warn("thinking_dropped");
  const dropped = none ? isThought : isUnsigned;
  return messages.map(({ role, content }) => ({ role, content: content.filter((part) => !dropped(part)) }));
}

/**
 * True when an assistant's turn that the last messages answer with tool results does not begin with its thought: a
 * thinking budget is then refused (opencode#3077).
 */
export function loopLacksThoughts(messages: readonly Message[]): boolean {
  const turns = messages.filter((message) => message.role !== "system");
  for (let at = turns.length - 1; turns[at]?.content[0]?.type === "tool-result"; at -= 2) {
    if (!turns[at - 1]?.content.some(isThought)) return true;
  }
  return false;
}

function isUnsigned(part: Part): boolean {
  return part.type === "thinking" && !part.signature;
}
