/** The Chat Completions API (https://platform.openai.com/docs/api-reference/chat), for clients and for providers. */

import { isObject, tryParseJson } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import type { Dialect } from "../dialect.ts";
import type { SseFrame } from "../sse.ts";
import { decodeEvents } from "./decode-events.ts";
import { decodeReply } from "./decode-reply.ts";
import { decodeRequest, decodingRequest, readHead } from "./decode-request.ts";
import { encodeEvents, KEEP_ALIVE } from "./encode-events.ts";
import { encodeReply } from "./encode-reply.ts";
import { encodeRequest, encodingRequest } from "./encode-request.ts";
import { correct } from "./correct.ts";
import { isCutShort } from "./cut-short.ts";
import { decodeError, encodeError, encodeErrorEvent } from "./error.ts";
import { limitHeaders } from "./limits.ts";
import { relayEdits } from "./relay.ts";

export const openaiChat: Dialect = {
  name: "openai-chat",
  path: "/chat/completions",
  headers,
  ownHeader,
  requestIdHeader: "x-request-id",
  readHead,
  relayEdits,
  isUnasked,
  isErrorFrame,
  decodeRequest,
  decodingRequest,
  encodeRequest,
  encodingRequest,
  decodeReply,
  encodeReply,
  decodeEvents,
  encodeEvents,
  keepAlive: KEEP_ALIVE,
  lastEvent: { data: "[DONE]" },
  decodeError,
  encodeError,
  encodeErrorEvent,
  isCutShort,
  correct,
  limitHeaders,
};

function headers(secret: string | undefined): Record<string, string> {
  return secret === undefined ? {} : { authorization: `Bearer ${secret}` };
}

/** `openai-organization` and `openai-project` say whose account it is: the client's is not the operator's. */
function ownHeader(name: string): boolean {
  if (name === "openai-organization" || name === "openai-project") return false;
  return /^(openai-|x-ratelimit-|retry-after)/.test(name) || name === "x-should-retry";
}

/** The libraries look at `error` and at nothing else, whatever the event's name. */
function isErrorFrame(frame: SseFrame): boolean {
  const chunk = tryParseJson(frame.data);
  return isObject(chunk) && !isAbsent(chunk.error);
}

const CHOICE = /"choices"\s*:\s*\[\s*[^\]\s]/;

/** The chunk that has the usage and nothing else; some servers write no choices, or null, into it. */
function isUnasked(frame: SseFrame): boolean {
  // All other chunks are read once, by the decoder.
  if (CHOICE.test(frame.data) || !frame.data.includes('"usage"')) return false;
  const chunk = tryParseJson(frame.data);
  return isObject(chunk) && isAbsent(chunk.choices) && isObject(chunk.usage);
}
