/** What refusals teach, in the words of many servers, and what they must not teach. */

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { correct } from "../../../src/dialects/openai-chat/correct.ts";
import { decodeError } from "../../../src/dialects/openai-chat/error.ts";
import { encodeRequest } from "../../../src/dialects/openai-chat/encode-request.ts";
import type { ChatRequest } from "../../../src/chat.ts";
import type { Json, JsonObject } from "../../../src/json.ts";

const tools = [{ type: "function", function: { name: "now", parameters: {}, strict: true } }];
/** Has everything that a refusal below is about. */
const FULL: JsonObject = {
  model: "m",
  messages: [
    { role: "user", content: "hi" },
    {
      role: "assistant",
      content: "hm",
      reasoning_content: "t",
      reasoning_details: [],
      annotations: [],
      tool_calls: [],
    },
    { role: "system", content: "late" },
    { role: "user", content: "go" },
  ],
  tools,
  tool_choice: "required",
  max_tokens: 32_000,
  temperature: 0.5,
  top_p: 0.5,
  stop: ["x"],
  reasoning_effort: "high",
  presence_penalty: 1,
  parallel_tool_calls: false,
  safety_identifier: "user_x",
  service_tier: "flex",
  response_format: { type: "json_object" },
  stream: true,
  stream_options: { include_usage: true },
};

const openai = (message: string, param: string | null = null, code: string | null = null) => ({
  error: { message, type: "invalid_request_error", param, code },
});
const pydantic = (...faults: [string, ...(string | number)[]][]) => ({
  detail: faults.map(([type, ...loc]) => ({
    type,
    loc: ["body", ...loc],
    msg: "Extra inputs are not permitted",
  })),
});

function taught(body: Json, status = 400, request: JsonObject = FULL) {
  return correct(decodeError(status, body, {}), request);
}

