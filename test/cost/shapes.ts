/**
 * Everything that a client or a provider can make long, as a table: a name, and what grows with a number. Whoever adds a
 * place that reads something new adds its shapes here; the law of cost (`test/cost.test.ts`, `deno task cost`) then says
 * whether reading it takes a time in proportion to its length.
 */

import { CHAT_REQUESTS } from "./chat-requests.ts";
import { MESSAGES_REQUESTS } from "./messages-requests.ts";
import { RELAYED } from "./relayed-requests.ts";
import type { RequestShape } from "./values.ts";

export { REPLIES } from "./replies.ts";
export { STREAMS } from "./streams.ts";
export const REQUESTS: readonly RequestShape[] = [...CHAT_REQUESTS, ...MESSAGES_REQUESTS, ...RELAYED];
