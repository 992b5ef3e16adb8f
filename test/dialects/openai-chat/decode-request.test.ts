import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest } from "../../../src/chat.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { body, decode, fixture, user } from "./_request.ts";

const text = (words: string) => ({ type: "text", text: words }) as const;
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const PDF = "JVBERi0xLjQKJSVFT0YK";

const read = (name: string): ChatRequest => openaiChat.decodeRequest(fixture(`requests/${name}.json`), {});

test("system and developer messages stay where they stood, one part each", () => {
  deepEqual(read("system-developer").messages, [
    {
      role: "system",
      content: [text("You are terse."), text("Answer in French."), text("Never apologise.")],
    },
    { role: "user", content: [text("Hi")] },
    { role: "assistant", content: [text("Bonjour")] },
    { role: "system", content: [text("From now on answer in German.")] },
    { role: "user", content: [text("Hi again")] },
  ]);
});

test("tool results become parts of a user message, in the order of the calls, before its text", () => {
  const [, assistant, results] = read("tool-results").messages;
  deepEqual(assistant, {
    role: "assistant",
    content: [
      { type: "tool-call", id: "call_a", name: "get_weather", input: '{"city":"Paris"}', kind: "function" },
      { type: "tool-call", id: "call_b", name: "get_weather", input: '{"city": "Rome"}', kind: "function" },
    ],
  });
  deepEqual(results, {
    role: "user",
    content: [
      { type: "tool-result", id: "call_a", content: [text("18 C")], failed: false },
      { type: "tool-result", id: "call_b", content: [text("21 C")], failed: false },
      text("Thanks, and tomorrow?"),
    ],
  });
});

test("arguments are kept byte for byte", () => {
  const part = read("tool-arguments-exact").messages[1]?.content[0];
  equal(part?.type === "tool-call" && part.input, '{"id":9007199254740993, "__proto__":{"x":1}}');
});

test("a function call and its result of the older shape get one and the same id", () => {
  const chat = read("legacy-functions");
  const call = chat.messages[1]?.content[0];
  const result = chat.messages[2]?.content[0];
  equal(call?.type === "tool-call" && /^call_[0-9a-f]{16}$/.test(call.id), true);
  equal(call?.type === "tool-call" && result?.type === "tool-result" && call.id === result.id, true);
  deepEqual(chat.losses, []);
  equal(chat.legacyFunctions, true);
  equal(chat.parallelToolCalls, false);
  deepEqual(chat.toolChoice, { type: "auto" });
});

test("thinking comes back from details, with its signature and before the text", () => {
  deepEqual(read("thinking-echo").messages[1]?.content, [
    { type: "thinking", text: "I need the clock", signature: "c2lnbmF0dXJl" },
    { type: "redacted-thinking", data: "ZW5jcnlwdGVk" },
    text("Let me look."),
    { type: "tool-call", id: "call_a", name: "now", input: "{}", kind: "function" },
  ]);
});

const THINKING: readonly [string, JsonObject, unknown[]][] = [
  ["reasoning_content alone is thinking without a signature", { reasoning_content: "Hm" }, [{
    type: "thinking",
    text: "Hm",
  }]],
  [
    "thinking blocks with a signature and no text are kept",
    { thinking_blocks: [{ type: "thinking", thinking: "", signature: "s" }] },
    [{ type: "thinking", text: "", signature: "s" }],
  ],
  [
    "an empty signature is none",
    { thinking_blocks: [{ type: "thinking", thinking: "Hm", signature: "" }], reasoning_content: "Hm" },
    [{ type: "thinking", text: "Hm" }],
  ],
  [
    "redacted thinking blocks are kept",
    { thinking_blocks: [{ type: "redacted_thinking", data: "x" }] },
    [{ type: "redacted-thinking", data: "x" }],
  ],
  [
    "a signature of another family is not taken over",
    {
      reasoning_details: [{ type: "reasoning.text", text: "Hm", signature: "s", format: "google-gemini-v1" }],
    },
    [{ type: "thinking", text: "Hm" }],
  ],
];
for (const [title, fields, expected] of THINKING) {
  test(`assistant messages: ${title}`, () => {
    const message = { role: "assistant", content: "Hi", ...fields };
    const chat = decode({
      messages: [{ role: "user", content: "go" }, message, { role: "user", content: "on" }],
    });
    deepEqual(chat.messages[1]?.content, [...expected, text("Hi")]);
  });
}

