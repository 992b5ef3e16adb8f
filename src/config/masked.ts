/**
 * Hides what may be a key in what is shown of a configuration: people paste keys into the wrong place, and what is wrong
 * there is printed and logged. Pure.
 */

/** What a name or a part of a path is made of, and a key too. */
const WORD = /(?<![\\A-Za-z0-9])[A-Za-z0-9][A-Za-z0-9_+~-]{7,}={0,2}/g;
/** How the keys of this proxy, of vendors and of clouds begin. */
const KEY_PREFIX =
  /^(?:(?:sk|rk|pk)[-_]|(?:aip|gsk|hf|r8|fw|csk|tgp|gh[opsu]|github_pat|whsec)_|(?:xai|pplx|nvapi|glpat|xox[abeprs])-|A[KS]IA(?=[A-Z0-9]{12})|AIza|ya29|eyJ)/;
const LEAST_REST = 6;
/** Runs of letters and digits so long are no words, if these are mixed as in what was drawn by lot. */
const RUNS = [
  { length: 20, disorder: 0.3 },
  { length: 16, disorder: 0.4 },
] as const;
const SHOWN = 3;

/** What stands between `//` and `@`. */
const CREDENTIALS = /(:\/\/)[^/\s"@]*@/g;
/** The value of each parameter, and the fragment. */
const QUERY = /([?&][^=&#\s"]{1,64}=)[^&#\s"]+/g;
const FRAGMENT = /(\bhttps?:\/\/[^\s"#]{1,2048}#)[^\s"]+/g;

/** The text with nothing in it that has the form of a key; the parameters of an address count as keys. */
export function masked(text: string): string {
  return text
    .replace(CREDENTIALS, "$1…@")
    .replace(QUERY, "$1…")
    .replace(FRAGMENT, "$1…")
    .replace(WORD, (word) => isKeyLike(word) ? `${word.slice(0, SHOWN)}… (hidden: it may be a key)` : word);
}

/** Whether a word has the form of a key, rather than that of a name with a version or a date in it. */
export function isKeyLike(word: string): boolean {
  const prefix = KEY_PREFIX.exec(word)?.[0];
  if (prefix !== undefined && word.length - prefix.length >= LEAST_REST) return true;
  return word.split(/[-_+~=]/).some(isDrawn);
}

function isDrawn(run: string): boolean {
  return RUNS.some(({ length, disorder }) => run.length >= length && disorderOf(run) >= disorder);
}

/** The share of neighbours that are of different kinds. */
function disorderOf(text: string): number {
  let changes = 0;
  for (let at = 1; at < text.length; at++) {
    if (kindOf(text.charCodeAt(at)) !== kindOf(text.charCodeAt(at - 1))) changes++;
  }
  return changes / (text.length - 1);
}

function kindOf(code: number): number {
  return code <= 0x39 ? 0 : code <= 0x5a ? 1 : 2;
}
