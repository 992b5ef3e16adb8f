/** What a streamed answer loses on its way to a client of the Messages API: its headers are out, so the log has it. */

import type { ChatEvent, Warning } from "../../chat.ts";

/** Events in, warnings out: sources have no place, and figures that nobody counted are estimates. */
export function lostInStream(): (event: ChatEvent) => readonly Warning[] {
  let counted = false;
  return ({ type }) => {
    if (type === "usage") counted = true;
    if (type === "citation") return ["citations_dropped"];
    return type === "end" && !counted ? ["usage_estimated"] : NOTHING;
  };
}

const NOTHING: readonly Warning[] = [];
