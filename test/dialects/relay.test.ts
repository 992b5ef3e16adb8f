/**
 * What a relay changes in the client's bytes: what another maker's model left in the history, and for a model that
 * stands in, what it is known to refuse. Everything else goes on byte for byte.
 */

import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { clientRequest, prepare } from "../../src/dialects/bridge.ts";
import { toolUseId } from "../../src/dialects/anthropic-messages/encode-reply.ts";
import type { TargetModel } from "../../src/dialects/dialect.ts";
import { DIALECTS } from "../../src/dialects/registry.ts";
import { parseBody } from "../../src/http.ts";
import type { JsonObject } from "../../src/json.ts";

type Target = Partial<TargetModel> & { readonly learned?: readonly string[] };

function relayed(dialect: string, text: string, model: string, { learned = [], ...target }: Target = {}) {
  const found = DIALECTS.get(dialect);
  if (!found) throw new Error(dialect);
  const request = clientRequest(found, parseBody(new TextEncoder().encode(text)), {});
  const prepared = prepare(
    request,
    found,
    { model, options: {}, refuses: new Set(learned), ...target },
    (chat) => chat,
  );
  const body = typeof prepared.body === "string" ? prepared.body : new TextDecoder().decode(prepared.body);
  return { text: body, body: JSON.parse(body) as JsonObject, warnings: prepared.warnings, prepared };
}

const messages = (text: string, model: string, target?: Target) =>
  relayed("anthropic-messages", text, model, target);
const chat = (text: string, model: string, target?: Target) => relayed("openai-chat", text, model, target);

// --- the model asked for, its client's own dialect ---

const ODD = ' "x" : [1.50,1e400,-0,12345678901234567890,"\\u00e9\\/"] ';

test("a thought without a proof goes, alone and with its comma, before a model that signs its own", () => {
  const body = (block: string) =>
    `{ "model":"claude-sonnet-4-5",${ODD}, "messages":[ {"role":"user","content":"hi"},\n` +
    `{"role":"assistant","content":[ ${block}{"type":"text","text":"h\\u00e9"} ]},{"role":"user","content":"go"} ] }\n`;
  for (const signature of ["", ',"signature":""', ',"signature":null']) {
    const { text, warnings } = messages(
      body(`{"type":"thinking","thinking":"t"${signature}}, `),
      "claude-sonnet-4-5",
    );
    equal(text, body(""));
    deepEqual(warnings, ["thinking_dropped"]);
  }
});

test("a request in which nothing is foreign is the very bytes that came", () => {
  const text = JSON.stringify({
    model: "claude-sonnet-4-5",
    thinking: { type: "enabled", budget_tokens: 2000 },
    max_tokens: 3000,
    messages: [
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "", signature: "S" },
          { type: "redacted_thinking", data: "D" },
          { type: "tool_use", id: "toolu_1", name: "x", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "ok" }] },
      { role: "system", content: "odd place" },
      { role: "assistant", content: "prefilled" },
    ],
    temperature: 0.5,
    top_p: 0.5,
    tool_choice: { type: "any" },
    unheard_of: { thing: 1 },
  });
  const { prepared, warnings } = messages(text, "claude-sonnet-4-5", {
    learned: ["temperature", "prefill", "mid_system", "forced_tool", "unheard_of", "max_tokens<=5"],
  });
  equal(prepared.body instanceof Uint8Array && new TextDecoder().decode(prepared.body), text);
  deepEqual(warnings, []);
});

test("other vendors' models get back the thoughts and ids that they gave", () => {
  const text = JSON.stringify({
    model: "glm-5",
    max_tokens: 100,
    messages: [
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "t", signature: "" },
          { type: "tool_use", id: "functions.x:0", name: "x", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "functions.x:0", content: "ok" }] },
    ],
  });
  equal(messages(text, "glm-5").text, text);
});

