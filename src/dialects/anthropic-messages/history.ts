/**
 * The conversation as this API takes it: instructions apart, nothing empty, system messages where they may stand, and
 * a user's turn first and last. From neutral messages to neutral messages; the same beginning always gives the same
 * beginning, because caches and signed thoughts depend on it.
 */

import type { Message, Part, TextPart } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { mapped, mayPause, type Work } from "../../work.ts";
import { normalizing } from "../normal-form.ts";
import type { Warn } from "./warn.ts";

export interface History {
  /** What stood before the conversation. */
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
}

/**
 * @param midSystem the model takes system messages between the others
 * @throws GatewayError `invalid_value` when no user's turn is left
 */
export function* readHistory(messages: readonly Message[], midSystem: boolean, warn: Warn): Work<History> {
  const first = messages.findIndex((message) => message.role !== "system");
  const leading = first === -1 ? messages.length : first;
  const said = yield* normalizing(yield* withoutEmpty(messages.slice(leading)));
  if (!said.some(isUser) && (said.length === 0 || messages.some(isUser))) {
    const at = messages.findIndex(isUser);
    throw invalidValue(
      at === -1 ? "messages" : `messages[${at}].content`,
      "The conversation has no user message with content",
    );
  }
  if (mayPause()) yield;
  const placed = yield* normalizing(placeSystem(said, midSystem, warn));
  return {
    system: texts(messages.slice(0, leading)).filter(isSpoken),
    messages: startedByUser(placed, warn),
  };
}

/**
 * Ends the conversation in a way that the model answers to.
 * @param prefill the model continues a last message of the assistant's
 */
export function endTurn(messages: readonly Message[], prefill: boolean, warn: Warn): readonly Message[] {
  const trimmed = trimEnd(messages);
  if (trimmed.at(-1)?.role !== "assistant") return trimmed;
  if (prefill) {
    warn("prefill");
    return trimmed;
  }
  warn("prefill_unsupported");
  return [...trimmed, { role: "user", content: [{ type: "text", text: "Continue." }] }];
}

/** Text that is empty or only white space is refused by the API wherever it stands. */
function* withoutEmpty(messages: readonly Message[]): Work<Message[]> {
  const spoken = yield* mapped(
    messages,
    (message) =>
      message.content.every(isWhole)
        ? message
        : { role: message.role, content: message.content.filter(isSpoken).map(withoutEmptyResult) },
  );
  return spoken.filter(({ content }) => content.length > 0);
}

function withoutEmptyResult(part: Part): Part {
  return part.type === "tool-result" ? { ...part, content: part.content.filter(isSpoken) } : part;
}

/** Most parts have nothing to leave out, and most messages need not be copied. */
function isWhole(part: Part): boolean {
  return part.type === "tool-result" ? part.content.every(isSpoken) : isSpoken(part);
}

function isSpoken(part: Part): boolean {
  return part.type !== "text" || part.text.trim() !== "";
}

function isUser(message: Message): boolean {
  return message.role === "user";
}

/**
 * Late system messages stay where the API allows it: behind a user's turn, before the assistant's or the end. Others
 * become reminders in the neighbouring user's turn, never part of the instructions: that would change the beginning.
 */
function placeSystem(messages: readonly Message[], midSystem: boolean, warn: Warn): Message[] {
  return messages.map((message, at) => {
    if (message.role !== "system") return message;
    const allowed = messages[at - 1]?.role === "user" && messages[at + 1]?.role !== "user";
    if (midSystem && allowed) return { role: "system", content: texts([message]) };
    warn("mid_system");
    return { role: "user", content: texts([message]).map(reminder) };
  });
}

function reminder(part: TextPart): TextPart {
  return { ...part, text: `<system-reminder>${part.text}</system-reminder>` };
}

function texts(messages: readonly Message[]): TextPart[] {
  return messages.flatMap((message) =>
    message.content.map((part) => {
      if (part.type === "text") return part;
      throw invalidValue("messages", `A system message cannot hold a part of type '${part.type}'`);
    })
  );
}

function startedByUser(messages: Message[], warn: Warn): Message[] {
  if (messages[0]?.role !== "assistant") return messages;
  warn("conversation_start");
  return [{ role: "user", content: [{ type: "text", text: "(conversation start)" }] }, ...messages];
}

/** The assistant's last words may not end in white space; earlier ones keep theirs. */
function trimEnd(messages: readonly Message[]): readonly Message[] {
  const last = messages.at(-1);
  if (last?.role !== "assistant") return messages;
  const end = last.content.findLastIndex((part) => part.type === "text");
  const part = last.content[end];
  if (part?.type !== "text") return messages;
  const text = part.text.trimEnd();
  return [...messages.slice(0, -1), { role: last.role, content: last.content.with(end, { ...part, text }) }];
}
