/** Tool names that this API does not take: at most 64 letters, digits, `_` and `-`. */

import type { ChatRequest } from "../../chat.ts";
import { shortName } from "../short-name.ts";

export interface ShortNames {
  /** As the client wrote it → as it is sent; only those that change. */
  readonly sent: ReadonlyMap<string, string>;
  /** The way back. */
  readonly written: ReadonlyMap<string, string>;
}

/** Other names for the tools of a request, declared or called, that the API would refuse. Always the same ones. */
export function shortNames(chat: ChatRequest): ShortNames {
  const sent = new Map<string, string>();
  for (const name of namesOf(chat)) if (!ACCEPTED.test(name)) sent.set(name, shortName(name, REFUSED));
  return { sent, written: new Map([...sent].map(([name, short]) => [short, name])) };
}

const ACCEPTED = /^[a-zA-Z0-9_-]{1,64}$/;
const REFUSED = /[^a-zA-Z0-9_-]/g;

function namesOf(chat: ChatRequest): string[] {
  const calls = chat.messages.flatMap(({ content }) => content).filter((part) => part.type === "tool-call");
  return [...chat.tools, ...calls].map(({ name }) => name);
}
