import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, Part } from "../../../src/chat.ts";
import { encodeRequest } from "../../../src/dialects/anthropic-messages/encode-request.ts";
import { stringifyJson } from "../../../src/json.ts";
import {
  assistant,
  bodyOf,
  call,
  chatOf,
  encode,
  NOW,
  OLDER,
  result,
  thought,
  told,
  user,
} from "./requests.ts";

const inputs: readonly (readonly [string, string])[] = [
  ["", "{}"],
  [" \n", "{}"],
  ["null", "{}"],
  [' {"city":"Paris"} ', '{"city":"Paris"}'],
  [
    '{"b":1,"a":9007199254740993,"c":1.10000000000000000001}',
    '{"b":1,"a":9007199254740993,"c":1.10000000000000000001}',
  ],
  ['{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
  ['{"city":"Par', '{"_raw_arguments":"{\\"city\\":\\"Par"}'],
  ["[1]", '{"_raw_arguments":"[1]"}'],
  ['"text"', '{"_raw_arguments":"\\"text\\""}'],
];

for (const [input, expected] of inputs) {
  test(`arguments ${JSON.stringify(input)} are sent as ${expected}`, () => {
    const chat = chatOf({
      messages: [user("go"), assistant(call("c", input)), user(result("c"))],
      tools: [NOW],
    });
    const sent = stringifyJson(encodeRequest(chat, { model: OLDER, options: {}, refuses: new Set() }).body);
    assert.ok(sent.includes(`"input":${expected}}`), sent);
  });
}

test("a custom tool's input is one string", () => {
  const custom: Part = { type: "tool-call", id: "c", name: "run", input: "ls -l", kind: "custom" };
  const body = bodyOf({ messages: [user("go"), assistant(custom), user(result("c"))] });
  assert.deepEqual(body.messages[1]?.content, [
    { type: "tool_use", id: "c", name: "run", input: { input: "ls -l" } },
  ]);
});

const results: readonly (readonly [string, Part, unknown])[] = [
  ["one text is a string", result("c"), { type: "tool_result", tool_use_id: "c", content: "12:00" }],
  ["nothing is no content", result("c", ""), { type: "tool_result", tool_use_id: "c" }],
  ["white space is no content", result("c", " \n"), { type: "tool_result", tool_use_id: "c" }],
  [
    "several texts are blocks",
    {
      type: "tool-result",
      id: "c",
      content: [{ type: "text", text: "a" }, { type: "text", text: "b" }],
      failed: true,
    },
    {
      type: "tool_result",
      tool_use_id: "c",
      content: [{ type: "text", text: "a" }, { type: "text", text: "b" }],
      is_error: true,
    },
  ],
  [
    "an image stays inside, under its true type",
    {
      type: "tool-result",
      id: "c",
      content: [{
        type: "image",
        source: { type: "base64", mediaType: "image/png", data: "/9j/4AAQSkZJRg==" },
      }],
      failed: false,
    },
    {
      type: "tool_result",
      tool_use_id: "c",
      content: [{
        type: "image",
        source: { type: "base64", media_type: "image/jpeg", data: "/9j/4AAQSkZJRg==" },
      }],
    },
  ],
];

for (const [what, part, expected] of results) {
  test(`in a tool result, ${what}`, () => {
    const body = bodyOf({ messages: [user("go"), assistant(call("c")), user(part)], tools: [NOW] });
    assert.deepEqual(body.messages[2]?.content, [expected]);
  });
}

const redacted: Part = { type: "redacted-thinking", data: "xyz" };

const thoughts: readonly (readonly [string, string, readonly Message[], readonly string[]])[] = [
  [
    "signed ones go back, empty ones and redacted ones too",
    "claude-opus-5-5",
    [user("a"), assistant(thought("s"), redacted, "b"), user("c")],
    ["user: 'a'", "assistant: thinking redacted_thinking 'b'", "user: 'c'"],
  ],
  [
    "an unsigned one is left out, and only that",
    OLDER,
    [
      user("a"),
      assistant({ type: "thinking", text: "Hm" }, "b"),
      user("c"),
      assistant(thought("s"), "d"),
      user("e"),
    ],
    ["user: 'a'", "assistant: 'b'", "user: 'c'", "assistant: thinking 'd'", "user: 'e'"],
  ],
  [
    "all or none go back to a model that binds them to what stands before",
    "claude-opus-5-5",
    [
      user("a"),
      assistant({ type: "thinking", text: "Hm" }, "b"),
      user("c"),
      assistant(thought("s"), "d"),
      user("e"),
    ],
    ["user: 'a'", "assistant: 'b'", "user: 'c'", "assistant: 'd'", "user: 'e'"],
  ],
  [
    "none go to a model that does not think",
    "claude-3-haiku-20240307",
    [user("a"), assistant(thought("s"), "b"), user("c")],
    ["user: 'a'", "assistant: 'b'", "user: 'c'"],
  ],
];

for (const [what, model, messages, expected] of thoughts) {
  test(`of earlier thoughts, ${what}`, () => assert.deepEqual(told(messages, model), expected));
}

test("thoughts that the provider refused are all left out", () => {
  const messages = [user("a"), assistant(thought("s"), "b"), user("c")];
  const encoded = encode({ messages }, "claude-opus-5-5", { refuses: new Set(["thinking_blocks"]) });
  assert.deepEqual(encoded.body.messages[1]?.content, [{ type: "text", text: "b" }]);
  assert.deepEqual(encoded.warnings, ["thinking_dropped"]);
});

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";
const PDF = "JVBERi0xLjcK";

const media: readonly (readonly [string, Part, unknown])[] = [
  ["a PNG", image("image/png", PNG), { type: "base64", media_type: "image/png", data: PNG }],
  ["another name of JPEG", image("image/jpg", "AAAA"), {
    type: "base64",
    media_type: "image/jpeg",
    data: "AAAA",
  }],
  ["a wrong label", image("image/jpeg", PNG), { type: "base64", media_type: "image/png", data: PNG }],
  ["WebP", image("image/png", "UklGRiQAAABXRUJQVlA4"), {
    type: "base64",
    media_type: "image/webp",
    data: "UklGRiQAAABXRUJQVlA4",
  }],
  ["white space in the data", image("image/png", `${PNG.slice(0, 8)}\n ${PNG.slice(8)}`), {
    type: "base64",
    media_type: "image/png",
    data: PNG,
  }],
  ["a link", { type: "image", source: { type: "url", url: "https://example.com/a.png" } }, {
    type: "url",
    url: "https://example.com/a.png",
  }],
  ["a link to a PDF", { type: "image", source: { type: "url", url: "https://example.com/a.pdf?x=1" } }, {
    type: "url",
    url: "https://example.com/a.pdf?x=1",
  }],
  ["an uploaded image", { type: "image", source: { type: "file", id: "file_1" } }, {
    type: "file",
    file_id: "file_1",
  }],
  ["a PDF", document("application/pdf", PDF), { type: "base64", media_type: "application/pdf", data: PDF }],
  ["a PDF under another label", document("application/octet-stream", PDF), {
    type: "base64",
    media_type: "application/pdf",
    data: PDF,
  }],
  ["text", document("text/markdown", "w6R6dA=="), { type: "text", media_type: "text/plain", data: "äzt" }],
  ["an image among files", document("image/png", PNG), {
    type: "base64",
    media_type: "image/png",
    data: PNG,
  }],
  ["plain text", { type: "document", source: { type: "text", text: "Hello" } }, {
    type: "text",
    media_type: "text/plain",
    data: "Hello",
  }],
];

function image(mediaType: string, data: string): Part {
  return { type: "image", source: { type: "base64", mediaType, data } };
}

function document(mediaType: string, data: string): Part {
  return { type: "document", source: { type: "base64", mediaType, data } };
}

for (const [what, part, source] of media) {
  test(`${what} is sent as the API takes it`, () => {
    const [block] = bodyOf({ messages: [user(part)] }).messages[0]?.content as unknown as {
      source: unknown;
    }[];
    assert.deepEqual(block?.source, source);
  });
}

test("a document keeps its title and its cache mark", () => {
  const part: Part = { type: "document", source: { type: "text", text: "x" }, title: "T", cache: {} };
  assert.deepEqual(bodyOf({ messages: [user(part)] }).messages[0]?.content, [{
    type: "document",
    source: { type: "text", media_type: "text/plain", data: "x" },
    title: "T",
    cache_control: { type: "ephemeral" },
  }]);
});

const refused: readonly (readonly [string, Part])[] = [
  ["an SVG image", image("image/svg+xml", "PHN2Zy8+")],
  ["a link without TLS", { type: "image", source: { type: "url", url: "http://169.254.169.254/latest" } }],
  ["a local file", { type: "document", source: { type: "url", url: "file:///etc/passwd" } }],
  ["a file of another provider's", { type: "document", source: { type: "file", id: "file-abc" } }],
  ["a file of another kind", document("application/zip", "UEsDBA==")],
  ["text that is not UTF-8", document("text/plain", "/w==")],
];

for (const [what, part] of refused) {
  test(`${what} is refused by its place`, () => {
    const messages = [user("a"), assistant("b"), user("look", part)];
    assert.throws(() => bodyOf({ messages }), { code: "invalid_value", param: "messages[2].content[1]" });
  });
}

test("uploaded files need their beta, named behind those that the client asked for", () => {
  const part: Part = { type: "document", source: { type: "file", id: "file_1" } };
  const { headers } = encode({ messages: [user(part)], betas: ["x-1", "y-2"] });
  assert.deepEqual(headers, { "anthropic-beta": "x-1,y-2,files-api-2025-04-14" });
  assert.deepEqual(encode({ messages: [user("hi")] }).headers, {});
});
