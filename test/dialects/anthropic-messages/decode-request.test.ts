import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Loss, Part } from "../../../src/chat.ts";
import {
  decodeRequest,
  readHead,
  relayEdits,
} from "../../../src/dialects/anthropic-messages/decode-request.ts";
import { encodeRequest } from "../../../src/dialects/anthropic-messages/encode-request.ts";
import type { JsonObject } from "../../../src/json.ts";
import { json } from "./requests.ts";

const hi: JsonObject = { role: "user", content: "hi" };

function decode(body: JsonObject, headers = {}): ChatRequest {
  return decodeRequest({ model: "m", max_tokens: 100, messages: [hi], ...body }, headers);
}

/** The parts of the one message that a body with this content has. */
function parts(role: string, ...content: readonly JsonObject[]): readonly Part[] {
  return decode({ messages: [{ role, content }] }).messages[0]?.content ?? [];
}

/** Losses in short: `field code`, with `!` for a refusal. */
function losses(body: JsonObject): string[] {
  return decode(body).losses.map(({ field, code, refuse }: Loss) => `${field} ${code}${refuse ? "!" : ""}`);
}

test("a plain request has what it says and nothing else", () => {
  assert.deepEqual(decode({}), {
    model: "m",
    messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    tools: [],
    maxTokens: 100,
    stream: false,
    includeUsage: true,
    legacyFunctions: false,
    losses: [],
  });
});

test("settings are read, null is no setting", () => {
  const chat = decode({
    stream: true,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    stop_sequences: ["END"],
    metadata: { user_id: "u" },
    service_tier: "standard_only",
    cache_control: { type: "ephemeral", ttl: "1h" },
    tool_choice: null,
    thinking: null,
  }, { "anthropic-beta": "a-1, b-2,," });
  const { stream, temperature, topP, topK, stop, endUser, serviceTier, cache, betas, reasoning } = chat;
  assert.deepEqual({ stream, temperature, topP, topK, stop, endUser, serviceTier, cache, betas, reasoning }, {
    stream: true,
    temperature: 0.5,
    topP: 0.9,
    topK: 5,
    stop: ["END"],
    endUser: "u",
    serviceTier: "default",
    cache: { ttl: "1h" },
    betas: ["a-1", "b-2"],
    reasoning: undefined,
  });
});

test("a limit of 0, which warms a cache, stays 0", () => {
  assert.equal(decode({ max_tokens: 0 }).maxTokens, 0);
});

test("instructions come first, text or blocks, with their cache marks", () => {
  assert.deepEqual(decode({ system: "S" }).messages[0], {
    role: "system",
    content: [{ type: "text", text: "S" }],
  });
  const system = [{ type: "text", text: "A", cache_control: { type: "ephemeral" } }, {
    type: "text",
    text: "B",
  }];
  assert.deepEqual(decode({ system }).messages[0]?.content, [
    { type: "text", text: "A", cache: {} },
    { type: "text", text: "B" },
  ]);
});

const BILLING = "x-anthropic-billing-header: cc_version=2.1; cch=0a1b2;";
const billed: readonly (readonly [string, JsonObject[string], readonly string[]])[] = [
  ["a block", [{ type: "text", text: BILLING }, { type: "text", text: "You are" }], ["You are"]],
  ["a line of a block", [{ type: "text", text: `${BILLING}\nYou are` }], ["You are"]],
  ["a line of the text", `${BILLING}\nYou are\nhelpful`, ["You are\nhelpful"]],
  ["a mention of it, which stays", `Never send ${BILLING}`, [`Never send ${BILLING}`]],
];

for (const [what, system, expected] of billed) {
  test(`the billing header goes: ${what}`, () => {
    const [first] = decode({ system }).messages;
    assert.equal(first?.role, "system");
    assert.deepEqual(first?.content.map((part) => part.type === "text" && part.text), expected);
    assert.deepEqual(losses({ system }), []);
  });
}

test("instructions of a billing header alone are none", () => {
  assert.equal(decode({ system: BILLING }).messages[0]?.role, "user");
});

const PIXEL = "iVBORw0KGgo=";

