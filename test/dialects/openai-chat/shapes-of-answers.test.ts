/** The shapes of answers that real servers send beside the API's own, whole and as a stream that says the same. */

import { deepEqual, equal, match, throws } from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply } from "../../../src/chat.ts";
import { collect } from "../../../src/dialects/collect.ts";
import { openaiChat } from "../../../src/dialects/openai-chat/index.ts";
import { splitFrames } from "../../../src/dialects/sse.ts";
import { pipe, run } from "../../../src/dialects/stepper.ts";
import type { Json, JsonObject } from "../../../src/json.ts";

const UNDO = { model: "m" };

function whole(body: Json): ChatReply {
  return openaiChat.decodeReply(body, UNDO);
}

function streamed(...chunks: readonly Json[]): ChatReply {
  const text = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`)
    .join("");
  return collect(run(pipe(splitFrames(), openaiChat.decodeEvents(UNDO)), [new TextEncoder().encode(text)]));
}

/** The same message whole and as deltas. */
function both(message: JsonObject, finish: Json = "stop"): ChatReply[] {
  return [
    whole({ choices: [{ index: 0, message, finish_reason: finish }] }),
    streamed({ choices: [{ index: 0, delta: message }] }, {
      choices: [{ index: 0, delta: {}, finish_reason: finish }],
    }),
  ];
}

const noCall = { name: "", arguments: "" };
const NOTHING: readonly [string, JsonObject][] = [
  ["an empty function call", { function_call: noCall }],
  ["a function call without members", { function_call: {} }],
  ["a function call of nulls", { function_call: { name: null, arguments: null } }],
  ["tool calls that are null", { tool_calls: null }],
  ["tool calls that are an empty object", { tool_calls: {} }],
  ["tool calls that are an empty text", { tool_calls: "" }],
  ["a tool call of nothing", { tool_calls: [{ index: 0, id: "", type: "function", function: noCall }] }],
  ["a tool call of nothing with an id", {
    tool_calls: [{ index: 0, id: "call_1", type: "function", function: noCall }],
  }],
  ["a tool call without a function", { tool_calls: [{ index: 0, id: "", type: "function" }] }],
  ["a tool call whose function is null", { tool_calls: [{ index: 0, type: "function", function: null }] }],
  ["a tool call with no name and {}", {
    tool_calls: [{ index: 0, function: { name: "", arguments: "{}" } }],
  }],
  ["a tool call with no name and null", {
    tool_calls: [{ index: 0, function: { name: null, arguments: "null" } }],
  }],
  ["a tool call whose name is blanks", {
    tool_calls: [{ index: 0, id: "a", function: { name: " ", arguments: " " } }],
  }],
  ["a tool call that is null", { tool_calls: [null] }],
  ["a tool call that is an empty object", { tool_calls: [{}] }],
  ["an empty custom call", { tool_calls: [{ index: 0, type: "custom", custom: { name: "", input: "" } }] }],
  ["audio without members", { audio: {} }],
  ["audio of empty members", { audio: { id: "", data: "", expires_at: 0, transcript: "" } }],
  ["a refusal without words", { refusal: "" }],
  ["a refusal without members", { refusal: {} }],
  ["thinking without words", { reasoning_content: "", reasoning: null }],
  ["thinking without members", { reasoning_content: {}, reasoning_details: {} }],
  ["annotations that are null", { annotations: null }],
  ["annotations that are an empty object", { annotations: {} }],
  ["images that are none", { images: [] }],
];
for (const [title, members] of NOTHING) {
  test(`${title}: nothing, in an answer that is complete without it`, () => {
    for (const finish of ["stop", "tool_calls", "function_call"]) {
      for (const reply of both({ role: "assistant", content: "hello", ...members }, finish)) {
        deepEqual(reply.content, [{ type: "text", text: "hello" }]);
        deepEqual(reply.finish, { reason: "stop", native: finish });
        deepEqual(reply.warnings, []);
      }
    }
  });
}

test("members of the answer that say nothing are none", () => {
  const absent = { error: {}, usage: {}, service_tier: null, citations: [], prompt_filter_results: [] };
  for (
    const members of [absent, { ...absent, error: "", usage: null }, {
      ...absent,
      error: { message: "", code: null },
    }]
  ) {
    const choice = { index: 0, logprobs: {}, content_filter_results: {}, finish_details: {} };
    const replies = [
      whole({ ...members, choices: [{ ...choice, message: { content: "a" }, finish_reason: "stop" }] }),
      streamed(
        { ...members, choices: [{ ...choice, delta: { content: "a" }, finish_reason: null }] },
        { ...members, choices: [{ ...choice, delta: null, finish_reason: "" }] },
        { ...members, choices: [{ ...choice, delta: "", finish_reason: "stop" }] },
        { ...members, choices: {} },
      ),
    ];
    for (const { content, finish, usage, warnings } of replies) {
      deepEqual(content, [{ type: "text", text: "a" }]);
      deepEqual([finish.reason, usage, warnings], ["stop", undefined, []]);
    }
  }
});

const now = { index: 0, id: "call_1", type: "function", function: { name: "now", arguments: "{}" } };
const CALLS: readonly [string, JsonObject][] = [
  ["an empty custom call in the same call", { tool_calls: [{ ...now, custom: { name: "", input: "" } }] }],
  ["an empty call behind it", { tool_calls: [now, { index: 1, id: "", function: noCall }] }],
  ["an empty call before it", { tool_calls: [{ index: 0, id: "", function: noCall }, { ...now, index: 1 }] }],
  ["an empty function call of the older shape", { tool_calls: [now], function_call: noCall }],
];
for (const [title, members] of CALLS) {
  test(`a call is read beside ${title}`, () => {
    for (const { content, finish } of both({ content: null, ...members }, "tool_calls")) {
      deepEqual(content, [{ type: "tool-call", id: "call_1", name: "now", input: "{}", kind: "function" }]);
      equal(finish.reason, "tool-calls");
    }
  });
}

test("a custom call is read beside an empty function", () => {
  const call = {
    index: 0,
    id: "c",
    type: "custom",
    custom: { name: "shell", input: "ls" },
    function: noCall,
  };
  for (const { content } of both({ content: null, tool_calls: [call] }, "tool_calls")) {
    deepEqual(content, [{ type: "tool-call", id: "c", name: "shell", input: "ls", kind: "custom" }]);
  }
});

test("a call of the older shape is read beside tool calls that are none", () => {
  const members = {
    tool_calls: [{ index: 0, function: noCall }],
    function_call: { name: "now", arguments: "{}" },
  };
  const [{ content } = { content: [] }] = both({ content: null, ...members }, "function_call");
  equal(content[0]?.type === "tool-call" && content[0].name, "now");
});

const ARGUMENTS: readonly [Json, string][] = [
  ["null", ""],
  [null, ""],
  ["", ""],
  ['"{\\"a\\":1}"', '{"a":1}'],
  [{ a: 1 }, '{"a":1}'],
  ['{"a":1}', '{"a":1}'],
];
for (const [given, input] of ARGUMENTS) {
  test(`a call's arguments ${JSON.stringify(given)} are ${JSON.stringify(input)}`, () => {
    const call = { ...now, function: { name: "now", arguments: given } };
    for (const { content } of both({ content: null, tool_calls: [call] }, "tool_calls")) {
      equal(content[0]?.type === "tool-call" && content[0].input, input);
    }
  });
}

