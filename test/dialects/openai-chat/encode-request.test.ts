import { deepEqual, equal, match, throws } from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, DocumentPart, ImagePart, Message, Part, TextPart } from "../../../src/chat.ts";
import type { TargetModel, TargetOptions } from "../../../src/dialects/dialect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { decode } from "./_request.ts";

const target = (model = "gpt-5", options: TargetOptions = {}, ...refuses: string[]): TargetModel => ({
  model,
  options,
  refuses: new Set(refuses),
});

const chat = (fields: Partial<ChatRequest>): ChatRequest => ({ ...decode({}), ...fields });
const encode = (fields: Partial<ChatRequest>, to = target()) => openaiChat.encodeRequest(chat(fields), to);
const messages = (...content: Message[]) => encode({ messages: content }).body.messages;
const text = (words: string): TextPart => ({ type: "text", text: words });
const user = (...content: Part[]): Message => ({ role: "user", content });
const call: Part = { type: "tool-call", id: "c1", name: "now", input: "", kind: "function" };
const asked: Message = { role: "assistant", content: [call] };
const askedWire = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "c1", type: "function", function: { name: "now", arguments: "{}" } }],
};
const answered: Message = user({ type: "tool-result", id: "c1", content: [], failed: false });
const answeredWire = { role: "tool", tool_call_id: "c1", content: "" };
const png: ImagePart = { type: "image", source: { type: "base64", mediaType: "image/png", data: "iVBO" } };
const pngWire = { type: "image_url", image_url: { url: "data:image/png;base64,iVBO" } };
const pdf: DocumentPart = {
  type: "document",
  source: { type: "base64", mediaType: "application/pdf", data: "JVBE" },
};