test("encrypted thinking of another family is left out with a warning", () => {
  const details = [{ type: "reasoning.encrypted", data: "x", format: "openai-responses-v1" }];
  const chat = decode({
    messages: [{ role: "user", content: "a" }, {
      role: "assistant",
      content: "b",
      reasoning_details: details,
    }],
  });
  deepEqual(chat.messages[1]?.content, [text("b")]);
  deepEqual(chat.losses.map(({ code, field }) => [code, field]), [
    ["thinking_dropped", "messages[1].reasoning_details[0]"],
  ]);
});

test("what a provider attached to a tool call stays with it", () => {
  const call = { id: "c", function: { name: "now", arguments: "{}" }, extra_content: { google: { x: "y" } } };
  const chat = decode({
    messages: [{ role: "user", content: "a" }, { role: "assistant", tool_calls: [call] }, {
      role: "tool",
      tool_call_id: "c",
      content: "",
      is_error: true,
    }],
  });
  deepEqual(chat.messages.slice(1).flatMap(({ content }) => content), [
    {
      type: "tool-call",
      id: "c",
      name: "now",
      input: "{}",
      kind: "function",
      extra: { extra_content: { google: { x: "y" } } },
    },
    { type: "tool-result", id: "c", content: [], failed: true },
  ]);
});

const image = (url: string): JsonObject => ({ type: "image_url", image_url: { url } });
const file = (fields: JsonObject): JsonObject => ({ type: "file", file: fields });
const base64 = (mediaType: string, data: string) => ({ type: "base64", mediaType, data });

