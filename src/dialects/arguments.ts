/**
 * The arguments of a function call, as servers write them: text that is a JSON object, or nearly. What comes out is
 * what the model wrote, byte for byte, but for two forms that say an object in another way: no arguments at all
 * (`null`, `""`, `[]`), and an object encoded twice, as a JSON string of JSON (kagent#2851).
 */

import { isObject, type Json, stringifyJson, tryParseJson } from "../json.ts";

/** The arguments of a call that came whole, `""` for none. Some servers send the object itself in place of its text. */
export function wholeArguments(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return plainArguments(typeof value === "string" ? value : stringifyJson(value));
}

/** Whether arguments say nothing: no text, or an object without members. */
export function isNoInput(text: string): boolean {
  return /^(?:\{\s*\})?$/.test(plainArguments(text).trim());
}

/** Whether text is a JSON value that breaks off before its end. */
export function isCutJson(text: string): boolean {
  const json = watchJson();
  json.push(text);
  return json.isOpen();
}

/** The arguments of one call as a stream brings them. */
export interface ArgumentReader {
  /** What of a piece goes on at once: all of it, once the text is sure to be an object. */
  push(piece: string): string;
  /** Another call begins: an empty object is not sure to be all, but the calls behind it do not wait for that. */
  pass(): string;
  /** What was held back until the arguments were complete. */
  end(): string;
  /** They break off in the middle of an object. */
  isCut(): boolean;
}

/** The input of a tool that takes any text: what comes goes on. */
export function readText(): ArgumentReader {
  return { push: (piece) => piece, pass: () => "", end: () => "", isCut: () => false };
}

/**
 * Text that begins as an object passes; anything else waits for its end, since it may stand for another text. So does
 * a piece that is an empty object: some servers send it before the arguments (autogen#7549, litellm#4537).
 */
export function readArguments(): ArgumentReader {
  const json = watchJson();
  let state: "blank" | "live" | "held" = "blank";
  let held: string[] = [];
  let placeholder = "";
  const release = (): string => {
    const text = held.join("");
    held = [];
    return text;
  };
  return {
    push(piece) {
      if (state === "blank" && EMPTY.test(piece)) {
        placeholder = piece;
        return "";
      }
      json.push(piece);
      if (state === "live") return piece;
      held.push(piece);
      const first = state === "blank" ? piece.trimStart()[0] : undefined;
      if (first !== undefined) state = first === "{" ? "live" : "held";
      return state === "live" ? release() : "";
    },
    pass: () => {
      if (state !== "blank" || placeholder === "") return "";
      state = "live";
      return placeholder;
    },
    end: () => state === "live" ? "" : plainArguments(release()) || placeholder,
    isCut: () => json.isOpen(),
  };
}

const EMPTY = /^\s*\{\s*\}\s*$/;

function plainArguments(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) return text;
  if (NONE.has(trimmed)) return "";
  const inner = trimmed.startsWith('"') ? tryParseJson(trimmed) : undefined;
  if (typeof inner !== "string") return text;
  if (NONE.has(inner.trim())) return "";
  return isObject(tryParseJson(inner)) ? inner : text;
}

/** What is written where there are no arguments. */
const NONE: ReadonlySet<string> = new Set(["", "null", '""', "[]"]);

/** Follows JSON as it comes, and knows whether it is complete; keeps none of it. */
function watchJson() {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let began = false;
  /** It begins as neither object, list nor string: whatever it is, nobody knows where it ends. */
  let other = false;
  return {
    push(text: string): void {
      for (let at = 0; at < text.length && !other; at++) {
        const code = text.charCodeAt(at);
        if (inString) {
          if (escaped) escaped = false;
          else if (code === BACKSLASH) escaped = true;
          else if (code === QUOTE) inString = false;
          continue;
        }
        if (code === QUOTE) inString = true;
        else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
        else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
        else if (!began && code > SPACE) other = true;
        began ||= code > SPACE;
      }
    },
    isOpen: () => !other && (depth > 0 || inString),
  };
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
