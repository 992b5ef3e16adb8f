/** Every refusal of the proxy's own, as a client of either API gets it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, withProxy } from "../tools/proxy.ts";
import type { RawReply, RawRequest } from "../tools/raw.ts";

const CHAT = "/v1/chat/completions";
const MESSAGES = "/v1/messages";
const PATHS = [CHAT, MESSAGES, "/v1/messages/count_tokens"] as const;
const config = configOf({
  gpt: { provider: "openai", model: "gpt-5" },
  claude: { provider: "anthropic", model: "claude-sonnet-4-20250514" },
});
const messages = [{ role: "user", content: "Hi" }];

/** What is wrong with the request, and what is said of it. */
interface Refusal {
  readonly user?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RawRequest["body"];
  readonly status: number;
  readonly code: string;
  readonly message: string | RegExp;
  readonly param?: string;
  /** The type in the words of each API. */
  readonly types: readonly [openai: string, anthropic: string];
  readonly outcome?: string;
}

const INVALID = ["invalid_request_error", "invalid_request_error"] as const;
const NOT_JSON = {
  status: 400,
  code: "invalid_json",
  message: "Invalid JSON in request body",
  types: INVALID,
};
const ask = (more: object) => JSON.stringify({ model: "gpt", messages, max_tokens: 10, ...more });
const bytes = (...values: number[]) => new Uint8Array(values);

const REFUSALS: Readonly<Record<string, Refusal>> = {
  "without a user": {
    user: undefined,
    status: 401,
    code: "user_missing",
    message: "User not specified",
    types: ["invalid_request_error", "authentication_error"],
    outcome: "denied",
  },
  "of an unknown user": {
    user: "bob",
    status: 403,
    code: "user_unknown",
    message: "User not authorized",
    types: ["invalid_request_error", "permission_error"],
    outcome: "denied",
  },
  "for an unknown model": {
    body: ask({ model: "o'neill" }),
    status: 404,
    code: "model_not_found",
    message: "The model 'o'neill' was not found or is not accessible to this user",
    param: "model",
    types: ["invalid_request_error", "not_found_error"],
    outcome: "denied",
  },
  "without a model": {
    body: JSON.stringify({ messages }),
    status: 400,
    code: "model_missing",
    message: "Model not specified in request",
    types: INVALID,
  },
  "with a model that is no text": {
    body: ask({ model: 7 }),
    status: 400,
    code: "invalid_value",
    message: /model/,
    param: "model",
    types: INVALID,
  },
  "that is not JSON": { ...NOT_JSON, body: "{" },
  "that is empty": { ...NOT_JSON, body: "" },
  "that is a list": { ...NOT_JSON, body: "[]" },
  "that is null": { ...NOT_JSON, body: "null" },
  "that is not UTF-8": { ...NOT_JSON, body: bytes(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d) },
  "with a key that stands twice": {
    body: '{"model":"gpt","messages":[],"model":"claude"}',
    status: 400,
    code: "invalid_value",
    message: /model/,
    types: INVALID,
  },
  "that is nested beyond reason": {
    body: `{"model":"gpt","messages":${"[".repeat(100_000)}`,
    status: 400,
    code: "json_too_complex",
    message: /\d/,
    types: INVALID,
  },
  "that is compressed": {
    headers: { "content-encoding": "gzip" },
    status: 415,
    code: "unsupported_media_type",
    message: /gzip/,
    types: INVALID,
  },
  "that is a form": {
    headers: { "content-type": "multipart/form-data; boundary=x" },
    status: 415,
    code: "unsupported_media_type",
    message: /multipart/,
    types: INVALID,
  },
  "whose announced length is too large": {
    headers: { "content-length": "33554433" },
    body: "{",
    status: 413,
    code: "request_too_large",
    message: /33554432 bytes/,
    types: ["invalid_request_error", "request_too_large"],
  },
};

