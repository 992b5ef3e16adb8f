import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Loss } from "../../../src/chat.ts";
import { decodeRequest, readHead } from "../../../src/dialects/anthropic-messages/decode-request.ts";
import { encodeRequest } from "../../../src/dialects/anthropic-messages/encode-request.ts";
import type { JsonObject } from "../../../src/json.ts";

const hi: JsonObject = { role: "user", content: "hi" };

function decode(body: JsonObject, headers = {}): ChatRequest {
  return decodeRequest({ model: "m", max_tokens: 100, messages: [hi], ...body }, headers);
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
    { type: "text", text: "\nWeb search results:\nT https://example.com\n" },
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

test("a choice of a tool that is left out is the model's own among the others, with a warning", () => {
  const tools = [NOW, { type: "web_search_20250305", name: "web_search" }];
  const chosen = (tool_choice: JsonObject) => {
    const { toolChoice, parallelToolCalls } = decode({ tools, tool_choice });
    return [toolChoice, parallelToolCalls, losses({ tools, tool_choice })];
  };
  const named = { type: "tool", name: "web_search", disable_parallel_tool_use: true };
  assert.deepEqual(chosen(named), [{ type: "auto" }, false, [
    "tools.1.type tools",
    "tool_choice.name tool_choice",
  ]]);
  assert.deepEqual(chosen({ type: "any" }), [{ type: "required" }, undefined, ["tools.1.type tools"]]);
});

test("a choice of a tool that nobody declared is refused", () => {
  const refused = (body: JsonObject, param: string) =>
    assert.throws(() => decode(body), { code: "invalid_value", status: 400, param });
  refused({ tools: [NOW], tool_choice: { type: "tool", name: "then" } }, "tool_choice.name");
  refused({ tool_choice: { type: "tool", name: "now" } }, "tool_choice.name");
  refused({ tool_choice: { type: "any" } }, "tool_choice");
  assert.deepEqual(decode({ tool_choice: { type: "none" } }).toolChoice, { type: "none" });
});

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

test("routing reads the head of a request alone", () => {
  assert.deepEqual(readHead({ model: "m" }), { model: "m", stream: false, includeUsage: true });
  assert.deepEqual(readHead({ model: "m", stream: true, messages: [{}] }), {
    model: "m",
    stream: true,
    includeUsage: true,
  });
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
        content: [{
          type: "image",
          source: { type: "base64", mediaType: "image/png", data: "iVBORw0KGgo=" },
        }],
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
