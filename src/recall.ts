/**
 * What a provider wants back with the next turn and a client's API cannot carry: signed thinking blocks, and opaque
 * fields of tool calls. Kept for an hour by the id of the tool call, which every client sends back; bounded, and fair
 * between users, in the memory of one process.
 */

import { arranged, noteOrder, type Place } from "./block-order.ts";
import type { ChatEvent, ChatRequest, Message, Part, RedactedThinkingPart, ThinkingPart } from "./chat.ts";
import type { JsonObject } from "./json.ts";

export interface Kept {
  /** The thoughts that came before the turn's tool calls, unchanged and in order. */
  readonly thoughts: readonly (ThinkingPart | RedactedThinkingPart)[];
  readonly extra?: JsonObject;
  /** Members of the whole message. */
  readonly attached?: JsonObject;
  /** Where the turn's blocks stood, if that is not thoughts, text, calls. */
  readonly order?: readonly Place[];
  /** The provider that alone gets its opaque fields back. */
  readonly provider?: string;
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
const PLACE_CHARACTERS = 32;

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

function charactersOf({ thoughts, extra, attached, order = [] }: Kept): number {
  let size = ENTRY_CHARACTERS;
  for (const opaque of [extra, attached]) if (opaque) size += JSON.stringify(opaque).length;
  for (const place of order) {
    size += PLACE_CHARACTERS + (place.kind === "call" ? place.id?.length ?? 0 : 0);
  }
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
  const attached = message.attached ?? first?.attached;
  const rest = attached ? { attached } : {};
  if (!first) return { ...message, content, ...rest };
  return { ...message, content: withThoughts(content, first), ...rest };
}

/** The turn with its thoughts, at their places. A turn that brings its own keeps them. */
function withThoughts(content: readonly Part[], { thoughts, order }: Kept): readonly Part[] {
  const own = content.filter(isSigned);
  const same = own.length === thoughts.length &&
    own.every((part, at) => proofOf(part) === proofOf(thoughts[at]));
  if (own.length > 0 && !same) return content;
  const parts = own.length > 0 || thoughts.length === 0
    ? content
    : [...thoughts, ...content.filter((part) => part.type !== "thinking")];
  return order ? arranged(parts, order) : parts;
}

function proofOf(part: Part | undefined): string | undefined {
  if (part?.type === "redacted-thinking") return part.data;
  return part?.type === "thinking" ? part.signature : undefined;
}

function isSigned(part: Part): boolean {
  return part.type === "redacted-thinking" || (part.type === "thinking" && part.signature !== undefined);
}

/** Watches a streamed answer for what is to be kept; `keep` is called when the answer has ended. */
export function watchAnswer(keep: (callId: string, kept: Kept) => void): (event: ChatEvent) => void {
  const thoughts: (ThinkingPart | RedactedThinkingPart)[] = [];
  const calls = new Map<string, JsonObject | undefined>();
  const order = noteOrder();
  let attached: JsonObject | undefined;
  let text = "";
  /** Of all thoughts: what is too much to be kept is not gathered either. */
  let size = 0;
  return (event) => {
    switch (event.type) {
      case "text-delta":
        order.text(event.text.length);
        return;
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
          order.thought();
        }
        text = "";
        return;
      case "redacted-thinking":
        size += event.data.length;
        if (size > MAX_CHARACTERS) return;
        thoughts.push(event);
        order.thought();
        return;
      case "tool-call-start":
        calls.set(event.id, event.extra);
        order.call(event.id);
        return;
      case "attached":
        attached = event.attached;
        return;
      case "end":
        if (size > MAX_CHARACTERS) return;
        keepCalls(calls, { thoughts, attached, order: order.places() }, keep);
    }
  };
}

/** The same for an answer that came whole. */
export function keepAnswer(
  { content, attached }: Pick<Message, "content" | "attached">,
  keep: (callId: string, kept: Kept) => void,
): void {
  const calls = new Map<string, JsonObject | undefined>();
  const thoughts: (ThinkingPart | RedactedThinkingPart)[] = [];
  const order = noteOrder();
  for (const part of content) {
    if (part.type === "text") order.text(part.text.length);
    else if (part.type === "tool-call") {
      calls.set(part.id, part.extra);
      order.call(part.id);
    } else if (part.type === "redacted-thinking" || (part.type === "thinking" && isSigned(part))) {
      thoughts.push(part);
      order.thought();
    }
  }
  keepCalls(calls, { thoughts, attached, order: order.places() }, keep);
}

interface Turn {
  readonly thoughts: Kept["thoughts"];
  readonly attached: JsonObject | undefined;
  readonly order: readonly Place[] | undefined;
}

/** Keeps the turn by each of its calls, where there is anything to keep. */
function keepCalls(
  calls: ReadonlyMap<string, JsonObject | undefined>,
  { thoughts, attached, order }: Turn,
  keep: (callId: string, kept: Kept) => void,
): void {
  for (const [callId, extra] of calls) {
    if (thoughts.length === 0 && !extra && !attached && !order) continue;
    keep(callId, {
      thoughts,
      ...(extra && { extra }),
      ...(attached && { attached }),
      ...(order && { order }),
    });
  }
}

/** What was kept, as far as the provider may have it: its own opaque fields, and thoughts that any of its model can read. */
export function keptFor(kept: Kept | undefined, provider: string): Kept | undefined {
  if (!kept || kept.provider === provider) return kept;
  const { thoughts, order } = kept;
  return { thoughts, ...(order && { order }) };
}
