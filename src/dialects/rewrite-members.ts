/**
 * Members of JSON text under their own names again, while the text is still being written: a model's arguments and
 * structured answers come in pieces that may be cut anywhere. Everything else stays as the model wrote it.
 */

import { unescaped } from "../json.ts";
import type { Stepper } from "./stepper.ts";

export interface MemberRules {
  /** Names as they stand in the text → as they shall be. */
  readonly names?: ReadonlyMap<string, string>;
  /** Members that are left out where their value is null. */
  readonly absent?: ReadonlySet<string>;
}

/** Where in the text the next character stands. */
type State = "start" | "prose" | "free" | "string" | "key" | "colon" | "value" | "null";

/** Pieces of JSON text in, pieces out. What is no JSON object or array goes through as it is. */
export function rewriteMembers(rules: MemberRules): Stepper<string, string> {
  /** For each open object whether a member of it was written; an array has none. */
  const open: (boolean | undefined)[] = [];
  let state: State = "start";
  let escaped = false;
  /** A key may come next: what separates it from what was written waits for it. */
  let separator: string | undefined;
  let key = "";
  /** What stands between the key and its value, and the letters of a value that may be null. */
  let between = "";
  let letters = "";
  let out = "";

  /** Writes the separator and the key that waited. */
  const member = (name: string) => {
    const begun = open[open.length - 1] === true;
    out += begun ? separator : separator?.replace(",", "");
    out += name + between;
    open[open.length - 1] = true;
    separator = undefined;
    key = between = "";
    state = "free";
  };

  const forget = () => {
    separator = "";
    key = between = letters = "";
    state = "free";
  };

  const free = (character: string) => {
    switch (character) {
      case '"':
        state = separator === undefined ? "string" : "key";
        if (state === "key") key = character;
        else out += character;
        return;
      case "{":
      case "[":
        out += (separator ?? "") + character;
        open.push(character === "{" ? false : undefined);
        separator = character === "{" ? "" : undefined;
        return;
      case "}":
      case "]":
        out += (separator ?? "") + character;
        open.pop();
        separator = undefined;
        return;
      case ",":
        if (open[open.length - 1] === undefined) out += character;
        else separator = character;
        return;
      default:
        if (separator !== undefined && isSpace(character)) separator += character;
        else {
          out += (separator ?? "") + character;
          separator = undefined;
        }
    }
  };

  /** True at the quote that ends a string. */
  const closes = (character: string): boolean => {
    const quote = character === '"' && !escaped;
    escaped = character === "\\" && !escaped;
    return quote;
  };

  const take = (character: string): void => {
    switch (state) {
      case "start":
        if (isSpace(character)) out += character;
        else {
          state = character === "{" || character === "[" ? "free" : "prose";
          take(character);
        }
        return;
      case "prose":
        out += character;
        return;
      case "free":
        return free(character);
      case "string":
        out += character;
        if (closes(character)) state = "free";
        return;
      case "key":
        key += character;
        if (closes(character)) state = "colon";
        return;
      case "colon":
        between += character;
        if (character === ":") {
          const name = nameOf(key);
          if (rules.absent?.has(name)) state = "value";
          else member(renamed(key, name, rules));
        }
        return;
      case "value":
        if (isSpace(character)) between += character;
        else if (character === "n") {
          letters = character;
          state = "null";
        } else {
          member(renamed(key, nameOf(key), rules));
          take(character);
        }
        return;
      case "null":
        letters += character;
        if (letters === "null") forget();
        else if (!"null".startsWith(letters)) {
          member(key);
          out += letters;
          letters = "";
        }
        return;
    }
  };

  const given = (): string[] => {
    const piece = out;
    out = "";
    return piece === "" ? [] : [piece];
  };

  return {
    push(text) {
      for (let at = 0; at < text.length; at++) take(text[at]!);
      return given();
    },
    end() {
      out += (separator ?? "") + key + between + letters;
      return given();
    },
  };
}

function renamed(key: string, name: string, { names }: MemberRules): string {
  const other = names?.get(name);
  return other === undefined ? key : JSON.stringify(other);
}

/** The name that a quoted key says; the quoted text itself where it is malformed. */
function nameOf(key: string): string {
  try {
    return unescaped(key.slice(1, -1));
  } catch {
    return key;
  }
}

function isSpace(character: string): boolean {
  return character === " " || character === "\n" || character === "\t" || character === "\r";
}