/** Title, the error's body, what it teaches, and whether for this request alone. */
const TAUGHT:
  readonly (readonly [string, Json, readonly string[], once?: true | undefined, status?: number])[] = [
    [
      "functions and an effort, no code",
      openai(
        "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. Please use /v1/responses instead.",
        "reasoning_effort",
      ),
      ["effort_with_tools"],
    ],
    [
      "the same through a gateway",
      openai(
        "litellm.BadRequestError: OpenAIException - Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
      ),
      ["effort_with_tools"],
    ],
    ["a code of OpenAI's", openai("Nope", "temperature", "unsupported_parameter"), ["temperature"]],
    [
      "its words without the code",
      openai("Unsupported parameter: 'top_p' is not supported with this model.", "top_p"),
      ["top_p"],
    ],
    ["an unknown parameter", openai("Unknown parameter: 'safety_identifier'.", "safety_identifier"), [
      "safety_identifier",
    ]],
    ["the same without `param`", openai("Unknown parameter: 'safety_identifier'."), ["safety_identifier"]],
    ["Azure's", openai("Unrecognized request argument supplied: safety_identifier"), ["safety_identifier"]],
    [
      "Azure's, several",
      openai("Unrecognized request arguments supplied: safety_identifier, service_tier"),
      ["safety_identifier", "service_tier"],
    ],
    ["a bare detail", { detail: "Unsupported parameter: safety_identifier" }, ["safety_identifier"]],
    ["FastAPI's", pydantic(["extra_forbidden", "safety_identifier"]), ["safety_identifier"], undefined, 422],
    [
      "FastAPI's, several",
      pydantic(["extra_forbidden", "safety_identifier"], ["extra_forbidden", "parallel_tool_calls"]),
      ["safety_identifier", "parallel_tool_calls"],
      undefined,
      422,
    ],
    [
      "Mistral's",
      {
        object: "error",
        message: pydantic(["extra_forbidden", "safety_identifier"]),
        type: "invalid_request_error",
        param: null,
        code: null,
      },
      ["safety_identifier"],
      undefined,
      422,
    ],
    [
      "vLLM's older print",
      openai(
        "[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {}}]",
      ),
      ["stream_options"],
    ],
    [
      "Gemini's, in a list",
      [{
        error: {
          code: 400,
          message: 'Invalid JSON payload received. Unknown name "safety_identifier": Cannot find field.',
          status: "INVALID_ARGUMENT",
        },
      }],
      ["safety_identifier"],
    ],
    [
      "Gemini's, several lines",
      [{
        error: {
          code: 400,
          message:
            'Invalid JSON payload received. Unknown name "safety_identifier": Cannot find field.\nInvalid JSON payload received. Unknown name "service_tier": Cannot find field.',
          status: "INVALID_ARGUMENT",
        },
      }],
      ["safety_identifier", "service_tier"],
    ],
    ["Groq's", openai("property 'service_tier' is unsupported"), ["service_tier"]],
    [
      "Cohere's",
      {
        message:
          "unknown field: parameter 'parallel_tool_calls' is not a valid field. For proper usage, please refer to https://docs.cohere.com/reference/chat",
      },
      ["parallel_tool_calls"],
      undefined,
      422,
    ],
    [
      "Cohere's of a tool's member",
      { message: "unknown field: parameter 'strict' is not a valid field." },
      ["tools.strict"],
      undefined,
      422,
    ],
    ["xAI's", {
      code: "Client specified an invalid argument",
      error: "Argument not supported on this model: stop",
    }, ["stop"]],
    ["xAI's own spelling", {
      code: "x",
      error: "Model grok-4-0709 does not support parameter presencePenalty.",
    }, ["presence_penalty"]],
    ["Anthropic's form", openai("safety_identifier: Extra inputs are not permitted"), ["safety_identifier"]],
    ["Fireworks'", openai("Extra inputs are not permitted, field: 'service_tier', value: 'flex'"), [
      "service_tier",
    ]],
    [
      "a Rust server's",
      openai(
        "Failed to deserialize the JSON body into the target type: unknown field `service_tier`, expected one of `model`, `temperature`",
      ),
      ["service_tier"],
    ],
    ["a Go server's", openai('json: unknown field "service_tier"'), ["service_tier"]],
    ["a Python server's", openai("create() got an unexpected keyword argument 'parallel_tool_calls'"), [
      "parallel_tool_calls",
    ]],
    [
      "what OpenRouter's provider said",
      {
        error: {
          message: "Provider returned error",
          code: 400,
          metadata: {
            raw: JSON.stringify(openai("Unknown parameter: 'top_p'.", "top_p", "unknown_parameter")),
          },
        },
      },
      ["top_p"],
    ],
    ["plain words", openai("This model does not support the temperature parameter."), ["temperature"]],
    ["plain words, the other way round", openai("The parameter `top_p` is not supported by this model."), [
      "top_p",
    ]],
    [
      "a value, the supported ones listed",
      openai(
        "Unsupported value: 'reasoning_effort' does not support 'high' with this model. Supported values are: 'low' and 'medium'.",
        "reasoning_effort",
        "unsupported_value",
      ),
      [
        "reasoning_effort=high",
        "reasoning_effort=none",
        "reasoning_effort=minimal",
        "reasoning_effort=xhigh",
        "reasoning_effort=max",
      ],
    ],
    [
      "a value without a list",
      openai(
        "Unsupported value: 'service_tier' does not support 'flex' with this model.",
        "service_tier",
        "unsupported_value",
      ),
      ["service_tier=flex"],
    ],
    [
      "a value that is one of many is this request's",
      openai(
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 0.4.",
        "temperature",
        "decimal_above_max_value",
      ),
      ["temperature"],
      true,
    ],
    [
      "a value where nothing but the default is left",
      openai(
        "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
        "temperature",
        "unsupported_value",
      ),
      ["temperature"],
    ],
    [
      "the limit of an answer",
      openai(
        "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas you provided 32000.",
        "max_tokens",
        "invalid_value",
      ),
      ["max_tokens<=16384"],
    ],
    [
      "Groq's limit",
      openai(
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
      ),
      ["max_tokens<=8192"],
    ],
    ["DeepSeek's limit", openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), [
      "max_tokens<=8192",
    ]],
    [
      "DashScope's limit",
      openai("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 16384]"),
      ["max_tokens<=16384"],
    ],
    [
      "Ark's limit",
      openai(
        "The parameter `max_tokens` specified in the request are not valid: integer above maximum value, expected a value <= 12288, but got 32000 instead.",
        "max_tokens",
        "InvalidParameter",
      ),
      ["max_tokens<=12288"],
    ],
    [
      "a limit in the wrong place",
      openai(
        "Param Incorrect",
        "max_tokens is too large: 32000. This model supports at most 4096 completion tokens, whereas you provided 32000.",
        "400",
      ),
      ["max_tokens<=4096"],
    ],
    [
      "what a context leaves, older vLLM",
      openai(
        "This model's maximum context length is 32768 tokens. However, you requested 33000 tokens (1000 in the messages, 32000 in the completion). Please reduce the length of the messages or completion.",
      ),
      ["max_tokens<=31768"],
      true,
    ],
    [
      "what a context leaves, vLLM",
      openai(
        "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 1000 input tokens (32000 > 32768 - 1000).",
      ),
      ["max_tokens<=31768"],
      true,
    ],
    [
      "the limit's name",
      openai(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "max_tokens",
        "unsupported_parameter",
      ),
      ["max_tokens"],
    ],
    ["instructions in the middle", openai("System message must be at the beginning."), ["late_system"]],
    ["instructions in the middle, Mistral", {
      message: "Unexpected role 'system' after role 'assistant'",
      type: "invalid_request_message_order",
    }, ["late_system"]],
    [
      "instructions in the middle, a template's exception",
      openai("TemplateError: The system message must be the first message"),
      ["late_system"],
    ],
    ["a forced call, DeepSeek", openai("deepseek-reasoner does not support this tool_choice"), [
      "forced_tool",
    ]],
    ["a forced call, thinking mode", openai("Thinking mode does not support this tool_choice"), [
      "forced_tool",
    ]],
    [
      "a forced call, DashScope",
      openai(
        "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to required or object in thinking mode",
      ),
      ["forced_tool"],
    ],
    [
      "a forced call, OpenRouter",
      openai("No endpoints found that support the provided 'tool_choice' value."),
      ["forced_tool"],
      undefined,
      404,
    ],
    ["a forced call, Kimi", openai("tool_choice 'required' is incompatible with thinking enabled"), [
      "forced_tool",
    ]],
    [
      "thinking in a history, Groq",
      openai(
        "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]",
      ),
      ["messages.reasoning_content"],
    ],
    [
      "thinking in a history, Cerebras",
      {
        message:
          "messages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported",
        type: "invalid_request_error",
        param: "validation_error",
        code: "wrong_api_format",
      },
      ["messages.reasoning_content"],
    ],
    [
      "thinking in a history, Mistral",
      pydantic(["extra_forbidden", "messages", 1, "assistant", "reasoning_content"], [
        "extra_forbidden",
        "messages",
        1,
        "assistant",
        "reasoning_details",
      ]),
      ["messages.reasoning_content", "messages.reasoning_details"],
      undefined,
      422,
    ],
    [
      "thinking in a history, OpenAI",
      openai(
        "Unknown parameter: 'messages[1].reasoning_content'.",
        "messages[1].reasoning_content",
        "unknown_parameter",
      ),
      ["messages.reasoning_content"],
    ],
    ["thinking in a history, Gemini", [{
      error: {
        code: 400,
        message:
          `Invalid JSON payload received. Unknown name "reasoning_content" at 'messages[1]': Cannot find field.`,
      },
    }], ["messages.reasoning_content"]],
    ["ids of calls, Mistral", {
      message: "Tool call id was toolu_01 but must be a-z, A-Z, 0-9, with a length of 9.",
      code: 3280,
    }, ["call_ids<=9"]],
    [
      "ids of calls, OpenAI",
      openai(
        "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40, but got a string with length 46 instead.",
        "messages[1].tool_calls[0].id",
        "string_above_max_length",
      ),
      ["call_ids<=40"],
    ],
    [
      "thinking in a history, Fireworks",
      openai("Extra inputs are not permitted, field: 'messages[1].reasoning_details', value: []"),
      ["messages.reasoning_details"],
    ],
    [
      "a printed list with a place in the history",
      {
        title: "Bad Request",
        status: 400,
        detail:
          "[{'type': 'extra_forbidden', 'loc': ('body', 'messages', 1, 'assistant', 'reasoning_content'), 'msg': 'Extra inputs are not permitted', 'input': 't'}]",
      },
      ["messages.reasoning_content"],
    ],
    [
      "a printed list in a detail",
      {
        detail:
          "[{'type': 'extra_forbidden', 'loc': ('body', 'reasoning_effort'), 'msg': 'Extra inputs are not permitted', 'input': 'high'}]",
      },
      ["reasoning_effort"],
      undefined,
      422,
    ],
    [
      "a detail within a detail",
      { detail: { error: "Field 'top_p' is not supported" } },
      ["top_p"],
      undefined,
      422,
    ],
    [
      "a body within a gateway's text",
      openai(
        'litellm.BadRequestError: OpenAIException - {\n  "error": {\n    "message": "Unsupported parameter: \'reasoning_effort\' is not supported with this model.",\n    "code": "unsupported_parameter"\n  }\n}. Received Model Group=gpt-4o\nAvailable Model Group Fallbacks=None',
        null,
        "400",
      ),
      ["reasoning_effort"],
    ],
    [
      "a gateway's own refusal, several",
      openai(
        "litellm.UnsupportedParamsError: mistral does not support parameters: ['reasoning_effort', 'service_tier'], for model=x. To drop these, set `litellm.drop_params=True`",
      ),
      ["reasoning_effort", "service_tier"],
    ],
    ["Gemini's of penalties", [{
      error: { code: 400, message: "Penalty is not enabled for models/gemini-2.5-flash" },
    }], [
      "presence_penalty",
    ]],
    [
      "MiniMax's of a value",
      openai("invalid params, param 'top_p' should be in (0, 1] (2013)"),
      ["top_p"],
      true,
    ],
    [
      "Text Generation Inference's of a value",
      { error: "Input validation error: `top_p` must be > 0.0 and < 1.0", error_type: "validation" },
      ["top_p"],
      true,
      422,
    ],
    ["no thinking, Ollama", openai('"llama3:8b" does not support thinking'), ["reasoning_effort"]],
    [
      "a word of thinking, Ollama",
      openai(`invalid reasoning value: 'high' (must be "medium", "low", or "none")`),
      ["reasoning_effort=high"],
    ],
    ["a forced call, llama.cpp", openai("Only 'auto' tool_choice is supported"), ["forced_tool"]],
    [
      "a limit, Ollama's cloud",
      openai("max_tokens (32000) exceeds model's maximum output tokens (16384) for model m"),
      ["max_tokens<=16384"],
    ],
    [
      "a limit, newer vLLM",
      openai(
        "max_tokens=32000 cannot be greater than max_model_len=max_total_tokens=16384. Please request fewer output tokens.",
        "max_tokens",
      ),
      ["max_tokens<=16384"],
    ],
    [
      "too little room, SGLang",
      openai(
        "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 33000 tokens: 1000 tokens from the input messages and 32000 tokens for the completion.",
      ),
      ["max_tokens<=31768"],
      true,
    ],
    [
      "too little room, OpenRouter",
      openai(
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 34000 tokens (1000 of text input, 1000 of tool input, 32000 in the output).",
      ),
      ["max_tokens<=30768"],
      true,
    ],
    [
      "too little room, Text Generation Inference",
      {
        error:
          "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 193 `inputs` tokens and 32000 `max_new_tokens`",
      },
      ["max_tokens<=8000"],
      true,
      422,
    ],
    [
      "another maker's proof, through a router",
      {
        error: {
          message: "Provider returned error",
          code: 400,
          metadata: { raw: '{"message":"messages.7.content.2: Invalid signature in thinking block"}' },
        },
      },
      ["messages.reasoning_details"],
      true,
    ],
    [
      "instructions in the middle, a server that fails on its template",
      { error: { code: 500, message: "System message must be at the beginning.", type: "server_error" } },
      ["late_system"],
      undefined,
      500,
    ],
    [
      "a tool's description",
      openai(
        "Invalid 'tools[0].function.description': string too long. Expected a string with maximum length 1024, but got a string with length 1500 instead.",
        "tools[0].function.description",
        "string_above_max_length",
      ),
      ["tools.description<=1024"],
    ],
  ];
