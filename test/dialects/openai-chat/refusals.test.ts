import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { body, decode, user } from "./_request.ts";

const text = (words: string) => ({ type: "text", text: words }) as const;
const image = (url: string): JsonObject => ({ type: "image_url", image_url: { url } });
const file = (fields: JsonObject): JsonObject => ({ type: "file", file: fields });
const now = { type: "function", function: { name: "now" } };
const assistant = (...tool_calls: JsonObject[]): JsonObject => ({
  role: "assistant",
  content: null,
  tool_calls,
});
const call = (id: string): JsonObject => ({
  id,
  type: "function",
  function: { name: "now", arguments: "{}" },
});
const REFUSED: readonly [string, JsonObject, string][] = [
  ["no messages", { messages: [] }, "messages"],
  ["messages that are no list", { messages: "hi" }, "messages"],
  ["an unknown role", { messages: [{ role: "robot", content: "x" }] }, "messages[0].role"],
  ["a message without content", { messages: [{ role: "user" }] }, "messages[0].content"],
  ["a message that is a text", { messages: ["hi"] }, "messages[0]"],
  ["an unknown part", user(text("a"), { type: "video" }), "messages[0].content[1].type"],
  ["a part that is no object", { messages: [{ role: "user", content: ["a"] }] }, "messages[0].content[0]"],
  ["an image in a system message", {
    messages: [{ role: "system", content: [image("https://example.com/a.png")] }],
  }, "messages[0].content[0].type"],
  [
    "an http image",
    user(image("http://169.254.169.254/latest/meta-data")),
    "messages[0].content[0].image_url.url",
  ],
  ["an SVG image", user(image("data:image/svg+xml;base64,PHN2Zy8+")), "messages[0].content[0].image_url.url"],
  ["broken base64", user(image("data:image/png;base64,@@@")), "messages[0].content[0].image_url.url"],
  [
    "an unknown resolution",
    user({ type: "image_url", image_url: { url: "https://a.b/c", detail: "best" } }),
    "messages[0].content[0].image_url.detail",
  ],
  [
    "an archive",
    user(file({ filename: "a.zip", file_data: "UEsDBA==" })),
    "messages[0].content[0].file.file_data",
  ],
  [
    "a text file that is not UTF-8",
    user(file({ filename: "a.txt", file_data: "/w==" })),
    "messages[0].content[0].file.file_data",
  ],
  ["a file without data", user(file({ filename: "a.txt" })), "messages[0].content[0].file.file_data"],
  [
    "an unknown lifetime",
    user({ ...text("a"), cache_control: { type: "ephemeral", ttl: "2h" } }),
    "messages[0].content[0].cache_control.ttl",
  ],
  [
    "a result without its call's id",
    { messages: [{ role: "tool", content: "x" }] },
    "messages[0].tool_call_id",
  ],
  [
    "a call without an id",
    { messages: [assistant({ function: { name: "now" } })] },
    "messages[0].tool_calls[0].id",
  ],
  ["arguments that are no text", {
    messages: [assistant({ id: "a", function: { name: "now", arguments: {} } })],
  }, "messages[0].tool_calls[0].function.arguments"],
  ["a limit of 0", { max_tokens: 0 }, "max_tokens"],
  ["a negative limit", { max_completion_tokens: -1 }, "max_completion_tokens"],
  ["a limit with a fraction", { max_tokens: 1.5 }, "max_tokens"],
  ["a temperature above 2", { temperature: 2.1 }, "temperature"],
  ["a negative temperature", { temperature: -0.1 }, "temperature"],
  ["a temperature that is a text", { temperature: "1" }, "temperature"],
  ["top_p above 1", { top_p: 1.01 }, "top_p"],
  ["a stop sequence that is a number", { stop: ["a", 1] }, "stop[1]"],
  ["an unknown effort", { reasoning_effort: "extreme" }, "reasoning_effort"],
  ["an unknown kind of thinking", { thinking: { type: "deep" } }, "thinking.type"],
  ["an unknown format", { response_format: { type: "xml" } }, "response_format.type"],
  [
    "a format without its schema",
    { response_format: { type: "json_schema" } },
    "response_format.json_schema",
  ],
  ["an unknown tier", { service_tier: "gold" }, "service_tier"],
  ["stream options without a stream", { stream_options: { include_usage: true } }, "stream_options"],
  ["a stream that is a text", { stream: "true" }, "stream"],
  [
    "a tool name with a dot",
    { tools: [{ type: "function", function: { name: "a.b" } }] },
    "tools[0].function.name",
  ],
  ["two tools of one name", { tools: [now, now] }, "tools[1].function.name"],
  ["another type of tool", { tools: [{ type: "web_search" }] }, "tools[0].type"],
  ["a choice without tools", { tool_choice: "required" }, "tool_choice"],
  ["a choice of an unknown tool", {
    tools: [now],
    tool_choice: { type: "function", function: { name: "then" } },
  }, "tool_choice.function.name"],
  ["an unknown allowed tool", {
    tools: [now],
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "then" } }] },
    },
  }, "tool_choice.allowed_tools.tools[0].function.name"],
  ["an unknown choice", { tools: [now], tool_choice: "some" }, "tool_choice"],
  ["a beta that is no header", { anthropic_beta: "a\nb: c" }, "anthropic_beta"],
  ["a beta beyond ASCII", { anthropic_beta: ["ä"] }, "anthropic_beta"],
  ["n that is a text", { n: "2" }, "n"],
  ["a penalty out of range", { presence_penalty: 3 }, "presence_penalty"],
];
for (const [title, fields, param] of REFUSED) {
  test(`refused: ${title}`, () => {
    throws(() => decode(fields), (thrown) => {
      equal(thrown instanceof GatewayError, true);
      const error = thrown as GatewayError;
      deepEqual([error.code, error.status, error.param], ["invalid_value", 400, param]);
      return true;
    });
  });
}

