/**
 * Whatever form a provider or a client writes a key in, and wherever, no parser finds it in anything that leaves the
 * proxy: answers, headers, both kinds of log.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { logLine } from "../../src/account/access-log.ts";
import { type Proxy, withProxy } from "../tools/proxy.ts";

const PROVIDERS_KEY = "vnd-canary/4f9dQ7+x2bZz=w8-WXYZ0123456789";
const CLIENTS_KEY = makeKey(new Uint8Array(32).fill(0xc7));
/** So much of a key is as secret as the whole. */
const SECRET = 8;

const each = (text: string, write: (code: number, at: number) => string) =>
  Array.from(text, (character, at) => write(character.charCodeAt(0), at)).join("");
const hex = (code: number, width: number) => code.toString(16).padStart(width, "0");

/** How a key may be written so that some parser reads it. */
const FORMS: readonly (readonly [name: string, write: (key: string) => string])[] = [
  ["as it is", (key) => key],
  ["its beginning", (key) => key.slice(0, SECRET + 2)],
  ["masked", (key) => `${key.slice(0, 6)}****${key.slice(-4)}`],
  ["in JSON escapes", (key) => each(key, (code) => `\\u${hex(code, 4)}`)],
  [
    "in some JSON escapes",
    (key) => each(key, (code, at) => at % 3 ? String.fromCharCode(code) : `\\u${hex(code, 4)}`),
  ],
  ["in JSON escapes of capitals", (key) => each(key, (code) => `\\u${hex(code, 4).toUpperCase()}`)],
  ["in escapes of escapes", (key) => each(key, (code) => `\\\\u${hex(code, 4)}`)],
  ["in JavaScript's escapes", (key) => each(key, (code) => `\\\\x${hex(code, 2)}`)],
  ["with escaped slashes", (key) => key.replaceAll("/", "\\/")],
  ["percent-encoded", (key) => encodeURIComponent(key)],
  ["percent-encoded to the letter", (key) => each(key, (code) => `%${hex(code, 2)}`)],
  ["percent-encoded in capitals", (key) => each(key, (code) => `%${hex(code, 2).toUpperCase()}`)],
  ["percent-encoded twice", (key) => each(key, (code) => `%25${hex(code, 2)}`)],
  ["percent-encoded in JSON escapes", (key) => each(key, (code) => `\\u0025${hex(code, 2)}`)],
  ["in HTML's references", (key) => each(key, (code) => `&#${code};`)],
  ["in HTML's hexadecimal references", (key) => each(key, (code) => `&#x${hex(code, 2)};`)],
  ...["", "x", "xy", "Bearer ", "user:"].flatMap((before) =>
    [
      [`in base64 behind ${before.length} bytes`, (key: string) =>
        Buffer.from(before + key).toString("base64")],
      [`in base64 for URLs behind ${before.length} bytes`, (key: string) =>
        Buffer.from(`${before + key}:x`).toString("base64url")],
    ] as const
  ),
  ["in percent-encoded base64", (key) => encodeURIComponent(Buffer.from(`x${key}`).toString("base64"))],
];

/** What parsers make of a text: of its escapes, twice, and of what may be base64 in it. */
function readings(text: string): string[] {
  const once = undone(text);
  const all = [text, once, undone(once), undone(undone(once))];
  return [
    ...all,
    ...all.flatMap((one) => one.match(/[A-Za-z0-9+/_-]{10,}/g) ?? []).flatMap((run) =>
      [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), "base64").toString("latin1"))
    ),
  ];
}