for (const [title, body, refuses, once, status] of TAUGHT) {
  test(`learned: ${title}`, () => {
    deepEqual(taught(body, status), once ? { refuses, once } : { refuses });
  });

  test(`nothing is learned of a request without it: ${title}`, () => {
    equal(taught(body, status, { model: "m", messages: [{ role: "user", content: "hi" }] }), undefined);
  });
}

test("a probe that asks for too little asks for the least", () => {
  const body = openai(
    "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
    "max_output_tokens",
    "integer_below_min_value",
  );
  deepEqual(taught(body, 400, { ...FULL, max_tokens: 1 }), { refuses: ["max_tokens>=16"] });
  equal(taught(body, 400, { ...FULL, max_tokens: 32 }), undefined);
  const again = encodeRequest({ ...chat, maxTokens: 1 }, {
    model: "m",
    options: {},
    refuses: new Set(["max_tokens>=16"]),
  });
  deepEqual([again.body.max_tokens, again.warnings.includes("max_tokens")], [16, true]);
});

/** Refusals that no omission mends, and words of a user's that stand in one. */
const NOT_TAUGHT: readonly (readonly [string, Json, status?: number])[] = [
  ["another status", openai("Unknown parameter: 'temperature'.", "temperature", "unknown_parameter"), 429],
  [
    "a field that the request would not mean the same without",
    openai("Unknown parameter: 'tools'.", "tools", "unknown_parameter"),
  ],
  ["the messages", openai("Unsupported parameter: 'messages'", "messages", "unsupported_parameter")],
  ["the form of the answer", openai("response_format is not supported by this model", "response_format")],
  ["the tools, FastAPI", pydantic(["extra_forbidden", "tools"]), 422],
  ["a text that a refusal quotes", openai("Invalid content: 'Unknown parameter: temperature'")],
  [
    "a quoted text of several lines",
    openai("Invalid content: 'hi\nUnknown parameter: temperature\nSystem message must be at the beginning'"),
  ],
  [
    "a quoted name",
    openai(
      'Invalid value for messages[0].content: "temperature is not supported on this model"',
      "messages[0].content",
    ),
  ],
  ["a value that a validator echoes", {
    detail: [{
      type: "string_type",
      loc: ["body", "messages", 0, "content"],
      msg: "Input should be a valid string",
      input: [{ type: "extra_forbidden", loc: ["body", "temperature"] }],
    }],
  }, 422],
  [
    "a member of a member",
    openai(
      "Unknown parameter: 'response_format.json_schema.foo'.",
      "response_format.json_schema.foo",
      "unknown_parameter",
    ),
  ],
  [
    "a limit above the one that was asked for",
    openai("max_tokens is too large: 9. This model supports at most 99999 completion tokens"),
  ],
  [
    "a context without room",
    openai(
      "This model's maximum context length is 32768 tokens. However, you requested 64700 tokens (32700 in the messages, 32000 in the completion).",
    ),
  ],
];
for (const [title, body, status] of NOT_TAUGHT) {
  test(`not learned: ${title}`, () => equal(taught(body, status), undefined));
}