test("an assistant's turn of such a thought alone goes whole", () => {
  const { body } = messages(
    JSON.stringify({
      model: "claude-opus-5",
      max_tokens: 9,
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: [{ type: "thinking", thinking: "t", signature: "" }] },
        { role: "user", content: "b" },
      ],
    }),
    "claude-opus-5",
  );
  deepEqual(body.messages, [{ role: "user", content: "a" }, { role: "user", content: "b" }]);
});

test("a thinking budget goes with the thought of the open tool loop, which it would demand", () => {
  const loop = (thought: JsonObject, thinking: JsonObject) =>
    JSON.stringify({
      model: "claude-sonnet-4-5",
      max_tokens: 9000,
      thinking,
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: [thought, { type: "tool_use", id: "call_1", name: "x", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "ok" }] },
      ],
    });
  const unsigned = { type: "thinking", thinking: "t", signature: "" };
  const signed = { type: "thinking", thinking: "t", signature: "S" };
  const budget = { type: "enabled", budget_tokens: 2000 };
  const model = "claude-sonnet-4-5";
  const without = messages(loop(unsigned, budget), model);
  deepEqual([without.body.thinking, without.warnings], [undefined, ["thinking_dropped", "thinking"]]);
  deepEqual(messages(loop(signed, budget), model).body.thinking, budget);
  deepEqual(messages(loop(unsigned, { type: "adaptive" }), model).body.thinking, { type: "adaptive" });
});

const THOUGHT_EXPECTED = {
  type: "error",
  error: {
    type: "invalid_request_error",
    message: "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
  },
};

test("a tool loop that another model began has no thought to demand, whoever made the ids of its calls", () => {
  const loop = (id: string) =>
    JSON.stringify({
      model: "claude-sonnet-4-5",
      max_tokens: 9000,
      thinking: { type: "enabled", budget_tokens: 2000 },
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: [{ type: "tool_use", id, name: "x", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "ok" }] },
      ],
    });
  const model = "claude-sonnet-4-5";
  const teaches = (id: string) => {
    const { prepared } = messages(loop(id), model);
    return prepared.correct(DIALECTS.get("anthropic-messages")!.decodeError(400, THOUGHT_EXPECTED, {}));
  };
  for (const id of ["call_1", toolUseId("functions.x:0", "r", 0), toolUseId("", "r", 0)]) {
    deepEqual(teaches(id), { refuses: ["tool_loop_thinking"], once: true }, id);
    equal(messages(loop(id), model, { learned: ["tool_loop_thinking"] }).body.thinking, undefined);
    // A model that stands in is not the one whose thoughts the client could have kept.
    const standIn = messages(loop(id), model, { standsIn: true });
    deepEqual([standIn.body.thinking, standIn.warnings], [undefined, ["thinking"]]);
  }
  // Thoughts of its own the client has left out itself.
  for (const id of ["toolu_01A09q90qw90lq917835lq9", "toolu_bdrk_01AbC"]) equal(teaches(id), undefined, id);
});

test("ids that the API refuses get others, calls and results alike, each its own, the same in every turn", () => {
  const turn = (id: string) => [
    { role: "assistant", content: [{ type: "tool_use", id, name: "x", input: { id: "functions.x:0" } }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "ok" }] },
  ];
  const ask = (turns: readonly object[]) =>
    JSON.stringify({
      model: "claude-opus-5",
      max_tokens: 9,
      messages: [{ role: "user", content: "a" }, ...turns],
    });
  type Blocks = readonly { content: readonly { id?: string; tool_use_id?: string; input?: object }[] }[];
  const ids = (turns: readonly object[]) =>
    (messages(ask(turns), "claude-opus-5").body.messages as unknown as Blocks).slice(1).map(({ content }) =>
      content[0]?.id ?? content[0]?.tool_use_id ?? ""
    );
  const first = ids(turn("functions.x:0"));
  const all = ids([
    ...turn("functions.x:0"),
    ...turn("functions.x.0"),
    ...turn("functions.x:0"),
    ...turn("0"),
    ...turn("0"),
  ]);
  deepEqual(all.slice(0, 2), first);
  for (const id of all) match(id, /^[a-zA-Z0-9_-]+$/);
  const calls = all.filter((_, at) => at % 2 === 0);
  deepEqual(all.filter((_, at) => at % 2 === 1), calls);
  equal(new Set(calls).size, calls.length);
  // What a call was given is nobody's id.
  match(messages(ask(turn("functions.x:0")), "claude-opus-5").text, /"input":\{"id":"functions.x:0"\}/);
});

