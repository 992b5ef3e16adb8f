/**
 * What a provider wants back with the next turn and a client's API cannot carry: signed thinking blocks, and opaque
 * fields of tool calls. Kept for an hour by the id of the tool call, which every client sends back; bounded, per user,
 * in the memory of one process.
 */

import type { ChatEvent, ChatRequest, Message, Part, RedactedThinkingPart, ThinkingPart } from "./chat.ts";
import type { JsonObject } from "./json.ts";

export interface Kept {
  /** The thoughts that came before the turn's tool calls, unchanged and in order. */
  readonly thoughts: readonly (ThinkingPart | RedactedThinkingPart)[];
  readonly extra?: JsonObject;
}

export interface Recall {
  /** @param model the provider's model: only it can read what it signed */
  keep(user: string, model: string, callId: string, kept: Kept): void;
  find(user: string, model: string, callId: string): Kept | undefined;
}

const KEPT_MS = 60 * 60 * 1000;
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** @param clock milliseconds that only grow */
export function createRecall(clock: () => number): Recall {
  /** The least recently used first. */
  const store = new Map<string, { kept: Kept; size: number; until: number }>();
  let total = 0;

  const drop = (key: string) => {
    total -= store.get(key)?.size ?? 0;
    store.delete(key);
  };
  const keyOf = (user: string, model: string, callId: string) => JSON.stringify([user, model, callId]);

  return {
    keep: (user, model, callId, kept) => {
      const key = keyOf(user, model, callId);
      drop(key);
      const size = key.length + JSON.stringify(kept).length;
      store.set(key, { kept, size, until: clock() + KEPT_MS });
      total += size;
      for (const oldest of store.keys()) {
        if (total <= MAX_CHARACTERS) break;
        drop(oldest);
      }
    },
    find: (user, model, callId) => {
      const key = keyOf(user, model, callId);
      const found = store.get(key);
      if (!found) return undefined;
      store.delete(key);
      if (found.until <= clock()) {
        total -= found.size;
        return undefined;
      }
      store.set(key, found);
      return found.kept;
    },
  };
}

/**
 * Puts back what was kept of earlier turns. A turn that already carries a signed thought is left as it is.
 * @param find what was kept for a tool call of the user who asks
 */
export function putBack(chat: ChatRequest, find: (callId: string) => Kept | undefined): ChatRequest {
  let changed = false;
  const messages = chat.messages.map((message) => {
    const restored = message.role === "assistant" ? withKept(message, find) : message;
    changed ||= restored !== message;
    return restored;
  });
  return changed ? { ...chat, messages } : chat;
}

function withKept(message: Message, find: (callId: string) => Kept | undefined): Message {
  const found = new Map<string, Kept>();
  for (const part of message.content) {
    const kept = part.type === "tool-call" ? find(part.id) : undefined;
    if (part.type === "tool-call" && kept) found.set(part.id, kept);
  }
  if (found.size === 0) return message;
  const [first] = found.values();
  const content = message.content.map((part): Part => {
    const extra = part.type === "tool-call" && !part.extra ? found.get(part.id)?.extra : undefined;
    return extra && part.type === "tool-call" ? { ...part, extra } : part;
  });
  if (!first || first.thoughts.length === 0 || content.some(isSigned)) return { ...message, content };
  const rest = content.filter((part) => part.type !== "thinking" && part.type !== "redacted-thinking");
  return { ...message, content: [...first.thoughts, ...rest] };
}

function isSigned(part: Part): boolean {
  return part.type === "redacted-thinking" || (part.type === "thinking" && part.signature !== undefined);
}

/** Watches a streamed answer for what is to be kept; `keep` is called when the answer has ended. */
export function watchAnswer(keep: (callId: string, kept: Kept) => void): (event: ChatEvent) => void {
  const thoughts: (ThinkingPart | RedactedThinkingPart)[] = [];
  const calls = new Map<string, JsonObject | undefined>();
  let text = "";
  return (event) => {
    switch (event.type) {
      case "thinking-start":
        text = "";
        return;
      case "thinking-delta":
        text += event.text;
        return;
      case "thinking-end":
        if (event.signature !== undefined) {
          thoughts.push({ type: "thinking", text, signature: event.signature });
        }
        text = "";
        return;
      case "redacted-thinking":
        thoughts.push(event);
        return;
      case "tool-call-start":
        calls.set(event.id, event.extra);
        return;
      case "end":
        for (const [callId, extra] of calls) keepIfAny(keep, callId, thoughts, extra);
    }
  };
}

/** The same for an answer that came whole. */
export function keepAnswer(content: readonly Part[], keep: (callId: string, kept: Kept) => void): void {
  const thoughts = content.filter((part) => part.type === "redacted-thinking" || part.type === "thinking")
    .filter(isSigned);
  for (const part of content) if (part.type === "tool-call") keepIfAny(keep, part.id, thoughts, part.extra);
}

function keepIfAny(
  keep: (callId: string, kept: Kept) => void,
  callId: string,
  thoughts: Kept["thoughts"],
  extra: JsonObject | undefined,
): void {
  if (thoughts.length > 0 || extra) keep(callId, { thoughts, ...(extra && { extra }) });
}
