/** Which wire formats there are, and where clients find them. */

import { anthropicMessages } from "./anthropic-messages/index.ts";
import type { Dialect, HeaderRecord } from "./dialect.ts";
import { openaiChat } from "./openai-chat/index.ts";

/** A path that clients post to in a dialect: for an answer, or for a count of their request's tokens. */
export interface ClientEndpoint {
  readonly dialect: Dialect;
  readonly kind: "chat" | "tokens";
}

/** By the name that a provider's `dialect` has in the configuration. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  [openaiChat.name, openaiChat],
  [anthropicMessages.name, anthropicMessages],
]);

/** By exact path; all are `POST`. */
export const CLIENT_ENDPOINTS: ReadonlyMap<string, ClientEndpoint> = new Map<string, ClientEndpoint>([
  ["/v1/chat/completions", { dialect: openaiChat, kind: "chat" }],
  ["/v1/messages", { dialect: anthropicMessages, kind: "chat" }],
  ["/v1/messages/count_tokens", { dialect: anthropicMessages, kind: "tokens" }],
]);

/** The dialect of a client whose path does not tell: the one whose own headers it sends, else the first. */
export function clientDialect(headers: HeaderRecord): Dialect {
  const names = Object.keys(headers);
  const others = [...DIALECTS.values()].filter((dialect) => dialect !== openaiChat);
  return others.find((dialect) => names.some(dialect.ownHeader)) ?? openaiChat;
}
