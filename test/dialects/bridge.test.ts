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

/** A turn of the tool loop for each of these arguments, as it goes to a provider that wants them as objects. */
function sentInputs(inputs: readonly string[], more = ""): unknown[] {
  const turns = inputs.map((input, at) => {
    const call = { id: `c${at}`, type: "function", function: { name: "f", arguments: input } };
    const asked = JSON.stringify({ role: "assistant", content: null, tool_calls: [call] });
    return `${asked},${JSON.stringify({ role: "tool", tool_call_id: `c${at}`, content: "r" })}`;
  });
  const body = `{"model":"any"${more},"messages":[{"role":"user","content":"Hi"},${turns.join(",")}]}`;
  const request = clientRequest(dialect("openai-chat"), parseBody(bytesOf(body)), {});
  const target = { model: "the-model", options: {}, refuses: new Set<string>() };
  const upstream = dialect("anthropic-messages");
  for (const attempt of [1, 2]) {
    const { body, warnings } = prepare(request, upstream, target, (chat) => chat);
    assert.ok(typeof body === "string");
    const sent: { messages: { content: { type: string; input?: unknown }[] }[] } = JSON.parse(body);
    const found = sent.messages.flatMap(({ content }) => content).filter(({ type }) => type === "tool_use");
    const values = found.map(({ input }) => input);
    assert.equal(values.some(isRaw), warnings.includes("tool_arguments"));
    // Each attempt begins anew: a second target gets the same.
    if (attempt === 2) return values;
  }
  return [];
}

function isRaw(input: unknown): boolean {
  return typeof input === "object" && input !== null && "_raw_arguments" in input;
}

const listOf = (count: number) => `{"a":[${"1,".repeat(count - 1)}1]}`;

test("tool arguments have the limits of the body that they are in: what goes beyond them is not read", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["levels", `{"a":${"[".repeat(63)}${"]".repeat(63)}}`, `{"a":${"[".repeat(64)}${"]".repeat(64)}}`],
    ["values", listOf(150_000), listOf(200_000)],
    ["digits", `{"a":1${"0".repeat(999)}}`, `{"a":1.${"0".repeat(999)}1}`],
    ["keys", `{${'"k":1,'.repeat(9999)}"k":1}`, `{${'"k":1,'.repeat(10_000)}"k":1}`],
  ];
  for (const [what, within, beyond] of cases) {
    assert.deepEqual(sentInputs([within]).map(isRaw), [false], what);
    assert.deepEqual(sentInputs([beyond]).map(isRaw), [true], what);
  }
});

test("all arguments of a request, and its body, share one limit of values", () => {
  assert.deepEqual(sentInputs([listOf(90_000), listOf(90_000)]).map(isRaw), [false, false]);
  assert.deepEqual(sentInputs([listOf(90_000), listOf(90_000), listOf(90_000), "{}"]).map(isRaw), [
    false,
    false,
    true,
    false,
  ]);
  assert.deepEqual(sentInputs([listOf(90_000)], `,"metadata":${listOf(150_000)}`).map(isRaw), [true]);
});

test("an answer beyond the limits is no answer, and the error says which one", () => {
  const answer = (more: string) =>
    bytesOf(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"x":${more}}`);
  for (
    const [more, detail, message] of [
      [`[${"{},".repeat(2_500_000)}{}]`, "too-complex", "The provider's answer has more than 4000000 values"],
      [
        `${"[".repeat(600)}${"]".repeat(600)}`,
        "too-complex",
        "The provider's answer has more than 512 levels",
      ],
      [
        `1.${"0".repeat(2000)}1`,
        "too-complex",
        "The provider's answer has more than 1000 characters in one number",
      ],
      ["", "not-json", "The provider's answer is not JSON"],
    ] as const
  ) {
    for (const client of ["openai-chat", "anthropic-messages"]) {
      assert.throws(() => prepared(client, "openai-chat").reply(answer(more)), {
        failure: "invalid",
        detail,
        message,
      });
    }
  }
});

test("an event beyond the limits ends the stream as invalid", () => {
  for (
    const more of [
      `1.${"0".repeat(2000)}1`,
      `${"[".repeat(600)}${"]".repeat(600)}`,
      `[${"{},".repeat(2_500_000)}{}]`,
    ]
  ) {
    const stream = `data: {"id":"x","choices":[],"x":${more}}\n\n`;
    const [event] = events(prepared("anthropic-messages", "openai-chat"), stream);
    assert.ok(event?.type === "error");
    assert.equal(event.error.code, "upstream_invalid_event");
  }
});

test("arguments of an answer that go beyond the limits reach the client as text", () => {
  const deep = `{"a":${"[".repeat(600)}${"]".repeat(600)}}`;
  const call = { id: "c", type: "function", function: { name: "f", arguments: deep } };
  const answer = {
    choices: [{ message: { content: null, tool_calls: [call] }, finish_reason: "tool_calls" }],
  };
  const brought = prepared("anthropic-messages", "openai-chat").reply(bytesOf(JSON.stringify(answer)));
  assert.ok(brought.reply.warnings.includes("tool_arguments"));
  assert.deepEqual(JSON.parse(`${brought.body(OPTIONS)}`).content[0].input, { _raw_arguments: deep });
});
