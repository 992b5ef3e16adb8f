import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest } from "../../../src/chat.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { decode, fixture, user } from "./_request.ts";

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
