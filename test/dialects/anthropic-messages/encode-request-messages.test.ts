import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../../../src/chat.ts";
import { type JsonObject, stringifyJson } from "../../../src/json.ts";
import { encodeRequest } from "../../../src/dialects/anthropic-messages/encode-request.ts";
import {
  assistant,
  bodyOf,
  call,
  chatOf,
  NOW,
  OLDER,
  result,
  system,
  thought,
  told,
  user,
  warningsOf,
} from "./requests.ts";

const MID_SYSTEM = "claude-opus-4-8";

const conversations: readonly (readonly [string, readonly Message[], readonly string[], string?])[] = [
  ["whitespace is dropped, never replaced", [user(" ", "\n\t", "hi")], ["user: 'hi'"]],
  [
    "a message of whitespace is dropped and its neighbours are one turn",
    [user("a"), assistant(" "), user("b")],
    ["user: 'a' 'b'"],
  ],
  [
    "an assistant's text that is empty leaves its calls and their results",
    [user("go"), assistant("  \n", call("c1")), user(result("c1"), "and?")],
    ["user: 'go'", "assistant: call(c1)", "user: result(c1) 'and?'"],
  ],
  [
    "results come in the order of the calls, before other parts",
    [user("go"), assistant(call("c1"), call("c2")), user("so?", result("c2"), result("c1"))],
    ["user: 'go'", "assistant: call(c1) call(c2)", "user: result(c1) result(c2) 'so?'"],
  ],
  [
    "the blocks of a turn keep the order in which they came",
    [
      user("go"),
      assistant(thought("s"), call("c1"), "Let me look", thought("t"), call("c2")),
      user(result("c1"), result("c2")),
    ],
    [
      "user: 'go'",
      "assistant: thinking call(c1) 'Let me look' thinking call(c2)",
      "user: result(c1) result(c2)",
    ],
  ],
  [
    "earlier text keeps its white space, the last words do not",
    [user("one"), assistant("first \n"), user("two"), assistant("Answer:\n")],
    ["user: 'one'", "assistant: 'first \n'", "user: 'two'", "assistant: 'Answer:'"],
  ],
  [
    "the assistant's last words are followed by a request to go on where the model does not continue them",
    [user("Count"), assistant("1, 2")],
    ["user: 'Count'", "assistant: '1, 2'", "user: 'Continue.'"],
    "claude-sonnet-5",
  ],
  [
    "a last turn of blanks is no wish to have the assistant's words continued",
    [user("Count"), assistant("1, 2"), user("  ")],
    ["user: 'Count'", "assistant: '1, 2'", "user: 'Continue.'"],
  ],
  [
    "a conversation that the assistant began is begun by the user",
    [assistant("Hello"), user("hi")],
    ["user: '(conversation start)'", "assistant: 'Hello'", "user: 'hi'"],
  ],
  [
    "a late system message becomes a reminder",
    [user("u1"), assistant("a1"), user("u2"), system("S")],
    ["user: 'u1'", "assistant: 'a1'", "user: 'u2' '<system-reminder>S</system-reminder>'"],
  ],
  [
    "a late system message stays where the model takes it",
    [user("u1"), assistant("a1"), user("u2"), system("S"), assistant("a2"), user("u3")],
    ["user: 'u1'", "assistant: 'a1'", "user: 'u2'", "system: 'S'", "assistant: 'a2'", "user: 'u3'"],
    MID_SYSTEM,
  ],
  [
    "a system message between two of the user's becomes a reminder for every model",
    [user("u1"), system("S"), user("u2")],
    ["user: 'u1' '<system-reminder>S</system-reminder>' 'u2'"],
    MID_SYSTEM,
  ],
  [
    "a system message behind the assistant's words becomes a reminder in the next turn",
    [user("u1"), assistant("a1"), system("S"), user("u2")],
    ["user: 'u1'", "assistant: 'a1'", "user: '<system-reminder>S</system-reminder>' 'u2'"],
    MID_SYSTEM,
  ],
  [
    "a system message with no turn beside it has one of its own",
    [user("u1"), assistant("a1"), system("S")],
    ["user: 'u1'", "assistant: 'a1'", "user: '<system-reminder>S</system-reminder>'"],
  ],
  [
    "a system message between a call and its result goes behind the result",
    [user("go"), assistant(call("c1")), system("S"), user(result("c1"))],
    ["user: 'go'", "assistant: call(c1)", "user: result(c1) '<system-reminder>S</system-reminder>'"],
  ],
  [
    "a system message between a call and its result stays a message where the model takes it",
    [user("go"), assistant(call("c1")), system("S"), user(result("c1"))],
    ["user: 'go'", "assistant: call(c1)", "user: result(c1)", "system: 'S'"],
    MID_SYSTEM,
  ],
];

