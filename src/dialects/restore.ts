/** What a model wrote for the schema that it was sent, as the schema that the client sent has it. */

import type { ChatEvent, ChatReply, ReplyPart } from "../chat.ts";
import { type MemberRules, rewriteMembers } from "./rewrite-members.ts";
import { run, type Stepper } from "./stepper.ts";

/** The members that were renamed or added. */
export interface Restored {
  /** In the arguments of tools, by the name that the client knows. */
  readonly tools?: ReadonlyMap<string, MemberRules>;
  /** In a structured answer, which is the answer's text. */
  readonly text?: MemberRules;
}

export function restoreReply(reply: ChatReply, restored: Restored): ChatReply {
  const text = reply.content.flatMap((part) => part.type === "text" ? [part.text] : []);
  const pieces = restored.text && restoreTexts(text, restored.text);
  return {
    ...reply,
    content: reply.content.map((part): ReplyPart => {
      if (part.type === "text") return pieces ? { ...part, text: pieces.shift() ?? "" } : part;
      const rules = part.type === "tool-call" ? restored.tools?.get(part.name) : undefined;
      if (part.type !== "tool-call" || !rules) return part;
      return { ...part, input: run(rewriteMembers(rules), [part.input]).join("") };
    }),
  };
}

/** Several texts are one, cut where the provider cut it. */
function restoreTexts(texts: readonly string[], rules: MemberRules): string[] {
  const rewrite = rewriteMembers(rules);
  const pieces = texts.map((text) => rewrite.push(text).join(""));
  const last = pieces.length - 1;
  if (last >= 0) pieces[last] += rewrite.end().join("");
  return pieces;
}

/** The same for a stream: what cannot be told yet waits for the next piece. */
export function restoreEvents(restored: Restored): Stepper<ChatEvent, ChatEvent> {
  const text = restored.text && rewriteMembers(restored.text);
  const calls = new Map<number, Stepper<string, string>>();

  const endCall = (index: number): ChatEvent[] => {
    const rest = calls.get(index)?.end() ?? [];
    calls.delete(index);
    return rest.map((input) => ({ type: "tool-call-delta", index, input }));
  };

  const endAll = (): ChatEvent[] => [
    ...(text?.end() ?? []).map((piece): ChatEvent => ({ type: "text-delta", text: piece })),
    ...[...calls.keys()].flatMap(endCall),
  ];

  return {
    push(event) {
      switch (event.type) {
        case "text-delta":
          return text ? text.push(event.text).map((piece) => ({ type: "text-delta", text: piece })) : [event];
        case "tool-call-start": {
          const rules = restored.tools?.get(event.name);
          if (rules) calls.set(event.index, rewriteMembers(rules));
          return [event];
        }
        case "tool-call-delta": {
          const { index } = event;
          const pieces = calls.get(index)?.push(event.input);
          return pieces?.map((input) => ({ type: "tool-call-delta", index, input })) ?? [event];
        }
        case "tool-call-end":
          return [...endCall(event.index), event];
        case "finish":
          return [...endAll(), event];
        default:
          return [event];
      }
    },
    end: () => [],
  };
}
