import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { DIALECTS } from "../../src/dialects/registry.ts";
import type { Json } from "../../src/json.ts";

const openai = (message: string, type = "invalid_request_error", code: Json = null) => ({
  error: { message, type, param: null, code },
});

/** Server, its error, status. */
const TOO_LONG: readonly (readonly [string, Json, status?: number])[] = [
  ["OpenAI", openai("Nope", "invalid_request_error", "context_length_exceeded")],
  [
    "OpenAI, newer",
    openai("Your input exceeds the context window of this model. Please adjust your input and try again."),
  ],
  [
    "OpenAI, by tokens",
    openai(
      "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
    ),
  ],
  [
    "SGLang",
    openai(
      "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 40000 tokens",
    ),
  ],
  [
    "SGLang, the prompt",
    openai("The input (40000 tokens) is longer than the model's context length (32768 tokens)."),
  ],
  [
    "SGLang, a length",
    openai("Input length (40000 tokens) exceeds the maximum allowed length (32768 tokens)."),
  ],
  ["Z.ai, with its number", openai("[1261] Prompt exceeds max length")],
  ["LM Studio, while it answers", openai("Context size has been exceeded.")],
  ["Text Generation Inference, the prompt", {
    error: "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
    error_type: "validation",
  }, 422],
  [
    "vLLM, older",
    openai(
      "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens (39000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.",
      "BadRequestError",
      400,
    ),
  ],
  [
    "vLLM",
    openai(
      "This model's maximum context length is 262144 tokens. However, you requested 0 output tokens and your prompt contains at least 262145 input tokens, for a total of at least 262145 tokens.",
    ),
  ],
  [
    "vLLM, decoder",
    openai("The decoder prompt (length 40000) is longer than the maximum model length of 32768."),
  ],
  [
    "llama.cpp",
    {
      error: {
        code: 400,
        message: "the request exceeds the available context size, try increasing it",
        type: "exceed_context_size_error",
      },
    },
  ],
  [
    "llama.cpp, with numbers",
    openai("request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"),
  ],
  ["llama.cpp, by its type alone", {
    error: { code: 500, message: "Nope", type: "exceed_context_size_error" },
  }, 500],
  ["Ollama", { error: "prompt too long; exceeded max context length by 1200 tokens" }],
  ["Ollama, embedded", openai("the input length exceeds the context length")],
  [
    "OpenRouter",
    openai(
      "This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens",
    ),
  ],
  ["Poolside", openai("Input length 131393 exceeds the maximum allowed input length of 131040 tokens.")],
  ["another", openai("Input length (265330) exceeds model's maximum context length (262144).")],
  [
    "Groq",
    openai(
      "Please reduce the length of the messages or completion.",
      "invalid_request_error",
      "context_length_exceeded",
    ),
  ],
  ["Cerebras", {
    message:
      "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    type: "invalid_request_error",
  }],
  ["Mistral", {
    message:
      "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    code: 3051,
  }],
  ["Gemini", [{
    error: {
      code: 400,
      message: "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
      status: "INVALID_ARGUMENT",
    },
  }]],
  ["xAI", {
    code: "x",
    error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
  }],
  ["Moonshot", openai("Invalid request: Your request exceeded model token limit: 131072")],
  ["Z.ai", openai("Prompt exceeds max length", "", "1261")],
  [
    "DashScope",
    openai("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]"),
  ],
  ["Fireworks", openai("The prompt is too long: 140000, model maximum context length: 131071")],
  ["Bedrock", openai("The model returned the following errors: Input is too long for requested model.")],
  [
    "Copilot",
    openai(
      "prompt token count of 130000 exceeds the limit of 128000",
      "",
      "model_max_prompt_tokens_exceeded",
    ),
  ],
  [
    "Text Generation Inference",
    openai("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"),
    422,
  ],
  ["SGLang", openai("The input (5000 tokens) is longer than the model's context length (4096 tokens).")],
  [
    "SGLang, with the answer",
    openai(
      "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 tokens: 4000 tokens from the input messages and 1000 tokens for the completion.",
    ),
  ],
  [
    "SGLang, truncating",
    openai(
      "Input length (5000 tokens) exceeds the maximum allowed length (4096 tokens). Use a shorter input or enable --allow-auto-truncate.",
    ),
  ],
  [
    "Ollama, with numbers",
    openai("input length (5000 tokens) exceeds the model's context length (4096 tokens)"),
  ],
  [
    "Vertex",
    openai(
      "Unable to submit request because the input token count is 40000 but model only supports up to 32768. Reduce the input token count and try again.",
    ),
  ],
  ["Perplexity", openai("Requested input length 140000 exceeds maximum input length 127000")],
  ["Moonshot, by length", openai("Input token length too long")],
  ["Z.ai, by tokens", openai("tokens in request more than max tokens allowed")],
  ["SiliconFlow", openai("length of prompt_tokens (40000) must be less than max_seq_len (32768).")],
  [
    "SiliconFlow, with the answer",
    openai("max_total_tokens (8193) must be less than or equal to max_seq_len (4096)"),
  ],
  ["Volcengine", openai("Total tokens of image and text exceed max message tokens. Request id: 0217")],
  ["SambaNova", openai("The maximum context length of the model is 8192. However, 9000 was requested")],
  [
    "LM Studio, while it answers",
    openai(
      "Reached context length of 4096 tokens with model (arch: qwen2) that does not currently support mid-generation context overflow.",
    ),
  ],
  [
    "Cohere, by size",
    openai("too many tokens: size limit exceeded by 1000 tokens. Try using shorter or fewer inputs."),
  ],
  ["AI21", openai("The prompt is too long")],
  ["Baichuan", openai("the context length exceeds limit")],
  ["Hunyuan", openai("prompt tokens exceed limit")],
  ["Text Generation Inference, by input", {
    error: "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
    error_type: "validation",
  }, 422],
  ["watsonx", {
    errors: [{
      code: "invalid_input_argument",
      message:
        "Invalid input argument for Model 'x': the number of input tokens 9000 cannot exceed the total tokens limit 8192 for this model",
    }],
    status_code: 400,
  }],
  ["Copilot, by its code alone", openai("Nope", "", "model_max_prompt_tokens_exceeded")],
  [
    "LiteLLM",
    openai(
      "litellm.ContextWindowExceededError: litellm.BadRequestError: This model's maximum context length is 8192 tokens.",
    ),
  ],
];
for (const [server, body, status = 400] of TOO_LONG) {
  test(`a conversation that is too long, in the words of ${server}`, () => {
    const error = DIALECTS.get("openai-chat")?.decodeError(status, body, {});
    deepEqual([error?.kind, error?.shown, error?.param], [
      "context-length",
      "context_length_exceeded",
      "messages",
    ]);
    const told = error && DIALECTS.get("anthropic-messages")?.encodeError(error, "req_1");
    match(String((told?.body.error as { message: string }).message), /^prompt is too long/);
  });
}