for (const finish of ["tool_calls", "stop", "function_call"]) {
  test(`arguments that break off are a cut answer, though the server says ${finish}`, () => {
    const call = { ...now, function: { name: "write", arguments: '{"path":"a.txt","text":"half' } };
    for (const reply of both({ content: null, tool_calls: [call] }, finish)) {
      deepEqual(reply.finish, { reason: "length", native: finish });
      deepEqual(reply.warnings, ["tool_arguments"]);
      equal(reply.content[0]?.type === "tool-call" && reply.content[0].input, call.function.arguments);
    }
  });
}

// --- what a filter took away ---

const usage = { prompt_tokens: 15, completion_tokens: 19, total_tokens: 34 };
const filtered = {
  hate: { filtered: true, severity: "medium" },
  violence: { filtered: false, severity: "safe" },
};
const safe = { hate: { filtered: false, severity: "safe" } };
const FILTERED: readonly [string, JsonObject, readonly string[]][] = [
  ["a choice without a message", { choices: [{ index: 0, finish_reason: "content_filter" }] }, []],
  ["a message that is null", { choices: [{ index: 0, finish_reason: "content_filter", message: null }] }, []],
  [
    "a message without members",
    { choices: [{ index: 0, finish_reason: "content_filter", message: {} }] },
    [],
  ],
  ["a word in capitals", { choices: [{ index: 0, finish_reason: "CONTENT_FILTER" }] }, []],
  ["the filter's results alone", { choices: [{ index: 0, content_filter_results: filtered }] }, [
    "finish_reason",
  ]],
  [
    "the prompt's results and no choice",
    { choices: [], prompt_filter_results: [{ prompt_index: 0, content_filter_results: filtered }] },
    ["finish_reason"],
  ],
  [
    "a list of filters and no choice",
    { choices: [], content_filters: [{ blocked: false }, { blocked: true, source_type: "prompt" }] },
    ["finish_reason"],
  ],
  ["tokens that are counted and no choice", { choices: [] }, ["finish_reason"]],
];
for (const [title, body, warnings] of FILTERED) {
  test(`${title}: an answer that a filter took away is a refusal, and its tokens count`, () => {
    for (const reply of [whole({ ...body, usage }), streamed({ ...body, usage })]) {
      deepEqual(reply.content, []);
      deepEqual(reply.finish.refusal, {});
      equal(reply.finish.reason, "refusal");
      deepEqual([reply.usage?.input, reply.usage?.output], [15, 19]);
      deepEqual(reply.warnings, warnings);
    }
  });
}