for (const [what, messages, expected, model] of conversations) {
  test(what, () => assert.deepEqual(told(messages, model), expected));
}

const warned: readonly (readonly [string, readonly Message[], string, string?])[] = [
  ["a reminder", [user("u1"), system("S")], "mid_system"],
  ["a reminder on a model that refused system messages", [user("u1"), system("S")], "mid_system"],
  ["a continued answer", [user("u1"), assistant("a")], "prefill"],
  [
    "an answer that cannot be continued",
    [user("u1"), assistant("a")],
    "prefill_unsupported",
    "claude-sonnet-5",
  ],
  ["a beginning made up", [assistant("a"), user("b")], "conversation_start"],
  [
    "arguments that are no object",
    [user("u"), assistant(call("c", "[1]")), user(result("c"))],
    "tool_arguments",
  ],
  [
    "an unsigned thought",
    [user("u"), assistant({ type: "thinking", text: "Hm" }, "a"), user("b")],
    "thinking_dropped",
  ],
];

for (const [what, messages, code, model] of warned) {
  test(`${what} is reported`, () => {
    assert.deepEqual(warningsOf({ messages, tools: [NOW] }, model), [code]);
  });
}

test("system messages stay in place without a warning", () => {
  assert.deepEqual(warningsOf({ messages: [user("u1"), system("S")] }, MID_SYSTEM), []);
  const refuses = new Set(["mid_system"]);
  assert.deepEqual(warningsOf({ messages: [user("u1"), system("S")] }, MID_SYSTEM, { refuses }), [
    "mid_system",
  ]);
});

test("instructions are blocks, one for each part, the empty ones left out", () => {
  const messages = [system("One", " ", { type: "text", text: "Two", cache: { ttl: "1h" } }), user("hi")];
  assert.deepEqual(bodyOf({ messages }).system, [
    { type: "text", text: "One" },
    { type: "text", text: "Two", cache_control: { type: "ephemeral", ttl: "1h" } },
  ]);
  assert.equal("system" in bodyOf({ messages: [system(" "), user("hi")] }), false);
});

for (const messages of [[system("S")], [user(" "), assistant("a")], [user(" ")]]) {
  test(`a conversation without a user's turn is refused (${messages.map(({ role }) => role)})`, () => {
    assert.throws(() => bodyOf({ messages }), { code: "invalid_value", param: /^messages/ });
  });
}

const ids: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["functions.now:0"], ["functions_now_0_46735f35"]],
  [["call.1", "call 1"], ["call_1_e8b7b7b3", "call_1_21c5c2a6"]],
  [["a", "b"], ["a", "b"]],
];

for (const [given, expected] of ids) {
  test(`the ids ${given.join(", ")} are sent as ${expected.join(", ")}, in calls and results`, () => {
    const messages = [
      user("go"),
      assistant(...given.map((id) => call(id))),
      user(...given.map((id) => result(id))),
    ];
    assert.deepEqual(told(messages).slice(1), [
      `assistant: ${expected.map((id) => `call(${id})`).join(" ")}`,
      `user: ${expected.map((id) => `result(${id})`).join(" ")}`,
    ]);
  });
}

test("an id that comes again in a later turn gets a number, also where that name is taken", () => {
  const turn = (id: string) => [assistant(call(id)), user(result(id))];
  assert.deepEqual(told([user("go"), ...turn("a"), ...turn("a_2"), ...turn("a")]).slice(1), [
    "assistant: call(a)",
    "user: result(a)",
    "assistant: call(a_2)",
    "user: result(a_2)",
    "assistant: call(a_3)",
    "user: result(a_3)",
  ]);
});

const unpaired: readonly (readonly [string, readonly Message[], RegExp, string, readonly string[]])[] = [
  [
    "a call without a result",
    [user("go"), assistant(call("c1"), call("c2")), user(result("c1"), "next")],
    /'tool_calls' must be followed by tool messages.*: c2$/,
    "messages.[1].role",
    ["user: 'go'", "assistant: call(c1) call(c2)", "user: result(c1) result(c2) 'next'"],
  ],
  [
    "a call at the end",
    [user("go"), assistant(call("c1"))],
    /: c1$/,
    "messages.[1].role",
    ["user: 'go'", "assistant: call(c1)", "user: result(c1)"],
  ],
  [
    "a result without a call",
    [user(result("c9"), "next")],
    /'tool' must be a response/,
    "messages.[0].role",
    ["user: 'next'"],
  ],
  [
    "a result too many",
    [user("go"), assistant(call("c1")), user(result("c1"), result("c9"))],
    /'tool' must be a response/,
    "messages.[2].role",
    ["user: 'go'", "assistant: call(c1)", "user: result(c1)"],
  ],
  [
    "a result a turn too late",
    [user("go"), assistant(call("c1")), user("wait"), assistant("ok"), user(result("c1"), "so?")],
    /: c1$/,
    "messages.[1].role",
    ["user: 'go'", "assistant: call(c1)", "user: result(c1) 'wait'", "assistant: 'ok'", "user: 'so?'"],
  ],
];