const OTHERS: readonly (readonly [string, Json, status?: number])[] = [
  [
    "a name that is too long",
    openai(
      "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string with length 90 instead.",
    ),
  ],
  [
    "a user's words",
    openai("Invalid content: 'This model's maximum context length is 1 tokens, prompt is too long'"),
  ],
  ["a picture that is too large", openai("Input image size (5000000) exceeds the maximum image size")],
  ["an entity that is not there", openai("Requested entity was not found."), 404],
  ["a user's words behind a quote", openai("The input 'prompt is too long' is not valid")],
  ["too many requests", openai("Input tokens exceed the configured limit of tokens per minute"), 429],
  [
    "a limit of the answer",
    openai(
      "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000.",
    ),
  ],
];
for (const [title, body, status = 400] of OTHERS) {
  test(`no conversation that is too long: ${title}`, () => {
    equal(DIALECTS.get("openai-chat")?.decodeError(status, body, {}).kind === "context-length", false);
  });
}

test("a user's words in an error of the Messages API say nothing of the conversation's length", () => {
  const read = (message: string) =>
    DIALECTS.get("anthropic-messages")?.decodeError(400, {
      type: "error",
      error: { type: "invalid_request_error", message },
    }, {}).kind;
  equal(read("prompt is too long: 250000 tokens > 200000 maximum"), "context-length");
  equal(
    read(
      "input length and `max_tokens` exceed context limit: 199000 + 32000 > 200000, decrease input length or `max_tokens` and try again",
    ),
    "context-length",
  );
  equal(
    read(
      "messages.0.content.0: Input tag 'prompt is too long' found using 'type' does not match any of the expected tags",
    ),
    "invalid-request",
  );
});
