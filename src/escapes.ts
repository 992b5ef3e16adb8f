/** Text as it reads once a parser has undone its escapes, and where each character of it stood. */

export interface View {
  readonly text: string;
  /** Where the character at an index began in the text that was given; the last entry is its length. */
  readonly from: Int32Array;
}

/** JSON's and JavaScript's escapes, percent-encoding (RFC 3986), and the character references of HTML and XML. */
const ESCAPE =
  /\\u([0-9a-f]{4})|\\u\{([0-9a-f]{1,6})\}|\\x([0-9a-f]{2})|\\([^ux])|%([0-9a-f]{2})|&#([0-9]{1,7});|&#x([0-9a-f]{1,6});/gi;

/** What stands behind a backslash for another character; whatever else does stands for itself. */
const SHORT: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

/**
 * Undoes the escapes of a text once, all kinds at the same time.
 * @returns undefined when there are none
 */
export function unescaped(text: string): View | undefined {
  // Most texts have none: native searches say so.
  if (!text.includes("\\") && !text.includes("%") && !text.includes("&#")) return undefined;
  const from = new Int32Array(text.length + 1);
  const pieces: string[] = [];
  let [at, length] = [0, 0];
  const keep = (piece: string, start: number, width: number) => {
    for (let index = 0; index < piece.length; index++) from[length + index] = start + index * width;
    length += piece.length;
    pieces.push(piece);
  };
  for (const found of text.matchAll(ESCAPE)) {
    keep(text.slice(at, found.index), at, 1);
    keep(meant(found), found.index, 0);
    at = found.index + found[0].length;
  }
  if (at === 0) return undefined;
  keep(text.slice(at), at, 1);
  from[length] = text.length;
  return { text: pieces.join(""), from: from.subarray(0, length + 1) };
}

/** A byte of percent-encoding is a character of its own: what is looked for is compared in that form too. */
function meant([whole, unit, point, byte, short, percent, decimal, hex]: RegExpExecArray): string {
  if (short !== undefined) return SHORT[short] ?? short;
  const code = decimal === undefined
    ? parseInt(unit ?? point ?? byte ?? percent ?? hex ?? "", 16)
    : Number(decimal);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
