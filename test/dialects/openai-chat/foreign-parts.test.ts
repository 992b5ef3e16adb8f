/** What clients of other vendors send to this API, read where it can mean one thing alone. */

import { deepEqual, throws } from "node:assert/strict";
import { test } from "node:test";
import type { Part } from "../../../src/chat.ts";
import type { JsonObject } from "../../../src/json.ts";
import { decode, user } from "./_request.ts";

const png = "iVBORw0KGgo=";
const ASK: JsonObject = { role: "user", content: "x" };

function assistant(message: JsonObject) {
  const { messages, losses } = decode({ messages: [ASK, { role: "assistant", ...message }, ASK] });
  return {
    parts: messages[1]?.content,
    losses: losses.map(({ field, code, refuse }) => [field, code, refuse]),
  };
}

const PARTS: readonly [string, JsonObject, Part[]][] = [
  ["Mistral's thinking", {
    type: "thinking",
    thinking: [{ type: "text", text: "h" }, { type: "text", text: "m" }],
  }, [
    { type: "thinking", text: "hm" },
  ]],
  ["a signed thought", { type: "thinking", thinking: "hm", signature: "S" }, [
    { type: "thinking", text: "hm", signature: "S" },
  ]],
  ["a thought with an empty signature", { type: "thinking", thinking: "hm", signature: "" }, [
    { type: "thinking", text: "hm" },
  ]],
  ["a hidden thought", { type: "redacted_thinking", data: "D" }, [{ type: "redacted-thinking", data: "D" }]],
];
for (const [what, part, expected] of PARTS) {
  test(`an assistant's message may have ${what}`, () => {
    const text = { type: "text", text: "a" } as const;
    deepEqual(assistant({ content: [part, text] }), { parts: [...expected, text], losses: [] });
  });
}

test("images and references of an earlier answer are left out with a warning", () => {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } };
  const parts = [{ type: "text", text: "a" }];
  deepEqual(assistant({ content: "a", images: [image] }), {
    parts,
    losses: [["messages[1].images", "images", false]],
  });
  deepEqual(assistant({ content: [...parts, image, { type: "reference", reference_ids: [1] }] }), {
    parts,
    losses: [["messages[1].content[1]", "images", false], ["messages[1].content[2]", "citations", false]],
  });
  deepEqual(assistant({ content: "a", images: [] }), { parts, losses: [] });
});

test("blocks of the Messages API are read as what they are", () => {
  const chat = decode({
    messages: [
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
          { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
          { type: "document", title: "t.txt", source: { type: "text", media_type: "text/plain", data: "T" } },
          { type: "text", text: "x", cache_control: { type: "ephemeral" } },
        ],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: { a: 1 } }] },
      {
        role: "user",
        content: [
          { type: "text", text: "and" },
          { type: "tool_result", tool_use_id: "t1", is_error: true, content: [{ type: "text", text: "ok" }] },
        ],
      },
    ],
  });
  deepEqual(chat.losses, []);
  deepEqual(chat.messages, [
    {
      role: "user",
      content: [
        { type: "image", source: { type: "base64", mediaType: "image/png", data: png } },
        { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
        { type: "document", source: { type: "text", text: "T" }, title: "t.txt" },
        { type: "text", text: "x", cache: {} },
      ],
    },
    {
      role: "assistant",
      content: [{ type: "tool-call", id: "t1", name: "f", input: '{"a":1}', kind: "function" }],
    },
    {
      role: "user",
      content: [
        { type: "tool-result", id: "t1", content: [{ type: "text", text: "ok" }], failed: true },
        { type: "text", text: "and" },
      ],
    },
  ]);
});

test("what is not shaped like one of them is refused by its place", () => {
  const refused = (part: JsonObject, param: string) =>
    throws(() => decode(user(part)), { code: "invalid_value", param, status: 400 });
  refused(
    { type: "image", source: { type: "base64", data: png } },
    "messages[0].content[0].source.media_type",
  );
  refused({ type: "image", source: { type: "file", file_id: "x" } }, "messages[0].content[0].source.type");
  refused({ type: "tool_result", content: "x" }, "messages[0].content[0].tool_use_id");
  refused({ type: "tool_use", id: "x", name: "f", input: {} }, "messages[0].content[0].type");
  throws(() => assistant({ content: [{ type: "tool_use", id: "x", name: "f", input: "{}" }] }), {
    param: "messages[1].content[0].input",
  });
});

const parameters: JsonObject = { type: "object", properties: {} };
const TOOLS: readonly [string, JsonObject][] = [
  ["without its type", { function: { name: "f", parameters } }],
  ["without an object around it", { type: "function", name: "f", parameters }],
];
for (const [what, tool] of TOOLS) {
  test(`a tool ${what} is a function`, () => {
    const { tools, losses } = decode({ tools: [tool] });
    deepEqual(tools, [{ kind: "function", name: "f", parameters }]);
    deepEqual(losses, []);
  });
}

test("a custom tool may be without its type, and what is neither has none", () => {
  deepEqual(decode({ tools: [{ custom: { name: "f" } }] }).tools, [{ kind: "custom", name: "f" }]);
  throws(() => decode({ tools: [{ name: "f" }] }), { param: "tools[0].type" });
  throws(() => decode({ tools: [{ type: "function" }] }), { param: "tools[0].function" });
});

const CHOICES: readonly [JsonObject | string, JsonObject][] = [
  ["any", { type: "required" }],
  [{ type: "any" }, { type: "required" }],
  [{ type: "auto" }, { type: "auto" }],
  [{ type: "none" }, { type: "none" }],
  [{ type: "tool", name: "f" }, { type: "tool", name: "f" }],
  [{ type: "function", name: "f" }, { type: "tool", name: "f" }],
];
for (const [choice, expected] of CHOICES) {
  test(`the choice ${JSON.stringify(choice)} is ${JSON.stringify(expected)}`, () => {
    const tools = [{ type: "function", function: { name: "f", parameters } }];
    deepEqual(decode({ tools, tool_choice: choice }).toolChoice, expected);
  });
}

test("other servers' words for what is usual are that", () => {
  for (const tier of ["on_demand", "standard", "standard_only"]) {
    deepEqual(decode({ service_tier: tier }).serviceTier, "default");
  }
  throws(() => decode({ service_tier: "gold" }), { param: "service_tier" });
  deepEqual(decode({ reasoning_effort: "default" }).reasoning, undefined);
  throws(() => decode({ reasoning_effort: "hard" }), { param: "reasoning_effort" });
});
