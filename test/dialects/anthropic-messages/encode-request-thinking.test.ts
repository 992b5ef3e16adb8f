import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Reasoning, Warning } from "../../../src/chat.ts";
import { assistant, call, encode, NOW, OLDER, result, user } from "./requests.ts";

const SHOWN = { type: "adaptive", display: "summarized" };

interface Expected {
  readonly thinking?: unknown;
  readonly effort?: string;
  readonly warnings?: readonly Warning[];
}

const cases: readonly (readonly [string, Reasoning | undefined, Expected])[] = [
  ["claude-opus-5", undefined, {}],
  ["claude-opus-5", { effort: "minimal" }, { thinking: SHOWN, effort: "low" }],
  ["claude-opus-5", { effort: "medium" }, { thinking: SHOWN, effort: "medium" }],
  ["claude-opus-5", { effort: "max" }, { thinking: SHOWN, effort: "max" }],
  ["claude-opus-4-6", { effort: "xhigh" }, {
    thinking: SHOWN,
    effort: "high",
    warnings: ["reasoning_effort"],
  }],
  ["claude-opus-4-6", { effort: "max" }, { thinking: SHOWN, effort: "max" }],
  ["claude-sonnet-4-5", { effort: "low" }, { thinking: { type: "enabled", budget_tokens: 2000 } }],
  ["claude-sonnet-4-5", { effort: "medium" }, { thinking: { type: "enabled", budget_tokens: 5000 } }],
  ["claude-sonnet-4-5", { effort: "high" }, { thinking: { type: "enabled", budget_tokens: 8000 } }],
  ["claude-sonnet-4-5", { effort: "max" }, { thinking: { type: "enabled", budget_tokens: 9500 } }],
  ["claude-opus-4-5", { effort: "max" }, {
    thinking: { type: "enabled", budget_tokens: 9500 },
    effort: "high",
  }],
  ["claude-3-haiku", { effort: "high" }, { warnings: ["max_tokens", "reasoning_effort"] }],

  ["claude-opus-5", { effort: "none" }, { thinking: { type: "disabled" } }],
  ["claude-sonnet-5-5", { effort: "none" }, { thinking: { type: "between_tools" } }],
  ["claude-fable-5-1", { effort: "none" }, { effort: "low", warnings: ["reasoning_effort"] }],
  ["claude-sonnet-4-5", { effort: "none" }, {}],
  ["claude-3-haiku", { effort: "none" }, { warnings: ["max_tokens"] }],

  ["claude-opus-5", { mode: "adaptive" }, { thinking: { type: "adaptive" } }],
  ["claude-opus-5", { mode: "adaptive", display: "omitted", effort: "high" }, {
    thinking: { type: "adaptive", display: "omitted" },
    effort: "high",
  }],
  ["claude-sonnet-4-5", { mode: "adaptive" }, {
    thinking: { type: "enabled", budget_tokens: 8000 },
    warnings: ["thinking"],
  }],
  ["claude-opus-5", { mode: "enabled", budget: 4000 }, { thinking: SHOWN, warnings: ["thinking"] }],
  ["claude-sonnet-4-5", { mode: "enabled", budget: 4000 }, {
    thinking: { type: "enabled", budget_tokens: 4000 },
  }],
  ["claude-sonnet-4-5", { mode: "enabled", budget: 20_000 }, {
    thinking: { type: "enabled", budget_tokens: 9999 },
    warnings: ["thinking"],
  }],
  ["claude-sonnet-4-5", { mode: "enabled", budget: 10 }, {
    thinking: { type: "enabled", budget_tokens: 1024 },
    warnings: ["thinking"],
  }],
  ["claude-sonnet-4-5", { mode: "disabled" }, {}],
  ["claude-opus-5", { mode: "disabled", effort: "max" }, {
    thinking: { type: "disabled" },
    effort: "high",
    warnings: ["reasoning_effort"],
  }],
  ["claude-sonnet-5", { mode: "disabled", effort: "max" }, { thinking: { type: "disabled" }, effort: "max" }],
  ["claude-sonnet-5-5", { mode: "disabled" }, {
    thinking: { type: "between_tools" },
    warnings: ["thinking"],
  }],
  ["claude-sonnet-5-5", { mode: "between_tools", effort: "xhigh" }, {
    thinking: { type: "between_tools" },
    effort: "high",
    warnings: ["reasoning_effort"],
  }],
  ["claude-opus-5", { mode: "between_tools" }, { thinking: { type: "disabled" }, warnings: ["thinking"] }],
  ["claude-fable-5-1", { mode: "disabled" }, { effort: "low", warnings: ["thinking"] }],
  ["claude-3-haiku", { mode: "adaptive" }, { warnings: ["max_tokens", "thinking"] }],
];