const MESSAGES: readonly [string, Message[], JsonObject[]][] = [
  ["the instructions are one text", [{ role: "system", content: [text("a"), text("b")] }, user(text("c"))], [
    { role: "system", content: "a\n\nb" },
    { role: "user", content: "c" },
  ]],
  ["a later system message stays in place", [user(text("a")), { role: "system", content: [text("b")] }], [
    { role: "user", content: "a" },
    { role: "system", content: "b" },
  ]],
  ["cache marks are removed", [user({ type: "text", text: "a", cache: { ttl: "1h" } })], [
    { role: "user", content: "a" },
  ]],
  ["several parts are a list, empty texts none", [user(text("a"), text(""), png)], [
    { role: "user", content: [{ type: "text", text: "a" }, pngWire] },
  ]],
  ["a message of empty text is left out, its results stay", [
    asked,
    user({ type: "tool-result", id: "c1", content: [text("12:00")], failed: false }, text("")),
  ], [askedWire, { role: "tool", tool_call_id: "c1", content: "12:00" }]],
  ["a failed result says so", [
    asked,
    user({ type: "tool-result", id: "c1", content: [text("no"), text("clock")], failed: true }),
  ], [askedWire, { role: "tool", tool_call_id: "c1", content: "Error: no\nclock" }]],
  ["images of results follow behind all results, before the text", [
    { role: "assistant", content: [call, { ...call, id: "c2" }] },
    user(
      { type: "tool-result", id: "c1", content: [text("one"), png], failed: false },
      { type: "tool-result", id: "c2", content: [pdf], failed: false },
      text("Compare"),
    ),
  ], [
    { ...askedWire, tool_calls: [askedWire.tool_calls[0]!, { ...askedWire.tool_calls[0]!, id: "c2" }] },
    {
      role: "tool",
      tool_call_id: "c1",
      content: "one\n[image: number 1 in the message after the tool results]",
    },
    {
      role: "tool",
      tool_call_id: "c2",
      content: "[document: number 2 in the message after the tool results]",
    },
    {
      role: "user",
      content: [
        pngWire,
        { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,JVBE" } },
        { type: "text", text: "Compare" },
      ],
    },
  ]],
  ["a text document is text under its title", [
    user({ type: "document", source: { type: "text", text: "a,b" }, title: "t.csv" }, text("sum?")),
  ], [{ role: "user", content: [{ type: "text", text: "t.csv\n\na,b" }, { type: "text", text: "sum?" }] }]],
  ["texts of an assistant are one text", [user(text("a")), {
    role: "assistant",
    content: [text("It is "), text("warm.")],
  }, user(text("b"))], [
    { role: "user", content: "a" },
    { role: "assistant", content: "It is warm." },
    { role: "user", content: "b" },
  ]],
  ["what a provider attached to a call goes back with it", [
    { role: "assistant", content: [{ ...call, extra: { extra_content: { google: 1 }, id: "x" } }] },
    answered,
  ], [
    { ...askedWire, tool_calls: [{ ...askedWire.tool_calls[0]!, extra_content: { google: 1 } }] },
    answeredWire,
  ]],
  ["a call of a custom tool is one", [
    { role: "assistant", content: [{ ...call, kind: "custom", input: "4 + 4" }] },
    answered,
  ], [
    { ...askedWire, tool_calls: [{ id: "c1", type: "custom", custom: { name: "now", input: "4 + 4" } }] },
    answeredWire,
  ]],
];
for (const [title, given, expected] of MESSAGES) {
  test(`messages: ${title}`, () => deepEqual(messages(...given), expected));
}

const CLOSED: JsonObject = {
  type: "object",
  properties: { a: { type: "string" } },
  required: ["a"],
  additionalProperties: false,
};

const FIELDS: readonly [string, Partial<ChatRequest>, TargetModel, JsonObject, string[]][] = [
  ["the limit has its newer name", { maxTokens: 5 }, target("gpt-4o"), { max_completion_tokens: 5 }, []],
  ["the limit has its older name elsewhere", { maxTokens: 5 }, target("qwen3"), { max_tokens: 5 }, []],
  ["a model behind a path is known", { maxTokens: 5 }, target("openai/o3"), { max_completion_tokens: 5 }, []],
  [
    "a refused name of the limit is the other one",
    { maxTokens: 5 },
    target("my-deployment", {}, "max_tokens"),
    {
      max_completion_tokens: 5,
    },
    [],
  ],
  ["the limit is clamped", { maxTokens: 9 }, { ...target("qwen3"), maxOutputTokens: 5 }, { max_tokens: 5 }, [
    "max_tokens",
  ]],
  ["no limit is made up", {}, { ...target("qwen3"), maxOutputTokens: 5 }, {}, []],
  ["sampling goes on", { temperature: 0, topP: 0.5 }, target("gpt-4o"), { temperature: 0, top_p: 0.5 }, []],
  ["sampling is dropped where it is refused", { temperature: 0, topP: 0.5 }, target("gpt-5"), {}, [
    "temperature",
    "top_p",
  ]],
  ["a default is dropped in silence", { temperature: 1, topP: 1 }, target("o3"), {}, []],
  ["chat models take sampling", { temperature: 0 }, target("gpt-5-chat-latest"), { temperature: 0 }, []],
  ["top_k has no field", { topK: 5 }, target("qwen3"), {}, ["top_k"]],
  ["four stop sequences", { stop: ["a", "b", "c", "d", "e"] }, target("gpt-4o"), {
    stop: ["a", "b", "c", "d"],
  }, [
    "stop",
  ]],
  ["no stop sequences where they are refused", { stop: ["a"] }, target("gpt-5"), {}, ["stop"]],
  ["effort", { reasoning: { effort: "high" } }, target("gpt-5"), { reasoning_effort: "high" }, []],
  ["the nearest effort below", { reasoning: { effort: "xhigh" } }, target("gpt-5"), {
    reasoning_effort: "high",
  }, [
    "reasoning_effort",
  ]],
  [
    "the lowest effort for none",
    { reasoning: { effort: "none" } },
    target("o3"),
    { reasoning_effort: "low" },
    [
      "reasoning_effort",
    ],
  ],
  ["thinking that is off", { reasoning: { mode: "disabled" } }, target("gpt-5.1"), {
    reasoning_effort: "none",
  }, []],
  ["thinking between tools", { reasoning: { mode: "between_tools" } }, target("gpt-5"), {
    reasoning_effort: "minimal",
  }, ["thinking"]],
  [
    "a small budget",
    { reasoning: { mode: "enabled", budget: 4095 } },
    target(),
    { reasoning_effort: "low" },
    [],
  ],
  ["a middle budget", { reasoning: { mode: "enabled", budget: 4096 } }, target(), {
    reasoning_effort: "medium",
  }, []],
  ["a large budget", { reasoning: { mode: "enabled", budget: 16384 } }, target(), {
    reasoning_effort: "high",
  }, []],
  ["adaptive thinking is the default", { reasoning: { mode: "adaptive" } }, target(), {}, []],
  ["adaptive thinking with an effort", { reasoning: { mode: "adaptive", effort: "low" } }, target(), {
    reasoning_effort: "low",
  }, []],
  ["a model that does not reason", { reasoning: { mode: "adaptive" } }, target("gpt-4o"), {}, ["thinking"]],
  [
    "a model that does not reason and need not",
    { reasoning: { mode: "disabled" } },
    target("gpt-4o"),
    {},
    [],
  ],
  ["an object", { format: { type: "json" } }, target(), { response_format: { type: "json_object" } }, []],
  ["a schema", { format: { type: "schema", schema: CLOSED } }, target(), {
    response_format: { type: "json_schema", json_schema: { name: "response", schema: CLOSED, strict: true } },
  }, []],
  [
    "a schema that strict mode does not take",
    { format: { type: "schema", schema: { type: "object" } } },
    target(),
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "response", schema: { type: "object" }, strict: false },
      },
    },
    ["json_schema_unenforced"],
  ],
  [
    "a schema that nobody wants held to",
    {
      format: { type: "schema", name: "n", description: "D", schema: { type: "object" }, strict: false },
    },
    target(),
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "n", description: "D", schema: { type: "object" }, strict: false },
      },
    },
    [],
  ],
  [
    "a schema that the model was found to refuse",
    { format: { type: "schema", schema: CLOSED } },
    target("m", {}, "response_format.strict"),
    {
      response_format: {
        type: "json_schema",
        json_schema: { name: "response", schema: CLOSED, strict: false },
      },
    },
    ["json_schema_unenforced"],
  ],
  ["an identifier", { endUser: "a" }, target(), { safety_identifier: "a" }, []],
  ["a long identifier is hashed", { endUser: "a".repeat(65) }, target(), {
    safety_identifier: "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0",
  }, []],
  ["a tier", { serviceTier: "default" }, target(), { service_tier: "default" }, []],
  ["a stream always asks for usage", { stream: true }, target(), {
    stream: true,
    stream_options: { include_usage: true },
  }, []],
  ["a mark on the request", { cache: {} }, target(), {}, ["cache_control"]],
  [
    "choices without tools are left out",
    { toolChoice: { type: "auto" }, parallelToolCalls: false },
    target(),
    {},
    [],
  ],
  [
    "what the model was found to refuse",
    { endUser: "a", serviceTier: "flex" },
    target("gpt-4o", {}, "safety_identifier"),
    {
      service_tier: "flex",
    },
    ["safety_identifier"],
  ],
];
for (const [title, fields, to, expected, warnings] of FIELDS) {
  test(`fields: ${title}`, () => {
    const encoded = encode(fields, to);
    const { model: _model, messages: _messages, ...rest } = encoded.body;
    deepEqual(rest, expected);
    deepEqual(encoded.warnings, warnings);
  });
}