test("the same ids are those of a translation: a cached beginning stays one", () => {
  const found = DIALECTS.get("anthropic-messages");
  const asked = {
    model: "any",
    max_tokens: 9,
    messages: [
      { role: "user", content: "a" },
      { role: "assistant", content: [{ type: "tool_use", id: "functions.x:0", name: "x", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "functions.x:0", content: "ok" }] },
    ],
    tools: [{ name: "x", input_schema: { type: "object" } }],
  };
  const translated = found?.encodeRequest(found.decodeRequest(asked, {}), {
    model: "claude-opus-5",
    options: {},
    refuses: new Set(),
  });
  const idIn = (text: string) => /"id":"([^"]+)"/.exec(text)?.[1];
  equal(idIn(messages(JSON.stringify(asked), "claude-opus-5").text), idIn(JSON.stringify(translated?.body)));
});

// --- chat ---

const CLAUDES = {
  type: "reasoning.text",
  text: "t",
  signature: "S",
  format: "anthropic-claude-v1",
  index: 0,
};
const history = (message: JsonObject) =>
  JSON.stringify({
    model: "m",
    messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b", ...message }, {
      role: "user",
      content: "c",
    }],
  });
const sent = (message: JsonObject, model: string, target?: Target) => {
  const { body, warnings } = chat(history(message), model, target);
  const { role: _, content: __, ...rest } = (body.messages as JsonObject[])[1] ?? {};
  return [rest, warnings];
};

test("Claude's signed thoughts, and their text, go to Claude alone", () => {
  const given = { reasoning_content: "t", reasoning_details: [CLAUDES] };
  for (const model of ["llama-3.3-70b-versatile", "mistral-large", "zai-glm-4.6", "gpt-5", "strict"]) {
    deepEqual(sent(given, model), [{}, ["thinking_dropped"]]);
  }
  deepEqual(sent(given, "anthropic/claude-opus-5"), [given, []]);
  // The text is what some servers want back, whoever thought it.
  deepEqual(sent(given, "deepseek-v4", { options: { reasoningEcho: true } }), [
    { reasoning_content: "t" },
    ["thinking_dropped"],
  ]);
});

test("text of thoughts that says nothing of its maker is its own model's", () => {
  const given = { reasoning_content: "t" };
  deepEqual(sent(given, "deepseek-v4"), [given, []]);
  deepEqual(sent(given, "strict", { learned: ["messages.reasoning_content"] }), [{}, ["thinking_dropped"]]);
});

test("a proof of another maker goes, the target's own stays", () => {
  const gemini = { type: "reasoning.encrypted", data: "D", format: "google-gemini-v1" };
  const details = (...reasoning_details: JsonObject[]) => ({ reasoning_details });
  deepEqual(sent(details(gemini, CLAUDES), "google/gemini-3-pro")[0], details(gemini));
  deepEqual(sent(details(gemini, CLAUDES), "claude-opus-5")[0], details(CLAUDES));
  deepEqual(sent(details(gemini), "openai/gpt-5")[0], {});
  const unknown = { type: "reasoning.text", text: "t" };
  deepEqual(sent(details(unknown), "strict")[0], details(unknown));
});

test("thoughts among the parts of the content go to their maker's models alone", () => {
  const text = { type: "text", text: "b" };
  const mistrals = { type: "thinking", thinking: [{ type: "text", text: "t" }] };
  const claudes = { type: "thinking", thinking: "t", signature: "S" };
  const content = (model: string, ...content: JsonObject[]) => {
    const { body, warnings } = chat(history({ content }), model);
    return [(body.messages as JsonObject[])[1]?.content, warnings];
  };
  deepEqual(content("gpt-5", mistrals, text), [[text], ["thinking_dropped"]]);
  deepEqual(content("llama-3.3-70b", mistrals), ["", ["thinking_dropped"]]);
  deepEqual(content("magistral-medium", mistrals, text), [[mistrals, text], []]);
  deepEqual(content("anthropic/claude-opus-5", claudes, text), [[claudes, text], []]);
  deepEqual(content("mistral-large", claudes, text), [[text], ["thinking_dropped"]]);
});

