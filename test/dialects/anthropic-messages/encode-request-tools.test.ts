import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Tool } from "../../../src/chat.ts";
import type { JsonObject } from "../../../src/json.ts";
import { assistant, bodyOf, call, encode, NOW, OLDER, result, tool, user, warningsOf } from "./requests.ts";

const NO_FORCE = "claude-opus-5-5";

const schemas: readonly (readonly [string, JsonObject | undefined, JsonObject])[] = [
  ["none", undefined, { type: "object", properties: {} }],
  ["an empty one", {}, { type: "object", properties: {} }],
  ["one without a type", { properties: { a: {} } }, { type: "object", properties: { a: {} } }],
  [
    "one with keywords of every kind",
    {
      type: "object",
      description: "A place",
      properties: { place: { $ref: "#/definitions/place" }, unit: { enum: ["c", "f"] } },
      required: ["place"],
      additionalProperties: false,
      definitions: { place: { type: "string" } },
    },
    {
      type: "object",
      description: "A place",
      properties: { place: { $ref: "#/definitions/place" }, unit: { enum: ["c", "f"] } },
      required: ["place"],
      additionalProperties: false,
      definitions: { place: { type: "string" } },
    },
  ],
];

for (const [what, parameters, expected] of schemas) {
  test(`a tool with ${what} for a schema has an input schema`, () => {
    const given: Tool = { kind: "function", name: "now", ...(parameters && { parameters }) };
    assert.deepEqual(bodyOf({ tools: [given] }).tools, [{ name: "now", input_schema: expected }]);
    assert.deepEqual(warningsOf({ tools: [given] }), []);
  });
}

test("a tool keeps its description, its cache mark and its extension fields", () => {
  const given = tool("now", { description: "The time", cache: {}, extra: { defer_loading: true } });
  assert.deepEqual(bodyOf({ tools: [given] }).tools, [{
    defer_loading: true,
    name: "now",
    description: "The time",
    input_schema: { type: "object", properties: {} },
    cache_control: { type: "ephemeral" },
  }]);
});

test("alternatives at the root of a schema are merged, and told as they were", () => {
  const parameters: JsonObject = {
    properties: { id: { type: "string" } },
    required: ["id"],
    anyOf: [
      { type: "object", properties: { a: { type: "string" }, b: { type: "number" } }, required: ["a", "b"] },
      { $ref: "#/$defs/other" },
    ],
    $defs: { other: { properties: { b: { type: "string" } }, required: ["b"] } },
  };
  const { body, warnings } = encode({ tools: [tool("find", { description: "Finds", parameters })] });
  assert.deepEqual(body.tools, [{
    name: "find",
    description: `Finds\n\nInput schema: ${JSON.stringify(parameters)}`,
    input_schema: {
      type: "object",
      $defs: { other: { properties: { b: { type: "string" } }, required: ["b"] } },
      properties: { id: { type: "string" }, a: { type: "string" }, b: { type: "number" } },
      required: ["id", "b"],
    },
  }]);
  assert.deepEqual(warnings, ["tools"]);
});

test("of parts that must all hold, all that is required stays required", () => {
  const parameters: JsonObject = {
    type: "object",
    allOf: [
      { properties: { a: {} }, required: ["a"] },
      { properties: { b: {} }, required: ["b"] },
    ],
  };
  const [sent] = bodyOf({ tools: [tool("find", { parameters })] }).tools as unknown as {
    input_schema: unknown;
  }[];
  assert.deepEqual(sent?.input_schema, {
    type: "object",
    properties: { a: {}, b: {} },
    required: ["a", "b"],
  });
});

const closed: JsonObject = { type: "object", properties: {}, additionalProperties: false };

const strict: readonly (readonly [string, string, JsonObject, boolean])[] = [
  ["a closed schema", OLDER, closed, true],
  ["an open schema", OLDER, { type: "object", properties: {} }, false],
  ["a model that cannot be held to one", "claude-sonnet-4", closed, false],
  [
    "too many optional properties",
    OLDER,
    { ...closed, properties: Object.fromEntries(Array.from({ length: 25 }, (_, at) => [`f${at}`, {}])) },
    false,
  ],
];

for (const [what, model, parameters, kept] of strict) {
  test(`strict ${kept ? "stays" : "goes, with a warning,"} with ${what}`, () => {
    const { body, warnings } = encode({ tools: [tool("now", { parameters, strict: true })] }, model);
    const [sent] = body.tools as unknown as { strict?: unknown }[];
    assert.equal(sent?.strict, kept ? true : undefined);
    assert.deepEqual(warnings, kept ? [] : ["tools"]);
  });
}

test("strict: false is the default and is not sent", () => {
  const [sent] = bodyOf({ tools: [tool("now", { parameters: closed, strict: false })] })
    .tools as unknown as object[];
  assert.equal("strict" in (sent ?? {}), false);
});

test("a custom tool is a tool with one text, and the reply must be told of it", () => {
  const custom: Tool = { kind: "custom", name: "run", description: "Runs" };
  const { body, warnings, undo } = encode({ tools: [custom, NOW] });
  const [sent] = body.tools as unknown as JsonObject[];
  assert.deepEqual(sent, {
    name: "run",
    description: "Runs\n\nThe input is free text.",
    input_schema: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
  });
  assert.deepEqual([...undo.customTools ?? []], ["run"]);
  assert.deepEqual(warnings, []);
});

