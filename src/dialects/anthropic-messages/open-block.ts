/** A content block between its start and its stop, and what the blocks of one answer share. */

import type { ChatEvent } from "../../chat.ts";
import type { GatewayError } from "../../errors.ts";
import type { Json, JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import type { Undo } from "../dialect.ts";

/** Makes the error for something that is not as the API says. */
export type Malformed = (what: string) => GatewayError;

/** What the blocks of one answer share. */
export interface Reading {
  readonly undo: Undo;
  readonly malformed: Malformed;
  /** The answer's id, as far as it is known. */
  reply: string;
  /** UTF-16 units of text so far, which citations count by. */
  textLength: number;
  /** Calls of the client's tools so far. */
  calls: number;
  /** Their ids. */
  readonly ids: Set<string>;
  /** The arguments of a call break off in the middle. */
  cutCall: boolean;
  /** Ids of calls of the provider's own tools whose results have not come. */
  readonly pending: Set<string>;
  /** Calls of the client's tools by code that the provider runs, by the call of the code, whose result ends them all. */
  readonly coded: Map<string, JsonObject[]>;
  /** Ids of results that came since such a call did. */
  readonly results: Set<string>;
  /** The call of the tool that stands for a structured answer has begun. */
  structured: boolean;
  /** Text of an answer that is to be structured: it is the answer if no such call comes. */
  beside: string[];
}

export interface OpenBlock {
  /** What its start gives. */
  readonly first: readonly ChatEvent[];
  /** By the delta's type; absent for a block that is left out with all its deltas. */
  readonly deltas?: Deltas;
  stop(): ChatEvent[];
}

export type Deltas = ReadonlyMap<string, (delta: JsonObject) => ChatEvent[]>;

/** Text of the answer. */
export function say(text: string, reading: Reading): ChatEvent[] {
  reading.textLength += text.length;
  return text === "" ? [] : [{ type: "text-delta", text }];
}

/** A member that should be text; one that says nothing is `""`. */
export function text(object: JsonObject, key: string, { malformed }: Reading): string {
  const value = object[key];
  if (typeof value === "string") return value;
  if (isAbsent(value)) return "";
  throw malformed(
    `${typeof object.type === "string" ? `"${object.type}"` : "a block"} has no text in \`${key}\``,
  );
}

export function optionalText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