function undone(text: string): string {
  const character = (_: string, code: string) => String.fromCharCode(parseInt(code, 16));
  return text
    .replace(/\\u([0-9a-f]{4})/gi, character).replace(/\\x([0-9a-f]{2})/gi, character).replace(/\\(.)/g, "$1")
    .replace(/%([0-9a-f]{2})/gi, character).replace(/&#x([0-9a-f]+);/gi, character)
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

function checkOutputs(
  outputs: readonly (readonly [where: string, text: string])[],
  key: string,
  form: string,
): void {
  for (const [where, text] of outputs) {
    for (const reading of readings(text)) {
      assert(!reading.includes(key.slice(0, SECRET)), `A key ${form} is in ${where}: ${text.slice(0, 600)}`);
      assert(
        !reading.includes(key.slice(-SECRET)),
        `A key's end ${form} is in ${where}: ${text.slice(0, 600)}`,
      );
    }
  }
}

test("the checker sees a key in each of its forms", () => {
  for (const [form, write] of FORMS.filter(([name]) => name !== "masked")) {
    for (const key of [PROVIDERS_KEY, CLIENTS_KEY]) {
      const text = `{"error":"${write(key)}"}`;
      assert.throws(() => checkOutputs([["a text", text]], key, form), form);
    }
  }
});

/** Where a provider may put it: what the model's name says. `KEY` stands for it. */
const PLACES: Readonly<Record<string, (response: ServerResponse, key: string, chat: boolean) => void>> = {
  message: (response, key, chat) => json(response, 401, errorOf(chat, { message: `Bad key: ${key}.` })),
  code: (response, key, chat) => json(response, 401, errorOf(chat, { code: key, type: key })),
  param: (response, key, chat) => json(response, 400, errorOf(chat, { param: key })),
  detail: (response, key) =>
    json(
      response,
      422,
      `{"detail":[{"loc":["body","${key}"],"msg":"${key}","type":"${key}","input":"${key}"}]}`,
    ),
  details: (response, key, chat) =>
    json(response, 400, errorOf(chat, { details: key }).replace(`"${key}"`, `{"error_code":"${key}"}`)),
  html: (response, key) => answer(response, 500, "text/html", `<p>${key}</p>`),
  text: (response, key) => answer(response, 403, "text/plain", key),
  within: (response, key, chat) => json(response, 200, errorOf(chat, { message: key, code: key })),
  stream: (response, key, chat) => stream(response, chat, errorOf(chat, { message: key, code: key })),
  begun: (response, key, chat) => stream(response, chat, errorOf(chat, { message: key, code: key }), true),
  headers: (response, key, chat) => {
    for (const name of HEADERS) response.setHeader(name, key.replace(/[^\x20-\x7e]/g, ""));
    json(response, 429, errorOf(chat, { message: "Slow down" }));
  },
  answered: (response, key, chat) => {
    for (const name of HEADERS) response.setHeader(name, key.replace(/[^\x20-\x7e]/g, ""));
    json(response, 200, chat ? CHAT_ANSWER : MESSAGES_ANSWER);
  },
};

const HEADERS = [
  "x-request-id",
  "request-id",
  "openai-processing-ms",
  "openai-organization",
  "anthropic-organization-id",
  "x-ratelimit-limit-requests",
  "x-ratelimit-reset-tokens",
  "anthropic-ratelimit-requests-reset",
  "retry-after",
];

const CHAT_ANSWER = JSON.stringify({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
});
const MESSAGES_ANSWER = JSON.stringify({
  id: "m",
  type: "message",
  role: "assistant",
  model: "m",
  content: [{ type: "text", text: "Hi" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 },
});

/** Written by hand: the key's escapes shall arrive as they are. */
function errorOf(chat: boolean, fields: Readonly<Record<string, string>>): string {
  const all = {
    message: "No",
    type: "invalid_request_error",
    ...(chat && { param: "x", code: "c" }),
    ...fields,
  };
  const error = `{${Object.entries(all).map(([name, value]) => `"${name}":"${value}"`).join(",")}}`;
  return chat
    ? `{"error":${error}}`
    : `{"type":"error","error":${error},"request_id":"${fields["code"] ?? "r"}"}`;
}

function json(response: ServerResponse, status: number, body: string): void {
  answer(response, status, "application/json", body);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

function stream(response: ServerResponse, chat: boolean, error: string, begun = false): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (begun && chat) {
    const delta = { index: 0, delta: { role: "assistant", content: "Hi" }, finish_reason: null };
    response.write(
      `data: ${
        JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [delta] })
      }\n\n`,
    );
  } else if (begun) {
    const event = (type: string, rest: object) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
    response.write(
      event("message_start", {
        message: { ...JSON.parse(MESSAGES_ANSWER), content: [], stop_reason: null },
      }) +
        event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }) +
        event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hi" } }),
    );
  }
  response.end(chat ? `data: ${error}\n\n` : `event: error\ndata: ${error}\n\n`);
}

/** A provider that quotes a key, as the requested model's name says: `PLACE.FORM.WHOSE`. */
async function withProvider(run: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const piece of request) body += piece;
    const [place = "", form = "", whose] = String(JSON.parse(body).model).split(".");
    const written = FORMS[Number(form)]?.[1](whose === "client" ? CLIENTS_KEY : PROVIDERS_KEY) ?? "";
    PLACES[place]?.(response, written, request.url?.endsWith("/chat/completions") ?? false);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function configOf(url: string) {
  const apiKey = { env: "QUOTED_KEY" };
  const models = Object.fromEntries(
    Object.keys(PLACES).flatMap((place) =>
      FORMS.flatMap((_, form) =>
        ["provider", "client"].flatMap((whose) =>
          ["chat", "messages"].map((provider) => [`${provider}.${place}.${form}.${whose}`, {
            provider,
            model: `${place}.${form}.${whose}`,
          }])
        )
      )
    ),
  );
  return {
    providers: {
      chat: { dialect: "openai-chat", baseURL: url, apiKey },
      messages: { dialect: "anthropic-messages", baseURL: url, apiKey },
    },
    models,
    users: {
      ann: {
        keys: [{ hash: hashOf(CLIENTS_KEY), name: "canary" }],
        models: Object.keys(models).map((name) => ({ name })),
      },
    },
  };
}

/** The places that a streamed answer has for itself. */
const STREAMS: ReadonlySet<string> = new Set(["message", "within", "stream", "begun"]);

const PATHS = ["/v1/chat/completions", "/v1/messages"] as const;

function post(proxy: Proxy, path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return proxy.raw({
    method: "POST",
    path,
    headers: { authorization: `Bearer ${CLIENTS_KEY}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

function logsOf(proxy: Proxy): [string, string][] {
  return [
    ...proxy.entries.flatMap((entry): [string, string][] => [
      ["the access log", logLine(entry, "combined")],
      ["the access log as JSON", logLine(entry, "json")],
    ]),
    ...proxy.appLog.map((line): [string, string] => ["the operator's log", line]),
  ];
}

for (const place of Object.keys(PLACES)) {
  test(`no key leaves that a provider writes into its ${place}, in whatever form`, () =>
    withProvider((url) =>
      withProxy({ config: configOf(url), env: { QUOTED_KEY: PROVIDERS_KEY } }, async (proxy) => {
        for (const [form, [name]] of FORMS.entries()) {
          for (const [whose, key] of [["provider", PROVIDERS_KEY], ["client", CLIENTS_KEY]] as const) {
            const outputs: [string, string][] = [];
            for (const path of PATHS) {
              for (const provider of ["chat", "messages"]) {
                for (const streamed of STREAMS.has(place) ? [false, true] : [false]) {
                  const reply = await post(proxy, path, {
                    model: `${provider}.${place}.${form}.${whose}`,
                    max_tokens: 10,
                    stream: streamed,
                    messages: [{ role: "user", content: "Hi" }],
                  });
                  const where = `${path} of ${provider}${streamed ? ", streamed" : ""}`;
                  outputs.push([`the answer to ${where}`, reply.text]);
                  outputs.push([`the headers to ${where}`, Object.values(reply.headers).join("\n")]);
                }
              }
            }
            checkOutputs(outputs, key, `(the ${whose}'s, ${name})`);
          }
        }
        for (const key of [PROVIDERS_KEY, CLIENTS_KEY]) checkOutputs(logsOf(proxy), key, "(some form)");
      })
    ));
}