for (const [title, refusal] of Object.entries(REFUSALS)) {
  test(`a request ${title} is refused in the words of its API`, () =>
    withProxy({ config }, async (proxy) => {
      for (const path of PATHS) {
        const { user, headers = {}, body = ask({}) } = { user: "ann", ...refusal };
        const reply = await proxy.raw({
          method: "POST",
          path,
          headers: {
            "content-type": "application/json",
            ...(user !== undefined && { "x-user": user }),
            ...headers,
          },
          body,
        });
        checkRefusal(reply, refusal, path);
        const entry = await proxy.logged(proxy.entries.length);
        assert.equal(entry.outcome, refusal.outcome ?? "client_error");
        assert.equal(entry.usageSource, "none");
      }
      assert.equal(proxy.providers.attempts.length, 0);
    }));
}

function checkRefusal(reply: RawReply, refusal: Refusal, path: string): void {
  const about = `${path}: ${reply.status} ${reply.text}`;
  const { status, code, param, types: [openaiType, anthropicType] } = refusal;
  assert.equal(reply.status, status, about);
  assert.equal(reply.headers["content-type"], "application/json", about);
  assert.equal(reply.headers["x-should-retry"], "false", about);
  assert.equal(reply.headers["x-ai-proxy-error-source"], "proxy", about);
  assert.equal(reply.headers["x-ai-proxy-attempts"], undefined, about);
  const requestId = reply.headers["x-request-id"];
  assert.match(requestId ?? "", /^req_[0-9a-f]{24}$/, about);
  const body = reply.json();
  if (path === CHAT) {
    const { message, ...rest } = body.error;
    assert.deepEqual(Object.keys(body), ["error"], about);
    // Some name a place in the body that is not worth fixing here.
    const place = param === undefined ? rest.param : param;
    assert.deepEqual(rest, { type: openaiType, param: place, code }, about);
    checkMessage(message, refusal);
  } else {
    const { message } = body.error;
    assert.deepEqual(
      body,
      { type: "error", error: { type: anthropicType, message }, request_id: requestId },
      about,
    );
    assert.equal(reply.headers["request-id"], requestId, about);
    checkMessage(message, refusal);
  }
}

/** The Messages API has no field for the code and the field at fault: its messages may say more. */
function checkMessage(message: string, { message: expected }: Refusal): void {
  if (typeof expected === "string") assert(message.includes(expected), message);
  else assert.match(message, expected);
}

test("a body that turns out too large on the way is refused", () =>
  withProxy({ config }, async (proxy) => {
    const piece = " ".repeat(1024 * 1024);
    for (const path of PATHS) {
      const reply = await proxy.raw({
        method: "POST",
        path,
        headers: { "x-user": "ann" },
        body: ["{", ...Array.from({ length: 32 }, () => piece)],
      });
      assert.equal(reply.status, 413);
      assert.equal(reply.headers["connection"], "close");
    }
  }));

const MEMBERS = ["__proto__", "constructor", "toString", "hasOwnProperty"] as const;

test("the members of every object are no users and no models", () =>
  withProxy({ config }, async (proxy) => {
    for (const name of MEMBERS) {
      for (const path of PATHS) {
        const user = await proxy.post(name, path, ask({}));
        assert.equal(user.status, 403, name);
        const model = await proxy.post("ann", path, ask({ model: name }));
        assert.equal(model.status, 404, name);
      }
    }
    assert.equal(proxy.providers.attempts.length, 0);
  }));

test("the members of every object are keys like any other in a request", () =>
  withProxy({ config }, async (proxy) => {
    for (const name of MEMBERS) {
      const tool = `{"name":"t","parameters":{"type":"object","properties":{"${name}":{"type":"string"}}}}`;
      const rest = `"messages":${JSON.stringify(messages)},"tools":[{"type":"function","function":${tool}}]}`;
      for (const model of ["gpt", "claude"]) {
        const reply = await proxy.post("ann", CHAT, `{"model":"${model}",${rest}`);
        assert.equal(reply.status, 200, `${name}: ${reply.text}`);
        assert(proxy.providers.attempts.at(-1)?.body.includes(`{"${name}":{"type":"string"`), name);
        const [call] = reply.json().choices[0].message.tool_calls;
        assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), [name]);
      }
      // Nothing of a client's key lands in an object of ours.
      await proxy.post("ann", CHAT, `{"model":"claude","${name}":{"model":"gpt","planted":1},${rest}`);
      assert.equal(Reflect.get({}, "planted"), undefined);
      assert.equal((await proxy.logged(proxy.entries.length)).model, "claude");
    }
  }));