const blocks: readonly (readonly [string, JsonObject, readonly unknown[]])[] = [
  ["user", { type: "text", text: "a", cache_control: { type: "ephemeral" } }, [{
    type: "text",
    text: "a",
    cache: {},
  }]],
  [
    "user",
    { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
    [{ type: "image", source: { type: "base64", mediaType: "image/png", data: PIXEL } }],
  ],
  [
    "user",
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
    [{ type: "image", source: { type: "url", url: "https://example.com/a.png" } }],
  ],
  ["user", { type: "image", source: { type: "file", file_id: "file_1" } }, [
    { type: "image", source: { type: "file", id: "file_1" } },
  ]],
  [
    "user",
    {
      type: "document",
      title: "T",
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
    },
    [{
      type: "document",
      source: { type: "base64", mediaType: "application/pdf", data: "JVBERi0=" },
      title: "T",
    }],
  ],
  [
    "user",
    { type: "document", source: { type: "text", media_type: "text/plain", data: "Hello" }, title: null },
    [{ type: "document", source: { type: "text", text: "Hello" } }],
  ],
  [
    "user",
    {
      type: "document",
      source: {
        type: "content",
        content: [
          { type: "text", text: "a" },
          { type: "image", source: { type: "file", file_id: "file_1" } },
          { type: "text", text: "b" },
        ],
      },
    },
    [
      { type: "document", source: { type: "text", text: "a\n\nb" } },
      { type: "image", source: { type: "file", id: "file_1" } },
    ],
  ],
  [
    "user",
    {
      type: "search_result",
      title: "T",
      source: "https://example.com",
      content: [{ type: "text", text: "said" }],
    },
    [{ type: "text", text: "T\nhttps://example.com\nsaid" }],
  ],
  ["user", { type: "tool_result", id: "wrong", tool_use_id: "t", content: "12:00" }, [
    { type: "tool-result", id: "t", content: [{ type: "text", text: "12:00" }], failed: false },
  ]],
  ["user", { type: "tool_result", tool_use_id: "t", is_error: true, cache_control: { type: "ephemeral" } }, [
    { type: "tool-result", id: "t", content: [], failed: true, cache: {} },
  ]],
  [
    "user",
    {
      type: "tool_result",
      tool_use_id: "t",
      content: [
        { type: "text", text: "a" },
        { type: "image", source: { type: "file", file_id: "file_1" } },
        { type: "tool_reference", tool_name: "now" },
      ],
    },
    [{
      type: "tool-result",
      id: "t",
      content: [
        { type: "text", text: "a" },
        { type: "image", source: { type: "file", id: "file_1" } },
        { type: "text", text: '{"type":"tool_reference","tool_name":"now"}' },
      ],
      failed: false,
    }],
  ],
  ["assistant", { type: "thinking", thinking: "Hm", signature: "s" }, [{
    type: "thinking",
    text: "Hm",
    signature: "s",
  }]],
  ["assistant", { type: "thinking", thinking: "Hm", signature: "" }, [{ type: "thinking", text: "Hm" }]],
  ["assistant", { type: "redacted_thinking", data: "xyz" }, [{ type: "redacted-thinking", data: "xyz" }]],
  ["assistant", { type: "tool_use", id: "t", name: "now" }, [
    { type: "tool-call", id: "t", name: "now", input: "{}", kind: "function" },
  ]],
  ["assistant", { type: "compaction", content: "Earlier: hello" }, [{
    type: "text",
    text: "Earlier: hello",
  }]],
  ["system", { type: "text", text: "Be brief" }, [{ type: "text", text: "Be brief" }]],
];

for (const [role, block, expected] of blocks) {
  test(`${role}: ${JSON.stringify(block).slice(0, 80)}`, () =>
    assert.deepEqual(parts(role, block), expected));
}

test("the input of a call keeps its digits and its keys, cache_control among them", () => {
  const input = '{"n":9007199254740993,"cache_control":{"type":"x"},"__proto__":{"a":1}}';
  const block = json(`{"type":"tool_use","id":"t","name":"edit","input":${input}}`);
  const [part] = parts("assistant", block);
  assert.equal(part?.type === "tool-call" && part.input, input);
});

test("blocks of the provider's own tools leave a warning, and what a search found", () => {
  const content = [
    { type: "server_tool_use", id: "s", name: "web_search", input: { query: "x" } },
    {
      type: "web_search_tool_result",
      tool_use_id: "s",
      content: [{
        type: "web_search_result",
        title: "T",
        url: "https://example.com",
        encrypted_content: "e",
      }],
    },
    { type: "web_search_tool_result", tool_use_id: "s", content: { type: "web_search_tool_result_error" } },
    { type: "text", text: "So" },
  ];
  const messages = [hi, { role: "assistant", content }, hi];
  assert.deepEqual(decode({ messages }).messages[1]?.content, [
    { type: "text", text: "Web search results:\nT https://example.com" },
    { type: "text", text: "So" },
  ]);
  assert.deepEqual(losses({ messages }), [0, 1, 2].map((at) => `messages.1.content.${at} server_tools`));
});

test("what a document asks for beside its content is reported", () => {
  const block = {
    type: "document",
    source: { type: "text", media_type: "text/plain", data: "x" },
    citations: { enabled: true },
    context: "From the archive",
  };
  assert.deepEqual(losses({ messages: [{ role: "user", content: [block] }] }), [
    "messages.0.content.0.citations citations",
    "messages.0.content.0.context document_context",
  ]);
});

test("a tool has its schema, its mark and its extensions", () => {
  const [tool] = decode({
    tools: [{
      type: "custom",
      name: "now",
      description: "D",
      input_schema: { type: "object", properties: { cache_control: {} } },
      strict: true,
      cache_control: { type: "ephemeral" },
      defer_loading: true,
      eager_input_streaming: null,
    }],
  }).tools;
  assert.deepEqual(tool, {
    kind: "function",
    name: "now",
    description: "D",
    parameters: { type: "object", properties: { cache_control: {} } },
    strict: true,
    cache: {},
    extra: { defer_loading: true },
  });
});

const NOW: JsonObject = { name: "now", input_schema: { type: "object" } };
const providerTools: readonly (readonly [readonly JsonObject[], readonly string[]])[] = [
  [[NOW, { type: "web_search_20250305", name: "web_search" }], ["tools.1.type tools"]],
  [[NOW, { type: "code_execution_20250825", name: "code_execution" }], ["tools.1.type tools"]],
  [[{ type: "web_search_20250305", name: "web_search" }], ["tools.0.type unsupported_parameter!"]],
  [[NOW, { type: "bash_20250124", name: "bash" }], ["tools.1.type unsupported_parameter!"]],
  [[NOW, { type: "text_editor_20250728", name: "e" }], ["tools.1.type unsupported_parameter!"]],
  [[NOW, { type: "mcp_toolset", mcp_server_name: "x" }], ["tools.1.type unsupported_parameter!"]],
  [[NOW, { type: "from_tomorrow_20270101", name: "x" }], ["tools.1.type unsupported_parameter!"]],
];

for (const [tools, expected] of providerTools) {
  test(`tools ${tools.map(({ type, name }) => type ?? name).join(" and ")}`, () => {
    assert.deepEqual(losses({ tools }), expected);
  });
}

const choices: readonly (readonly [JsonObject, unknown, false?])[] = [
  [{ type: "auto" }, { type: "auto" }],
  [{ type: "any", disable_parallel_tool_use: true }, { type: "required" }, false],
  [{ type: "auto", disable_parallel_tool_use: false }, { type: "auto" }],
  [{ type: "tool", name: "now" }, { type: "tool", name: "now" }],
  [{ type: "none" }, { type: "none" }],
];

for (const [tool_choice, expected, parallel] of choices) {
  test(`tool choice ${JSON.stringify(tool_choice)}`, () => {
    const chat = decode({ tools: [NOW], tool_choice });
    assert.deepEqual(chat.toolChoice, expected);
    assert.equal(chat.parallelToolCalls, parallel);
  });
}

const reasonings: readonly (readonly [JsonObject, unknown])[] = [
  [{ thinking: { type: "enabled", budget_tokens: 2000 } }, { mode: "enabled", budget: 2000 }],
  [{ thinking: { type: "adaptive", display: "omitted" } }, { mode: "adaptive", display: "omitted" }],
  [{ thinking: { type: "between_tools" }, output_config: { effort: "high" } }, {
    mode: "between_tools",
    effort: "high",
  }],
  [{ thinking: { type: "disabled" } }, { mode: "disabled" }],
  [{ output_config: { effort: "max" } }, { effort: "max" }],
  [{ output_config: { effort: null } }, undefined],
];

for (const [body, expected] of reasonings) {
  test(`reasoning of ${JSON.stringify(body)}`, () => assert.deepEqual(decode(body).reasoning, expected));
}

test("the form of the answer is read from both of its places", () => {
  const format = { type: "json_schema", schema: { type: "object" } };
  const expected = { type: "schema", name: "response", schema: { type: "object" }, strict: true };
  assert.deepEqual(decode({ output_config: { format } }).format, expected);
  assert.deepEqual(decode({ output_format: format }).format, expected);
});

const lost: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ speed: "fast", inference_geo: "eu" }, ["speed speed", "inference_geo inference_geo"]],
  [{ speed: "standard", context_management: {}, mcp_servers: [], container: null }, []],
  [{ context_management: { edits: [{ type: "clear_thinking" }] } }, [
    "context_management context_management",
  ]],
  [{ diagnostics: { x: 1 }, fallbacks: ["m"], compaction: { x: 1 } }, [
    "diagnostics diagnostics",
    "fallbacks fallbacks",
    "compaction compaction",
  ]],
  [{ from_tomorrow: 1 }, ["from_tomorrow from_tomorrow"]],
  [{ output_config: { task_budget: 5 } }, ["output_config output_config"]],
  [{ thread: { id: "t" } }, ["thread unsupported_parameter!"]],
  [{ mcp_servers: [{ type: "url" }] }, ["mcp_servers unsupported_parameter!"]],
  [{ container: "c" }, ["container unsupported_parameter!"]],
  [{ max_tokens: null }, ["max_tokens invalid_value!"]],
];

