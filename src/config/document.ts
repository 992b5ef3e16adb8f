/**
 * Text → value: JSON with comments and trailing commas, with keys that stand twice and keys that no JavaScript object
 * can hold safely. Lines are looked up when somebody asks for them. Never throws.
 */

import { type Kind, lineAt, type Scalar, TOO_DEEP, type Visitor, walk } from "./jsonc.ts";
import { lineFinder, linesOf } from "./lines.ts";
import { type Finding, type Path, problem, quote } from "./problem.ts";
import type { Pause } from "../slices.ts";

export interface Document {
  /** Undefined when the text is not JSON. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
}

/** Every object has these from birth, so that a look-up by name could find what nobody configured. */
const RESERVED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Reads a configuration's text. */
export async function parseDocument(text: string, pause: Pause): Promise<Document> {
  const builder = createBuilder();
  const fault = await walk(text, builder, pause);
  if (fault) {
    const { offset, message } = fault;
    const column = offset - text.lastIndexOf("\n", offset - 1);
    const shown = message === TOO_DEEP ? message : `Not JSON: ${message} at column ${column}`;
    return { value: undefined, findings: [{ ...problem([], shown), line: lineAt(text, offset) ?? 1 }] };
  }
  return { value: builder.value(), findings: await explain(builder.left, text, pause) };
}

/** A member that was left out, and why. */
interface Left {
  readonly path: Path;
  readonly offset: number;
  readonly why: "reserved" | "twice";
}

async function explain(left: readonly Left[], text: string, pause: Pause): Promise<Finding[]> {
  if (left.length === 0) return [];
  const firstLine = await linesOf(text, left.map(({ path }) => path), pause);
  const line = await lineFinder(text, pause);
  return left.map(({ path, offset, why }) => {
    const name = quote(String(path.at(-1)));
    const message = why === "reserved"
      ? `${name} cannot be used as a name or key: choose another`
      : `${name} stands twice in one object, first on line ${firstLine(path)}: remove one`;
    return { ...problem(path, message), line: line(offset) };
  });
}

interface Frame {
  readonly holder: Record<string, unknown> | unknown[];
  /** Of the member that is read. */
  name: string;
  /** The member is left out. */
  left: boolean;
}

interface Builder extends Visitor {
  value(): unknown;
  readonly left: readonly Left[];
}

function createBuilder(): Builder {
  const frames: Frame[] = [];
  const left: Left[] = [];
  const copies = new Map<string, string>();
  let root: unknown;

  // What the scanner gives is a view of the whole text, which would stay in memory with it.
  const own = (value: string): string => {
    const known = copies.get(value);
    if (known !== undefined) return known;
    const copy = JSON.parse(JSON.stringify(value)) as string;
    copies.set(copy, copy);
    return copy;
  };
  const put = (value: unknown) => {
    const frame = frames.at(-1);
    if (!frame) root = value;
    else if (Array.isArray(frame.holder)) frame.holder.push(value);
    else if (!frame.left) frame.holder[frame.name] = value;
  };
  const here = (): Path => frames.map(({ holder, name }) => Array.isArray(holder) ? holder.length - 1 : name);
  return {
    open: (kind: Kind) => {
      const holder = kind === "object" ? {} : [];
      put(holder);
      frames.push({ holder, name: "", left: false });
    },
    close: () => void frames.pop(),
    scalar: (value: Scalar) => put(typeof value === "string" ? own(value) : value),
    key: (name, offset) => {
      const frame = frames.at(-1);
      if (!frame) return;
      frame.name = own(name);
      const reserved = RESERVED.has(name);
      frame.left = reserved || Object.hasOwn(frame.holder, name);
      if (frame.left) left.push({ path: here(), offset, why: reserved ? "reserved" : "twice" });
    },
    value: () => root,
    left,
  };
}
