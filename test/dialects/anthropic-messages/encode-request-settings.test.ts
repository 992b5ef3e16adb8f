import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheMark, ChatRequest, ResponseFormat, ServiceTier, Warning } from "../../../src/chat.ts";
import type { JsonObject } from "../../../src/json.ts";
import { assistant, bodyOf, call, encode, NOW, OLDER, result, system, tool, user } from "./requests.ts";

type Codes = readonly Warning[];
type Case = readonly [string, Partial<ChatRequest>, JsonObject, Codes?];

/** What each model makes of sampling; a field that is not expected must not be there. */
const sampling: readonly Case[] = [
  ["claude-sonnet-4-5", { temperature: 0.5 }, { temperature: 0.5 }],
  ["claude-sonnet-4-5", { temperature: 0.5, topP: 0.9 }, { temperature: 0.5 }, ["top_p"]],
  ["claude-sonnet-4-5", { topP: 0.9, topK: 5 }, { top_p: 0.9, top_k: 5 }],
  ["claude-sonnet-4", { temperature: 0.5, topP: 0.9 }, { temperature: 0.5, top_p: 0.9 }],
  ["claude-haiku-4-5", { temperature: 1.7 }, { temperature: 1 }, ["temperature"]],
  ["claude-sonnet-5", { temperature: 0.3 }, {}, ["temperature"]],
  ["claude-sonnet-5", { temperature: 1 }, {}],
  ["claude-sonnet-5", { topP: 0.99 }, {}],
  ["claude-sonnet-5", { topP: 0.9 }, {}, ["top_p"]],
  ["claude-sonnet-5", { topK: 5 }, {}, ["top_k"]],
  ["claude-sonnet-4-5", { temperature: 0.5, reasoning: { effort: "low" } }, {}, ["temperature"]],
  ["claude-sonnet-4-5", { temperature: 1, reasoning: { effort: "low" } }, { temperature: 1 }],
  ["claude-sonnet-4-5", { topP: 0.9, reasoning: { effort: "low" } }, {}, ["top_p"]],
  ["claude-sonnet-4-5", { topP: 0.95, reasoning: { effort: "low" } }, { top_p: 0.95 }],
  ["claude-sonnet-4-5", { topK: 5, reasoning: { effort: "low" } }, {}, ["top_k"]],
  ["claude-opus-4-6", { temperature: 0.5, reasoning: { effort: "low" } }, {}, ["temperature"]],
];

for (const [model, given, expected, warnings = []] of sampling) {
  test(`${model} samples ${JSON.stringify(given)} as ${JSON.stringify(expected)}`, () => {
    const encoded = encode(given, model);
    const { temperature, top_p, top_k } = encoded.body;
    assert.deepEqual(JSON.parse(JSON.stringify({ temperature, top_p, top_k })), expected);
    assert.deepEqual(encoded.warnings, warnings);
  });
}

for (const temperature of [-0.1, 2.1, NaN]) {
  test(`a temperature of ${temperature} is refused`, () => {
    assert.throws(() => bodyOf({ temperature }), { code: "invalid_value", param: "temperature" });
  });
}

test("sampling that a model refused is left out the next time", () => {
  const { body, warnings } = encode({ temperature: 0.3 }, OLDER, { refuses: new Set(["sampling"]) });
  assert.equal(body.temperature, undefined);
  assert.deepEqual(warnings, ["temperature"]);
});

const limits: readonly (readonly [string, number | undefined, number | undefined, number, Codes?])[] = [
  ["claude-opus-4-5", undefined, undefined, 32_000],
  ["claude-3-haiku-20240307", undefined, undefined, 4096],
  ["claude-sonnet-4-20250514", undefined, 64_000, 64_000],
  ["claude-opus-4-1", undefined, undefined, 32_000],
  ["claude-opus-4-5", 100, undefined, 100],
  ["claude-opus-4-5", 100_000, undefined, 64_000, ["max_tokens"]],
  ["claude-opus-4-5", 5000, 4000, 4000, ["max_tokens"]],
  ["claude-opus-5", 128_000, undefined, 128_000],
  ["claude-opus-5", 0, undefined, 0],
];

for (const [model, maxTokens, maxOutputTokens, expected, warnings = []] of limits) {
  test(`${model} gets a limit of ${expected} for ${maxTokens}, with ${maxOutputTokens} configured`, () => {
    const target = maxOutputTokens === undefined ? {} : { maxOutputTokens };
    const encoded = encode(maxTokens === undefined ? {} : { maxTokens }, model, target);
    assert.equal(encoded.body.max_tokens, expected);
    assert.deepEqual(encoded.warnings, warnings);
  });
}

