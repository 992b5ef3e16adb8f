import { deepEqual } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { fixture } from "./_request.ts";

/** What one body says in two ways, or what the API cannot say. */
const NOT_EQUAL = new Set([
  "system-developer",
  "cache-marks",
  "document-text",
  "legacy-functions",
  "thinking-echo",
  "thinking-unsigned",
  "without-counterpart",
  "assistant-refusal",
  "cache-five-marks",
  "cache-tool-turn",
  "file-uploaded-there",
  "function-call-named",
  "image-links",
  "schema-many-optional",
  "stream-without-usage",
  "thinking-adaptive",
  "thinking-enabled",
  "tool-arguments-empty",
  "tool-result-parts",
]);

for (const name of readdirSync(new URL("../../fixtures/openai-chat/requests/", import.meta.url))) {
  if (NOT_EQUAL.has(name.replace(".json", "")) || name.startsWith("refused-")) continue;
  test(`what ${name} says is the same after writing and reading it`, () => {
    const decoded = openaiChat.decodeRequest(fixture(`requests/${name}`), {});
    // A model that reasons takes no sampling, and one that does not takes no effort.
    const model = decoded.reasoning ? "gpt-5" : "gpt-4o";
    const { body, warnings } = openaiChat.encodeRequest(decoded, { model, options: {}, refuses: new Set() });
    const again = openaiChat.decodeRequest(body, {});
    if (warnings.length === 0) deepEqual(again, { ...decoded, model, losses: [] });
  });
}
