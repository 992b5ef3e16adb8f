/** What the encoding of a request leaves out or changes, taken down while it goes. */

import type { Warning } from "../../chat.ts";

/** Takes down a warning, once for each code. */
export type Warn = (code: Warning) => void;

export function collectWarnings(): { readonly warn: Warn; readonly codes: readonly Warning[] } {
  const codes: Warning[] = [];
  return {
    codes,
    warn(code) {
      if (!codes.includes(code)) codes.push(code);
    },
  };
}
