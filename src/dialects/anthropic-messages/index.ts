/** The Messages API (https://platform.claude.com/docs/en/api/messages) as a dialect. */

import type { Dialect } from "../dialect.ts";
import { estimateTokens } from "../estimate.ts";
import { correct } from "./correct.ts";
import { decodeEvents } from "./decode-events.ts";
import { checkCount, decodeReply } from "./decode-reply.ts";
import { decodeRequest, decodingRequest, readHead } from "./decode-request.ts";
import { encodeEvents } from "./encode-events.ts";
import { encodeReply, lostInReply } from "./encode-reply.ts";
import { encodeRequest, encodingRequest } from "./encode-request.ts";
import { decodeError, encodeError, encodeErrorEvent } from "./error.ts";
import { limitHeaders } from "./limit-headers.ts";
import { lostInStream } from "./lost-in-stream.ts";
import { relayEdits } from "./relay.ts";

/** The version of the API that requests ask for where the configuration names no other. */
const VERSION = "2023-06-01";

/** Beside the family of its own name: advice on when to ask again. */
const RETRY_HEADERS: ReadonlySet<string> = new Set(["retry-after", "retry-after-ms", "x-should-retry"]);

export const anthropicMessages: Dialect = {
  name: "anthropic-messages",
  path: "/messages",
  headers: (secret) => ({
    ...(secret !== undefined && { "x-api-key": secret }),
    "anthropic-version": VERSION,
  }),
  // The organization is the operator's, and nobody else's business.
  ownHeader: (name) =>
    RETRY_HEADERS.has(name) || (name.startsWith("anthropic-") && name !== "anthropic-organization-id"),
  requestIdHeader: "request-id",
  estimatesInput: true,
  readHead,
  relayEdits,
  isUnasked: () => false,
  // The libraries go by the event's name alone.
  isErrorFrame: ({ event }) => event === "error",
  decodeRequest,
  decodingRequest,
  encodeRequest,
  encodingRequest,
  decodeReply,
  encodeReply,
  lostInReply,
  lostInStream,
  decodeEvents,
  encodeEvents,
  keepAlive: { event: "ping", data: JSON.stringify({ type: "ping" }) },
  lastEvent: { event: "message_stop", data: JSON.stringify({ type: "message_stop" }) },
  decodeError,
  encodeError,
  encodeErrorEvent,
  correct,
  limitHeaders,
  countTokens: {
    path: "/messages/count_tokens",
    estimate: (body, headers) => ({ input_tokens: estimateTokens(decodeRequest(body, headers)) }),
    check: checkCount,
  },
};
