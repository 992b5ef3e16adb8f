import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ChatEvent } from "../../src/chat.ts";
import { clientRequest, prepare, type Prepared } from "../../src/dialects/bridge.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";
import { run } from "../../src/dialects/stepper.ts";
import { parseBody } from "../../src/http.ts";

const OPTIONS = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 7,
};
const ASK = `{"model":"any","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}`;

function dialect(name: string): Dialect {
  const found = DIALECTS.get(name);
  assert.ok(found);
  return found;
}

/** A small request of one dialect, ready for another. */
function prepared(client: string, upstream: string): Prepared {
  const request = clientRequest(dialect(client), parseBody(bytesOf(ASK)), {});
  const target = { model: "the-model", options: {}, refuses: new Set<string>() };
  return prepare(request, dialect(upstream), target, (chat) => chat);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

function fixture(path: string): string {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url), "utf8");
}

function events(through: Prepared, stream: string): ChatEvent[] {
  const steps = run(through.steps(OPTIONS), [bytesOf(stream)]);
  return steps.flatMap((step) => step.events);
}

test("a relayed reply is the bytes that came, and nothing of it is reported as lost", () => {
  const bytes = bytesOf(fixture("anthropic-messages/replies/server-tools.json"));
  const brought = prepared("anthropic-messages", "anthropic-messages").reply(bytes);
  assert.equal(brought.body(OPTIONS), bytes);
  assert.deepEqual(brought.reply.warnings, []);
  assert.deepEqual(prepared("openai-chat", "anthropic-messages").reply(bytes).reply.warnings, [
    "server_tool_dropped",
  ]);
});

test("a relayed stream reports nothing as lost, a translated one does", () => {
  const stream = fixture("anthropic-messages/streams/server-tools.sse");
  const warnings = (through: Prepared) =>
    events(through, stream).flatMap((event) => event.type === "warning" ? [event.warning] : []);
  assert.deepEqual(warnings(prepared("anthropic-messages", "anthropic-messages")), []);
  assert.deepEqual(warnings(prepared("openai-chat", "anthropic-messages")), ["server_tool_dropped"]);
});

/** Fixture of a reply → the codes that a client of the Messages API gets. */
const LOST: readonly (readonly [string, readonly string[]])[] = [
  ["text", []],
  ["without-usage", ["usage_estimated"]],
  ["annotations", ["citations_dropped"]],
  ["tool-truncated", ["tool_arguments"]],
  ["tool-custom", []],
];

for (const [name, codes] of LOST) {
  test(`reply ${name} brought to a client of the Messages API has the warnings [${codes}]`, () => {
    const bytes = bytesOf(fixture(`openai-chat/replies/${name}.json`));
    assert.deepEqual(prepared("anthropic-messages", "openai-chat").reply(bytes).reply.warnings, codes);
  });
}
