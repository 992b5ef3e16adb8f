/** A provider that a test scripts byte by byte, and the usual answers of both APIs for it to give. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The request's model and whether it asked for a stream; the answer is the script's affair. */
export interface Asked {
  readonly model: string;
  readonly stream: boolean;
  readonly headers: IncomingMessage["headers"];
  /** The whole body. */
  readonly text: string;
}

export type Script = (asked: Asked, response: ServerResponse) => void | Promise<void>;

export interface Scripted {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseURL: string;
  /** What was asked, in order. */
  readonly requests: readonly Asked[];
}

/** Runs a test with a provider that plays a script. */
export async function withScripted(
  script: Script,
  test: (provider: Scripted) => Promise<void>,
): Promise<void> {
  const requests: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const { model, stream = false } = JSON.parse(text);
    const asked = { model, stream, headers: request.headers, text };
    requests.push(asked);
    await script(asked, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  try {
    await test({ baseURL, requests });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

type Api = "openai" | "anthropic";

/** A whole answer of an API. */
export function wholeAnswer(api: Api, text = "Hello"): string {
  return JSON.stringify(
    api === "openai"
      ? {
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      }
      : {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "m",
        content: [{ type: "text", text }],
        stop_reason: "end_turn",
        stop_sequence: null,
        usage: { input_tokens: 3, output_tokens: 2 },
      },
  );
}

/** The events of a streamed answer of an API, each ready to write: beginning, text, end of the text, last word. */
export function streamedAnswer(api: Api, text = "Hello"): readonly string[] {
  if (api === "openai") {
    const chunk = (delta: object, finish: string | null, more: object = {}) =>
      `data: ${
        JSON.stringify({
          id: "chatcmpl-1",
          object: "chat.completion.chunk",
          created: 1,
          model: "m",
          choices: [{ index: 0, delta, finish_reason: finish }],
          ...more,
        })
      }\n\n`;
    return [
      chunk({ role: "assistant", content: "" }, null),
      chunk({ content: text }, null),
      chunk({}, "stop", { usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }),
      "data: [DONE]\n\n",
    ];
  }
  const event = (type: string, more: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
  const message = JSON.parse(wholeAnswer(api));
  return [
    event("message_start", { message: { ...message, content: [], stop_reason: null } }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
    event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
    event("content_block_stop", { index: 0 }) +
    event("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 2 },
    }),
    event("message_stop", {}),
  ];
}