test("results of a filter that let the answer pass do not stand for one", () => {
  const body = { choices: [{ index: 0, content_filter_results: safe }] };
  for (const read of [() => whole(body), () => streamed(body)]) {
    let thrown: unknown;
    try {
      read();
    } catch (error) {
      thrown = error;
    }
    equal((thrown as { failure?: string } | undefined)?.failure, "invalid");
  }
});

const INNER: readonly [string, Json, number][] = [
  ["the error of Azure's filter", {
    error: {
      message: "The response was filtered",
      type: null,
      param: "prompt",
      code: "content_filter",
      status: 400,
    },
  }, 400],
  ["that error without its status", {
    error: { message: "The response was filtered", code: "content_filter" },
  }, 400],
  ["another word of Azure's filter", {
    error: { message: "filtered", code: "ResponsibleAIPolicyViolation" },
  }, 400],
  ["DashScope's filter", { error: { message: "Inappropriate", code: "data_inspection_failed" } }, 400],
  ["DashScope's own API's filter", { code: "DataInspectionFailed", message: "Inappropriate" }, 400],
  ["an error as a whole", { object: "error", message: "too long", type: "BadRequestError", code: 400 }, 400],
  ["a message without choices", { message: "overloaded", code: 503 }, 503],
  ["an error in the choice", {
    choices: [{
      index: 0,
      message: { content: "" },
      finish_reason: "error",
      error: { code: 502, message: "gone" },
    }],
  }, 502],
  ["an error in a choice that says nothing of its end", {
    choices: [{
      index: 0,
      message: { content: "" },
      finish_reason: null,
      error: { code: 502, message: "gone" },
    }],
  }, 502],
  ["a list of errors", [{ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }], 503],
  ["a list beside a result that is none", {
    success: false,
    result: null,
    errors: [{ code: 5007, message: "No such model" }],
  }, 500],
  ["a list of texts", { errors: ["No such model"] }, 500],
  ["an error that is a mark beside its words", { error: true, message: "Out of memory" }, 500],
  ["an error that is a number beside its words", { error: 429, message: "Slow down", code: 429 }, 429],
  ["a code and a `msg`", { code: 401, msg: "token expired", success: false }, 401],
  ["`error_code` and `error_msg`", { error_code: 429, error_msg: "qps limit" }, 429],
  ["`error_type` and `error_message`", {
    error_type: "rate_limit_error",
    error_message: "Slow down",
  }, 429],
  ["a status of another name", { error: { message: "No", type: "x", status_code: 422 } }, 422],
  ["a status that is a text", { error: { message: "No", http_code: "529" } }, 529],
  ["a base response of a limit", {
    choices: null,
    base_resp: { status_code: 1002, status_msg: "rate limit" },
  }, 429],
  ["a base response of an empty account", { base_resp: { status_code: 1008, status_msg: "balance" } }, 429],
  ["a base response of a wrong key", { base_resp: { status_code: 1004, status_msg: "login fail" } }, 401],
  ["an overflow that says no status", {
    error: { message: "Trying to keep the first 5000 tokens when context the overflows." },
  }, 400],
  ["an overflow that is a text", {
    error: "The number of tokens to keep from the initial prompt is greater than the context length.",
  }, 400],
];
for (const [title, body, status] of INNER) {
  test(`${title} inside of a 200 is thrown as what it is`, () => {
    for (const read of [() => whole(body), () => streamed(body)]) {
      let thrown: { status?: number; source?: string; message?: string } = {};
      try {
        read();
      } catch (error) {
        thrown = error as typeof thrown;
      }
      deepEqual([thrown.status, thrown.source], [status, "upstream"]);
      match(thrown.message ?? "", /^(?!The provider)./);
    }
  });
}

