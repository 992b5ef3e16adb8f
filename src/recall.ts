/**
 * What a provider wants back with the next turn and a client's API cannot carry: signed thinking blocks, and opaque
 * fields of tool calls. Kept for an hour by the id of the tool call, which every client sends back; bounded, and fair
 * between users, in the memory of one process.
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
  /** Drops what is older than an hour; to be called now and then. */
  forget(): void;
  /** Characters that are kept, all together. */
  readonly size: number;
}

const KEPT_MS = 60 * 60 * 1000;
/** Characters of all users together. */
export const MAX_CHARACTERS = 32 * 1024 * 1024;
/** What an entry takes beside its texts, in characters: of small ones there are many. */
const ENTRY_CHARACTERS = 256;

interface Stored {
  readonly kept: Kept;
  readonly size: number;
  readonly until: number;
}

/** What is kept for one user, the oldest first. */
interface Shelf {
  readonly entries: Map<string, Stored>;
  /** Where the oldest is. One iterator for good: a new one would walk over the holes that the dropped ones left. */
  oldest: IterableIterator<string>;
  size: number;
}

/**
 * Keeps so many characters. Beyond them the oldest go first, of a user who has more than an equal share: nobody's
 * thoughts are pushed out by those of somebody who has many.
 * @param clock milliseconds that only grow
 */
export function createRecall(clock: () => number, limit = MAX_CHARACTERS): Recall {
  const shelves = new Map<string, Shelf>();
  let total = 0;
  let turn = shelves.keys();
  let payer: string | undefined;

  const shelfOf = (user: string): Shelf => {
    const known = shelves.get(user);
    if (known) return known;
    const entries = new Map<string, Stored>();
    const fresh = { entries, oldest: entries.keys(), size: 0 };
    shelves.set(user, fresh);
    return fresh;
  };
  const drop = (user: string, shelf: Shelf, key: string) => {
    const size = shelf.entries.get(key)?.size ?? 0;
    shelf.entries.delete(key);
    shelf.size -= size;
    total -= size;
    if (shelf.entries.size === 0) shelves.delete(user);
  };
  /** A user who has an equal share or more, which somebody always has. */
  const whoPays = (): string => {
    const share = total / shelves.size;
    while (payer === undefined || (shelves.get(payer)?.size ?? -1) < share) {
      const next = turn.next();
      if (next.done) turn = shelves.keys();
      else payer = next.value;
    }
    return payer;
  };
  const oldestOf = (shelf: Shelf): string => {
    for (;;) {
      const next = shelf.oldest.next();
      if (next.done) shelf.oldest = shelf.entries.keys();
      else if (shelf.entries.has(next.value)) return next.value;
    }
  };

  return {
    get size() {
      return total;
    },
    keep: (user, model, callId, kept) => {
      const key = keyOf(model, callId);
      const known = shelves.get(user);
      if (known?.entries.has(key)) drop(user, known, key);
      const size = key.length + charactersOf(kept);
      if (size > limit) return;
      const shelf = shelfOf(user);
      shelf.entries.set(key, { kept, size, until: clock() + KEPT_MS });
      shelf.size += size;
      total += size;
      while (total > limit) {
        const name = whoPays();
        const from = shelves.get(name);
        if (from) drop(name, from, oldestOf(from));
      }
    },
    find: (user, model, callId) => {
      const found = shelves.get(user)?.entries.get(keyOf(model, callId));
      return found && found.until > clock() ? found.kept : undefined;
    },
    forget: () => {
      const now = clock();
      for (const [user, shelf] of shelves) {
        for (const [key, { until }] of shelf.entries) {
          if (until > now) break;
          drop(user, shelf, key);
        }
      }
    },
  };
}

function charactersOf({ thoughts, extra }: Kept): number {
  let size = ENTRY_CHARACTERS + (extra ? JSON.stringify(extra).length : 0);
  for (const thought of thoughts) size += ENTRY_CHARACTERS + charactersOfThought(thought);
  return size;
}

function charactersOfThought(thought: ThinkingPart | RedactedThinkingPart): number {
  return thought.type === "thinking"
    ? thought.text.length + (thought.signature?.length ?? 0)
    : thought.data.length;
}

function keyOf(model: string, callId: string): string {
  return JSON.stringify([model, callId]);
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
  /** Of all thoughts: what is too much to be kept is not gathered either. */
  let size = 0;
  return (event) => {
    switch (event.type) {
      case "thinking-start":
        text = "";
        return;
      case "thinking-delta":
        size += event.text.length;
        text = size > MAX_CHARACTERS ? "" : text + event.text;
        return;
      case "thinking-end":
        if (event.signature !== undefined && size <= MAX_CHARACTERS) {
          thoughts.push({ type: "thinking", text, signature: event.signature });
        }
        text = "";
        return;
      case "redacted-thinking":
        size += event.data.length;
        if (size <= MAX_CHARACTERS) thoughts.push(event);
        return;
      case "tool-call-start":
        calls.set(event.id, event.extra);
        return;
      case "end":
        if (size > MAX_CHARACTERS) return;
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
