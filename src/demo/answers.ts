/**
 * What a simulated model says. Equal requests get equal answers, and every answer says that it is simulated. The
 * user's text can ask for a length (`in 200 words`) and for token figures (see `usage.ts`).
 */

import { sha256 } from "../digest.ts";
import type { Json, JsonObject } from "../json.ts";
import { exampleOf } from "./example.ts";
import { orderedUsage, slicesOf, tokensOf, type Usage } from "./usage.ts";

/** A request as far as an answer depends on it, whatever its API. */
export interface Prompt {
  readonly api: "openai" | "anthropic";
  readonly model: string;
  readonly instructions: string;
  /** The text of the last user message. */
  readonly question: string;
  /** Texts of the tool results that the conversation ends with. */
  readonly results: readonly string[];
  readonly attachments: readonly Attachment[];
  readonly tools: readonly OfferedTool[];
  readonly toolChoice: "auto" | "none" | "required" | { readonly name: string };
  readonly parallel: boolean;
  /** The answer is JSON that fits this schema. */
  readonly schema: JsonObject | undefined;
  readonly thinking: "none" | "shown" | "omitted";
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** How many equal answers are wanted. */
  readonly choices: number;
  /** Calls are answered in the older `function_call` shape. */
  readonly legacyFunctions: boolean;
  readonly inputTokens: number;
  readonly cached: Pick<Usage, "cacheWrite" | "cacheWrite1h">;
  /** Hash of the request: what ids are made of. */
  readonly seed: string;
}

export interface Attachment {
  readonly kind: "image" | "document" | "audio";
  /** Media type and size, or where it is. */
  readonly detail: string;
}

export interface OfferedTool {
  readonly name: string;
  /** Absent for a tool whose input is plain text. */
  readonly schema?: Json;
}

export interface Answer {
  /** Empty and with a signature for a thought that is not shown; absent for none. */
  readonly thinking?: Thought;
  readonly text: string;
  readonly calls: readonly Call[];
  readonly finish: "stop" | "length" | "stop-sequence" | "tool-calls" | "refusal";
  readonly stopSequence?: string;
  /** Absent when it is not reported. */
  readonly usage?: Usage;
}

export interface Thought {
  readonly text: string;
  readonly signature: string;
  /** Sent as encrypted data only. */
  readonly redacted?: boolean;
}

export interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: string;
  readonly custom: boolean;
}

/** Characters in a streamed piece of tool arguments. */
export const ARGUMENT_SLICE = 6;
const MOST_WORDS = 5000;
/** How a system text asks for JSON where the API has no field for it. */
const JSON_ONLY = /\bJSON\b[^.]*\bnothing else\b/;
const NAMES = { openai: "OpenAI", anthropic: "Anthropic" };
const FILLER =
  ("the quick brown fox jumps over a lazy dog while seven small boats sail slowly past an old harbour " +
    "and somebody on the quay counts tokens one by one").split(" ");

/** The answer to a prompt. */
export function answerTo(prompt: Prompt): Answer {
  const calls = callsFor(prompt);
  const stopped = cutAtStop(calls.length > 0 ? preamble(prompt, calls) : textFor(prompt), prompt.stop);
  const whole: Answer = {
    ...(prompt.thinking === "none" ? {} : { thinking: thoughtFor(prompt) }),
    text: stopped.text,
    calls: stopped.stopSequence === undefined ? calls : [],
    finish: calls.length > 0 ? "tool-calls" : "stop",
    ...(stopped.stopSequence === undefined
      ? {}
      : { finish: "stop-sequence", stopSequence: stopped.stopSequence }),
  };
  return withUsage(limited(whole, prompt), prompt);
}

/** The answer with the usage that it has; figures that the request orders go before it. */
export function withUsage(answer: Answer, prompt: Prompt): Answer {
  const reasoning = tokensOf(thoughtText(answer, prompt)).length;
  const input = prompt.inputTokens;
  const output = reasoning + tokensOf(answer.text).length +
    answer.calls.reduce((sum, call) => sum + sizeOf(call), 0);
  const usage = {
    input,
    cacheRead: 0,
    cacheWrite: Math.min(prompt.cached.cacheWrite, input),
    cacheWrite1h: Math.min(prompt.cached.cacheWrite1h, input),
    output: Math.min(output, prompt.maxTokens ?? output),
    reasoning,
  };
  return { ...answer, usage: orderedUsage(usage, prompt.model, prompt.question) };
}

/** The proof that a thought is ours and unchanged. */
export function sign(nonce: string, text: string): string {
  return btoa(`simulated:${nonce}:${sha256(`${nonce}:${text}`)}`);
}

/** True for a thought as it was given out. */
export function isSigned(text: string, signature: string): boolean {
  try {
    const nonce = /^simulated:([0-9a-f]+):/.exec(atob(signature))?.[1];
    return nonce !== undefined && sign(nonce, text) === signature;
  } catch {
    return false; // Not base64.
  }
}

