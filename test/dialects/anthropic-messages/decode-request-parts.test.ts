import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Part } from "../../../src/chat.ts";
import { decodeRequest } from "../../../src/dialects/anthropic-messages/decode-request.ts";
import type { JsonObject } from "../../../src/json.ts";
import { json } from "./requests.ts";

const hi: JsonObject = { role: "user", content: "hi" };

function decode(body: JsonObject): ChatRequest {
  return decodeRequest({ model: "m", max_tokens: 100, messages: [hi], ...body }, {});
}

/** The parts of the one message that a body with this content has. */
function parts(role: string, ...content: readonly JsonObject[]): readonly Part[] {
  return decode({ messages: [{ role, content }] }).messages[0]?.content ?? [];
}

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

test("a tool that is offered from a message on is offered in all; one that only a message defines is refused", () => {
  const read = (tool: JsonObject, type = "tool_addition") =>
    decodeRequest({
      model: "m",
      max_tokens: 9,
      messages: [{ role: "user", content: "hi" }, { role: "system", content: [{ type, tool }] }],
    }, {}).losses.map(({ code, refuse, field }) => [code, refuse, field]);
  const at = "messages.1.content.0";
  assert.deepEqual(read({ type: "tool_reference", name: "x" }), [["tools", false, at]]);
  assert.deepEqual(read({ type: "tool_reference", name: "x" }, "tool_removal"), [["tools", false, at]]);
  const definition = { type: "tool_definition", definition: { name: "x", input_schema: {} } };
  assert.deepEqual(read(definition), [["unsupported_parameter", true, at]]);
});
