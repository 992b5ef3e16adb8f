import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Part, ReplyPart } from "../../src/chat.ts";
import { countAnswer, estimateAnswer, estimateBody, estimateTokens } from "../../src/dialects/estimate.ts";
import type { Json, JsonObject } from "../../src/json.ts";

const PLAIN: ChatRequest = {
  model: "m",
  messages: [],
  tools: [],
  stream: false,
  includeUsage: false,
  legacyFunctions: false,
  losses: [],
};
const words = "some words of a text ".repeat(20);
const of = (...content: Part[]) => estimateTokens({ ...PLAIN, messages: [{ role: "user", content }] });
const empty = of();

const COUNTED: readonly [string, Part][] = [
  ["text", { type: "text", text: words }],
  ["thinking", { type: "thinking", text: words }],
  ["a signature", { type: "thinking", text: "", signature: words }],
  ["redacted thinking", { type: "redacted-thinking", data: words }],
  ["a text document", { type: "document", source: { type: "text", text: words } }],
  ["a call's input", { type: "tool-call", id: "a", name: "n", input: words, kind: "function" }],
  ["a result", { type: "tool-result", id: "a", content: [{ type: "text", text: words }], failed: false }],
];
for (const [title, part] of COUNTED) {
  test(`${title} of ${words.length} letters counts for about a quarter as many tokens`, () => {
    const tokens = of(part) - empty;
    equal(tokens >= words.length / 4 && tokens < words.length / 2, true, `${tokens}`);
  });
}

test("images and pages count, also inside of results", () => {
  const image: Part = { type: "image", source: { type: "url", url: "https://a.b/c" } };
  equal(of(image) - empty >= 1600, true);
  equal(of({ type: "tool-result", id: "a", content: [image], failed: false }) - empty >= 1600, true);
  const pdf = (size: number): Part => ({
    type: "document",
    source: { type: "base64", mediaType: "application/pdf", data: "A".repeat(size) },
  });
  equal(of(pdf(1_000_000)) > of(pdf(1000)) && of(pdf(1000)) - empty >= 1600, true);
});

test("tools and the schema of the answer count", () => {
  const parameters = { type: "object", description: words };
  const tools = estimateTokens({ ...PLAIN, tools: [{ kind: "function", name: "a", parameters }] });
  const format = estimateTokens({ ...PLAIN, format: { type: "schema", schema: parameters } });
  equal(tools > words.length / 4 && format > words.length / 4, true);
});

test("characters outside of ASCII count for about a token each", () => {
  equal(of({ type: "text", text: "日本語".repeat(100) }) >= 300, true);
});

test("no request has no tokens", () => equal(estimateTokens(PLAIN), 1));

// --- bodies and answers ---

const PICTURE = "iVBORw0KGgo" + "A".repeat(10_000_000);
const question = { type: "text", text: "What is this?" };
const body = (content: Json): JsonObject => ({ model: "m", messages: [{ role: "user", content }] });
const BODIES: readonly [title: string, content: Json, least: number, most: number][] = [
  ["words", "one two three four", 4, 30],
  ["words outside of ASCII", "\u4f60\u597d".repeat(100), 200, 260],
  [
    "a picture by data URL",
    [question, { type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } }],
    1600,
    2000,
  ],
  [
    "a picture as a source",
    [question, { type: "image", source: { type: "base64", media_type: "image/png", data: PICTURE } }],
    1600,
    2000,
  ],
  [
    "a picture in a result",
    [{ type: "tool_result", tool_use_id: "a", content: [{ type: "image", source: { data: PICTURE } }] }],
    1600,
    2000,
  ],
  ["a picture in a member of no known kind", [question, { picture: PICTURE }], 1600, 2000],
  [
    "a picture of ten million characters in a data URL of no known kind",
    [question, { x: `data:image/png;base64,${PICTURE}` }],
    1600,
    2000,
  ],
  [
    "two pictures",
    [1, 2].map(() => ({ type: "image_url", image_url: { url: "https://a.example/b.png" } })),
    3200,
    4000,
  ],
  ["a file", [{ type: "file", file: { filename: "a.pdf", file_data: "A".repeat(640_000) } }], 30_000, 34_000],
  [
    "a document that is text",
    [{ type: "document", source: { type: "text", data: "word ".repeat(400) } }],
    500,
    700,
  ],
  [
    "sound",
    [{ type: "input_audio", input_audio: { data: "A".repeat(1_000_000), format: "wav" } }],
    1000,
    4000,
  ],
];
for (const [title, content, least, most] of BODIES) {
  test(`a body with ${title} has between ${least} and ${most} tokens`, () => {
    const tokens = estimateBody(body(content));
    ok(tokens >= least && tokens <= most, `${tokens}`);
  });
}

test("tools and instructions count, settings do not", () => {
  const plain = estimateBody(body("Hi"));
  ok(estimateBody({ ...body("Hi"), tools: [{ name: "f", input_schema: { type: "object" } }] }) > plain);
  ok(estimateBody({ ...body("Hi"), system: "Be brief, whatever you are asked." }) > plain);
  equal(estimateBody({ ...body("Hi"), metadata: { user_id: "x".repeat(500) }, max_tokens: 5 }), plain);
  equal(estimateBody({}), 1);
});

test("an answer has the same tokens whole and streamed, however it is cut", () => {
  const content: ReplyPart[] = [
    { type: "thinking", text: "Hm, let me see" },
    { type: "text", text: "It is \u4f60\u597d." },
    { type: "tool-call", id: "a", name: "get_weather", input: '{"city":"Paris"}', kind: "function" },
  ];
  const counter = countAnswer();
  for (const character of "Hm, let me see") counter.take({ type: "thinking-delta", text: character });
  for (const text of ["It is \u4f60", "\u597d."]) counter.take({ type: "text-delta", text });
  counter.take({ type: "tool-call-start", index: 0, id: "a", name: "get_weather", kind: "function" });
  for (const input of ['{"city":', '"Paris"}']) counter.take({ type: "tool-call-delta", index: 0, input });
  equal(counter.tokens(), estimateAnswer(content));
  equal(estimateAnswer([]), 0);
});