const PARTS: readonly [string, JsonObject, unknown][] = [
  ["a PNG data URL", image(`data:image/png;base64,${PNG}`), {
    type: "image",
    source: base64("image/png", PNG),
  }],
  [
    "parameters before ;base64",
    image(`data:image/png;charset=utf-8;base64,${PNG}`),
    { type: "image", source: base64("image/png", PNG) },
  ],
  ["image/jpg", image("data:image/jpg;base64,/9j/4AAQ"), {
    type: "image",
    source: base64("image/jpeg", "/9j/4AAQ"),
  }],
  [
    "white space and missing padding",
    image("data:image/gif;base64,R0lG\n ODlh AA"),
    { type: "image", source: base64("image/gif", "R0lGODlhAA==") },
  ],
  [
    "percent-encoded bytes",
    image("data:image/gif,GIF89a%00%ff"),
    { type: "image", source: base64("image/gif", "R0lGODlhAP8=") },
  ],
  [
    "a type that the bytes alone show",
    image(`data:application/octet-stream;base64,${PNG}`),
    { type: "image", source: base64("image/png", PNG) },
  ],
  ["a PDF as an image URL", image(`data:application/pdf;base64,${PDF}`), {
    type: "document",
    source: base64("application/pdf", PDF),
  }],
  ["an https image", image("https://example.com/a.png"), {
    type: "image",
    source: { type: "url", url: "https://example.com/a.png" },
  }],
  ["an https PDF", image("https://example.com/a.pdf?x=1"), {
    type: "document",
    source: { type: "url", url: "https://example.com/a.pdf?x=1" },
  }],
  ["a URL without its object", { type: "image_url", image_url: "https://example.com/a.png" }, {
    type: "image",
    source: { type: "url", url: "https://example.com/a.png" },
  }],
  [
    "a resolution",
    { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "high" } },
    { type: "image", source: { type: "url", url: "https://example.com/a.png" }, detail: "high" },
  ],
  [
    "the default resolution",
    { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "auto" } },
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
  ],
  ["a PDF file", file({ filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` }), {
    type: "document",
    source: base64("application/pdf", PDF),
    title: "a.pdf",
  }],
  ["a PDF by its bytes", file({ file_data: PDF }), {
    type: "document",
    source: base64("application/pdf", PDF),
  }],
  ["a text file by its name", file({ filename: "a.CSV", file_data: "YSxiCjEsMgo=" }), {
    type: "document",
    source: { type: "text", text: "a,b\n1,2\n" },
    title: "a.CSV",
  }],
  ["JSON as text", file({ file_data: "data:application/json;base64,e30=" }), {
    type: "document",
    source: { type: "text", text: "{}" },
  }],
  ["an image file", file({ filename: "a.png", file_data: PNG }), {
    type: "image",
    source: base64("image/png", PNG),
  }],
  ["an uploaded file", file({ file_id: "file_011" }), {
    type: "document",
    source: { type: "file", id: "file_011" },
  }],
  [
    "a cache mark with a lifetime",
    { type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } },
    { ...text("x"), cache: { ttl: "1h" } },
  ],
  [
    "a breakpoint",
    { type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit" } },
    { ...text("x"), cache: {} },
  ],
  [
    "a breakpoint of 30 minutes",
    { type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
    { ...text("x"), cache: { ttl: "1h" } },
  ],
];
for (const [title, part, expected] of PARTS) {
  test(`content parts: ${title}`, () => deepEqual(decode(user(part)).messages[0]?.content, [expected]));
}

test("a cache mark on a message is one on its last part", () => {
  const chat = decode({
    messages: [{ role: "user", content: [text("a"), text("b")], cache_control: { type: "ephemeral" } }],
  });
  deepEqual(chat.messages[0]?.content, [text("a"), { ...text("b"), cache: {} }]);
});

test("cache marks, and that the client places them itself, are read", () => {
  const chat = read("cache-marks");
  equal(chat.explicitCache, true);
  deepEqual(chat.tools[0]?.cache, {});
  deepEqual(chat.messages[0]?.content, [{ ...text("A long instruction"), cache: { ttl: "1h" } }]);
});

const SETTINGS: readonly [string, JsonObject, Partial<ChatRequest>][] = [
  ["the newer limit wins", { max_completion_tokens: 5, max_tokens: 9 }, { maxTokens: 5 }],
  ["the older limit", { max_tokens: 9 }, { maxTokens: 9 }],
  ["null is absent", { max_tokens: null, temperature: null, stop: null, user: null }, {}],
  ["sampling", { temperature: 0, top_p: 1, top_k: 5 }, { temperature: 0, topP: 1, topK: 5 }],
  ["one stop sequence", { stop: "\t" }, { stop: ["\t"] }],
  ["several stop sequences", { stop: ["", "END"] }, { stop: ["", "END"] }],
  ["no stop sequence", { stop: [] }, {}],
  ["the newer identifier wins", { user: "a", safety_identifier: "b" }, { endUser: "b" }],
  ["an empty identifier is none", { user: "a", safety_identifier: "" }, { endUser: "a" }],
  ["effort", { reasoning_effort: "minimal" }, { reasoning: { effort: "minimal" } }],
  [
    "the extension thinking, and the effort beside it",
    { thinking: { type: "enabled", budget_tokens: 2048 }, reasoning_effort: "low" },
    { reasoning: { effort: "low", mode: "enabled", budget: 2048 } },
  ],
  [
    "the extension output_config",
    {
      output_config: { effort: "max", format: { type: "json_schema", schema: {} } },
      reasoning_effort: "low",
    },
    { reasoning: { effort: "max" }, format: { type: "schema", schema: {} } },
  ],
  ["text format", { response_format: { type: "text" } }, {}],
  ["json_object", { response_format: { type: "json_object" } }, { format: { type: "json" } }],
  [
    "json_schema",
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "x", schema: { type: "object" }, strict: null },
      },
    },
    { format: { type: "schema", name: "x", schema: { type: "object" } } },
  ],
  ["betas as a list", { anthropic_beta: ["a", "b"] }, { betas: ["a", "b"] }],
  ["betas as a text", { anthropic_beta: "a, b" }, { betas: ["a", "b"] }],
  ["a tier", { service_tier: "flex" }, { serviceTier: "flex" }],
  ["usage in the stream", { stream: true, stream_options: { include_usage: true } }, {
    stream: true,
    includeUsage: true,
  }],
  ["a mark on the request", { cache_control: { type: "ephemeral" } }, { cache: {} }],
];
for (const [title, fields, expected] of SETTINGS) {
  test(`settings: ${title}`, () => deepEqual(decode(fields), { ...decode({}), ...expected }));
}

const now = { type: "function", function: { name: "now" } };
const CHOICES: readonly [string, JsonObject, unknown][] = [
  ["a word", { tools: [now], tool_choice: "required" }, { type: "required" }],
  ["a name", { tools: [now], tool_choice: now }, { type: "tool", name: "now" }],
  ["a name of the older shape", { functions: [now.function], function_call: { name: "now" } }, {
    type: "tool",
    name: "now",
  }],
  ["allowed tools", {
    tools: [now],
    tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [now] } },
  }, { type: "allowed", mode: "required", names: ["now"] }],
  ["no allowed tools", {
    tools: [now],
    tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } },
  }, { type: "none" }],
  ["no tools", { tool_choice: "auto" }, undefined],
];
for (const [title, fields, expected] of CHOICES) {
  test(`tool choice: ${title}`, () => deepEqual(decode(fields).toolChoice, expected));
}

test("tools keep their schema, their order and their extensions", () => {
  const parameters = { type: "object", $defs: { a: {} }, additionalProperties: true };
  const chat = decode({
    tools: [
      {
        type: "function",
        function: { name: "b", description: "B", parameters, strict: true, defer_loading: true },
      },
      { type: "custom", custom: { name: "a", format: { type: "grammar", grammar: { syntax: "regex" } } } },
      { type: "custom", custom: { name: "c", format: { type: "text" } } },
    ],
  });
  deepEqual(chat.tools, [
    {
      kind: "function",
      name: "b",
      description: "B",
      parameters,
      strict: true,
      extra: { defer_loading: true },
    },
    { kind: "custom", name: "a", format: { type: "grammar", grammar: { syntax: "regex" } } },
    { kind: "custom", name: "c" },
  ]);
});

const assistant = (...tool_calls: JsonObject[]): JsonObject => ({
  role: "assistant",
  content: null,
  tool_calls,
});
const call = (id: string): JsonObject => ({
  id,
  type: "function",
  function: { name: "now", arguments: "{}" },
});
const REFUSED: readonly [string, JsonObject, string][] = [
  ["no messages", { messages: [] }, "messages"],
  ["messages that are no list", { messages: "hi" }, "messages"],
  ["an unknown role", { messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
  ["a message without content", { messages: [{ role: "user" }] }, "messages[0].content"],
  ["a message that is a text", { messages: ["hi"] }, "messages[0]"],
  ["an unknown part", user(text("a"), { type: "video" }), "messages[0].content[1].type"],
  ["a part that is no object", { messages: [{ role: "user", content: ["a"] }] }, "messages[0].content[0]"],
  ["an image in a system message", {
    messages: [{ role: "system", content: [image("https://example.com/a.png")] }],
  }, "messages[0].content[0].type"],
  [
    "an http image",
    user(image("http://169.254.169.254/latest/meta-data")),
    "messages[0].content[0].image_url.url",
  ],
  ["an SVG image", user(image("data:image/svg+xml;base64,PHN2Zy8+")), "messages[0].content[0].image_url.url"],
  ["broken base64", user(image("data:image/png;base64,@@@")), "messages[0].content[0].image_url.url"],
  [
    "an unknown resolution",
    user({ type: "image_url", image_url: { url: "https://a.b/c", detail: "best" } }),
    "messages[0].content[0].image_url.detail",
  ],
  [
    "an archive",
    user(file({ filename: "a.zip", file_data: "UEsDBA==" })),
    "messages[0].content[0].file.file_data",
  ],
  [
    "a text file that is not UTF-8",
    user(file({ filename: "a.txt", file_data: "/w==" })),
    "messages[0].content[0].file.file_data",
  ],
  ["a file without data", user(file({ filename: "a.txt" })), "messages[0].content[0].file.file_data"],
  [
    "an unknown lifetime",
    user({ ...text("a"), cache_control: { type: "ephemeral", ttl: "2h" } }),
    "messages[0].content[0].cache_control.ttl",
  ],
  [
    "a result without its call's id",
    { messages: [{ role: "tool", content: "x" }] },
    "messages[0].tool_call_id",
  ],
  [
    "a call without an id",
    { messages: [assistant({ function: { name: "now" } })] },
    "messages[0].tool_calls[0].id",
  ],
  ["arguments that are no text", {
    messages: [assistant({ id: "a", function: { name: "now", arguments: {} } })],
  }, "messages[0].tool_calls[0].function.arguments"],
  ["a limit of 0", { max_tokens: 0 }, "max_tokens"],
  ["a negative limit", { max_completion_tokens: -1 }, "max_completion_tokens"],
  ["a limit with a fraction", { max_tokens: 1.5 }, "max_tokens"],
  ["a temperature above 2", { temperature: 2.1 }, "temperature"],
  ["a negative temperature", { temperature: -0.1 }, "temperature"],
  ["a temperature that is a text", { temperature: "1" }, "temperature"],
  ["top_p above 1", { top_p: 1.01 }, "top_p"],
  ["a stop sequence that is a number", { stop: ["a", 1] }, "stop[1]"],
  ["an unknown effort", { reasoning_effort: "extreme" }, "reasoning_effort"],
  ["an unknown kind of thinking", { thinking: { type: "deep" } }, "thinking.type"],
  ["an unknown format", { response_format: { type: "xml" } }, "response_format.type"],
  [
    "a format without its schema",
    { response_format: { type: "json_schema" } },
    "response_format.json_schema",
  ],
  ["an unknown tier", { service_tier: "gold" }, "service_tier"],
  ["stream options without a stream", { stream_options: { include_usage: true } }, "stream_options"],
  ["a stream that is a text", { stream: "true" }, "stream"],
  [
    "a tool name with a dot",
    { tools: [{ type: "function", function: { name: "a.b" } }] },
    "tools[0].function.name",
  ],
  ["two tools of one name", { tools: [now, now] }, "tools[1].function.name"],
  ["another type of tool", { tools: [{ type: "web_search" }] }, "tools[0].type"],
  ["a choice without tools", { tool_choice: "required" }, "tool_choice"],
  ["a choice of an unknown tool", {
    tools: [now],
    tool_choice: { type: "function", function: { name: "then" } },
  }, "tool_choice.function.name"],
  ["an unknown allowed tool", {
    tools: [now],
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "then" } }] },
    },
  }, "tool_choice.allowed_tools.tools[0].function.name"],
  ["an unknown choice", { tools: [now], tool_choice: "any" }, "tool_choice"],
  ["n that is a text", { n: "2" }, "n"],
  ["a penalty out of range", { presence_penalty: 3 }, "presence_penalty"],
];
for (const [title, fields, param] of REFUSED) {
  test(`refused: ${title}`, () => {
    throws(() => decode(fields), (thrown) => {
      equal(thrown instanceof GatewayError, true);
      const error = thrown as GatewayError;
      deepEqual([error.code, error.status, error.param], ["invalid_value", 400, param]);
      return true;
    });
  });
}

test("a request without a model is refused in its own words", () => {
  for (const model of [undefined, null, ""]) {
    throws(
      () => openaiChat.readHead({ ...body({}), model }),
      { code: "model_missing", message: "Model not specified in request", status: 400 },
    );
  }
  throws(() => openaiChat.readHead(body({ model: 5 })), { code: "invalid_value", param: "model" });
});

test("the head says whether the client streams and wants usage", () => {
  deepEqual(openaiChat.readHead(body({ stream: null })), {
    model: "gpt-5",
    stream: false,
    includeUsage: false,
  });
  const fields = { stream: true, stream_options: { include_usage: true } };
  deepEqual(openaiChat.readHead(body(fields)), { model: "gpt-5", stream: true, includeUsage: true });
});

const LOST: readonly [string, JsonObject, [string, boolean][]][] = [
  ["several choices", { n: 2 }, [["unsupported_parameter", true]]],
  ["one choice", { n: 1 }, []],
  ["logprobs", { logprobs: true, top_logprobs: 2 }, [["unsupported_parameter", true], [
    "unsupported_parameter",
    true,
  ]]],
  ["no logprobs", { logprobs: false, top_logprobs: 0 }, []],
  ["audio answers", { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } }, [[
    "unsupported_parameter",
    true,
  ]]],
  ["text answers", { modalities: ["text"] }, []],
  ["web search", { web_search_options: {} }, [["unsupported_parameter", true]]],
  ["moderation that blocks", { moderation: { model: "m", policy: { output: { mode: "block" } } } }, [[
    "unsupported_parameter",
    true,
  ]]],
  ["moderation that counts", { moderation: { model: "m", policy: { output: { mode: "score" } } } }, [[
    "moderation",
    false,
  ]]],
  ["audio input", user({ type: "input_audio", input_audio: { data: "", format: "wav" } }), [[
    "unsupported_parameter",
    true,
  ]]],
  ["an earlier audio answer", {
    messages: [{ role: "user", content: "a" }, { role: "assistant", audio: { id: "x" } }],
  }, [
    ["unsupported_parameter", true],
  ]],
  ["a file of this API's own", user(file({ file_id: "file-abc" })), [["invalid_value", true]]],
  ["penalties", { frequency_penalty: 1, presence_penalty: 0 }, [["frequency_penalty", false]]],
  ["a bias", { logit_bias: { "1": 1 } }, [["logit_bias", false]]],
  ["no bias", { logit_bias: {} }, []],
  ["a seed", { seed: 0 }, [["seed", false]]],
  ["storage", { store: true }, [["store", false]]],
  ["no storage", { store: false }, []],
  ["verbosity", { verbosity: "low" }, [["verbosity", false]]],
  ["the default verbosity", { verbosity: "medium" }, []],
  ["hints and tags", {
    metadata: { a: "b" },
    prompt_cache_key: "k",
    prompt_cache_retention: "24h",
    prediction: { type: "content", content: "x" },
  }, []],
  ["an unknown field", { brand_new: 1 }, [["brand_new", false]]],
  ["an unknown field that is null", { brand_new: null }, []],
  ["a field whose name is no word", { "a\r\nb": 1 }, [["unknown_field", false]]],
  ["names of participants, once", {
    messages: [{ role: "user", content: "a", name: "x" }, { role: "user", content: "b", name: "y" }],
  }, [["name", false]]],
  [
    "a lifetime of 12 hours",
    user({ ...text("a"), prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } }),
    [[
      "prompt_cache_breakpoint",
      false,
    ]],
  ],
  ["an unknown member of thinking", { thinking: { type: "adaptive", depth: 3 } }, [["thinking", false]]],
  ["an unknown member of a tool", { tools: [{ type: "function", function: { name: "now", icon: "x" } }] }, [[
    "tools",
    false,
  ]]],
];
for (const [title, fields, expected] of LOST) {
  test(`losses: ${title}`, () => {
    deepEqual(decode(fields).losses.map(({ code, refuse }) => [code, refuse]), expected);
  });
}

const result = (id: string): JsonObject => ({ role: "tool", tool_call_id: id, content: "x" });
const asks: JsonObject = { role: "user", content: "go" };
const PAIRS: readonly [string, JsonObject[], string[]][] = [
  ["paired calls", [asks, assistant(call("1"), call("2")), result("2"), result("1"), asks], []],
  ["a missing result names the message in its place", [
    asks,
    assistant(call("1"), call("2")),
    result("1"),
    asks,
  ], [
    "messages.[3].role",
  ]],
  ["a missing result at the end", [asks, assistant(call("1"))], ["messages.[1].role"]],
  [
    "a missing result before an answer",
    [asks, assistant(call("1")), asks, assistant(call("2")), result("2")],
    [
      "messages.[2].role",
    ],
  ],
  ["a result without a call", [asks, result("9"), asks], ["messages.[1].role"]],
  ["a result given twice", [asks, assistant(call("1")), result("1"), result("1")], ["messages.[3].role"]],
  [
    "a system message between",
    [asks, assistant(call("1")), { role: "system", content: "s" }, result("1")],
    [],
  ],
  ["calls in two messages of one turn", [
    asks,
    assistant(call("1")),
    assistant(call("2")),
    result("1"),
    result("2"),
  ], []],
];
for (const [title, messages, fields] of PAIRS) {
  test(`pairing: ${title}`, () => {
    const { losses } = decode({ messages });
    deepEqual(losses.map(({ field }) => field), fields);
    deepEqual(losses.filter(({ code, refuse }) => code !== "unpaired_tool_calls" || !refuse), []);
  });
}

test("the refusal of unpaired calls is in the API's own words and names the calls", () => {
  const [loss] = decode({ messages: [asks, assistant(call("call_7")), asks] }).losses;
  equal(
    loss?.message,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      "The following tool_call_ids did not have response messages: call_7",
  );
});
