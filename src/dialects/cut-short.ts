/**
 * An answer that came as a refusal: the model had used up the request's limit, by thinking, before its first word. In
 * every other API, and in this one's streams, that is an answer without content that ended at its limit.
 */

import type { ChatEvent, ChatReply, Finish } from "../chat.ts";
import { stringifyJson } from "../json.ts";
import type { Dialect, ReplyOptions } from "./dialect.ts";
import { writeEvent } from "./sse.ts";

/** The answer, whole and streamed. */
export interface CutShort {
  readonly brought: { readonly reply: ChatReply; body(options: ReplyOptions): string };
  steps(options: ReplyOptions): readonly { readonly out: string; readonly events: readonly ChatEvent[] }[];
}

/** @param model the model that was asked: a refusal does not name it */
export function cutShort(client: Dialect, model: string): CutShort {
  const finish: Finish = { reason: "length" };
  const reply: ChatReply = { id: "", model, content: [], citations: [], finish, warnings: [] };
  return {
    brought: {
      reply: { ...reply, warnings: client.lostInReply?.(reply) ?? [] },
      body: (options) => stringifyJson(client.encodeReply(reply, options)),
    },
    steps: (options) => {
      const events: ChatEvent[] = [
        { type: "start", id: "", model },
        { type: "finish", finish },
        { type: "end" },
      ];
      const encode = client.encodeEvents(options);
      const written = [...events.flatMap((event) => encode.push(event)), ...encode.end()];
      return [{ out: written.map(writeEvent).join(""), events }];
    },
  };
}