test("a request without a model is refused in its own words", () => {
  for (const model of [undefined, null, ""]) {
    throws(
      () => openaiChat.readHead({ ...body({}), model }),
      { code: "model_missing", message: "Model not specified in request", status: 400 },
    );
  }
  throws(() => openaiChat.readHead(body({ model: 5 })), { code: "invalid_value", param: "model" });
});

test("the head says whether the client streams and wants usage", () => {
  deepEqual(openaiChat.readHead(body({ stream: null })), {
    model: "gpt-5",
    stream: false,
    includeUsage: false,
  });
  const fields = { stream: true, stream_options: { include_usage: true } };
  deepEqual(openaiChat.readHead(body(fields)), { model: "gpt-5", stream: true, includeUsage: true });
});

const LOST: readonly [string, JsonObject, [string, boolean][]][] = [
  ["several choices", { n: 2 }, [["unsupported_parameter", true]]],
  ["one choice", { n: 1 }, []],
  ["logprobs", { logprobs: true, top_logprobs: 2 }, [["unsupported_parameter", true], [
    "unsupported_parameter",
    true,
  ]]],
  ["no logprobs", { logprobs: false, top_logprobs: 0 }, []],
  ["audio answers", { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } }, [[
    "unsupported_parameter",
    true,
  ]]],
  ["text answers", { modalities: ["text"] }, []],
  ["web search", { web_search_options: {} }, [["unsupported_parameter", true]]],
  ["moderation that blocks", { moderation: { model: "m", policy: { output: { mode: "block" } } } }, [[
    "unsupported_parameter",
    true,
  ]]],
  ["moderation that counts", { moderation: { model: "m", policy: { output: { mode: "score" } } } }, [[
    "moderation",
    false,
  ]]],
  ["audio input", user({ type: "input_audio", input_audio: { data: "", format: "wav" } }), [[
    "unsupported_parameter",
    true,
  ]]],
  ["an earlier audio answer", {
    messages: [{ role: "user", content: "a" }, { role: "assistant", audio: { id: "x" } }],
  }, [
    ["unsupported_parameter", true],
  ]],
  ["a file of this API's own", user(file({ file_id: "file-abc" })), [["invalid_value", true]]],
  ["penalties", { frequency_penalty: 1, presence_penalty: 0 }, [["frequency_penalty", false]]],
  ["a bias", { logit_bias: { "1": 1 } }, [["logit_bias", false]]],
  ["no bias", { logit_bias: {} }, []],
  ["a seed", { seed: 0 }, [["seed", false]]],
  ["storage", { store: true }, [["store", false]]],
  ["no storage", { store: false }, []],
  ["verbosity", { verbosity: "low" }, [["verbosity", false]]],
  ["the default verbosity", { verbosity: "medium" }, []],
  ["hints and tags", {
    metadata: { a: "b" },
    prompt_cache_key: "k",
    prompt_cache_retention: "24h",
    prediction: { type: "content", content: "x" },
  }, []],
  ["an unknown field", { brand_new: 1 }, [["brand_new", false]]],
  ["an unknown field that is null", { brand_new: null }, []],
  ["a field whose name is no word", { "a\r\nb": 1 }, [["unknown_field", false]]],
  ["names of participants, once", {
    messages: [{ role: "user", content: "a", name: "x" }, { role: "user", content: "b", name: "y" }],
  }, [["name", false]]],
  [
    "a lifetime of 12 hours",
    user({ ...text("a"), prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } }),
    [[
      "prompt_cache_breakpoint",
      false,
    ]],
  ],
  ["an unknown member of thinking", { thinking: { type: "adaptive", depth: 3 } }, [["thinking", false]]],
  ["an unknown member of a tool", { tools: [{ type: "function", function: { name: "now", icon: "x" } }] }, [[
    "tools",
    false,
  ]]],
];
for (const [title, fields, expected] of LOST) {
  test(`losses: ${title}`, () => {
    deepEqual(decode(fields).losses.map(({ code, refuse }) => [code, refuse]), expected);
  });
}