const chat: ChatRequest = {
  model: "any",
  messages: [
    { role: "system", content: [{ type: "text", text: "S" }] },
    { role: "user", content: [{ type: "text", text: "a" }] },
    { role: "system", content: [{ type: "text", text: "late" }] },
    {
      role: "assistant",
      content: [{ type: "tool-call", id: "toolu_01ABC", name: "now", input: "{}", kind: "function" }],
    },
    { role: "user", content: [{ type: "tool-result", id: "toolu_01ABC", content: [], failed: false }] },
  ],
  tools: [
    {
      kind: "function",
      name: "now",
      parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
      strict: true,
      description: "x".repeat(2000),
    },
    { kind: "function", name: "then", parameters: { type: "object", properties: {} } },
  ],
  format: {
    type: "schema",
    schema: { type: "object", properties: {}, required: [], additionalProperties: false },
  },
  toolChoice: { type: "tool", name: "now" },
  parallelToolCalls: false,
  maxTokens: 32_000,
  temperature: 0.5,
  topP: 0.5,
  stop: ["x"],
  reasoning: { effort: "high" },
  endUser: "user_x",
  serviceTier: "flex",
  stream: true,
  includeUsage: true,
  legacyFunctions: false,
  losses: [],
};

function encoded(model: string, refuses: readonly string[]) {
  return encodeRequest(chat, { model, options: {}, refuses: new Set(refuses) });
}

