import { equal } from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Part } from "../../src/chat.ts";
import { estimateTokens } from "../../src/dialects/estimate.ts";

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