test("Gemini's signatures on tool calls stay, but for models that are none", () => {
  const call = { id: "c1", type: "function", function: { name: "x", arguments: "{}" } };
  const signed = { ...call, extra_content: { google: { thought_signature: "S" } } };
  deepEqual(sent({ tool_calls: [signed] }, "llama-3.3-70b")[0], { tool_calls: [call] });
  deepEqual(sent({ tool_calls: [signed] }, "gpt-5")[0], { tool_calls: [call] });
  for (const model of ["gemini-3-flash", "my-flash"]) {
    deepEqual(sent({ tool_calls: [signed] }, model)[0], { tool_calls: [signed] });
  }
});

test("ids of calls are changed for models that are known to refuse them", () => {
  const long = `chatcmpl-tool-${"0".repeat(32)}`;
  const ask = (id: string) =>
    JSON.stringify({
      model: "m",
      messages: [
        {
          role: "assistant",
          tool_calls: [{ id, type: "function", function: { name: "x", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: id, content: "ok" },
      ],
    });
  const idOf = (id: string, model: string, target?: Target) => {
    const [one, other] = chat(ask(id), model, target).body.messages as unknown as [
      { tool_calls: [{ id: string }] },
      { tool_call_id: string },
    ];
    equal(one.tool_calls[0].id, other.tool_call_id);
    return other.tool_call_id;
  };
  equal(idOf(long, "qwen3"), long);
  match(idOf(long, "gpt-5"), /^call_[0-9a-f]{32}$/);
  equal(idOf("call_1", "gpt-5"), "call_1");
  match(idOf("toolu_01", "mistral-large"), /^[a-zA-Z0-9]{9}$/);
  equal(idOf("abcABC123", "mistral-large"), "abcABC123");
  match(idOf("toolu_01", "own", { learned: ["call_ids<=9"] }), /^[a-zA-Z0-9]{9}$/);
});

// --- a model that stands in ---

const standIn = (body: JsonObject, model: string, ...learned: string[]) => {
  const { body: after, warnings } = messages(
    JSON.stringify({
      model: "claude-sonnet-5",
      max_tokens: 9000,
      messages: [{ role: "user", content: "a" }],
      ...body,
    }),
    model,
    { standsIn: true, learned },
  );
  const { model: _, ...rest } = after;
  return [rest, warnings] as const;
};
const hi = [{ role: "user", content: "a" }];
const PLAIN = { max_tokens: 9000, messages: hi };
const tool = (name: string, more: JsonObject = {}) => ({ name, input_schema: { type: "object" }, ...more });

/** Title, model, request, request afterwards, warnings, lessons. */
const STANDS_IN: readonly (readonly [string, string, JsonObject, JsonObject, readonly string[], string?])[] =
  [
    [
      "thinking in a mode that it does not know",
      "claude-haiku-4-5",
      { thinking: { type: "adaptive" }, output_config: { effort: "high" } },
      { ...PLAIN, thinking: { type: "enabled", budget_tokens: 7200 } },
      ["thinking", "reasoning_effort"],
    ],
    [
      "thinking by a budget, newer",
      "claude-opus-5-5",
      { thinking: { type: "enabled", budget_tokens: 2000 } },
      { ...PLAIN, thinking: { type: "adaptive", display: "summarized" } },
      ["thinking"],
    ],
    [
      "thinking that it takes stays as it was written",
      "claude-opus-4-8",
      {
        thinking: { type: "adaptive", display: "omitted", block_binding: { x: 1 } },
        output_config: { effort: "max", x: 1 },
      },
      {
        ...PLAIN,
        thinking: { type: "adaptive", display: "omitted", block_binding: { x: 1 } },
        output_config: { effort: "max", x: 1 },
      },
      [],
    ],
    [
      "a limit above its own",
      "claude-3-haiku",
      { max_tokens: 64_000 },
      { max_tokens: 4096, messages: hi },
      ["max_tokens"],
    ],
    [
      "a budget that the smaller limit leaves no room for",
      "claude-opus-4-1",
      { max_tokens: 64_000, thinking: { type: "enabled", budget_tokens: 50_000 } },
      { max_tokens: 32_000, messages: hi, thinking: { type: "enabled", budget_tokens: 31_999 } },
      ["max_tokens", "thinking"],
    ],
    ["sampling", "claude-opus-5", { temperature: 0.5, top_k: 5 }, PLAIN, ["temperature", "top_k"]],
    [
      "two ways to sample",
      "claude-sonnet-4-5",
      { temperature: 0.5, top_p: 0.5 },
      { ...PLAIN, temperature: 0.5 },
      ["top_p"],
    ],
    [
      "a forced call",
      "claude-opus-5-5",
      {
        tools: [tool("x"), tool("y")],
        tool_choice: { type: "tool", name: "y", disable_parallel_tool_use: true },
      },
      { ...PLAIN, tools: [tool("y")], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
      ["forced_tool_unsupported"],
    ],
    [
      "structure",
      "claude-sonnet-4-20250514",
      {
        system: "S",
        output_config: { format: { type: "json_schema", schema: { type: "object" } } },
        tools: [tool("x", { strict: true, other: 1 })],
      },
      {
        ...PLAIN,
        system: 'S\n\nReply with one JSON value matching this schema and nothing else.\n{"type":"object"}',
        tools: [tool("x", { other: 1 })],
      },
      ["json_schema_unenforced", "tools"],
    ],
    [
      "instructions in the middle and a prefilled turn",
      "claude-opus-4-7",
      { messages: [...hi, { role: "system", content: "S" }, { role: "assistant", content: "b" }] },
      {
        ...PLAIN,
        messages: [
          ...hi,
          { role: "user", content: "<system-reminder>S</system-reminder>" },
          { role: "assistant", content: "b" },
          { role: "user", content: "Continue." },
        ],
      },
      ["mid_system", "prefill_unsupported"],
    ],
    [
      "thoughts, for a model that has none",
      "claude-3-haiku",
      {
        max_tokens: 10,
        messages: [...hi, {
          role: "assistant",
          content: [{ type: "thinking", thinking: "t", signature: "S" }, { type: "text", text: "b" }],
        }, ...hi],
      },
      {
        max_tokens: 10,
        messages: [...hi, { role: "assistant", content: [{ type: "text", text: "b" }] }, ...hi],
      },
      ["thinking_dropped"],
    ],
    [
      "a field that it was found not to know",
      "claude-opus-5",
      { context_management: { edits: [] } },
      PLAIN,
      ["context_management"],
      "context_management",
    ],
    ["nothing that it refuses", "claude-opus-4-8", { x: 1 }, { ...PLAIN, x: 1 }, []],
  ];
for (const [title, model, before, after, warnings, ...learned] of STANDS_IN) {
  test(`standing in, Messages: ${title}`, () =>
    deepEqual(standIn(before, model, ...learned as string[]), [after, warnings]));
}

const chatStandIn = (body: JsonObject, model: string, ...learned: string[]) => {
  const { body: after, warnings } = chat(JSON.stringify({ model: "gpt-5", messages: hi, ...body }), model, {
    standsIn: true,
    learned,
  });
  const { model: _, ...rest } = after;
  return [rest, warnings] as const;
};
const fn = { type: "function", function: { name: "x" } };
const CHAT_STANDS_IN: typeof STANDS_IN = [
  [
    "the limit's older name",
    "mistral-large",
    { max_completion_tokens: 5 },
    { messages: hi, max_tokens: 5 },
    [],
  ],
  ["the limit's newer name", "gpt-4o", { max_tokens: 5 }, { messages: hi, max_completion_tokens: 5 }, []],
  [
    "a learned limit",
    "qwen3",
    { max_tokens: 5 },
    { messages: hi, max_tokens: 3 },
    ["max_tokens"],
    "max_tokens<=3",
  ],
  [
    "sampling and stops",
    "o3",
    { temperature: 0.5, top_p: 1, stop: "x" },
    { messages: hi },
    ["temperature", "stop"],
  ],
  ["an effort that it does not know", "gpt-5.1", { reasoning_effort: "xhigh" }, {
    messages: hi,
    reasoning_effort: "high",
  }, ["reasoning_effort"]],
  ["an effort, and it does not reason", "gpt-4o", { reasoning_effort: "high" }, { messages: hi }, [
    "reasoning_effort",
  ]],
  ["an effort of a server's own", "qwen3", { reasoning_effort: "default" }, {
    messages: hi,
    reasoning_effort: "default",
  }, []],
  ["an effort and functions", "gpt-5.4", { reasoning_effort: "high", tools: [fn] }, {
    messages: hi,
    reasoning_effort: "none",
    tools: [fn],
  }, ["reasoning_effort"]],
  ["the person's id", "llama-3.3-70b", { safety_identifier: "u" }, { messages: hi }, ["safety_identifier"]],
  ["the newer role", "qwen3", { messages: [{ role: "developer", content: "S" }, ...hi] }, {
    messages: [{ role: "system", content: "S" }, ...hi],
  }, []],
  [
    "a field that it was found not to know",
    "qwen3",
    { seed: 1, n: 1 },
    { messages: hi, n: 1 },
    ["seed"],
    "seed",
  ],
  [
    "a choice that it was found to refuse",
    "deepseek-reasoner",
    { tools: [fn], tool_choice: "required" },
    { messages: hi, tools: [fn], tool_choice: "auto" },
    ["forced_tool_unsupported"],
    "forced_tool",
  ],
];
for (const [title, model, before, after, warnings, ...learned] of CHAT_STANDS_IN) {
  test(`standing in, chat: ${title}`, () =>
    deepEqual(chatStandIn(before, model, ...learned as string[]), [after, warnings]));

  test(`asked for, chat, the client's affair: ${title}`, () => {
    const { text, warnings } = chat(JSON.stringify({ model, messages: hi, ...before }), model, {
      learned: learned as string[],
    });
    deepEqual([text, warnings], [JSON.stringify({ model, messages: hi, ...before }), []]);
  });
}

test("a model that stands in and holds no answer to a schema is asked for its form in words", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const ask = (content: unknown) =>
    JSON.stringify({
      model: "m",
      messages: [{ role: "user", content }],
      response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } },
    });
  const words = `Reply with one JSON value matching this schema and nothing else.\n${JSON.stringify(schema)}`;
  const learned = ["response_format.json_schema", "response_format.strict"];
  const told = chat(ask("hi"), "other", { learned, standsIn: true });
  deepEqual(told.body.response_format, { type: "json_object" });
  deepEqual(told.body.messages, [{ role: "user", content: `${words}\n\nhi` }]);
  deepEqual(told.warnings, ["json_schema_unenforced"]);
  const parts = chat(ask([{ type: "text", text: "hi" }]), "other", { learned, standsIn: true });
  deepEqual(parts.body.messages, [
    { role: "user", content: [{ type: "text", text: words }, { type: "text", text: "hi" }] },
  ]);
  const late = JSON.parse(ask("hi")) as { messages: unknown[] };
  late.messages.push({ role: "system", content: "S" });
  const both = chat(JSON.stringify(late), "other", { learned: [...learned, "late_system"], standsIn: true });
  deepEqual(both.body.messages, [
    { role: "user", content: `${words}\n\nhi\n\n<system-reminder>S</system-reminder>` },
  ]);
  // The model asked for gets what its client wrote.
  equal(chat(ask("hi"), "m", { learned }).text, ask("hi"));
});
