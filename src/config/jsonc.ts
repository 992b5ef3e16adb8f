/** Text → events: JSON with comments and trailing commas, read in slices and without recursion. Pure. */

import { createScanner } from "jsonc-parser";
import type { Pause } from "../slices.ts";
import { faultOfString, OPEN_COMMENT, unexpected } from "./syntax.ts";

export type Scalar = string | number | boolean | null;

/** Hears what is read, in the order of the text; offsets are of the first character. */
export interface Visitor {
  open(kind: Kind, offset: number): void;
  /** Of the object opened last; its value comes next. */
  key(name: string, offset: number): void;
  scalar(value: Scalar, offset: number): void;
  close(): void;
}

export type Kind = "object" | "list";

/** The first thing that is wrong; what comes behind it may be its echo. */
export interface Fault {
  readonly offset: number;
  readonly message: string;
}

/** Far more than any configuration has. */
const DEEPEST = 32;
/** The message for what is. */
export const TOO_DEEP = `Nested deeper than ${DEEPEST} levels`;

// Of the scanner's `SyntaxKind`, a const enum that code read file by file cannot see.
const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const COMMA = 5;
const COLON = 6;
const NULL = 7;
const TRUE = 8;
const STRING = 10;
const NUMBER = 11;
const FIRST_TRIVIA = 12;
const LAST_TRIVIA = 15;
const END_OF_FILE = 17;

/** What may come next. */
type Next = "value" | "value or end" | "key or end" | "colon" | "comma or end" | "nothing";

interface Token {
  readonly kind: number;
  readonly offset: number;
  /** Of a string, what it says; of anything else, as it is written. */
  readonly value: string;
}

interface Open {
  readonly kind: Kind;
  readonly offset: number;
}

interface Reader {
  readonly visitor: Visitor;
  readonly open: Open[];
}

/** Takes a token, and says what may come after it; undefined when it has no place there. */
type Step = (reader: Reader, token: Token) => Next | undefined;

const STEPS: Readonly<Record<Next, Step>> = {
  "nothing": () => undefined,
  "colon": (_, { kind }) => kind === COLON ? "value" : undefined,
  "comma or end": (reader, { kind }) => {
    const object = reader.open.at(-1)?.kind === "object";
    if (kind === COMMA) return object ? "key or end" : "value or end";
    return kind === (object ? CLOSE_BRACE : CLOSE_BRACKET) ? close(reader) : undefined;
  },
  "key or end": (reader, { kind, offset, value }) => {
    if (kind === CLOSE_BRACE) return close(reader);
    if (kind !== STRING) return undefined;
    reader.visitor.key(value, offset);
    return "colon";
  },
  "value or end": (reader, token) => token.kind === CLOSE_BRACKET ? close(reader) : takeValue(reader, token),
  "value": takeValue,
};

function takeValue(reader: Reader, { kind, offset, value }: Token): Next | undefined {
  const { visitor, open } = reader;
  if (kind === OPEN_BRACE || kind === OPEN_BRACKET) {
    const begun = kind === OPEN_BRACE ? "object" : "list";
    open.push({ kind: begun, offset });
    visitor.open(begun, offset);
    return begun === "object" ? "key or end" : "value or end";
  }
  if (kind < NULL || kind > NUMBER) return undefined;
  visitor.scalar(scalarOf(kind, value), offset);
  return afterValue(reader);
}

function close(reader: Reader): Next {
  reader.open.pop();
  reader.visitor.close();
  return afterValue(reader);
}

function afterValue({ open }: Reader): Next {
  return open.length === 0 ? "nothing" : "comma or end";
}

/** Tokens between two questions whether others are due. */
const TOKENS_A_LOOK = 64;

/**
 * Reads a text to its end, or to its first fault.
 * @returns the fault; undefined when the text is well-formed
 */
export async function walk(text: string, visitor: Visitor, pause: Pause): Promise<Fault | undefined> {
  const scanner = createScanner(text, false);
  const reader: Reader = { visitor, open: [] };
  let next: Next = "value";
  for (let tokens = 1;; tokens++) {
    if (tokens % TOKENS_A_LOOK === 0) {
      const turn = pause();
      if (turn) await turn;
    }
    const kind: number = scanner.scan();
    const error: number = scanner.getTokenError();
    const offset = scanner.getTokenOffset();
    if (kind >= FIRST_TRIVIA && kind <= LAST_TRIVIA) {
      if (error !== 0) return { offset, message: OPEN_COMMENT };
      continue;
    }
    if (kind === END_OF_FILE && next === "nothing") return undefined;
    const written = () => text.slice(offset, offset + scanner.getTokenLength());
    if (kind === STRING && error !== 0) return { offset, message: faultOfString(error, written()) };
    const after: Next | undefined = error === 0
      ? STEPS[next](reader, { kind, offset, value: scanner.getTokenValue() })
      : undefined;
    if (after === undefined) {
      return { offset, message: messageFor(text, next, reader, kind, error === 0, written()) };
    }
    if (reader.open.length > DEEPEST) return { offset, message: TOO_DEEP };
    next = after;
  }
}

function messageFor(
  text: string,
  next: Next,
  { open }: Reader,
  kind: number,
  sound: boolean,
  written: string,
): string {
  const ended = kind === END_OF_FILE;
  return unexpected({
    wanted: wordsOf(next, open.at(-1)?.kind),
    token: ended ? undefined : written,
    known: kind >= OPEN_BRACE && kind <= NUMBER && sound,
    inKey: next === "key or end",
    lineOpened: ended ? lineAt(text, open.at(-1)?.offset) : undefined,
  });
}

function scalarOf(token: number, text: string): Scalar {
  switch (token) {
    case STRING:
      return text;
    case NUMBER:
      return Number(text);
    case NULL:
      return null;
    default:
      return token === TRUE;
  }
}

function wordsOf(next: Next, kind: Kind | undefined): string {
  switch (next) {
    case "colon":
      return "colon expected";
    case "comma or end":
      return kind === "object" ? "comma or } expected" : "comma or ] expected";
    case "key or end":
      return "property name expected";
    case "nothing":
      return "end of file expected";
    default:
      return "value expected";
  }
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number | undefined): number | undefined {
  if (offset === undefined) return undefined;
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