function callsFor(prompt: Prompt): Call[] {
  const choice = prompt.toolChoice;
  if (choice === "none" || prompt.results.length > 0) return [];
  const named = typeof choice === "object" ? choice.name : undefined;
  const offered = prompt.tools.filter((tool) => named === undefined || tool.name === named);
  const [first] = offered;
  if (first === undefined) return [];
  const mentioned = offered.filter((tool) => prompt.question.includes(tool.name));
  const both = /\bboth\b/i.test(prompt.question) || mentioned.length > 1;
  const chosen = mentioned[0] ?? first;
  const second = mentioned[1] ?? offered.find((tool) => tool !== chosen) ?? chosen;
  const tools = both && prompt.parallel ? [chosen, second] : [chosen];
  return tools.map((tool, index) => ({
    id: `${prompt.api === "openai" ? "call" : "toolu"}_${prompt.seed.slice(0, 22)}${index}`,
    name: tool.name,
    input: tool.schema === undefined
      ? `simulated input of ${tool.name}`
      : JSON.stringify(exampleOf(tool.schema)),
    custom: tool.schema === undefined,
  }));
}

/** Claude likes to say what it is about to do, unless it is forced to; GPT calls without a word. */
function preamble(prompt: Prompt, calls: readonly Call[]): string {
  const names = calls.map((call) => call.name).join(" and ");
  return prompt.api === "anthropic" && prompt.toolChoice === "auto"
    ? `I will call ${names} (simulated).`
    : "";
}

function textFor(prompt: Prompt): string {
  if (prompt.schema !== undefined) return JSON.stringify(exampleOf(prompt.schema, "answer"));
  if (JSON_ONLY.test(prompt.instructions)) return JSON.stringify({ simulated: true, model: prompt.model });
  const said = [`This is a simulated answer from ${prompt.model} (${NAMES[prompt.api]} API).`];
  if (prompt.results.length > 0) said.push(`The tools said: ${prompt.results.map(quote).join(" and ")}.`);
  if (prompt.attachments.length > 0) said.push(`I see ${prompt.attachments.map(seen).join(" and ")}.`);
  if (prompt.question !== "") said.push(`You said: ${quote(prompt.question)}.`);
  const text = said.join(" ");
  const wanted = Math.min(
    Number(/(\d+)[ -](?:words?|tokens?)\b/i.exec(prompt.question)?.[1] ?? 0),
    MOST_WORDS,
  );
  const missing = wanted - text.split(/\s+/).length;
  if (missing <= 0) return text;
  const filler = Array.from({ length: missing }, (_, index) => FILLER[index % FILLER.length]);
  return `${text} ${filler.join(" ")}`;
}

function seen(attachment: Attachment): string {
  return `1 ${attachment.kind} (${attachment.detail})`;
}

function quote(text: string): string {
  const characters = [...text];
  return `"${characters.length > 120 ? `${characters.slice(0, 120).join("")}…` : text}"`;
}

function thoughtFor(prompt: Prompt): Thought {
  const text = prompt.thinking === "omitted" ? "" : simulatedThought(prompt);
  return { text, signature: sign(prompt.seed.slice(0, 16), text) };
}

function simulatedThought(prompt: Prompt): string {
  return `This is a simulated thought. The user wants ${quote(prompt.question)} answered.`;
}

/** Thinking is paid for whether it is shown or not. */
function thoughtText(answer: Answer, prompt: Prompt): string {
  if (answer.thinking === undefined) return "";
  return answer.thinking.text === "" ? simulatedThought(prompt) : answer.thinking.text;
}

function cutAtStop(text: string, stop: readonly string[]): { text: string; stopSequence?: string } {
  let at = text.length;
  let stopSequence: string | undefined;
  for (const sequence of stop) {
    const found = sequence === "" ? -1 : text.indexOf(sequence);
    if (found === -1 || found >= at) continue;
    at = found;
    stopSequence = sequence;
  }
  return stopSequence === undefined ? { text } : { text: text.slice(0, at), stopSequence };
}

/** The answer cut at the most tokens that it may have, thinking first. */
function limited(answer: Answer, prompt: Prompt): Answer {
  let left = prompt.maxTokens ?? Infinity;
  const take = (pieces: readonly string[]): string => {
    const taken = pieces.slice(0, Math.max(left, 0));
    left -= pieces.length;
    return taken.join("");
  };
  const thought = take(tokensOf(thoughtText(answer, prompt)));
  const text = take(tokensOf(answer.text));
  const calls = answer.calls.flatMap((call) => {
    if (left <= 0) return [];
    left -= 1;
    return [{ ...call, input: take(slicesOf(call.input, ARGUMENT_SLICE)) }];
  });
  if (left >= 0 && calls.length === answer.calls.length) return answer;
  const { thinking, stopSequence: _, ...rest } = answer;
  const shown = thinking === undefined || thought === ""
    ? {}
    : { thinking: { ...thinking, ...resigned(thinking, thought, prompt) } };
  return { ...rest, ...shown, text, calls, finish: "length" };
}

function resigned(thought: Thought, cut: string, prompt: Prompt): Thought {
  if (thought.text === "") return thought;
  return { text: cut, signature: sign(prompt.seed.slice(0, 16), cut) };
}

/** The call's name is a token, and each piece of its arguments. */
function sizeOf(call: Call): number {
  return 1 + slicesOf(call.input, ARGUMENT_SLICE).length;
}
