/**
 * Takes a Markdown fence off an answer that was asked to be JSON alone: only one around the whole of it, and only if
 * what it holds is JSON. Text that does not begin with a fence is passed on at once.
 */

import type { ChatEvent } from "../../chat.ts";
import { tryParseJson } from "../../json.ts";
import type { Stepper } from "../stepper.ts";

const FENCE = "```";

/** Events in, the same events out, with the text of a fenced answer held until it has ended. */
export function stripFence(): Stepper<ChatEvent, ChatEvent> {
  let state: "undecided" | "held" | "live" = "undecided";
  let held = "";
  /** What an undecided answer begins with, white space left out: no more of it is looked at again with each piece. */
  let beginning = "";

  const release = (): ChatEvent[] => {
    const text = state === "held" ? withoutFence(held) : held;
    held = "";
    return text === "" ? [] : [{ type: "text-delta", text }];
  };

  const hold = (text: string): ChatEvent[] => {
    held += text;
    if (state === "undecided") state = decide(beginning = (beginning + text).trimStart());
    return state === "live" ? release() : [];
  };

  return {
    push(event) {
      switch (event.type) {
        case "text-delta":
          return hold(event.text);
        case "ping":
        case "usage":
        case "warning":
        case "citation":
        case "error":
          return [event];
        default: {
          const text = release();
          state = "undecided";
          beginning = "";
          return [...text, event];
        }
      }
    },
    end: release,
  };
}

function decide(start: string): "undecided" | "held" | "live" {
  if (start.startsWith(FENCE)) return "held";
  return FENCE.startsWith(start) ? "undecided" : "live";
}

function withoutFence(text: string): string {
  const fenced = text.trim();
  const inside = fenced.slice(fenced.indexOf("\n") + 1, -FENCE.length);
  const whole = fenced.endsWith(FENCE) && /^```[\w-]*[ \t]*\r?\n/.test(fenced);
  return whole && tryParseJson(inside) !== undefined ? inside.trim() : text;
}