for (const [body, expected] of lost) {
  test(`losses of ${JSON.stringify(body)}`, () => assert.deepEqual(losses(body), expected));
}

function withBlock(role: string, block: JsonObject): JsonObject {
  return { messages: [hi, { role, content: [block] }] };
}

const malformed: readonly (readonly [JsonObject, string])[] = [
  [{ messages: null }, "messages"],
  [{ messages: [] }, "messages"],
  [{ messages: ["hi"] }, "messages.0"],
  [{ messages: [{ role: "tool", content: "x" }] }, "messages.0.role"],
  [{ messages: [{ role: "user" }] }, "messages.0.content"],
  [{ messages: [{ role: "user", content: 5 }] }, "messages.0.content"],
  [withBlock("user", { type: "video" }), "messages.1.content.0.type"],
  [withBlock("user", { type: "constructor" }), "messages.1.content.0.type"],
  [withBlock("user", { type: "tool_use", id: "t", name: "n" }), "messages.1.content.0.type"],
  [withBlock("assistant", { type: "tool_result", tool_use_id: "t" }), "messages.1.content.0.type"],
  [withBlock("system", { type: "image" }), "messages.1.content.0.type"],
  [withBlock("user", { type: "text" }), "messages.1.content.0.text"],
  [withBlock("user", { type: "image", source: { type: "ftp" } }), "messages.1.content.0.source.type"],
  [
    withBlock("user", { type: "image", source: { type: "base64", media_type: "image/png" } }),
    "messages.1.content.0.source.data",
  ],
  [withBlock("user", { type: "tool_result", content: "x" }), "messages.1.content.0.tool_use_id"],
  [
    withBlock("user", { type: "tool_result", tool_use_id: "t", content: [{ type: "x" }] }),
    "messages.1.content.0.content.0.type",
  ],
  [
    withBlock("user", { type: "text", text: "a", cache_control: { type: "eternal" } }),
    "messages.1.content.0.cache_control.type",
  ],
  [
    withBlock("assistant", { type: "tool_use", id: "t", name: "n", input: "{}" }),
    "messages.1.content.0.input",
  ],
  [{ system: 5 }, "system"],
  [{ system: [{ type: "image" }] }, "system.0.type"],
  [{ max_tokens: "5" }, "max_tokens"],
  [{ max_tokens: 1.5 }, "max_tokens"],
  [{ max_tokens: -1 }, "max_tokens"],
  [{ temperature: 1.5 }, "temperature"],
  [{ top_p: "x" }, "top_p"],
  [{ stop_sequences: "END" }, "stop_sequences"],
  [{ stop_sequences: ["a", 1] }, "stop_sequences.1"],
  [{ stream: "yes" }, "stream"],
  [{ metadata: "u" }, "metadata"],
  [{ metadata: { user_id: 5 } }, "metadata.user_id"],
  [{ service_tier: "fast" }, "service_tier"],
  [{ tools: {} }, "tools"],
  [{ tools: [{ name: "a" }] }, "tools.0.input_schema"],
  [{ tools: [{ input_schema: {} }] }, "tools.0.name"],
  [{ tool_choice: "auto" }, "tool_choice"],
  [{ tool_choice: { type: "tool" } }, "tool_choice.name"],
  [{ thinking: { type: "on" } }, "thinking.type"],
  [{ thinking: { type: "enabled" } }, "thinking.budget_tokens"],
  [{ output_config: { effort: "huge" } }, "output_config.effort"],
  [{ output_config: { format: { type: "text" } } }, "output_config.format.type"],
  [{ output_config: { format: { type: "json_schema" } } }, "output_config.format.schema"],
];