test("tools and the choice among them are written", () => {
  const { body, warnings } = encode({
    tools: [
      {
        kind: "function",
        name: "a",
        description: "A",
        parameters: CLOSED,
        strict: true,
        cache: {},
      },
      { kind: "custom", name: "b", format: { type: "grammar" } },
    ],
    toolChoice: { type: "allowed", mode: "auto", names: ["a", "b"] },
    parallelToolCalls: false,
  });
  deepEqual(body.tools, [
    {
      type: "function",
      function: { name: "a", description: "A", parameters: CLOSED, strict: true },
    },
    { type: "custom", custom: { name: "b", format: { type: "grammar" } } },
  ]);
  deepEqual(body.tool_choice, {
    type: "allowed_tools",
    allowed_tools: {
      mode: "auto",
      tools: [{ type: "function", function: { name: "a" } }, { type: "custom", custom: { name: "b" } }],
    },
  });
  equal(body.parallel_tool_calls, false);
  deepEqual(warnings, []);
});

const PARAMETERS: readonly [string, JsonObject, JsonObject, string[]][] = [
  [
    "an object without properties",
    { type: "object" },
    { parameters: { type: "object", properties: {} } },
    [],
  ],
  ["nothing", {}, { parameters: { type: "object", properties: {} } }, []],
  ["no type", { properties: { a: { type: "string" } } }, {
    parameters: { type: "object", properties: { a: { type: "string" } } },
  }, []],
  ["null for a type and a list", { type: null, properties: null, required: null }, {
    parameters: { type: "object", properties: {} },
  }, []],
  ["an object or null", { type: ["object", "null"], properties: {} }, {
    parameters: { type: "object", properties: {} },
  }, []],
  ["a reference to a definition", { $ref: "#/$defs/a", $defs: { a: CLOSED } }, {
    parameters: { ...CLOSED, $defs: { a: CLOSED } },
  }, []],
  ["lists that do not say of what", {
    type: "object",
    properties: { a: { type: "array" }, b: { type: "array", items: { type: ["array", "null"] } } },
  }, {
    parameters: {
      type: "object",
      properties: {
        a: { type: "array", items: {} },
        b: { type: "array", items: { type: ["array", "null"], items: {} } },
      },
    },
  }, []],
  ["a list of certain things in older words", {
    type: "object",
    properties: { a: { type: "array", items: [{ type: "string" }] } },
  }, {
    parameters: {
      type: "object",
      properties: { a: { type: "array", prefixItems: [{ type: "string" }], items: {} } },
    },
  }, []],
  [
    "alternatives at the root",
    { anyOf: [CLOSED, { type: "object", properties: { b: { type: "string" } } }] },
    {
      parameters: { type: "object", properties: { a: { type: "string" }, b: { type: "string" } } },
      description:
        'Input schema: {"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false},{"type":"object","properties":{"b":{"type":"string"}}}]}',
    },
    ["tools"],
  ],
  ["what it is not, at the root", { type: "object", properties: {}, not: { required: ["a"] } }, {
    parameters: { type: "object", properties: {} },
    description: 'Input schema: {"type":"object","properties":{},"not":{"required":["a"]}}',
  }, ["tools"]],
];
for (const [title, parameters, expected, warnings] of PARAMETERS) {
  test(`parameters that are ${title}`, () => {
    const encoded = encode({ tools: [{ kind: "function", name: "a", parameters }] });
    deepEqual(encoded.body.tools, [{ type: "function", function: { name: "a", ...expected } }]);
    deepEqual(encoded.warnings, warnings);
  });
}