for (const [model, reasoning, expected] of cases) {
  test(`${model} with ${JSON.stringify(reasoning ?? "no word of it")}`, () => {
    const { body, warnings } = encode({ maxTokens: 10_000, ...(reasoning && { reasoning }) }, model);
    const { effort } = (body.output_config ?? {}) as { effort?: string };
    assert.deepEqual({ thinking: body.thinking, effort, warnings }, {
      thinking: expected.thinking,
      effort: expected.effort,
      warnings: expected.warnings ?? [],
    });
  });
}

test("a small limit leaves no room to think", () => {
  const { body, warnings } = encode({ maxTokens: 1024, reasoning: { effort: "high" } });
  assert.equal(body.thinking, undefined);
  assert.equal(body.max_tokens, 1024);
  assert.deepEqual(warnings, ["reasoning_effort"]);
});

test("a mode that the model was found to refuse is converted as if its table said so", () => {
  const { body, warnings } = encode({ reasoning: { mode: "enabled", budget: 2000 } }, "claude-opus-4-6", {
    refuses: new Set(["thinking.enabled"]),
  });
  assert.deepEqual(body.thinking, SHOWN);
  assert.deepEqual(warnings, ["thinking"]);
});

const loop = [user("go"), assistant(call("c")), user(result("c"))];

test("a budget is not set where the tool loop lacks its thoughts", () => {
  const chat: Partial<ChatRequest> = { messages: loop, tools: [NOW], reasoning: { effort: "high" } };
  const { body, warnings } = encode(chat);
  assert.equal(body.thinking, undefined);
  assert.deepEqual(warnings, ["reasoning_effort"]);
  assert.notEqual(encode(chat, "claude-opus-5").body.thinking, undefined);
});

test("a budget is set where the tool loop has its thoughts, whatever came before the loop", () => {
  const thought = { type: "thinking", text: "", signature: "s" } as const;
  const messages = [
    ...loop,
    assistant("done"),
    user("again"),
    assistant(thought, call("d")),
    user(result("d")),
  ];
  const { body, warnings } = encode({ messages, tools: [NOW], reasoning: { effort: "high" } });
  assert.deepEqual(body.thinking, { type: "enabled", budget_tokens: 25_600 });
  assert.deepEqual(warnings, []);
});

test("a budget that came of an effort gives way to a call that must be made", () => {
  const chat: Partial<ChatRequest> = {
    tools: [NOW],
    toolChoice: { type: "required" },
    reasoning: { effort: "high" },
  };
  const { body, warnings } = encode(chat);
  assert.equal(body.thinking, undefined);
  assert.deepEqual(body.tool_choice, { type: "any" });
  assert.deepEqual(warnings, ["reasoning_effort"]);
});

test("a budget that was asked for goes before a call that must be made", () => {
  const reasoning = { mode: "enabled", budget: 2000 } as const;
  const { body, warnings } = encode({ tools: [NOW], toolChoice: { type: "required" }, reasoning });
  assert.deepEqual(body.thinking, { type: "enabled", budget_tokens: 2000 });
  assert.deepEqual(body.tool_choice, { type: "auto" });
  assert.deepEqual(warnings, ["forced_tool_unsupported"]);
});

test("a thinking model does not continue an answer", () => {
  const { body } = encode({ messages: [user("a"), assistant("b")], reasoning: { effort: "low" } });
  assert.equal(body.messages.at(-1)?.role, "user");
});

test("another vendor's model gets its unsigned thoughts back, and goes on thinking", () => {
  const chat = {
    messages: [
      user("go"),
      assistant({ type: "thinking", text: "hm" }, {
        type: "tool-call",
        id: "call_1",
        name: "now",
        input: "{}",
        kind: "function",
      }),
      user({ type: "tool-result", id: "call_1", content: [], failed: false }),
    ],
    tools: [NOW],
    reasoning: { effort: "high" },
  } as const;
  const deepseek = encode(chat, "deepseek-v4");
  assert.equal(JSON.stringify(deepseek.body.messages[1]).includes('"thinking":"hm"'), true);
  assert.deepEqual([(deepseek.body.thinking as { type: string }).type, deepseek.warnings], ["enabled", []]);
  const claude = encode(chat, OLDER);
  assert.equal(JSON.stringify(claude.body.messages[1]).includes("hm"), false);
  assert.deepEqual([claude.body.thinking, claude.warnings], [undefined, [
    "thinking_dropped",
    "reasoning_effort",
  ]]);
});
