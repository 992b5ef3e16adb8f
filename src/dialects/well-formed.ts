/** JSON text without halves of characters. */

/**
 * The text with U+FFFD for each lone surrogate, in values and keys: legal JSON has them as escapes, and a strict parser
 * refuses the whole body for one (`String.prototype.toWellFormed` for what is already written).
 * @param json as `JSON.stringify` writes it: surrogates that stand alone, and no others, are escaped
 */
export function wellFormed(json: string): string {
  return json.includes("\\ud") ? json.replace(LONE, "$1\ufffd") : json;
}

/** An escape whose backslash is none that another one escapes. */
const LONE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;