test("no key is logged that a client writes into what it sends, in whatever form", () =>
  withProvider((url) =>
    withProxy({ config: configOf(url), env: { QUOTED_KEY: PROVIDERS_KEY } }, async (proxy) => {
      for (const [, write] of FORMS) {
        const key = write(CLIENTS_KEY);
        const word = key.replace(/[^\x21-\x7e]/g, "");
        const headers = {
          "user-agent": word,
          referer: `http://x/?k=${word}`,
          "x-forwarded-for": word,
          "x-request-id": word,
        };
        await post(proxy, "/v1/chat/completions", { model: key, messages: [] }, headers);
        for (
          const target of [`/v1/models?key=${word}`, `/v1/models?${word}`, `/v1/models/${word}`, `/${word}/x`]
        ) {
          await proxy.raw({ path: target, headers: { authorization: `Bearer ${CLIENTS_KEY}` } });
        }
        // Without the header, as a person does who types it into a browser.
        await proxy.raw({ path: `/v1/models?key=${word}&${word}&api_key=${CLIENTS_KEY}` });
        await proxy.raw({ path: `/v1/models/${CLIENTS_KEY}` });
      }
      checkOutputs(logsOf(proxy), CLIENTS_KEY, "(some form)");
    })
  ));

test("what a query says is in no log, and what it asks for is", () =>
  withProvider((url) =>
    withProxy({ config: configOf(url), env: { QUOTED_KEY: PROVIDERS_KEY } }, async (proxy) => {
      await proxy.raw({ path: "/v1/models?beta=true&name=O%27Neill&empty=&flag" });
      await proxy.logged();
      assert.match(
        logsOf(proxy)[0]?.[1] ?? "",
        /"GET \/v1\/models\?beta=\[redacted\]&name=\[redacted\]&empty=&\[redacted\] HTTP/,
      );
    })
  ));