/** Lesson, warning. */
const LESSONS: readonly (readonly [string, string | undefined, model?: string])[] = [
  ["temperature", "temperature"],
  ["stop", "stop"],
  ["stream_options", "stream_options"],
  ["parallel_tool_calls", "parallel_tool_calls"],
  ["service_tier=flex", "service_tier"],
  ["service_tier=fast", undefined],
  ["reasoning_effort=high", "reasoning_effort", "gpt-oss-120b"],
  ["reasoning_effort", "reasoning_effort", "gpt-oss-120b"],
  ["effort_with_tools", "reasoning_effort", "gpt-oss-120b"],
  ["max_tokens<=100", "max_tokens"],
  ["tools.strict", "tools"],
  ["response_format.strict", "json_schema_unenforced"],
  ["tools.description<=1024", "tools"],
  ["forced_tool", "forced_tool_unsupported"],
  ["late_system", "mid_system"],
];
for (const [lesson, warning, model = "some-model"] of LESSONS) {
  test(`${lesson}: the next request goes without it, and says so`, () => {
    const [before, after] = [encoded(model, []), encoded(model, [lesson])];
    const more = after.warnings.filter((code) => !before.warnings.includes(code));
    deepEqual(more, warning === undefined ? [] : [warning]);
    equal(JSON.stringify(before.body) === JSON.stringify(after.body), warning === undefined);
  });
}