const STRICT: readonly [string, JsonObject, boolean][] = [
  ["closed", CLOSED, true],
  ["open", { ...CLOSED, additionalProperties: true }, false],
  ["with an optional property", { ...CLOSED, required: [] }, false],
  [
    "with a word beyond the subset",
    { ...CLOSED, properties: { a: { type: "string", default: "x" } } },
    false,
  ],
];
for (const [title, parameters, kept] of STRICT) {
  test(`a strict tool whose parameters are ${title} ${kept ? "stays" : "is not"} strict`, () => {
    const encoded = encode({ tools: [{ kind: "function", name: "a", parameters, strict: true }] });
    deepEqual(encoded.body.tools, [{
      type: "function",
      function: { name: "a", parameters, ...(kept && { strict: true }) },
    }]);
    deepEqual(encoded.warnings, kept ? [] : ["tools"]);
  });
}

test("a form that lets in nothing beside an object is asked for too", () => {
  const schema: JsonObject = { type: ["object", "null"], properties: {}, additionalProperties: false };
  const { body, warnings } = encode({ format: { type: "schema", schema } });
  deepEqual([body.response_format, warnings], [undefined, ["json_schema_unenforced"]]);
});

test("a form that the API takes in no way is asked for", () => {
  const schema: JsonObject = { type: "array", items: { type: "string" } };
  const { body, warnings } = encode({
    messages: [{ role: "system", content: [text("S")] }, user(text("a"))],
    format: { type: "schema", description: "Names", schema },
  });
  equal(body.response_format, undefined);
  deepEqual((body.messages as JsonObject[])[0], {
    role: "system",
    content: "S\n\nReply with one JSON value matching this schema and nothing else.\n" +
      '{"type":"array","items":{"type":"string"},"description":"Names"}',
  });
  deepEqual(warnings, ["json_schema_unenforced"]);
});

test("a choice of a tool that is not declared is refused", () => {
  throws(
    () => encode({ tools: [{ kind: "function", name: "a" }], toolChoice: { type: "tool", name: "b" } }),
    {
      code: "invalid_value",
      param: "tool_choice",
    },
  );
});

test("extensions of tools are left out with a warning", () => {
  const tool = { kind: "function", name: "a", extra: { defer_loading: true } } as const;
  const { body, warnings } = encode({ tools: [tool] });
  deepEqual(body.tools, [{ type: "function", function: { name: "a" } }]);
  deepEqual(warnings, ["tools"]);
});