const result = (id: string): JsonObject => ({ role: "tool", tool_call_id: id, content: "x" });
const asks: JsonObject = { role: "user", content: "go" };
const PAIRS: readonly [string, JsonObject[], string[]][] = [
  ["paired calls", [asks, assistant(call("1"), call("2")), result("2"), result("1"), asks], []],
  ["a missing result names the message in its place", [
    asks,
    assistant(call("1"), call("2")),
    result("1"),
    asks,
  ], [
    "messages.[3].role",
  ]],
  ["a missing result at the end", [asks, assistant(call("1"))], ["messages.[1].role"]],
  [
    "a missing result before an answer",
    [asks, assistant(call("1")), asks, assistant(call("2")), result("2")],
    [
      "messages.[2].role",
    ],
  ],
  ["a result without a call", [asks, result("9"), asks], ["messages.[1].role"]],
  ["a result given twice", [asks, assistant(call("1")), result("1"), result("1")], ["messages.[3].role"]],
  [
    "a system message between",
    [asks, assistant(call("1")), { role: "system", content: "s" }, result("1")],
    [],
  ],
  ["calls in two messages of one turn", [
    asks,
    assistant(call("1")),
    assistant(call("2")),
    result("1"),
    result("2"),
  ], []],
];
for (const [title, messages, fields] of PAIRS) {
  test(`pairing: ${title}`, () => {
    const { losses } = decode({ messages });
    deepEqual(losses.map(({ field }) => field), fields);
    deepEqual(losses.filter(({ code, refuse }) => code !== "unpaired_tool_calls" || !refuse), []);
  });
}

test("the refusal of unpaired calls is in the API's own words and names the calls", () => {
  const [loss] = decode({ messages: [asks, assistant(call("call_7")), asks] }).losses;
  equal(
    loss?.message,
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      "The following tool_call_ids did not have response messages: call_7",
  );
});