test("a schema that is refused for what it says goes without strict mode, this once", () => {
  const strict: JsonObject = { type: "json_schema", json_schema: { name: "n", schema: {}, strict: true } };
  const refused = (what: string) =>
    openai(`Invalid schema for ${what} 'n': In context=(), 'x' is not permitted.`);
  deepEqual(taught(refused("response_format"), 400, { ...FULL, response_format: strict }), {
    refuses: ["response_format.strict"],
    once: true,
  });
  equal(taught(refused("response_format")), undefined);
  deepEqual(taught(refused("function")), { refuses: ["tools.strict"], once: true });
  equal(taught(refused("function"), 400, { ...FULL, tools: [] }), undefined);
});

test("a smaller effort takes the place of one that was refused", () => {
  const efforts = (...refused: string[]) =>
    encoded("gpt-oss-120b", refused.map((effort) => `reasoning_effort=${effort}`)).body.reasoning_effort;
  equal(efforts(), "high");
  equal(efforts("high"), "medium");
  equal(efforts("high", "medium"), "low");
  equal(efforts("high", "medium", "low"), undefined);
});

test("newer models get functions without an effort, in the words that they want", () => {
  const effort = (model: string, refuses: string[] = []) => encoded(model, refuses).body.reasoning_effort;
  equal(effort("gpt-5.2"), "high");
  equal(effort("gpt-5.4"), "none");
  equal(effort("gpt-5.6-terra"), "none");
  equal(effort("gpt-7"), "high");
  equal(effort("gpt-7", ["effort_with_tools"]), "none");
  const { reasoning: _, ...unasked } = chat;
  const target = (model: string) => ({ model, options: {}, refuses: new Set<string>() });
  equal(encodeRequest(unasked, target("gpt-5.4")).body.reasoning_effort, undefined);
  // It would reason by itself, which it refuses to do with functions.
  const silent = encodeRequest(unasked, target("gpt-5.6"));
  deepEqual([silent.body.reasoning_effort, silent.warnings.includes("reasoning_effort")], ["none", true]);
});

test("late instructions join their neighbours, in the client's order", () => {
  const text = (words: string) => ({ type: "text", text: words }) as const;
  const said = (role: "system" | "user" | "assistant", words: string) => ({ role, content: [text(words)] });
  const messages = [
    said("system", "S"),
    said("user", "a"),
    said("system", "one"),
    said("assistant", "b"),
    said("system", "two"),
    said("user", "c"),
    said("assistant", "d"),
    said("system", "three"),
  ];
  const { body } = encodeRequest({ ...chat, messages, tools: [], toolChoice: { type: "auto" } }, {
    model: "m",
    options: {},
    refuses: new Set(["late_system"]),
  });
  const note = (words: string) => `<system-reminder>${words}</system-reminder>`;
  deepEqual(body.messages, [
    { role: "system", content: "S" },
    { role: "user", content: `a\n\n${note("one")}` },
    { role: "assistant", content: "b" },
    { role: "user", content: `${note("two")}\n\nc` },
    { role: "assistant", content: "d" },
    { role: "user", content: note("three") },
  ]);
});

test("ids of calls fit the model, calls and results alike", () => {
  const ids = (model: string, refuses: string[] = []) => {
    const messages = encoded(model, refuses).body.messages as JsonObject[];
    const call = messages.find((message) => message.tool_calls) as { tool_calls: { id: string }[] };
    const result = messages.find((message) => message.tool_call_id);
    equal(call.tool_calls[0]?.id, result?.tool_call_id);
    return String(result?.tool_call_id);
  };
  equal(ids("qwen3"), "toolu_01ABC");
  for (
    const id of [ids("mistral-large-latest"), ids("mistralai/devstral-2512"), ids("own", ["call_ids<=9"])]
  ) {
    equal(/^[a-zA-Z0-9]{9}$/.test(id), true, id);
    equal(id, ids("mistral-large-latest"));
  }
});

