/** What is wrong with the syntax of a configuration, in words that let a person mend it. Pure. */

/** Symbols that look right and are not, and what to write. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map([
  ..."“”„‟″".split("").map((symbol) => [symbol, `a curly quote ${symbol}, write "`] as const),
  ..."‘’‚‛′".split("").map((symbol) => [symbol, `a curly quote ${symbol}, write "`] as const),
  ["'", "a single quote ', write \""],
  ["`", 'a backtick `, write "'],
  ["#", "a # : comments begin with //"],
  ["+", "a + : numbers have no sign but -"],
  ["=", "a = : write a colon"],
  [";", "a ; : write a comma"],
  ["，", "a full-width comma, write an ordinary one"],
  ["：", "a full-width colon, write an ordinary one"],
  ["\u0000", "a NUL character (U+0000): is the file UTF-16? Save it as UTF-8"],
]);

/** What cannot be seen, by name. */
const INVISIBLE: ReadonlyMap<string, string> = new Map([
  ["\u00a0", "a no-break space"],
  ["\u2007", "a figure space"],
  ["\u202f", "a narrow no-break space"],
  ["\u3000", "an ideographic space"],
  ["\u200b", "a zero-width space"],
  ["\u200c", "a zero-width non-joiner"],
  ["\u200d", "a zero-width joiner"],
  ["\u2028", "a line separator"],
  ["\u2029", "a paragraph separator"],
  ["\ufeff", "a byte order mark"],
  ["\u00ad", "a soft hyphen"],
  ["\u000b", "a vertical tab"],
  ["\u000c", "a form feed"],
  ["\u0085", "a next-line character"],
]);

/** Words of other languages for what JSON writes otherwise. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["TRUE", "true"],
  ["yes", "true"],
  ["on", "true"],
  ["False", "false"],
  ["FALSE", "false"],
  ["no", "false"],
  ["off", "false"],
  ["None", "null"],
  ["NULL", "null"],
  ["Null", "null"],
  ["nil", "null"],
  ["undefined", "null"],
  ["NaN", "a number"],
  ["Infinity", "a number"],
]);

export interface Unexpected {
  /** `comma expected` */
  readonly wanted: string;
  /** What stands there instead; undefined at the end of the file. */
  readonly token: string | undefined;
  /** It is JSON, in the wrong place. */
  readonly known: boolean;
  /** A key was to come. */
  readonly inKey: boolean;
  /** At the end of the file: where that began which is not closed. */
  readonly lineOpened: number | undefined;
}

/** The message for a token that has no place where it stands. */
export function unexpected({ wanted, token, known, inKey, lineOpened }: Unexpected): string {
  if (token === undefined) {
    const open = lineOpened === undefined ? "" : `, what begins on line ${lineOpened} is not closed`;
    return `${wanted}, the file ends here${open}`;
  }
  if (known) return /^[[\]{},:]$/.test(token) ? `${wanted}, not ${token}` : wanted;
  return `invalid symbol, ${symbolOf(token, inKey)}`;
}

/** A key: short enough to be one of ours, so that nothing that was pasted is shown. */
const SHORT_WORD = /^[A-Za-z_$][\w$]{0,19}$/;

/** The symbol by name. A word that may be a pasted secret is never repeated. */
function symbolOf(token: string, inKey: boolean): string {
  const [first = ""] = token;
  const lookalike = LOOKALIKES.get(first);
  if (lookalike !== undefined) return lookalike;
  const strange = strangeOf(first);
  if (strange !== undefined) return strange;
  const meant = WORDS.get(token);
  if (meant !== undefined && !inKey) return `${token}, write ${meant}`;
  if (inKey && SHORT_WORD.test(token)) return `${token} without quotes, write "${token}"`;
  for (const symbol of token) {
    const inside = LOOKALIKES.get(symbol) ?? strangeOf(symbol);
    if (inside !== undefined) return inside;
  }
  if (/^x[0-9a-f]+$/i.test(token)) return "a hexadecimal number, write a decimal one";
  if (/^-?\.?\d/.test(token)) return "a malformed number";
  if (/^[A-Za-z_$]/.test(token)) return "a word without quotes";
  return `"${first}"`;
}

/** Characters beyond ASCII and control characters, by number where they have no name here. */
function strangeOf(symbol: string): string | undefined {
  const name = INVISIBLE.get(symbol);
  if (name !== undefined) return `${name} (${codeOf(symbol)}), write an ordinary one or remove it`;
  // deno-lint-ignore no-control-regex
  if (/^[\u0000-\u001f\u007f-\u009f]$/.test(symbol)) return `a control character (${codeOf(symbol)})`;
  return /^[\p{L}\p{N}]$/u.test(symbol) || symbol <= "~" ? undefined : `${symbol} (${codeOf(symbol)})`;
}

function codeOf(symbol: string): string {
  return `U+${(symbol.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The message for a comment without an end. */
export const OPEN_COMMENT = "end of comment expected, it is never closed";

// Of the scanner's `ScanError`, a const enum too.
const END_OF_STRING = 2;
const UNICODE = 4;
const ESCAPE = 5;

/**
 * The message for a string that is none.
 * @param error the scanner's
 * @param raw the string as it is written, from its opening quote on
 */
export function faultOfString(error: number, raw: string): string {
  switch (error) {
    case END_OF_STRING:
      return "end of string expected, its quote is not closed on its line";
    case UNICODE:
      return "invalid unicode, \\u takes four hex digits";
    case ESCAPE: {
      const escaped = /^"(?:[^\\]|\\["\\/bfnrtu])*\\([^])/u.exec(raw)?.[1];
      return `invalid escape character${escaped === undefined ? "" : ` ${escaped}`}, write a backslash twice`;
    }
    default: {
      // deno-lint-ignore no-control-regex
      const [control = ""] = /[\u0000-\u001f]/.exec(raw) ?? [];
      const name = control === "\t" ? "a tab, write \\t" : `a control character (${codeOf(control)})`;
      return `invalid character in a string, ${name}`;
    }
  }
}
