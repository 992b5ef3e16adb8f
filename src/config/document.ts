/**
 * Text → value: JSON with comments and trailing commas, with the line of every place, keys that stand twice and keys
 * that no JavaScript object can hold safely. Never throws.
 */

import { createScanner, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { type Finding, type Path, problem, quote } from "./problem.ts";

export interface Document {
  /** Undefined when the text is not JSON. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** The line of a place, from 1; of what encloses it where it is not there; undefined for the document as a whole. */
  lineOf(path: Path): number | undefined;
}

/** Far more than any configuration has; a parser that recurses would end in a stack overflow. */
const DEEPEST = 32;

/** Every object has these from birth, so that a look-up by name could find what nobody configured. */
const RESERVED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Reads a configuration's text. */
export function parseDocument(text: string): Document {
  const lines = lineStarts(text);
  const lineAt = (offset: number) => lineOfOffset(lines, offset);
  const deep = offsetOfDepth(text, DEEPEST + 1);
  if (deep !== undefined) {
    return unreadable([{ ...problem([], `Nested deeper than ${DEEPEST} levels`), line: lineAt(deep) }]);
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error || !root) return unreadable(error ? [syntaxError(error, lines)] : []);

  const findings: Finding[] = [];
  const top = read(root, [], lineAt, findings);
  const lineOf = (path: Path) => {
    let place: Place | undefined = top.place;
    let line: number | undefined;
    for (const step of path) {
      place = place.members.get(step);
      if (!place) break;
      line = place.line;
    }
    return line;
  };
  return { value: top.value, findings, lineOf };
}

/** Where a value stands: the line of its key, or of itself in a list. */
interface Place {
  readonly line: number;
  readonly members: ReadonlyMap<string | number, Place>;
}

interface Read {
  readonly value: unknown;
  readonly place: Place;
}

function unreadable(findings: readonly Finding[]): Document {
  return { value: undefined, findings, lineOf: () => undefined };
}

function read(node: Node, path: Path, lineAt: (offset: number) => number, findings: Finding[]): Read {
  const line = lineAt(node.offset);
  if (node.type === "array") {
    const items = (node.children ?? []).map((item, index) => read(item, [...path, index], lineAt, findings));
    const members = new Map(items.map((item, index) => [index, item.place]));
    return { value: items.map((item) => item.value), place: { line, members } };
  }
  if (node.type !== "object") return { value: node.value, place: { line, members: new Map() } };

  const entries = new Map<string, Read>();
  for (const property of node.children ?? []) {
    const [keyNode, valueNode] = property.children ?? [];
    if (!keyNode || !valueNode) continue;
    const key = String(keyNode.value);
    const keyLine = lineAt(keyNode.offset);
    const here = [...path, key];
    const found = read(valueNode, here, lineAt, findings);
    if (RESERVED.has(key)) {
      findings.push({
        ...problem(here, `${quote(key)} cannot be used as a name or key: choose another`),
        line: keyLine,
      });
      continue;
    }
    if (entries.has(key)) {
      findings.push({
        ...problem(
          here,
          `${quote(key)} stands twice in one object, first on line ${
            entries.get(key)?.place.line
          }: remove one`,
        ),
        line: keyLine,
      });
      continue;
    }
    entries.set(key, { value: found.value, place: { line: keyLine, members: found.place.members } });
  }
  return {
    value: Object.fromEntries(Array.from(entries, ([key, entry]) => [key, entry.value])),
    place: { line, members: new Map(Array.from(entries, ([key, entry]) => [key, entry.place])) },
  };
}

/** The first error alone: those behind it may be its echo. */
function syntaxError({ error, offset }: ParseError, lines: readonly number[]): Finding {
  const line = lineOfOffset(lines, offset);
  const column = offset - (lines[line - 1] ?? 0) + 1;
  return { ...problem([], `Not JSON: ${inWords(printParseErrorCode(error))} at column ${column}`), line };
}

/** `CommaExpected` → `comma expected`. */
function inWords(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}

// Of the scanner's `SyntaxKind`, a const enum that code read file by file cannot see.
const OPENING: ReadonlySet<number> = new Set([1, 3]);
const CLOSING: ReadonlySet<number> = new Set([2, 4]);
const END_OF_FILE: number = 17;

/** Where nesting first reaches a depth, found without recursion. */
function offsetOfDepth(text: string, limit: number): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token: number = scanner.scan(); token !== END_OF_FILE; token = scanner.scan()) {
    if (OPENING.has(token)) depth++;
    else if (CLOSING.has(token)) depth--;
    if (depth >= limit) return scanner.getTokenOffset();
  }
  return undefined;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The last line that begins at or before an offset, from 1. */
function lineOfOffset(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