test("what says that all is well is no error, though it has a message", () => {
  const fine: readonly JsonObject[] = [
    { code: 0, message: "Success" },
    { code: 200, msg: "OK" },
    { base_resp: { status_code: 0, status_msg: "success" } },
    { choices: [], message: "Searching the web" },
  ];
  for (const members of fine) {
    const choice = { index: 0, finish_reason: "stop" };
    const replies = [
      whole({ ...members, choices: [{ ...choice, message: { content: "a" } }] }),
      streamed({ choices: [{ index: 0, delta: { content: "a" } }] }, members, {
        ...members,
        choices: [{ ...choice, delta: {} }],
      }),
    ];
    for (const { content } of replies) deepEqual(content, [{ type: "text", text: "a" }]);
  }
});

test("an error event that is a text says it, and a sign of life that is no object is one", () => {
  const read = (text: string) =>
    run(pipe(splitFrames(), openaiChat.decodeEvents(UNDO)), [new TextEncoder().encode(text)]);
  for (const data of ["Out of memory", '"Out of memory"', " Out of memory "]) {
    const [event] = read(`event: error\ndata: ${data}\n\n`);
    equal(event?.type === "error" && event.error.message, "Out of memory");
  }
  for (const data of ["null", "[]", '""']) {
    deepEqual(read(`data: ${data}\n\n`)[0], { type: "ping" }, data);
  }
});

// --- what an answer has no place for ---

const LOST: readonly [JsonObject, string][] = [
  [{ images: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] }, "images"],
  [{ audio: { id: "a", data: "AAAA" } }, "audio"],
  [{ video: { url: "https://a.example/v" } }, "video"],
  [{ files: [{ id: "f" }] }, "files"],
  [
    { content: [{ type: "text", text: "" }, { type: "image_url", image_url: "https://a.example" }] },
    "images",
  ],
  [{ content: [{ type: "output_audio", data: "AAAA" }] }, "audio"],
  [{ content: [{ type: "tool_file", file_id: "f" }] }, "files"],
  [{ content: [{ type: "document_url", document_url: "https://a.example" }] }, "files"],
  [{ content: [{ type: "reference", reference_ids: [1] }] }, "citations_dropped"],
  [{ content: [{ type: "brand_new", value: 1 }] }, "content_dropped"],
  [{ content: [{ inline_data: { mime_type: "image/png", data: "AAAA" } }] }, "images"],
  [{ content: [{ inline_data: { mime_type: "video/mp4", data: "AAAA" } }] }, "video"],
  [{ content: [{ image_url: { url: "https://a.example" } }] }, "images"],
  [{ content: [{ value: 1 }] }, "content_dropped"],
  [{ generated_images: ["https://a.example"] }, "images"],
  [{ image_url: "https://a.example" }, "images"],
  [{ output_audio: "AAAA", audio_url: "https://a.example" }, "audio"],
  [{ attachments: [{ id: "f" }] }, "files"],
  [{ multi_mod_content: [{ inline_data: { data: "AAAA" } }] }, "content_dropped"],
];
for (const [message, warning] of LOST) {
  test(`${JSON.stringify(message)} of an answer is not lost in silence`, () => {
    for (const { warnings } of both({ content: "", ...message })) deepEqual(warnings, [warning]);
  });
}

test("pictures beside the choices are not lost in silence", () => {
  const choice = { index: 0, finish_reason: "stop" };
  const found = { images: [{ image_url: "https://a.example" }], videos: [{ url: "https://a.example" }] };
  const replies = [
    whole({ ...found, choices: [{ ...choice, message: { content: "a" } }] }),
    streamed({ ...found, choices: [{ ...choice, delta: { content: "a" } }] }),
  ];
  for (const { warnings } of replies) deepEqual(warnings, ["images", "video"]);
});

