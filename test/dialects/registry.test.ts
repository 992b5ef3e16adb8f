import assert from "node:assert/strict";
import { test } from "node:test";
import { CLIENT_ENDPOINTS, clientDialect, DIALECTS } from "../../src/dialects/registry.ts";

test("Each dialect is found by its own name", () => {
  assert.deepEqual([...DIALECTS.keys()], ["openai-chat", "anthropic-messages"]);
  for (const [name, dialect] of DIALECTS) assert.equal(dialect.name, name);
});

test("Clients post to these paths", () => {
  const table = [...CLIENT_ENDPOINTS].map(([path, { dialect, kind }]) => [path, dialect.name, kind]);
  assert.deepEqual(table, [
    ["/v1/chat/completions", "openai-chat", "chat"],
    ["/v1/messages", "anthropic-messages", "chat"],
    ["/v1/messages/count_tokens", "anthropic-messages", "tokens"],
  ]);
});

test("A client whose path does not tell is known by the headers that only its dialect has", () => {
  const dialect = (headers: Record<string, string>) => clientDialect(headers).name;
  assert.equal(dialect({ "anthropic-version": "2023-06-01", "x-api-key": "k" }), "anthropic-messages");
  assert.equal(dialect({ authorization: "Bearer k", "openai-beta": "x" }), "openai-chat");
  assert.equal(dialect({}), "openai-chat");
});
