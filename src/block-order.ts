/**
 * The order of an answer's blocks. Some APIs have one place for all text of a message, one for its calls and one for
 * its thoughts; a provider that signs its thoughts wants them back between the blocks where they stood.
 */

import type { Part } from "./chat.ts";

/** One block by what tells it from the others of its kind: the next thought, so much more text, a call. */
export type Place =
  | { readonly kind: "thought" }
  | { readonly kind: "text"; readonly length: number }
  | { readonly kind: "call"; readonly id?: string };

export interface OrderNote {
  thought(): void;
  text(length: number): void;
  call(id?: string): void;
  /** The places so far. */
  all(): readonly Place[];
  /** The same; undefined where they say nothing: thoughts, then text, then calls, or more than are kept. */
  places(): readonly Place[] | undefined;
}

/** Takes down an order while the answer comes. */
export function noteOrder(): OrderNote {
  const places: Place[] = [];
  const add = (place: Place) => {
    if (places.length <= MOST_PLACES) places.push(place);
  };
  return {
    thought: () => add({ kind: "thought" }),
    text(length) {
      const last = places.at(-1);
      if (length === 0 || places.length > MOST_PLACES) return;
      if (last?.kind !== "text") add({ kind: "text", length });
      else places[places.length - 1] = { kind: "text", length: last.length + length };
    },
    call: (id) => add({ kind: "call", ...(id !== undefined && { id }) }),
    all: () => places.slice(0, MOST_PLACES),
    places: () => places.length > MOST_PLACES || isUsual(places) ? undefined : places,
  };
}

/** No answer has more blocks. */
const MOST_PLACES = 1000;

/** The parts at their places; what has none follows, thoughts first and calls last. */
export function arranged(parts: readonly Part[], places: readonly Place[]): Part[] {
  const thoughts = parts.filter(isThought);
  const calls = parts.filter((part) => part.type === "tool-call");
  const others = parts.filter((part) => !isThought(part) && part.type !== "tool-call");
  const takeText = textTaker(others);
  const placed = new Set<Part>();
  const found: Part[] = [];
  const take = (part: Part | undefined) => {
    if (part === undefined) return;
    placed.add(part);
    found.push(part);
  };
  const nextThought = thoughts.values();
  const nextCall = calls.values();
  const byId = new Map(calls.map((call) => [call.id, call]));
  for (const place of places) {
    if (place.kind === "thought") take(nextThought.next().value);
    else if (place.kind === "text") { for (const piece of takeText(place.length)) found.push(piece); }
    else if (place.id === undefined) take(nextCall.next().value);
    else {
      const call = byId.get(place.id);
      if (call && !placed.has(call)) take(call);
    }
  }
  const rest = (part: Part) => !placed.has(part);
  return [...thoughts.filter(rest), ...found, ...takeText(Infinity), ...calls.filter(rest)];
}

/** Gives the text piece by piece, cut where a piece ends; what is no text comes with the text behind it. */
function textTaker(parts: readonly Part[]): (length: number) => Part[] {
  let at = 0;
  /** Characters of the part that were given already. */
  let from = 0;
  return (length) => {
    const taken: Part[] = [];
    let left = length;
    for (let part = parts[at]; part && left > 0; part = parts[at]) {
      if (part.type !== "text") {
        taken.push(part);
        at++;
        continue;
      }
      const piece = part.text.slice(from, from + left);
      const whole = from + piece.length >= part.text.length;
      left -= piece.length;
      // A mark is on the end of the part.
      if (from === 0 && whole) taken.push(part);
      else if (piece !== "") taken.push(whole ? { ...part, text: piece } : { type: "text", text: piece });
      from = whole ? 0 : from + piece.length;
      if (whole) at++;
    }
    return taken;
  };
}

/** Thoughts, then text, then calls: the order that every API's messages are read in. */
function isUsual(places: readonly Place[]): boolean {
  return places.every((place, at) => at === 0 || rank(places[at - 1]!) <= rank(place));
}

function rank({ kind }: Place): number {
  return kind === "thought" ? 0 : kind === "text" ? 1 : 2;
}

export function isThought(part: Part): boolean {
  return part.type === "thinking" || part.type === "redacted-thinking";
}
