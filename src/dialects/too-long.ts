/**
 * Whether a provider says that a conversation is longer than its model reads. Few have a word for that which programs
 * can compare; clients shorten the conversation when they are told in the words that they know. An error counts by how
 * it begins: what a user wrote and the error quotes stands further inside.
 */

import { withoutPrefix } from "./prefix.ts";

/** Words for it in a `code` or a `type`. */
const WORDS: ReadonlySet<string> = new Set([
  "context_length_exceeded",
  "context_window_exceeded",
  "model_context_window_exceeded",
  "exceed_context_size_error",
  "contextwindowexceedederror",
  "model_max_prompt_tokens_exceeded",
]);

/** How such errors begin, each by one server or several. */
const BEGINNINGS: readonly RegExp[] = [
  /prompt is too long/, // Anthropic
  /input length and `max_tokens` exceed context limit/,
  /(?:this |the )?(?:model|endpoint)(?:'s)? (?:'s )?maximum (?:context|prompt) length is/, // OpenAI, vLLM, OpenRouter, DeepSeek, xAI
  /'?max_tokens'? or '?max_completion_tokens'? is too large: \d+\. this model's maximum context length is/, // vLLM
  /(?:the )?request(?: \(\d+ tokens\))? exceeds the available context size/, // llama.cpp
  /(?:the )?(?:prompt|input|request|conversation)(?: is)? too long[;:,.]? .{0,20}exceed\w* (?:the )?(?:max(?:imum)? )?context/, // Ollama
  /(?:the )?(?:prompt|input)(?: is)? too long(?:[.:]|$| for (?:the )?(?:requested )?model)/, // Fireworks, Bedrock, AI21
  /(?:the |your )?(?:input|prompt|request(?:ed)?|messages?|conversation|context)(?: \w+){0,4}(?: \(?\d+(?: tokens)?\)?)?(?: of \d+)? (?:exceeds?|exceeded|is (?:longer|larger|greater) than) .{0,40}(?:context|number of tokens allowed|input length|token limit|configured limit|max(?:imum)? (?:allowed )?length|limit of \d+)/, // Gemini, Groq, Poolside, Moonshot, Z.ai, Copilot, SGLang, Together, Ollama, Perplexity
  /(?:the )?(?:prompt|input) tokens exceeds? (?:the )?limit/, // Hunyuan
  /(?:the )?input(?: token)? length(?: is)? too long/, // Moonshot
  /unable to submit request because the input token count is \d+/, // Vertex
  /(?:invalid input argument for model .{1,100}: )?the number of input tokens \d+ cannot exceed/, // watsonx
  /tokens in request more than max tokens allowed/, // Z.ai
  /(?:length of prompt_tokens|max_total_tokens) \(\d+\) must be less than (?:or equal to )?max_seq_len/, // SiliconFlow
  /total tokens of .{1,40} exceeds? max message tokens/, // Volcengine
  /(?:the )?maximum context length (?:of (?:the|this) model )?is \d+/, // SambaNova
  /reached context length of \d+ tokens/, // LM Studio
  /input tokens exceed the configured limit/,
  /please reduce the length of the (?:messages|prompt|input)/, // Groq, Cerebras
  /prompt contains \d+ tokens.{0,60}too large for model/, // Mistral
  /the (?:decoder |engine )?prompt \(length \d+\) is longer than the maximum model length/, // vLLM
  /`inputs` (?:tokens \+ `max_new_tokens` must be|must have less than)/, // Text Generation Inference
  /range of input length should be/, // DashScope
  /(?:the )?context (?:window|length|size)(?: is| has been)? exceed/, // MiniMax, Baichuan
  /too many tokens: (?:(?:the )?total number of tokens in the prompt cannot exceed|size limit exceeded)/, // Cohere
  /trying to keep the first \d+ tokens when context (?:the )?overflows/, // LM Studio
  /the number of tokens to keep from the initial prompt is greater than the context length/,
].map(({ source }) => new RegExp(`^(?:${source})`, "i"));

/** Statuses of errors that are about the request. */
const STATUSES: ReadonlySet<number> = new Set([400, 413, 422]);

/** @param said what the error says: its text, and its words for programs */
export function isTooLong(
  status: number,
  said: { readonly message: string; readonly words: readonly string[] },
): boolean {
  if (said.words.some((word) => WORDS.has(word.toLowerCase()))) return true;
  if (!STATUSES.has(status)) return false;
  const message = withoutPrefix(said.message);
  return BEGINNINGS.some((beginning) => beginning.test(message));
}
