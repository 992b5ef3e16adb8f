/** Replies in the neutral vocabulary, and the streams that say them. */

import fc from "fast-check";
import type { ChatEvent, ChatReply, Finish, ReplyPart, Usage } from "../../src/chat.ts";
import { type Arbitrary, id, jsonObject, name, text } from "./arbitraries.ts";

const count = fc.nat({ max: 1_000_000 });

/** Token counts in which the parts fit into their totals. */
const usage: Arbitrary<Usage> = fc.record({
  fresh: count,
  cacheRead: count,
  cacheWrite: count,
  spoken: count,
  reasoning: count,
})
  .map(({ fresh, cacheRead, cacheWrite, spoken, reasoning }) => ({
    input: fresh + cacheRead + cacheWrite,
    cacheRead,
    cacheWrite,
    output: spoken + reasoning,
    reasoning,
  }));

/**
 * Replies of one thought, one text and some calls.
 * @param finishes the dialect's words for why an answer ends that has no calls
 * @param called its word for one that has
 */
export function replyOf(finishes: readonly Finish[], called: Finish): Arbitrary<ChatReply> {
  const thought = fc.option(fc.tuple(text, id)).map((pair): ReplyPart[] =>
    pair ? [{ type: "thinking", text: pair[0], signature: pair[1] }] : []
  );
  const said = text.map((value): ReplyPart[] => [{ type: "text", text: value }]);
  const call = fc.tuple(id, name, jsonObject).map(([callId, called, input]): ReplyPart => ({
    type: "tool-call",
    id: callId,
    name: called,
    input,
    kind: "function",
  }));
  const calls = fc.array(call, { maxLength: 3 });
  return fc.record({ id, thought, said, calls, usage, finish: fc.constantFrom(...finishes) }).map(
    ({ id, thought, said, calls, usage, finish }) => ({
      id,
      model: "the-model-2026",
      content: [...thought, ...said, ...calls],
      citations: [],
      finish: calls.length > 0 ? called : finish,
      usage,
      warnings: [],
    }),
  );
}

/** The events of a stream that says a reply, its texts cut anywhere and its calls told one within the other. */
export function streamOf(reply: ChatReply): Arbitrary<ChatEvent[]> {
  return fc.array(fc.nat({ max: 9 }), { minLength: 50, maxLength: 50 }).map((rolls) => {
    let at = 0;
    const next = () => rolls[at++ % rolls.length] ?? 0;
    const calls: ChatEvent[][] = [];
    const events: ChatEvent[] = [{ type: "start", id: reply.id, model: reply.model }];
    for (const part of reply.content) {
      if (part.type === "tool-call") calls.push(callEvents(part, calls.length, next));
      else events.push(...partEvents(part, next));
    }
    events.push(...interleaved(calls, next));
    if (reply.usage) events.push({ type: "usage", usage: reply.usage });
    return [...events, { type: "finish", finish: reply.finish }, { type: "end" }];
  });
}

function partEvents(part: Exclude<ReplyPart, { type: "tool-call" }>, next: () => number): ChatEvent[] {
  if (part.type === "redacted-thinking") return [part];
  const type = part.type === "text" ? "text-delta" : "thinking-delta";
  const deltas = pieces(part.text, next).map((piece): ChatEvent => ({ type, text: piece }));
  if (part.type === "text") return deltas;
  const { signature } = part;
  return [
    { type: "thinking-start" },
    ...deltas,
    { type: "thinking-end", ...(signature !== undefined && { signature }) },
  ];
}

function callEvents(
  part: Extract<ReplyPart, { type: "tool-call" }>,
  index: number,
  next: () => number,
): ChatEvent[] {
  const { id, name, kind, input } = part;
  return [
    { type: "tool-call-start", index, id, name, kind },
    ...pieces(input, next).map((piece): ChatEvent => ({ type: "tool-call-delta", index, input: piece })),
    { type: "tool-call-end", index },
  ];
}

/** A text cut between its characters. */
function pieces(whole: string, next: () => number): string[] {
  const cut: string[] = [];
  let piece = "";
  for (const character of whole) {
    piece += character;
    if (next() > 6) {
      cut.push(piece);
      piece = "";
    }
  }
  return piece === "" ? cut : [...cut, piece];
}

/** The calls begin in order; what follows of each comes when chance will have it. */
function interleaved(calls: readonly ChatEvent[][], next: () => number): ChatEvent[] {
  const queues = calls.map((events) => [...events]);
  const told: ChatEvent[] = queues.length > 1 && next() > 4
    ? queues.flatMap((queue) => queue.splice(0, 1))
    : [];
  if (told.length === 0) return queues.flat();
  for (;;) {
    const left = queues.filter((queue) => queue.length > 0);
    if (left.length === 0) return told;
    told.push(...(left[next() % left.length] ?? []).splice(0, 1));
  }
}