for (const [body, param] of malformed) {
  test(`${JSON.stringify(body).slice(0, 90)} is refused at ${param}`, () => {
    assert.throws(() => decode(body), (error: { code: string; param: string; message: string }) => {
      assert.equal(error.code, "invalid_value");
      assert.equal(error.param, param);
      assert.ok(error.message.startsWith(`${param}: `), error.message);
      return true;
    });
  });
}

test("routing reads the head of a request alone", () => {
  assert.deepEqual(readHead({ model: "m" }), { model: "m", stream: false, includeUsage: true });
  assert.deepEqual(readHead({ model: "m", stream: true, messages: [{}] }), {
    model: "m",
    stream: true,
    includeUsage: true,
  });
  assert.deepEqual(relayEdits(), {});
});

for (const model of [undefined, null, ""]) {
  test(`a request whose model is ${JSON.stringify(model)} is refused`, () => {
    assert.throws(() => readHead({ model, messages: [hi] }), { code: "model_missing", param: "model" });
  });
}

for (const [name, value] of [["model", 5], ["messages", "hi"], ["stream", 1]] as const) {
  test(`a request whose ${name} is of another type is refused`, () => {
    assert.throws(() => readHead({ model: "m", [name]: value }), { code: "invalid_value", param: name });
  });
}