const streams: readonly (readonly [boolean, number, boolean])[] = [
  [false, 21_333, false],
  [false, 21_334, true],
  [true, 10, true],
];

for (const [stream, maxTokens, expected] of streams) {
  test(`an answer of up to ${maxTokens} tokens is ${expected ? "" : "not "}streamed (asked for: ${stream})`, () => {
    const encoded = encode({ stream, maxTokens });
    assert.equal(encoded.stream, expected);
    assert.equal(encoded.body.stream, expected ? true : undefined);
  });
}

const stops: readonly (readonly [readonly string[], readonly string[] | undefined, readonly Warning[]])[] = [
  [["END"], ["END"], []],
  [["", "END", "\n"], ["END"], ["stop_whitespace"]],
  [["\t"], undefined, ["stop_whitespace"]],
  [["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"], []],
  [[], undefined, []],
];

for (const [stop, expected, warnings] of stops) {
  test(`stop sequences ${JSON.stringify(stop)} are sent as ${JSON.stringify(expected)}`, () => {
    const encoded = encode({ stop });
    assert.deepEqual(encoded.body.stop_sequences, expected);
    assert.deepEqual(encoded.warnings, warnings);
  });
}

const tiers: readonly (readonly [ServiceTier, string | undefined, readonly Warning[]])[] = [
  ["auto", undefined, []],
  ["default", "standard_only", []],
  ["priority", "auto", ["service_tier"]],
  ["fast", "auto", ["service_tier"]],
  ["flex", "auto", ["service_tier"]],
  ["scale", "auto", ["service_tier"]],
];

for (const [serviceTier, expected, warnings] of tiers) {
  test(`service tier ${serviceTier} is sent as ${expected}`, () => {
    const encoded = encode({ serviceTier });
    assert.equal(encoded.body.service_tier, expected);
    assert.deepEqual(encoded.warnings, warnings);
  });
}

const JANE = "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d";
const users: readonly (readonly [string, RegExp | undefined])[] = [
  ["user-17", /^user-17$/],
  ["jane@example.com", new RegExp(`^${JANE}$`)],
  ["+49 (30) 123-4567", /^[0-9a-f]{64}$/],
  ["x".repeat(257), /^[0-9a-f]{64}$/],
  ["", undefined],
];

for (const [endUser, expected] of users) {
  test(`the end user '${endUser.slice(0, 20)}' is sent as ${expected}`, () => {
    const { metadata } = bodyOf({ endUser }) as { metadata?: { user_id: string } };
    if (expected === undefined) assert.equal(metadata, undefined);
    else assert.match(metadata?.user_id ?? "", expected);
  });
}

