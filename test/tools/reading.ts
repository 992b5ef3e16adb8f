/** What an official SDK reads of an answer, in words that both APIs share, so that readings can be compared. */

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

export interface Reading {
  readonly text: string;
  /** What the model says of its refusal, where the API has a place for it beside the text. */
  readonly refusal: string;
  readonly thinking: string;
  /** Arguments as JSON in one form, or as text where they are none. */
  readonly calls: readonly { readonly name: string; readonly input: string }[];
  readonly finish: "stop" | "length" | "tool-calls" | "refusal" | "none";
  /** Totals: `input` with what was read from and written to a cache. */
  readonly usage: { readonly input: number; readonly output: number; readonly cached: number } | undefined;
}

/** What an SDK throws. */
export interface Failed {
  readonly failed: true;
  /** Undefined for an error inside of an answer that had begun; `unreadable` for what is no answer at all. */
  readonly status: number | undefined | "unreadable";
  readonly message: string;
}

/** Whose answer to read, and how it is asked for. */
export interface Asking {
  readonly model: string;
  readonly stream: boolean;
}

/** Reads with the OpenAI SDK. */
export async function readOpenAI(client: OpenAI, { model, stream }: Asking): Promise<Reading | Failed> {
  const request = { model, messages: [{ role: "user" as const, content: "Hi" }], max_tokens: 1000 };
  try {
    if (!stream) return readingOfCompletion(await client.chat.completions.create(request));
    return await readingOfChunks(
      await client.chat.completions.create({
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
  } catch (thrown) {
    return failedWith(thrown);
  }
}

/** Reads with the Anthropic SDK. */
export async function readAnthropic(client: Anthropic, { model, stream }: Asking): Promise<Reading | Failed> {
  const request = { model, messages: [{ role: "user" as const, content: "Hi" }], max_tokens: 1000 };
  try {
    if (!stream) return readingOfMessage(await client.messages.create(request));
    let usage: Spent | undefined;
    const streamed = client.messages.stream(request).on("streamEvent", (event) => {
      if (event.type === "message_delta") usage = event.usage as Spent;
    });
    const message = await streamed.finalMessage();
    // The SDK's own sum leaves out what it does not know.
    return readingOfMessage({ ...message, usage: { ...usage, ...message.usage } });
  } catch (thrown) {
    return failedWith(thrown);
  }
}

function readingOfCompletion(completion: OpenAI.ChatCompletion): Reading {
  const choice = completion.choices[0];
  const message = choice?.message;
  return {
    text: textOf(message?.content),
    thinking: thinkingOf(message),
    refusal: message?.refusal ?? "",
    calls: [...message?.tool_calls ?? [], ...(message?.function_call ? [message.function_call] : [])].map(
      callOf,
    ),
    finish: OPENAI_FINISH.get(choice?.finish_reason ?? detailed(choice)) ?? "none",
    usage: openaiUsage(completion.usage),
  };
}

/** Where some servers say why the answer ended. */
function detailed(choice: object | undefined): string {
  const { finish_details }: { readonly finish_details?: { readonly type?: string } } = choice ?? {};
  return finish_details?.type === "max_tokens" ? "length" : finish_details?.type ?? "";
}

type Call = OpenAI.ChatCompletionMessageToolCall | OpenAI.ChatCompletionMessage.FunctionCall;

/** A custom tool's input is what a function with that one argument would get. Some servers leave the type out. */
function callOf(call: Call): Reading["calls"][number] {
  if ("custom" in call) {
    return { name: call.custom.name, input: JSON.stringify({ input: call.custom.input }) };
  }
  const { name, arguments: input } = "function" in call ? call.function : call;
  return { name, input: canonical(input) };
}

interface Thinker {
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly content?: unknown;
}

/** Thinking has no place in OpenAI's own API: others have found three. */
function thinkingOf(message: object | undefined): string {
  const { reasoning_content, reasoning, content }: Thinker = message ?? {};
  for (const text of [reasoning_content, reasoning]) if (typeof text === "string") return text;
  if (!Array.isArray(content)) return "";
  return content.map((part) => part.type === "thinking" ? textOf(part.thinking) : "").join("");
}

/** A text, or the texts of a list of parts, which some servers send in its place. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => part.type === "text" ? part.text : "").join("");
}

async function readingOfChunks(chunks: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<Reading> {
  let text = "";
  let refusal = "";
  let thinking = "";
  let finish: Reading["finish"] = "none";
  let usage: Reading["usage"];
  const calls: { name: string; input: string }[] = [];
  for await (const chunk of chunks) {
    usage = openaiUsage(chunk.usage ?? usageOfGroq(chunk)) ?? usage;
    const choice = chunk.choices?.find(({ index }) => index === 0 || index === undefined);
    if (!choice) continue;
    const { delta } = choice;
    text += textOf(delta?.content);
    thinking += thinkingOf(delta);
    refusal += delta?.refusal ?? "";
    const pieces = delta?.tool_calls ??
      (delta?.function_call ? [{ index: 0, function: delta.function_call }] : []);
    for (const piece of pieces) {
      const call = calls[piece.index ?? 0] ??= { name: "", input: "" };
      call.name ||= piece.function?.name ?? "";
      call.input += piece.function?.arguments ?? "";
    }
    if (choice.finish_reason) finish = OPENAI_FINISH.get(choice.finish_reason) ?? "none";
  }
  return {
    text,
    thinking,
    refusal,
    calls: calls.map(({ name, input }) => ({ name, input: canonical(input) })),
    finish,
    usage,
  };
}

function readingOfMessage(message: Anthropic.Message): Reading {
  return {
    text: textOf(message.content),
    thinking: message.content.map((block) => block.type === "thinking" ? block.thinking : "").join(""),
    refusal: "",
    calls: message.content.flatMap((block) =>
      block.type === "tool_use" && !isAnswered(block, message)
        ? [{ name: block.name, input: canonical(JSON.stringify(block.input)) }]
        : []
    ),
    finish: ANTHROPIC_FINISH.get(message.stop_reason ?? "") ?? "none",
    usage: anthropicUsage(message.usage),
  };
}

/** Whether the call was made by code of the provider's that has come to its end. */
function isAnswered({ caller }: Anthropic.ToolUseBlock, { content }: Anthropic.Message): boolean {
  const code = caller && "tool_id" in caller ? caller.tool_id : undefined;
  return code !== undefined && content.some((block) => "tool_use_id" in block && block.tool_use_id === code);
}

interface Spent {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_input_tokens?: number | null;
  readonly cache_creation_input_tokens?: number | null;
}

/** What was billed: a message that was made in several rounds lists them, and its own figures are the last one's. */
function anthropicUsage(usage: Spent & { readonly iterations?: unknown }): Reading["usage"] {
  const listed: (Spent & { type: string })[] = Array.isArray(usage.iterations) ? usage.iterations : [];
  const compacted = listed.some(({ type }) => type === "compaction");
  const rounds: Spent[] = compacted
    ? listed.filter(({ type }) => type === "message" || type === "compaction")
    : [usage];
  const sum = (count: (spent: Spent) => number) => rounds.reduce((total, spent) => total + count(spent), 0);
  return {
    input: sum((spent) =>
      spent.input_tokens + (spent.cache_read_input_tokens ?? 0) + (spent.cache_creation_input_tokens ?? 0)
    ),
    output: sum((spent) => spent.output_tokens),
    cached: sum((spent) => spent.cache_read_input_tokens ?? 0),
  };
}

function openaiUsage(usage: OpenAI.CompletionUsage | null | undefined): Reading["usage"] {
  if (!usage) return undefined;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return {
    input: usage.prompt_tokens,
    // xAI counts what the model thought in the total and not in the completion.
    output: Math.max(usage.completion_tokens, usage.total_tokens - usage.prompt_tokens),
    // Moonshot has the figure at the top.
    cached: "cached_tokens" in usage ? Number(usage.cached_tokens) : cached,
  };
}

/** Groq's own place for it. */
function usageOfGroq(chunk: OpenAI.ChatCompletionChunk): OpenAI.CompletionUsage | undefined {
  return "x_groq" in chunk ? (chunk.x_groq as { readonly usage?: OpenAI.CompletionUsage }).usage : undefined;
}

const OPENAI_FINISH: ReadonlyMap<string, Reading["finish"]> = new Map<string, Reading["finish"]>([
  ["stop", "stop"],
  ["length", "length"],
  ["tool_calls", "tool-calls"],
  ["function_call", "tool-calls"],
  ["content_filter", "refusal"],
]);

const ANTHROPIC_FINISH: ReadonlyMap<string, Reading["finish"]> = new Map<string, Reading["finish"]>([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["refusal", "refusal"],
]);

/** JSON with its keys in order; no arguments are an empty object. */
function canonical(input: string | null): string {
  if (input === null || input.trim() === "") return "{}";
  try {
    return JSON.stringify(sorted(JSON.parse(input)));
  } catch {
    return input;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => one < other ? -1 : 1);
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/** SDKs throw errors of their own for what a provider says, and any other for what they cannot read. */
function failedWith(thrown: unknown): Failed {
  if (!(thrown instanceof OpenAI.APIError || thrown instanceof Anthropic.APIError)) {
    return {
      failed: true,
      status: "unreadable",
      message: thrown instanceof Error ? thrown.message : String(thrown),
    };
  }
  return { failed: true, status: thrown.status, message: messageOf(thrown.error) ?? thrown.message };
}

/** The message of an error body of either API. */
function messageOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  if ("error" in body) return messageOf(body.error);
  return "message" in body && typeof body.message === "string" ? body.message : undefined;
}