test("what is encoded is decoded to the same request", () => {
  const chat: ChatRequest = {
    model: "claude-sonnet-4-5",
    messages: [
      { role: "system", content: [{ type: "text", text: "S", cache: { ttl: "1h" } }] },
      {
        role: "user",
        content: [{ type: "image", source: { type: "base64", mediaType: "image/png", data: PIXEL } }],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", text: "Hm", signature: "s" },
          { type: "redacted-thinking", data: "x" },
          { type: "text", text: "a" },
          {
            type: "tool-call",
            id: "t",
            name: "now",
            input: '{"n":1.10000000000000000001}',
            kind: "function",
          },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool-result", id: "t", content: [{ type: "text", text: "12" }], failed: true, cache: {} },
          { type: "document", source: { type: "text", text: "D" }, title: "T" },
        ],
      },
    ],
    tools: [{
      kind: "function",
      name: "now",
      description: "D",
      parameters: { type: "object", properties: {} },
    }],
    toolChoice: { type: "auto" },
    parallelToolCalls: false,
    maxTokens: 5000,
    temperature: 1,
    stop: ["END"],
    reasoning: { mode: "enabled", budget: 2000 },
    endUser: "u",
    serviceTier: "default",
    cache: {},
    betas: ["a-1"],
    stream: true,
    includeUsage: true,
    legacyFunctions: false,
    losses: [],
  };
  const encoded = encodeRequest(chat, { model: "claude-sonnet-4-5", options: {}, refuses: new Set() });
  assert.deepEqual(encoded.warnings, []);
  assert.deepEqual(decodeRequest(encoded.body, encoded.headers), chat);
});