test("the end user's id goes to the models that are known to take it", () => {
  const sent = (model: string) => {
    const { body, warnings } = encoded(model, []);
    return [body.safety_identifier, warnings.includes("metadata")];
  };
  deepEqual(sent("gpt-5"), ["user_x", false]);
  deepEqual(sent("openai/gpt-4o"), ["user_x", false]);
  deepEqual(sent("mistral-large"), [undefined, true]);
  deepEqual(sent("gpt-oss-120b"), [undefined, true]);
});

test("a plain answer that only a stream may have is shorter this once; a stream is not", () => {
  const refusal = openai("Requests with max_tokens > 4096 must have stream=true");
  deepEqual(taught(refusal, 400, { ...FULL, stream: false }), { refuses: ["max_tokens<=4096"], once: true });
  equal(taught(refusal), undefined);
});

test("where a tool cannot be called by its name, it is the only one and some tool has to be called", () => {
  const named = { type: "function", function: { name: "now" } };
  const refusal = openai("Invalid tool_choice type: 'object'. Supported string values: none, auto, required");
  equal(taught(refusal), undefined);
  deepEqual(taught(refusal, 400, { ...FULL, tool_choice: named }), { refuses: ["named_tool"] });
  const chosen = (type: "tool" | "required") => {
    const { body, warnings } = encodeRequest({
      ...chat,
      tools: [...chat.tools, { kind: "function", name: "later" }],
      toolChoice: type === "tool" ? { type, name: "later" } : { type },
    }, { model: "m", options: {}, refuses: new Set(["named_tool"]) });
    const sent = (body.tools as { function: { name: string } }[]).map((tool) => tool.function.name);
    return [body.tool_choice, sent.join(), warnings.includes("forced_tool_unsupported")];
  };
  deepEqual(chosen("tool"), ["required", "later", false]);
  deepEqual(chosen("required"), ["required", `${chat.tools.map(({ name }) => name).join()},later`, false]);
});

test("a body that stands in a text teaches nothing where the text has more than it", () => {
  const inner = '{"error":{"message":"Unsupported parameter: \'temperature\'"}}';
  equal(taught(openai(`${inner} is not a valid instance of 'string'`)), undefined);
  equal(taught(openai(`Invalid value: ${inner}`)), undefined);
});

const NO_SCHEMAS: readonly (readonly [string, Json])[] = [
  ["DeepSeek", openai("This response_format type is unavailable now")],
  [
    "OpenAI",
    openai(
      "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model. Learn more about supported models at the Structured Outputs guide",
    ),
  ],
  ["Groq", openai("This model does not support response format `json_schema`. See supported models.")],
  [
    "a Rust server",
    openai(
      "Failed to deserialize the JSON body into the target type: response_format.type: unknown variant `json_schema`, expected `text` or `json_object` at line 1 column 99",
    ),
  ],
  ["FastAPI", {
    detail: [{ type: "literal_error", loc: ["body", "response_format", "type"], msg: "Input should be" }],
  }],
];
for (const [server, refusal] of NO_SCHEMAS) {
  test(`learned: no answers to a schema, ${server}`, () => {
    const format = { type: "json_schema", json_schema: { name: "x", schema: {} } };
    deepEqual(taught(refusal, 400, { ...FULL, response_format: format }), {
      refuses: ["response_format.json_schema"],
    });
    equal(taught(refusal), undefined);
  });
}

test("a form that the model is not held to is asked for in words, as the client wrote it", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const instruction = `Reply with one JSON value matching this schema and nothing else.\n${
    JSON.stringify(schema)
  }`;
  const target = { model: "m", options: {}, refuses: new Set(["response_format.json_schema"]) };
  const { body, warnings } = encodeRequest({ ...chat, format: { type: "schema", schema } }, target);
  deepEqual(body.response_format, { type: "json_object" });
  equal(JSON.stringify(body.messages).includes(JSON.stringify(instruction).slice(1, -1)), true);
  equal(warnings.includes("json_schema_unenforced"), true);
});
