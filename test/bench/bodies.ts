/** Requests and answers in the shapes of the two APIs, of a wanted size. */

import type { Place, Wire } from "./places.ts";

const WORDS = 'The quick brown fox jumps over the lazy dog, and "nobody" minds.\n';

/** Text that makes a body have so many bytes: words, quotes and line ends, all ASCII. */
function filled(bytes: number, body: (text: string) => unknown): string {
  const escaped = JSON.stringify(WORDS).length - 2;
  const room = bytes - JSON.stringify(body("")).length;
  const count = Math.max(0, Math.floor(room / escaped));
  const rest = Math.max(1, room - count * escaped);
  return JSON.stringify(body(WORDS.repeat(count) + "x".repeat(rest)));
}

/** A chat request in OpenAI's format: a conversation of turns of up to 4 KB each. */
export function requestBody(model: string, place: Place, bytes: number): string {
  const stream = place.kind === "stream" ? { stream: true, stream_options: { include_usage: true } } : {};
  return filled(bytes, (text) => ({ model, ...stream, messages: turns(text) }));
}

const TURN = 4_000;

function turns(text: string): readonly unknown[] {
  const pieces = text.match(new RegExp(`[^]{1,${TURN}}`, "g")) ?? [""];
  return pieces.map((content, at) => ({
    role: (pieces.length - at) % 2 === 1 ? "user" : "assistant",
    content,
  }));
}

/** A chat request as agents send it: little is said, and many tools are declared. */
export function agentBody(tools: number): string {
  return JSON.stringify({
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    tools: Array.from({ length: tools }, (_, at) => agentTool(at)),
  });
}

function agentTool(at: number): unknown {
  return {
    type: "function",
    function: {
      name: `tool_${at}`,
      description: "Reads a file from the workspace and gives its lines.",
      parameters: {
        type: "object",
        properties: {
          path: { type: "string", description: "Path" },
          offset: { type: "integer", minimum: 0 },
          limit: { type: "integer", maximum: 2000 },
          mode: { type: "string", enum: ["text", "hex", "base64"] },
        },
        required: ["path"],
        additionalProperties: false,
      },
    },
  };
}

/** A whole answer of about so many bytes, and of no fewer than the smallest real one has. */
export function answerBody(wire: Wire, bytes: number): string {
  return wire === "openai-chat" ? filled(bytes, openaiAnswer) : filled(bytes, anthropicAnswer);
}

function openaiAnswer(text: string): unknown {
  return {
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "bench",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
  };
}

function anthropicAnswer(text: string): unknown {
  return {
    id: "msg_bench",
    type: "message",
    role: "assistant",
    model: "bench",
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 20 },
  };
}

/** The events of a streamed answer as they go out, one write each. */
export interface StreamBody {
  readonly first: string;
  readonly each: string;
  readonly last: string;
}

export function streamBody(wire: Wire): StreamBody {
  return wire === "openai-chat" ? OPENAI_STREAM : ANTHROPIC_STREAM;
}

const OPENAI_STREAM: StreamBody = {
  first: openaiChunk({ role: "assistant", content: "" }, null),
  each: openaiChunk({ content: "word " }, null),
  last: openaiChunk({}, "stop") +
    sse({
      id: "chatcmpl-bench",
      object: "chat.completion.chunk",
      created: 1_700_000_000,
      model: "bench",
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    }) + "data: [DONE]\n\n",
};

function openaiChunk(delta: unknown, finish: string | null): string {
  return sse({
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "bench",
    service_tier: "default",
    system_fingerprint: "fp_bench",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    usage: null,
  });
}

const ANTHROPIC_STREAM: StreamBody = {
  first: named("message_start", {
    message: {
      id: "msg_bench",
      type: "message",
      role: "assistant",
      model: "bench",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 1 },
    },
  }) + named("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  each: named("content_block_delta", { index: 0, delta: { type: "text_delta", text: "word " } }),
  last: named("content_block_stop", { index: 0 }) +
    named("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 20 },
    }) +
    named("message_stop", {}),
};

function named(type: string, value: Readonly<Record<string, unknown>>): string {
  return `event: ${type}\n${sse({ type, ...value })}`;
}

function sse(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
