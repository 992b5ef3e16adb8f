/** What a refusal teaches, seen from outside: one more request, a warning, and nothing for those it was not about. */

import { deepEqual, equal, match } from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { configOf, type Proxy, withProxy } from "../tools/proxy.ts";

type Body = Record<string, unknown> & { messages: Record<string, unknown>[] };
type Answer = { status?: number; body: unknown };

/** A provider that answers as it is told, and keeps what it was asked. */
async function withProvider(
  answer: (body: Body) => Answer,
  run: (url: string, asked: Body[]) => Promise<void>,
): Promise<void> {
  const asked: Body[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece) => text += piece).on("end", () => {
      const body = JSON.parse(text) as Body;
      asked.push(body);
      const { status = 200, body: answered } = answer(body);
      const limits = { "request-id": "req_provider", "anthropic-ratelimit-requests-remaining": "9" };
      response.writeHead(status, { "content-type": "application/json", ...limits });
      // What takes no time could not be told from what was not measured.
      setTimeout(() => response.end(JSON.stringify(answered)), 2);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await run(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const CHAT_OK = {
  id: "c1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};
const MESSAGE_OK = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content: [{ type: "text", text: "ok" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
};
const refused = (message: string, param: string | null = null, code: string | null = null): Answer => ({
  status: 400,
  body: { error: { message, type: "invalid_request_error", param, code } },
});
const messagesRefused = (message: string, status = 400): Answer => ({
  status,
  body: { type: "error", error: { type: status === 400 ? "invalid_request_error" : "api_error", message } },
});

function config(url: string, models: Record<string, string>, failover: Record<string, string> = {}) {
  const entries = Object.fromEntries(
    Object.entries(models).map(([name, provider]) => [name, { provider }]),
  );
  return {
    ...configOf(entries),
    providers: {
      chat: { dialect: "openai-chat", baseURL: `${url}/v1` },
      messages: { dialect: "anthropic-messages", baseURL: url },
    },
    models: entries,
    users: {
      ann: {
        models: Object.keys(models).map((name) => ({
          name,
          ...failover[name] && { failover: failover[name] },
        })),
      },
      bob: { models: Object.keys(models).map((name) => ({ name })) },
    },
  };
}

const hi = [{ role: "user", content: "hi" }];
const asMessages = (proxy: Proxy, user: string, body: object) =>
  proxy.post(user, "/v1/messages", { max_tokens: 100, messages: hi, ...body });
const asChat = (proxy: Proxy, user: string, body: object) =>
  proxy.post(user, "/v1/chat/completions", { messages: hi, ...body });

test("a value that was refused to one user is not taken from another who asks for less", () =>
  withProvider(
    (body) =>
      body.reasoning_effort === "high"
        ? refused(
          "Unsupported value: 'reasoning_effort' does not support 'high' with this model. Supported values are: 'low' and 'medium'.",
          "reasoning_effort",
          "unsupported_value",
        )
        : { body: CHAT_OK },
    (url, asked) =>
      withProxy({ config: config(url, { "gpt-oss-120b": "chat" }) }, async (proxy) => {
        const ask = (user: string, effort: string) =>
          asMessages(proxy, user, { model: "gpt-oss-120b", output_config: { effort } });
        const high = await ask("ann", "high");
        deepEqual([high.status, high.headers["x-ai-proxy-warnings"]], [200, "reasoning_effort"]);
        equal(high.headers["x-ai-proxy-attempts"], "1");
        const low = await ask("bob", "low");
        deepEqual([low.status, low.headers["x-ai-proxy-warnings"]], [200, undefined]);
        const again = await ask("bob", "high");
        equal(again.headers["x-ai-proxy-warnings"], "reasoning_effort");
        deepEqual(asked.map((body) => body.reasoning_effort), ["high", "medium", "low", "medium"]);
      }),
  ));

test("a schema that was refused is the request's own fault, and is said", () =>
  withProvider(
    (body) =>
      JSON.stringify(body.output_config ?? {}).includes("odd")
        ? messagesRefused(
          "output_config.format.schema: For 'array' type, property 'maxItems' is not supported",
        )
        : {
          body: {
            ...MESSAGE_OK,
            content: [{ type: "tool_use", id: "toolu_1", name: "json_response", input: {} }],
          },
        },
    (url, asked) =>
      withProxy({ config: config(url, { "claude-sonnet-4-5": "messages" }) }, async (proxy) => {
        const ask = (user: string, name: string) =>
          asChat(proxy, user, {
            model: "claude-sonnet-4-5",
            response_format: {
              type: "json_schema",
              json_schema: {
                name: "s",
                strict: true,
                schema: {
                  type: "object",
                  properties: { [name]: { type: "string" } },
                  required: [name],
                  additionalProperties: false,
                },
              },
            },
          });
        const odd = await ask("ann", "odd");
        equal(odd.status, 200);
        match(String(odd.headers["x-ai-proxy-warnings"]), /json_schema_unenforced/);
        equal((await ask("bob", "plain")).headers["x-ai-proxy-warnings"], undefined);
        deepEqual(asked.map((body) => body.output_config !== undefined), [true, false, true]);
      }),
  ));

test("a lesson that did not help is none", () => {
  let cause = "Unknown parameter: 'temperature'.";
  return withProvider(
    () => refused(cause),
    (url, asked) =>
      withProxy({ config: config(url, { own: "chat" }) }, async (proxy) => {
        const ask = () => asMessages(proxy, "ann", { model: "own", temperature: 0.5, top_p: 0.5 });
        equal((await ask()).status, 400);
        deepEqual(asked.map((body) => body.temperature), [0.5, undefined]);
        cause = "Nothing that can be mended";
        equal((await ask()).status, 400);
        deepEqual(asked.map((body) => body.temperature), [0.5, undefined, 0.5]);
      }),
  );
});

test("two faults of one request are learned one after the other", () =>
  withProvider(
    (body) =>
      body.temperature !== undefined
        ? refused("Unknown parameter: 'temperature'.")
        : body.top_p !== undefined
        ? refused("Unknown parameter: 'top_p'.")
        : { body: CHAT_OK },
    (url) =>
      withProxy({ config: config(url, { own: "chat" }) }, async (proxy) => {
        const ask = () => asMessages(proxy, "ann", { model: "own", temperature: 0.5, top_p: 0.5 });
        equal((await ask()).status, 400);
        const second = await ask();
        deepEqual([second.status, second.headers["x-ai-proxy-warnings"]], [200, "temperature;top_p"]);
      }),
  ));

test("a failover target of the client's own API learns as well, and the model asked for does not", () =>
  withProvider(
    (body) => {
      if (body.model === "claude-first") return messagesRefused("Internal", 500);
      return body.context_management === undefined
        ? { body: MESSAGE_OK }
        : messagesRefused("context_management: Extra inputs are not permitted");
    },
    (url, asked) =>
      withProxy({
        config: config(
          url,
          { "claude-first": "messages", "claude-second": "messages" },
          { "claude-first": "claude-second" },
        ),
      }, async (proxy) => {
        const body = { context_management: { edits: [] } };
        const first = await asMessages(proxy, "ann", { model: "claude-first", ...body });
        deepEqual([first.status, first.headers["x-ai-proxy-warnings"]], [200, "context_management"]);
        equal(first.headers["x-ai-proxy-attempts"], "2");
        deepEqual(asked.map((one) => [one.model, one.context_management !== undefined]), [
          ["claude-first", true],
          ["claude-second", true],
          ["claude-second", false],
        ]);
        // Asked for by its name, it gets what its client wrote.
        const own = await asMessages(proxy, "bob", { model: "claude-second", ...body });
        equal(own.status, 400);
        match(own.text, /context_management: Extra inputs/);
        equal(asked.length, 4);
      }),
  ));

test("signatures that the provider refuses go from a relayed history too, once", () =>
  withProvider(
    (body) =>
      JSON.stringify(body.messages).includes("signature")
        ? messagesRefused("messages.1.content.0: Invalid `signature` in `thinking` block")
        : { body: MESSAGE_OK },
    (url, asked) =>
      withProxy({ config: config(url, { "claude-opus-5": "messages" }) }, async (proxy) => {
        const messages = [
          ...hi,
          {
            role: "assistant",
            content: [{ type: "thinking", thinking: "t", signature: "other" }, { type: "text", text: "b" }],
          },
          ...hi,
        ];
        for (const count of [2, 4]) {
          const reply = await asMessages(proxy, "ann", { model: "claude-opus-5", messages });
          deepEqual([reply.status, reply.headers["x-ai-proxy-warnings"]], [200, "thinking_dropped"]);
          equal(asked.length, count);
        }
      }),
  ));

test("text of thoughts that a server refuses in a history goes from it, and from then on at once", () =>
  withProvider(
    (body) =>
      body.messages.some((message) => message.reasoning_content !== undefined)
        ? refused(
          "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]",
        )
        : { body: CHAT_OK },
    (url, asked) =>
      withProxy({ config: config(url, { strict: "chat" }) }, async (proxy) => {
        const messages = [...hi, { role: "assistant", content: "b", reasoning_content: "t" }, ...hi];
        for (const count of [2, 3]) {
          const reply = await asChat(proxy, "ann", { model: "strict", messages });
          deepEqual([reply.status, reply.headers["x-ai-proxy-warnings"]], [200, "thinking_dropped"]);
          equal(asked.length, count);
        }
      }),
  ));

test("usage that only we asked for is not asked for where a server refuses it", () =>
  withProvider(
    (body) =>
      body.stream_options === undefined
        ? refused("stop here", null, "x")
        : refused("Unrecognized request argument supplied: stream_options"),
    (url, asked) =>
      withProxy({ config: config(url, { old: "chat" }) }, async (proxy) => {
        await asChat(proxy, "ann", { model: "old", stream: true });
        deepEqual(asked.map((body) => body.stream_options), [{ include_usage: true }, undefined]);
        await asChat(proxy, "ann", { model: "old", stream: true, stream_options: { include_usage: true } });
        deepEqual(asked[2]?.stream_options, { include_usage: true });
      }),
  ));

test("a refusal of what the client of the same API wrote reaches it, and nothing is sent again", () =>
  withProvider(
    () =>
      refused(
        "Unsupported parameter: 'temperature' is not supported with this model.",
        "temperature",
        "unsupported_parameter",
      ),
    (url, asked) =>
      withProxy({ config: config(url, { own: "chat" }) }, async (proxy) => {
        const reply = await asChat(proxy, "ann", { model: "own", temperature: 0.5 });
        equal(reply.status, 400);
        equal(asked.length, 1);
      }),
  ));

for (const stream of [false, true]) {
  test(`a limit that was reached before the first word is an answer, ${stream ? "streamed" : "plain"}`, () =>
    withProvider(
      () =>
        refused(
          "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.",
        ),
      (url) =>
        withProxy({ config: config(url, { "gpt-5": "chat" }) }, async (proxy) => {
          const messages = await asMessages(proxy, "ann", { model: "gpt-5", max_tokens: 1, stream });
          const chat = await asChat(proxy, "ann", { model: "gpt-5", max_completion_tokens: 1, stream });
          deepEqual([messages.status, chat.status], [200, 200]);
          if (stream) {
            match(messages.text, /"stop_reason":"max_tokens"[\s\S]*event: message_stop/);
            match(chat.text, /"finish_reason":"length"[\s\S]*data: \[DONE\]/);
          } else {
            const read = JSON.parse(messages.text);
            deepEqual([read.stop_reason, read.content], ["max_tokens", []]);
            equal(typeof read.usage.output_tokens, "number");
            const [choice] = JSON.parse(chat.text).choices;
            deepEqual([choice.finish_reason, choice.message.content || ""], ["length", ""]);
          }
          const entry = await proxy.logged(2);
          deepEqual([entry.outcome, entry.status], ["ok", 200]);
        }),
    ));
}

test("a count of tokens is on record and tells what its provider says, refused or not", () => {
  let count = 0;
  return withProvider(
    () => ++count === 1 ? { body: { input_tokens: 7 } } : messagesRefused("Nope"),
    (url) =>
      withProxy({ config: config(url, { "claude-opus-5": "messages" }) }, async (proxy) => {
        const ask = () =>
          proxy.post("ann", "/v1/messages/count_tokens", { model: "claude-opus-5", messages: hi });
        for (const [status, text] of [[200, '{"input_tokens":7}'], [400, "Nope"]] as const) {
          const reply = await ask();
          deepEqual([reply.status, reply.text.includes(text)], [status, true]);
          equal(reply.headers["x-ai-proxy-attempts"], "1");
          equal(reply.headers["x-upstream-request-id"], "req_provider");
          equal(reply.headers["anthropic-ratelimit-requests-remaining"], "9");
          match(String(reply.headers["server-timing"]), /upstream;dur=(?!0\.0\b)\d/);
          const entry = await proxy.logged(count);
          const [attempt] = entry.attempts;
          deepEqual([entry.attempts.length, attempt?.status, attempt?.provider], [1, status, "messages"]);
        }
        const [answered] = proxy.entries;
        deepEqual([answered?.served, answered?.provider], ["claude-opus-5", "messages"]);
      }),
  );
});

test("what is no count of tokens is not told as one", () => {
  const key = "sk-provider-0123456789abcdef";
  const answers = [
    [{ type: "error", error: { type: "overloaded_error", message: `Busy, ${key}` } }, 529],
    [{ error: { message: "Nope" } }, 500],
    [{ input_tokens: "7", key }, 502],
    [[], 502],
    [`data: {"key":"${key}"}\n\n`, 502],
    ["", 502],
  ] as const;
  let count = 0;
  return withProvider(
    () => ({ body: answers[count++]?.[0] ?? {} }),
    (url) =>
      withProxy({ config: config(url, { "claude-opus-5": "messages" }) }, async (proxy) => {
        for (const [body, status] of answers) {
          const reply = await proxy.post("ann", "/v1/messages/count_tokens", {
            model: "claude-opus-5",
            messages: hi,
          });
          const { type, error } = JSON.parse(reply.text);
          deepEqual(
            [reply.status, type, typeof error?.type],
            [status, "error", "string"],
            JSON.stringify(body),
          );
          equal(reply.text.includes(key), false, reply.text);
        }
      }),
  );
});

test("a count of a history that another maker wrote is the count of what will be sent", () =>
  withProvider(
    () => ({ body: { input_tokens: 7 } }),
    (url, asked) =>
      withProxy({ config: config(url, { "claude-opus-5": "messages" }) }, async (proxy) => {
        const thought = { type: "thinking", thinking: "t", signature: "" };
        const messages = [
          ...hi,
          { role: "assistant", content: [thought, { type: "text", text: "b" }] },
          ...hi,
        ];
        const reply = await proxy.post("ann", "/v1/messages/count_tokens", {
          model: "claude-opus-5",
          messages,
        });
        deepEqual([reply.status, reply.headers["x-ai-proxy-warnings"]], [200, "thinking_dropped"]);
        equal(JSON.stringify(asked[0]).includes("thinking"), false);
      }),
  ));