for (const [what, messages, message, param, repaired] of unpaired) {
  test(`${what} is refused`, () => {
    assert.throws(() => told(messages), { code: "invalid_value", param, message });
  });

  test(`${what} is repaired where the operator wants that`, () => {
    assert.deepEqual(told(messages, OLDER, true), repaired);
    const options = { options: { repair: true } };
    assert.deepEqual(warningsOf({ messages, tools: [NOW] }, OLDER, options), ["unpaired_tool_calls"]);
  });
}

test("a refusal of unpaired calls speaks in the client's terms where the decoder found them", () => {
  const losses = [{
    field: "messages.[7].role",
    code: "unpaired_tool_calls",
    refuse: true,
    message: "As the API says",
  }];
  assert.throws(() => bodyOf({ messages: [user("go"), assistant(call("c1"))], losses }), {
    code: "invalid_value",
    param: "messages.[7].role",
    message: "As the API says",
  });
});

test("a result that was made up says so and counts as failed", () => {
  const body = bodyOf({ messages: [user("go"), assistant(call("c1"))] }, OLDER, {
    options: { repair: true },
  });
  assert.deepEqual(body.messages[2]?.content, [
    { type: "tool_result", tool_use_id: "c1", content: "No result was provided.", is_error: true },
  ]);
});

test("a longer conversation begins with the bytes of the shorter one", () => {
  const conversation: Message[] = [
    system("S"),
    user("go"),
    assistant("Let me see", call("x.1"), call("x.1")),
    user(result("x.1", "one"), result("x.1", "two"), "and?"),
    assistant("ok"),
    user("more"),
    system("Be brief"),
    assistant(call("x.1")),
    user(result("x.1")),
    assistant("done"),
    user("thanks"),
  ];
  for (const model of [OLDER, MID_SYSTEM]) {
    let before = "";
    for (let length = 2; length <= conversation.length; length++) {
      if (conversation[length - 1]?.role !== "user") continue;
      const chat = chatOf({ messages: conversation.slice(0, length), tools: [NOW] });
      const sent = stringifyJson(encodeRequest(chat, { model, options: {}, refuses: new Set() }).body);
      assert.ok(sent.startsWith(before), `${model} ${length}`);
      // Less the ends of the last message's content, the message, the messages and the body.
      before = sent.slice(0, -"]}]}".length);
    }
  }
});

test("two calls of one turn under one id have each its own result", () => {
  const messages = [
    user("go"),
    assistant(call("a"), call("a")),
    user(result("a", "one"), result("a", "two")),
  ];
  assert.deepEqual(bodyOf({ messages, tools: [NOW] }).messages[2]?.content, [
    { type: "tool_result", tool_use_id: "a", content: "one" },
    { type: "tool_result", tool_use_id: "a_2", content: "two" },
  ]);
});

test("calls of one id get names of their own, and none that another call has", () => {
  const turns = ["c", "c_2", "c", "c", "c_2", "c"].flatMap((id) => [assistant(call(id)), user(result(id))]);
  const { messages } = bodyOf({ messages: [user("go"), ...turns], tools: [NOW] });
  const ids = messages.flatMap(({ content }) =>
    (content as readonly JsonObject[]).flatMap((block) => block.type === "tool_use" ? [block.id] : [])
  );
  assert.deepEqual(ids, ["c", "c_2", "c_3", "c_4", "c_2_2", "c_5"]);
});

test("two results of one id answer two calls of it, in their order", () => {
  const { messages } = bodyOf({
    messages: [
      user("go"),
      assistant(call("a"), call("b"), call("a")),
      user(result("a", "first"), result("a", "second"), result("b", "of b")),
    ],
    tools: [NOW],
  });
  const last = messages.at(-1)?.content as readonly JsonObject[];
  assert.deepEqual(last.map((block) => block.content), ["first", "of b", "second"]);
});
