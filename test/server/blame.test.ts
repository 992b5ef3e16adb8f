/** What one user's request is refused for takes no target, key or model from others. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { each, hello, other, PATHS, type Way, WAYS } from "../faults/_ways.ts";
import { type Proxy, withProxy } from "../tools/proxy.ts";
import { streamedAnswer, wholeAnswer, withScripted } from "../tools/scripted-provider.ts";

/** An answer of the provider's. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error answer in the shape of the way's provider. */
function error(
  way: Way,
  status: number,
  { message = "No", code = null, type, param = null, details = null, headers = {} }: {
    readonly message?: string;
    readonly code?: string | number | null;
    readonly type?: string;
    readonly param?: string | null;
    readonly details?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Answer {
  const body = way.upstream === "openai"
    ? { error: { message, type: type ?? "invalid_request_error", param, code } }
    : {
      type: "error",
      error: { type: type ?? "invalid_request_error", message, details },
      request_id: "req_1",
    };
  return { status, body: JSON.stringify(body), headers };
}

/** The word in a request by which it asks for the trouble. */
const TROUBLE = "give me trouble";

interface Stage {
  readonly proxy: Proxy;
  readonly asked: () => readonly string[];
  /** Asks as a user; `bad` asks for the trouble. Gives the model that answered, or the status. */
  readonly ask: (user: string, model: string, bad?: boolean) => Promise<string>;
}

/**
 * A provider, `primary`, that gives the answer to whoever asks for trouble, with `first`, `second` (both fall over to
 * `fine`) and `alone`, which is `first` without a fallback.
 */
async function onStage(way: Way, trouble: Answer, run: (stage: Stage) => Promise<void>): Promise<void> {
  const dialect = way.upstream === "openai" ? "openai-chat" : "anthropic-messages";
  const models = [
    { name: "first", failover: "fine" },
    { name: "second", failover: "fine" },
    { name: "alone" },
  ];
  const config = (baseURL: string) => ({
    providers: { primary: { dialect, baseURL } },
    models: {
      first: { provider: "primary", model: "one" },
      alone: { provider: "primary", model: "one" },
      second: { provider: "primary", model: "two" },
      fine: { provider: other(way.upstream), model: "healthy" },
    },
    users: { ann: { models }, bob: { models }, cid: { models } },
  });
  await withScripted(({ text, stream }, response) => {
    const { status, body, headers } = text.includes(TROUBLE) ? trouble : healthy(way, stream);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  }, ({ baseURL, requests }) =>
    withProxy({ config: config(baseURL) }, (proxy) =>
      run({
        proxy,
        asked: () => requests.map(({ model }) => model),
        ask: async (user, model, bad = false) => {
          const messages = [{ role: "user", content: bad ? TROUBLE : "Hello" }];
          const reply = await proxy.post(user, PATHS[way.client], hello(way, model, { messages }));
          return reply.status === 200 ? reply.headers["x-ai-proxy-model"] ?? "?" : `${reply.status}`;
        },
      })));
}

function healthy({ upstream }: Way, stream: boolean): Answer {
  if (!stream) return { status: 200, body: wholeAnswer(upstream) };
  const headers = { "content-type": "text/event-stream" };
  return { status: 200, body: streamedAnswer(upstream).join(""), headers };
}

type Make = (way: Way) => Answer;

/** The caller's own: five of them, and others notice nothing. */
const CALLERS: Readonly<Record<string, Make>> = {
  "a file that is not there": (way) =>
    way.upstream === "openai"
      ? error(way, 404, { message: "No such File object: file-gone", param: "id" })
      : error(way, 404, { message: "File not found: file_gone", type: "not_found_error" }),
  "a thread that is not there": (way) =>
    error(way, 404, { message: "No thread found with id 'thread_x'.", type: "not_found_error" }),
  "a feature that is not allowed": (way) =>
    error(way, 403, {
      code: "feature_not_enabled",
      type: "permission_error",
      details: { error_code: "feature_not_enabled" },
    }),
  "a refusal that quotes the request": (way) =>
    error(way, 400, { message: "Input tag 'credit balance is too low' found using 'type' does not match" }),
  "a text of the account behind a 400": (way) =>
    error(way, 400, { message: "Your credit balance is too low to access the API." }),
};

for (const [title, make] of Object.entries(CALLERS)) {
  test(`${title} is the caller's affair: it is tried nowhere else, and others notice nothing`, () =>
    each(WAYS, (way) =>
      onStage(way, make(way), async ({ proxy, ask, asked }) => {
        for (let count = 0; count < 5; count++) assert.match(await ask("ann", "first", true), /^4\d\d$/);
        assert.equal(asked().length, 5);
        const { attempts, failover } = await proxy.logged(5);
        assert.deepEqual([attempts.length, failover], [1, undefined]);
        for (const user of ["ann", "bob"]) assert.equal(await ask(user, "first"), "first");
        assert.equal(await ask("bob", "second"), "second");
        assert.deepEqual(proxy.appLog, []);
      })));
}

/** The model's: its target is passed over, the rest of the provider is not. */
const MODELS: Readonly<Record<string, Make>> = {
  "a model that the provider does not have": (way) =>
    way.upstream === "openai"
      ? error(way, 404, { code: "model_not_found" })
      : error(way, 404, { message: "model: one", type: "not_found_error" }),
  "a model that the key may not use": (way) =>
    error(way, 403, {
      code: "model_not_found",
      type: "permission_error",
      details: { error_code: "model_access_denied" },
    }),
};

for (const [title, make] of Object.entries(MODELS)) {
  test(`${title} is passed over, and nothing else of its provider`, () =>
    each(WAYS, (way) =>
      onStage(way, make(way), async ({ proxy, ask, asked }) => {
        assert.equal(await ask("ann", "first", true), "fine");
        assert.equal(await ask("bob", "second"), "second");
        assert.equal(await ask("bob", "first"), "fine");
        assert.deepEqual(asked(), ["one", "two"]);
        assert.equal(proxy.appLog.length, 1);
        assert.match(
          proxy.appLog.join(),
          /^primary\/one is passed over: its provider refuses the model \(40[34] /,
        );
        // The same key answers for the same model: it is there again.
        assert.equal(await ask("cid", "alone"), "alone");
        assert.equal(await ask("bob", "first"), "first");
      })));
}

/** The account's, by what a machine reads. */
const ACCOUNTS: Readonly<Record<string, Make>> = {
  "a 402": (way) => error(way, 402, { type: "billing_error" }),
  "a 429 that speaks of billing": (way) =>
    error(way, 429, {
      code: "billing_not_active",
      type: "rate_limit_error",
      details: { error_code: "contract_spend_limit_reached" },
    }),
  "a 403 that speaks of a suspended account": (way) =>
    error(way, 403, {
      code: "account_suspended",
      type: "permission_error",
      details: { error_code: "account_suspended" },
    }),
};

for (const [title, make] of Object.entries(ACCOUNTS)) {
  test(`${title} moves on, and cools the credential when two users got it, not before`, () =>
    each(WAYS, (way) =>
      onStage(way, make(way), async ({ proxy, ask }) => {
        assert.equal(await ask("ann", "first", true), "fine");
        assert.equal(await ask("bob", "second"), "second");
        assert.equal(await ask("bob", "first"), "first");
        assert.deepEqual(proxy.appLog, []);
        assert.equal(await ask("ann", "first", true), "fine");
        assert.equal(await ask("bob", "second", true), "fine");
        assert.equal(await ask("cid", "first"), "fine");
        assert.equal(await ask("cid", "second"), "fine");
        assert.equal(proxy.appLog.length, 1);
        assert.match(proxy.appLog.join(), /^primary is passed over for 300 s: its account /);
        assert(!/key/.test(proxy.appLog.join()), proxy.appLog.join());
        // An answer with the credential shows that it is good.
        assert.equal(await ask("cid", "alone"), "alone");
        assert.equal(await ask("cid", "first"), "first");
        assert.match(
          proxy.appLog.at(-1) ?? "",
          /^primary accepts its credential again: .* 3 requests moved: 3 to /,
        );
      })));
}

test("a 401 cools the credential at once, and any answer with it lifts that", () =>
  each(
    WAYS,
    (way) =>
      onStage(
        way,
        error(way, 401, { code: "invalid_api_key", type: "authentication_error" }),
        async (stage) => {
          const { proxy, ask } = stage;
          assert.equal(await ask("ann", "first", true), "fine");
          assert.equal(await ask("bob", "second"), "fine");
          assert.match(
            proxy.appLog.join(),
            /^primary is passed over for 300 s: a request without a key was refused \(401 /,
          );
          assert.equal(await ask("bob", "alone"), "alone");
          assert.equal(await ask("bob", "second"), "second");
        },
      ),
  ));

test("what is not clear moves on, and no other request notices one of them", () =>
  each(WAYS, async (way) => {
    const beta = error(way, 403, {
      type: way.upstream === "openai" ? "invalid_request_error" : "permission_error",
    });
    const html = { status: 404, body: "<h1>Nothing</h1>", headers: { "content-type": "text/html" } };
    const blank = { status: 403, body: "" };
    for (const trouble of [beta, html, blank]) {
      await onStage(way, trouble, async ({ proxy, ask }) => {
        assert.equal(await ask("ann", "first", true), "fine");
        assert.equal((await proxy.logged()).failover, `${trouble.status}`);
        for (const model of ["first", "second"]) assert.equal(await ask("bob", model), model);
        for (let count = 0; count < 5; count++) assert.equal(await ask("ann", "first", true), "fine");
        // By then it is passed over for her, and for no other.
        assert.equal(await ask("ann", "first"), "fine");
        assert.equal(await ask("ann", "second"), "second");
        assert.equal(await ask("bob", "first"), "first");
        assert.equal(proxy.appLog.length, 1);
        assert.match(
          proxy.appLog.join(),
          /^primary\/one is passed over for user "ann" alone: 5 failures in a row \(40[34]/,
        );
        // When it comes to several users, it is the target's.
        for (let count = 0; count < 5; count++) await ask(count % 2 === 0 ? "bob" : "cid", "first", true);
        assert.equal(await ask("bob", "first"), "fine");
        assert.equal(await ask("bob", "second"), "second");
        assert.match(proxy.appLog[1] ?? "", /^primary\/one is passed over: 5 failures in a row \(40[34]/);
      });
    }
  }));

test("an error inside of a stream is judged by the same words", () =>
  each(WAYS.filter(({ stream }) => stream), async (way) => {
    const inner = (code: string, type: string): Answer => ({
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: way.upstream === "openai"
        ? `data: ${JSON.stringify({ error: { message: "No", type, code } })}\n\n`
        : `event: error\ndata: ${JSON.stringify({ type: "error", error: { type, message: "No" } })}\n\n`,
    });
    const troubles = [
      inner("invalid_api_key", "authentication_error"),
      inner("insufficient_quota", way.upstream === "openai" ? "insufficient_quota" : "billing_error"),
      inner("403", "permission_error"),
    ];
    for (const trouble of troubles) {
      await onStage(way, trouble, async ({ proxy, ask }) => {
        assert.equal(await ask("ann", "first", true), "fine");
        for (const model of ["first", "second"]) assert.equal(await ask("bob", model), model);
        assert.deepEqual(proxy.appLog, []);
      });
    }
  }));