test("members that are no media are not taken for such", () => {
  for (const key of ["profile", "reasoning_text", "filetype", "provider_specific_fields", "imag"]) {
    for (const { warnings } of both({ content: "a", [key]: "b" })) deepEqual(warnings, [], key);
  }
});

for (const name of ["reasoning_content", "reasoning", "reasoning_text", "thinking"]) {
  test(`thinking is read in \`${name}\``, () => {
    for (const { content } of both({ content: "a", [name]: "hm" })) {
      deepEqual(content, [{ type: "thinking", text: "hm" }, { type: "text", text: "a" }]);
    }
  });
}

test("figures are read in the choice and in a member of Groq's", () => {
  const own = { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23, cached_tokens: 10 };
  const choice = { index: 0, finish_reason: "stop" };
  const bodies: readonly (readonly [JsonObject, JsonObject])[] = [
    [{ usage: own }, {}],
    [{}, { usage: own }],
    [{}, { x_groq: { usage: own } }],
    [{ usage: own }, { usage: null }],
    [{ usage: own }, { usage: {} }],
  ];
  for (const [within, beside] of bodies) {
    const replies = [
      whole({ ...beside, choices: [{ ...choice, ...within, message: { content: "a" } }] }),
      streamed({ ...beside, choices: [{ ...choice, ...within, delta: { content: "a" } }] }),
    ];
    for (const { usage } of replies) {
      deepEqual([usage?.input, usage?.output, usage?.cacheRead], [20, 3, 10]);
    }
  }
});

test("a text in place of a message is no answer of this API", () => {
  const choice = { index: 0, text: "hello", finish_reason: "stop" };
  for (const read of [() => whole({ choices: [choice] }), () => streamed({ choices: [choice] })]) {
    throws(read, { failure: "invalid" });
  }
});

test("sources beside the choices are not lost in silence", () => {
  const citations = { citations: ["https://a.example"] };
  const choice = { index: 0, finish_reason: "stop" };
  const replies = [
    whole({ ...citations, choices: [{ ...choice, message: { content: "a" } }] }),
    streamed({ ...citations, choices: [{ ...choice, delta: { content: "a" } }] }, {
      ...citations,
      choices: [],
    }),
  ];
  for (const { warnings } of replies) deepEqual(warnings, ["citations_dropped"]);
});

test("a content of parts is its words, in whatever form a part has them", () => {
  const content = [
    "a",
    { type: "text", text: "b" },
    { text: "c" },
    { type: "output_text", text: "d" },
    null,
    {},
  ];
  for (const reply of both({ content })) {
    deepEqual([reply.content, reply.warnings], [[{ type: "text", text: "abcd" }], []]);
  }
});

test("the end in `finish_details` is read", () => {
  const choice = { index: 0, finish_details: { type: "max_tokens" } };
  const reply = whole({ choices: [{ ...choice, message: { content: "half" } }] });
  deepEqual(reply.finish, { reason: "length", native: "max_tokens" });
  deepEqual(streamed({ choices: [{ ...choice, delta: { content: "half" } }] }).finish, reply.finish);
});

test("an empty object that comes before a call's arguments is no part of them", () => {
  const piece = (words: Json, more: JsonObject = {}): JsonObject => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: words }, ...more }] } }],
  });
  const { content, finish } = streamed(
    piece("{}", { id: "a", function: { name: "now", arguments: "{}" } }),
    piece('{"a":'),
    piece("1}"),
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
  );
  deepEqual(content, [{ type: "tool-call", id: "a", name: "now", input: '{"a":1}', kind: "function" }]);
  equal(finish.reason, "tool-calls");
});

test("each of several calls has an id of its own, though the server gives them the same", () => {
  const call = (index: number, name: string) => ({
    index,
    id: "call_1",
    function: { name, arguments: '{"a":1}' },
  });
  const replies = both(
    { content: null, tool_calls: [call(0, "one"), call(1, "two"), call(2, "two")] },
    "tool_calls",
  );
  const ids = replies.map(({ content }) => content.map((part) => part.type === "tool-call" ? part.id : ""));
  equal(ids[0]?.[0], "call_1");
  equal(new Set(ids[0]).size, 3);
  deepEqual(ids[0], ids[1]);
});
