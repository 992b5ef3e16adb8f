/** Ids of tool calls that the API takes: letters, digits, `_` and `-`, each once in a conversation. */

import type { Message, Part, ToolCallPart, ToolResultPart } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { isCall, isResult } from "../pairing.ts";

/**
 * Gives every call of a paired conversation an id of its own that the API takes, and its result the same one. An id
 * depends on what stands before it alone.
 */
export function nameToolCalls(messages: readonly Message[]): readonly Message[] {
  const unique = uniqueNames();
  let answers: string[] = [];
  return messages.map((message) => {
    if (message.role === "system") return message;
    const { attached, content: given } = message;
    if (attached === undefined && !given.some(isPaired)) {
      if (message.role === "assistant") answers = [];
      return message;
    }
    const ids = message.role === "assistant"
      ? message.content.filter(isCall).map((call) => unique(legalId(call.id)))
      : answers;
    answers = ids;
    let next = 0;
    const content = message.content.map((part): Part =>
      isPaired(part) ? { ...part, id: ids[next++] ?? part.id } : part
    );
    return { role: message.role, content };
  });
}

function isPaired(part: Part): part is ToolCallPart | ToolResultPart {
  return isCall(part) || isResult(part);
}

/** Two ids that differ only in characters that the API refuses stay two. */
export function legalId(id: string): string {
  if (/^[a-zA-Z0-9_-]+$/.test(id)) return id;
  return `${id.replace(/[^a-zA-Z0-9_-]/gu, "_")}_${sha256(id).slice(0, 8)}`;
}

/** Gives a name that was not given before: `call`, `call_2`, `call_3`. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  /** For each name the next number to try: those below it are taken. */
  const numbers = new Map<string, number>();
  return (name) => {
    let free = name;
    let number = numbers.get(name) ?? 2;
    while (taken.has(free)) free = `${name}_${number++}`;
    numbers.set(name, number);
    taken.add(free);
    return free;
  };
}