test("a tool name that is too long has one short name everywhere, and a way back", () => {
  const name = "mcp__".repeat(18);
  const { body, undo } = encode({
    tools: [{ kind: "function", name }, { kind: "function", name: "über.tool" }],
    toolChoice: { type: "tool", name },
    messages: [{ role: "assistant", content: [{ ...call, name }] }, answered],
  });
  const [long, foreign] = [...undo.toolNames ?? []];
  match(long?.[0] ?? "", /^[a-zA-Z0-9_-]{1,55}_[0-9a-f]{8}$/);
  match(foreign?.[0] ?? "", /^_ber_tool_[0-9a-f]{8}$/);
  deepEqual([long?.[1], foreign?.[1]], [name, "über.tool"]);
  deepEqual(body.tool_choice, { type: "function", function: { name: long?.[0] } });
  equal(JSON.stringify(body).includes(name), false);
  equal(JSON.stringify(body).split(long?.[0] ?? "?").length - 1, 3);
});

test("a long id of a call is the same shorter one in its result", () => {
  const id = "x".repeat(41);
  const [first, second] = messages(
    { role: "assistant", content: [{ ...call, id }] },
    user({
      type: "tool-result",
      id,
      content: [],
      failed: false,
    }),
  ) as [{ tool_calls: [{ id: string }] }, { tool_call_id: string }];
  equal(first.tool_calls[0].id, second.tool_call_id);
  match(second.tool_call_id, /^call_[0-9a-f]{32}$/);
});

test("earlier thinking is dropped with a warning, or goes back as its provider wants it", () => {
  const thinking: Part[] = [{ type: "thinking", text: "Hm" }, {
    type: "thinking",
    text: "So",
    signature: "s",
  }];
  const history: Message[] = [{ role: "assistant", content: [...thinking, call] }, answered];
  const dropped = encode({ messages: history });
  deepEqual(dropped.warnings, ["thinking_dropped"]);
  deepEqual(dropped.body.messages, [askedWire, answeredWire]);
  const echoed = encode({ messages: history }, target("deepseek-reasoner", { reasoningEcho: true }));
  deepEqual(echoed.warnings, []);
  deepEqual(echoed.body.messages, [{ ...askedWire, reasoning_content: "Hm\n\nSo" }, answeredWire]);
});

test("an answer that is to be continued is sent as it is, with a warning", () => {
  const { body, warnings } = encode({
    messages: [user(text("a")), { role: "assistant", content: [text("b")] }],
  });
  deepEqual(body.messages, [{ role: "user", content: "a" }, { role: "assistant", content: "b" }]);
  deepEqual(warnings, ["prefill"]);
});

test("calls and results that are not paired are refused, or repaired where that is wanted", () => {
  const stray = user({ type: "tool-result", id: "c9", content: [text("x")], failed: false }, text("on"));
  throws(() => messages(asked, user(text("on"))), { code: "invalid_value", status: 400 });
  throws(() => messages(asked), { code: "invalid_value" });
  throws(() => messages(user(text("a")), { role: "assistant", content: [text("b")] }, stray), {
    code: "invalid_value",
  });
  const repaired = (...content: Message[]) => {
    const { body, warnings } = encode({ messages: content }, target("gpt-5", { repair: true }));
    deepEqual(warnings, ["unpaired_tool_calls"]);
    return body.messages;
  };
  const made = { role: "tool", tool_call_id: "c1", content: "Error: No result was provided." };
  deepEqual(repaired(asked, user(text("on"))), [askedWire, made, { role: "user", content: "on" }]);
  deepEqual(repaired(user(text("a")), asked), [{ role: "user", content: "a" }, askedWire, made]);
  deepEqual(repaired(asked, answered, stray), [askedWire, answeredWire, { role: "user", content: "on" }]);
  deepEqual(repaired({ role: "assistant", content: [call, { ...call, id: "c2" }] }, answered), [
    { ...askedWire, tool_calls: [askedWire.tool_calls[0]!, { ...askedWire.tool_calls[0]!, id: "c2" }] },
    answeredWire,
    { ...made, tool_call_id: "c2" },
  ]);
});

test("files that mean nothing here are refused", () => {
  const parts: Part[] = [
    { type: "image", source: { type: "file", id: "file_011" } },
    { type: "document", source: { type: "file", id: "file_011" } },
    { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } },
  ];
  for (const part of parts) {
    throws(() => messages(user(part)), { code: "unsupported_parameter", status: 400, param: "messages" });
  }
  throws(() => encode({ maxTokens: 0 }), { code: "invalid_value", param: "max_tokens" });
});
