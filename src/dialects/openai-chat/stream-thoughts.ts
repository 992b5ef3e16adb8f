/** Thinking in a stream: where a thought begins and ends, which the chunks do not say. */

import type { ChatEvent } from "../../chat.ts";
import { isObject, type Json } from "../../json.ts";
import { readDetail } from "./reasoning.ts";

export interface Thoughts {
  /** What one delta adds: its words of thinking, and its details, which may say the same words again. */
  push(text: string, details: readonly Json[]): ChatEvent[];
  /** Something else begins. */
  close(): ChatEvent[];
}

/** A thought runs until its signature comes, or something else. */
export function readThoughts(): Thoughts {
  let open = false;
  /** The words come by themselves: those in the details are the same ones again. */
  let plain = false;

  const words = (text: string): ChatEvent[] => {
    if (text === "") return [];
    const begin: ChatEvent[] = open ? [] : [{ type: "thinking-start" }];
    open = true;
    return [...begin, { type: "thinking-delta", text }];
  };

  const close = (signature?: string): ChatEvent[] => {
    if (!open) return [];
    open = plain = false;
    return [{ type: "thinking-end", ...(signature !== undefined && { signature }) }];
  };

  const detail = (value: Json): ChatEvent[] => {
    const part = isObject(value) ? readDetail(value) : undefined;
    if (part === undefined || part === "foreign") return [];
    if (part.type === "redacted-thinking") return [...close(), part];
    const said = plain ? [] : words(part.text);
    if (part.signature === undefined) return said;
    // A signed thought may have no words that are shown.
    const begin: ChatEvent[] = open ? [] : [{ type: "thinking-start" }];
    open = true;
    return [...said, ...begin, ...close(part.signature)];
  };

  return {
    push(text, details) {
      const said = words(text);
      plain ||= text !== "";
      return [...said, ...details.flatMap(detail)];
    },
    close: () => close(),
  };
}
