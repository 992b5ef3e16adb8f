/**
 * `reasoning_details` as a provider gave them, for the provider alone: formats of other makers, and the ones that this
 * proxy reads too, go back whole and unchanged (https://openrouter.ai/docs/use-cases/reasoning-tokens).
 */

import { isObject, type Json, type JsonObject, members, stringifyJson } from "../../json.ts";

/** The members of a whole message; undefined if it has none. */
export function attachedTo(message: JsonObject): JsonObject | undefined {
  const { reasoning_details: details } = message;
  if (!Array.isArray(details) || details.length === 0) return undefined;
  return stringifyJson(details).length > MOST_CHARACTERS ? undefined : { reasoning_details: details };
}

/** What is larger is not kept between turns. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

export interface Gatherer {
  push(details: readonly Json[]): void;
  attached(): JsonObject | undefined;
}

/** The same for a stream, where texts come in pieces: neighbours of one type and number are one detail. */
export function gatherDetails(): Gatherer {
  let details: Growing[] = [];
  let size = 0;
  return {
    push(pieces) {
      for (const piece of pieces) {
        if (!isObject(piece) || size > MOST_CHARACTERS) continue;
        size += stringifyJson(piece).length;
        const last = details.at(-1);
        const key = TEXTS[String(piece.type)];
        if (last && key !== undefined && isSame(last.rest, piece)) grow(last, key, piece);
        else details.push({ rest: piece, texts: key === undefined ? [] : [textOf(piece[key])] });
      }
      if (size > MOST_CHARACTERS) details = [];
    },
    attached: () => details.length === 0 ? undefined : { reasoning_details: details.map(whole) },
  };
}

/** The details whose words come in pieces, and the member that has them. */
const TEXTS: Readonly<Record<string, string | undefined>> = {
  "reasoning.text": "text",
  "reasoning.summary": "summary",
};

interface Growing {
  rest: JsonObject;
  readonly texts: string[];
}

function isSame(one: JsonObject, other: JsonObject): boolean {
  return one.type === other.type && one.index === other.index;
}

function grow(detail: Growing, key: string, piece: JsonObject): void {
  detail.texts.push(textOf(piece[key]));
  const said = Object.entries(piece).filter(([, value]) => value !== null);
  detail.rest = members([...Object.entries(detail.rest), ...said]);
}

function whole({ rest, texts }: Growing): JsonObject {
  const key = TEXTS[String(rest.type)];
  return key === undefined ? rest : members([...Object.entries(rest), [key, texts.join("")]]);
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