test("a grammar is told, with a warning that it is not enforced", () => {
  const format = { type: "grammar", grammar: { syntax: "regex", definition: "^a+$" } };
  const { body, warnings } = encode({ tools: [{ kind: "custom", name: "run", format }] });
  assert.match(JSON.stringify(body.tools), /\^a\+\$/);
  assert.deepEqual(warnings, ["tools"]);
});

for (const names of [["devserver.stop"], [""], ["x".repeat(129)], ["now", "now"]]) {
  test(`tools named ${names.join(" and ").slice(0, 20) || "nothing"} are refused`, () => {
    const param = `tools[${names.length - 1}].name`;
    assert.throws(() => bodyOf({ tools: names.map((name) => tool(name)) }), { code: "invalid_value", param });
  });
}

const two = [tool("a"), tool("b")];

type Codes = readonly string[];
const choices: readonly (readonly [string, Partial<ChatRequest>, unknown, Codes?, string?])[] = [
  ["nothing said", {}, undefined],
  ["one call at a time", { parallelToolCalls: false }, { type: "auto", disable_parallel_tool_use: true }],
  ["functions of the older shape", { legacyFunctions: true }, {
    type: "auto",
    disable_parallel_tool_use: true,
  }],
  ["several calls allowed", { parallelToolCalls: true }, undefined],
  ["auto", { toolChoice: { type: "auto" } }, { type: "auto" }],
  ["required", { toolChoice: { type: "required" } }, { type: "any" }],
  [
    "required, one at a time",
    { toolChoice: { type: "required" }, parallelToolCalls: false },
    { type: "any", disable_parallel_tool_use: true },
  ],
  ["none", { toolChoice: { type: "none" }, parallelToolCalls: false }, { type: "none" }],
  ["a named tool", { toolChoice: { type: "tool", name: "b" } }, { type: "tool", name: "b" }],
  ["required of a model that cannot be forced", { toolChoice: { type: "required" } }, { type: "auto" }, [
    "forced_tool_unsupported",
  ], NO_FORCE],
];

for (const [what, given, expected, warnings = [], model = OLDER] of choices) {
  test(`tool choice: ${what}`, () => {
    const encoded = encode({ tools: two, ...given }, model);
    assert.deepEqual(encoded.body.tool_choice, expected);
    assert.deepEqual(encoded.warnings, warnings);
    assert.equal((encoded.body.tools as unknown as unknown[]).length, 2);
  });
}

/** The names of the tools that are sent, and the choice. */
function chosen(given: Partial<ChatRequest>, model = OLDER) {
  const { body, warnings } = encode({ tools: [tool("a"), tool("b"), tool("c")], ...given }, model);
  return {
    names: (body.tools as unknown as { name: string }[]).map(({ name }) => name),
    choice: body.tool_choice,
    warnings,
  };
}

test("a model that cannot be forced is left the named tool alone", () => {
  assert.deepEqual(chosen({ toolChoice: { type: "tool", name: "b" } }, NO_FORCE), {
    names: ["b"],
    choice: { type: "auto" },
    warnings: ["forced_tool_unsupported"],
  });
});

test("allowed tools are those that are sent, in the declared order", () => {
  const allowed = { type: "allowed", names: ["c", "a"] } as const;
  assert.deepEqual(chosen({ toolChoice: { ...allowed, mode: "auto" } }), {
    names: ["a", "c"],
    choice: { type: "auto" },
    warnings: ["cache"],
  });
  assert.deepEqual(chosen({ toolChoice: { ...allowed, mode: "required" } }).choice, { type: "any" });
  assert.deepEqual(chosen({ toolChoice: { type: "allowed", mode: "required", names: [] } }), {
    names: ["a", "b", "c"],
    choice: { type: "none" },
    warnings: [],
  });
});

const impossible: readonly (readonly [string, Partial<ChatRequest>])[] = [
  ["a call without tools", { toolChoice: { type: "required" } }],
  ["a named tool without tools", { toolChoice: { type: "tool", name: "a" } }],
  ["a tool that is not declared", { tools: two, toolChoice: { type: "tool", name: "z" } }],
  ["an allowed tool that is not declared", {
    tools: two,
    toolChoice: { type: "allowed", mode: "auto", names: ["z"] },
  }],
];

for (const [what, given] of impossible) {
  test(`${what} is refused`, () => {
    assert.throws(() => bodyOf(given), { code: "invalid_value", param: "tool_choice" });
  });
}

test("a history with calls gets definitions of its tools, which may not be called", () => {
  const messages = [
    user("go"),
    assistant(call("1", "{}", "b"), call("2", "{}", "a")),
    user(result("1"), result("2")),
    assistant(call("3", "{}", "b")),
    user(result("3")),
  ];
  const { body, warnings } = encode({ messages });
  assert.deepEqual(body.tools, [
    { name: "b", input_schema: { type: "object" } },
    { name: "a", input_schema: { type: "object" } },
  ]);
  assert.deepEqual(body.tool_choice, { type: "none" });
  assert.deepEqual(warnings, []);
});