const closed = { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const;
const open = { ...closed, additionalProperties: true } as const;

test("a schema that the provider can enforce goes to it, closed, with the format's description", () => {
  const format: ResponseFormat = {
    type: "schema",
    name: "x",
    description: "A city",
    schema: closed,
    strict: true,
  };
  const { body, warnings, undo } = encode({ format, reasoning: { effort: "low" } }, "claude-opus-5");
  assert.deepEqual(body.output_config, {
    effort: "low",
    format: {
      type: "json_schema",
      schema: { ...closed, additionalProperties: false, description: "A city" },
    },
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(undo, { model: "claude-opus-5" });
});

test("a schema that it cannot enforce is the input of a tool that must be called", () => {
  const { body, warnings, undo } = encode({ format: { type: "schema", schema: open } });
  assert.deepEqual(body.tools, [{ name: "json_response", description: "The answer.", input_schema: open }]);
  assert.deepEqual(body.tool_choice, {
    type: "tool",
    name: "json_response",
    disable_parallel_tool_use: true,
  });
  assert.equal(body.output_config, undefined);
  assert.deepEqual(warnings, []);
  assert.equal(undo.jsonTool, "json_response");
});

const asked: readonly (readonly [string, Partial<ChatRequest>, string])[] = [
  ["the model cannot be made to call a tool", {}, "claude-opus-5-5"],
  ["the request has tools of its own", { tools: [NOW] }, OLDER],
  ["thinking stands against it", { reasoning: { mode: "enabled", budget: 2000 } }, OLDER],
];

for (const [why, given, model] of asked) {
  test(`a schema that cannot be enforced is told where ${why}`, () => {
    const format: ResponseFormat = { type: "schema", schema: open };
    const { body, warnings, undo } = encode({ messages: [system("S"), user("go")], format, ...given }, model);
    assert.deepEqual(body.system, [
      { type: "text", text: "S" },
      {
        type: "text",
        text: `Reply with one JSON value matching this schema and nothing else.\n${JSON.stringify(open)}`,
      },
    ]);
    assert.deepEqual(warnings, ["json_schema_unenforced"]);
    assert.deepEqual([undo.jsonTool, undo.stripFence], [undefined, true]);
    assert.equal(JSON.stringify(body.tools ?? []).includes("json_response"), false);
  });
}

test("a schema of alternatives is told, since a tool's input has none at its root", () => {
  const schema = { type: "object", anyOf: [{ type: "object" }] } as const;
  const { body, warnings } = encode({ format: { type: "schema", schema } });
  assert.equal(body.tools, undefined);
  assert.deepEqual(warnings, ["json_schema_unenforced"]);
});

test("a schema that the provider refused goes the other way", () => {
  const { undo } = encode({ format: { type: "schema", schema: closed } }, OLDER, {
    refuses: new Set(["output_format"]),
  });
  assert.equal(undo.jsonTool, "json_response");
});

test("a JSON object is asked for, and its fence comes off", () => {
  const { body, warnings, undo } = encode({ format: { type: "json" } });
  assert.deepEqual(body.system, [{
    type: "text",
    text: "Reply with one valid JSON object and nothing else.",
  }]);
  assert.deepEqual(warnings, ["response_format"]);
  assert.equal(undo.stripFence, true);
});

test("a structured answer is never a continued one", () => {
  const messages = [user("a"), assistant("b")];
  const { body } = encode({ messages, format: { type: "schema", schema: closed } });
  assert.equal(body.messages.at(-1)?.role, "user");
});

function marked(text: string, cache: CacheMark = {}) {
  return { type: "text", text, cache } as const;
}

/** Where the cache marks of a body stand, with their lifetime. */
function marks(chat: Partial<ChatRequest>, target = {}): string[] {
  const found: string[] = [];
  const seek = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "cache_control") found.push(`${path}${inner.ttl ? ` ${inner.ttl}` : ""}`);
      else seek(inner, `${path}/${key}`);
    }
  };
  const { tools, system, messages, ...rest } = bodyOf(chat, OLDER, target);
  seek({ tools, system, messages, ...rest }, "");
  return found;
}

test("cache marks go with their part, also inside a tool result", () => {
  const inner = { ...result("c"), content: [marked("r")], cache: {} } as ReturnType<typeof result>;
  const messages = [
    user(marked("u", { ttl: "1h" })),
    assistant({ ...call("c"), cache: {} } as never),
    user(inner),
  ];
  assert.deepEqual(marks({ messages, tools: [NOW] }), [
    "/messages/0/content/0 1h",
    "/messages/1/content/0",
    "/messages/2/content/0/content/0",
    "/messages/2/content/0",
  ]);
});

test("of more than four marks the last four stay, and always the first of the instructions", () => {
  const messages = [
    system(marked("s"), marked("t")),
    user(marked("1"), marked("2"), marked("3"), marked("4")),
  ];
  const chat = { messages, tools: [tool("a", { cache: {} })] };
  assert.deepEqual(marks(chat), [
    "/system/0",
    "/messages/0/content/1",
    "/messages/0/content/2",
    "/messages/0/content/3",
  ]);
  assert.deepEqual(encode(chat).warnings, ["cache_control"]);
});

test("the mark of the request as a whole counts among the four", () => {
  const messages = [user(marked("1"), marked("2"), marked("3"), marked("4"))];
  assert.deepEqual(marks({ messages, cache: {} }), [
    "/messages/0/content/1",
    "/messages/0/content/2",
    "/messages/0/content/3",
    "",
  ]);
});

test("a longer lifetime behind a shorter one becomes the shorter one", () => {
  const messages = [user(marked("1", { ttl: "1h" }), marked("2"), marked("3", { ttl: "1h" }))];
  assert.deepEqual(marks({ messages }), [
    "/messages/0/content/0 1h",
    "/messages/0/content/1",
    "/messages/0/content/2",
  ]);
  assert.deepEqual(encode({ messages }).warnings, ["cache_control"]);
});

test("the operator may have every request marked, save those whose client places its own marks", () => {
  const options = { options: { autoCache: true } };
  assert.deepEqual(bodyOf({}, OLDER, options).cache_control, { type: "ephemeral" });
  assert.equal(bodyOf({ explicitCache: true }, OLDER, options).cache_control, undefined);
  assert.equal(bodyOf({}).cache_control, undefined);
});
