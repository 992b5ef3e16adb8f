/** Request bodies that are hostile, odd or at the edge of what JSON can say. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, type Proxy, withProxy } from "../tools/proxy.ts";
import { PATHS } from "./_ways.ts";

const models = {
  gpt: { provider: "openai", model: "demo-echo" },
  claude: { provider: "anthropic", model: "demo-echo", maxOutputTokens: 1000 },
};
const MESSAGES = [{ role: "user", content: "Hello" }];

function bodies(title: string, run: (proxy: Proxy) => Promise<void>): void {
  test(title, () => withProxy({ config: configOf(models) }, run));
}

/** Both APIs' clients post a text. */
async function refusedBy(proxy: Proxy, text: string, code: string, param?: string | RegExp): Promise<void> {
  const before = proxy.providers.attempts.length;
  const openai = await proxy.post("ann", PATHS.openai, text);
  assert.equal(openai.status, 400, `${text.slice(0, 80)}: ${openai.text.slice(0, 200)}`);
  assert.equal(openai.json().error.code, code, openai.text);
  if (param !== undefined) assert.match(openai.json().error.param ?? "", new RegExp(param));
  assert.equal(openai.headers["x-should-retry"], "false");
  const anthropic = await proxy.post("ann", PATHS.anthropic, text);
  assert.equal(anthropic.status, 400, anthropic.text);
  assert.equal(anthropic.json().error.type, "invalid_request_error");
  assert.equal(proxy.providers.attempts.length, before);
}

/** What the provider got of a request: its body, parsed and as it came. */
function got({ providers }: Proxy) {
  const text = providers.attempts.at(-1)?.body ?? "";
  return { text, value: JSON.parse(text), headers: providers.attempts.at(-1)?.headers ?? {} };
}

const DEEP = 65;

bodies("F34: a body that is nested too deeply is refused, at once", async (proxy) => {
  for (const text of ["[".repeat(10_000_000), `{"model":"gpt","x":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`]) {
    await refusedBy(proxy, text, "json_too_complex");
  }
  const nested = `${"[".repeat(40)}${"]".repeat(40)}`;
  assert.equal(
    (await proxy.post(
      "ann",
      PATHS.openai,
      `{"model":"gpt","messages":${JSON.stringify(MESSAGES)},"metadata":{"x":${nested}}}`,
    )).status,
    200,
  );
});

bodies("F35: a body of too many values is refused", async (proxy) => {
  await refusedBy(proxy, `{"model":"gpt","x":[${"{},".repeat(250_000)}1]}`, "json_too_complex");
  const keys = Array.from({ length: 10_001 }, (_, index) => `"k${index}":1`).join();
  await refusedBy(proxy, `{"model":"gpt","x":{${keys}}}`, "json_too_complex");
});

bodies("F36: bytes that are no UTF-8 are refused, and numbers keep every digit", async (proxy) => {
  for (const path of Object.values(PATHS)) {
    const body = Uint8Array.from([
      ...new TextEncoder().encode('{"model":"'),
      0xff,
      0xfe,
      ...new TextEncoder().encode('"}'),
    ]);
    const reply = await proxy.raw({ method: "POST", path, headers: { "x-user": "ann" }, body });
    assert.equal(reply.status, 400);
  }
  const text = `\uFEFF{"model":"gpt","messages":${
    JSON.stringify(MESSAGES)
  },"seed":9007199254740993,"metadata":{"a":-0,"b":1.50,"c":"\\ud800"}}`;
  const reply = await proxy.post("ann", PATHS.openai, text);
  assert.equal(reply.status, 200, reply.text);
  for (const kept of ['"seed":9007199254740993', '"a":-0', '"b":1.50', '"c":"\\ud800"']) {
    assert(got(proxy).text.includes(kept), kept);
  }
  const infinite = `{"model":"claude","messages":${JSON.stringify(MESSAGES)},"temperature":1e400}`;
  const refused = await proxy.post("ann", PATHS.openai, infinite);
  assert.equal(refused.status, 400, refused.text);
  assert.equal(refused.json().error.param, "temperature");
});

bodies("F37: a body that is no object is refused", async (proxy) => {
  for (
    const text of ["", " ", "null", "[]", '"text"', "1", "true", "{", '{"model":', "{'model':1}", "<xml/>"]
  ) {
    await refusedBy(proxy, text, "invalid_json");
  }
});

bodies(
  "F37: a field of the wrong kind is refused with its name, never with a fault of ours",
  async (proxy) => {
    const wrong: readonly unknown[] = [
      null,
      1,
      "x",
      true,
      {},
      [null],
      [1],
      ["x"],
      [[]],
      [{}],
      [{ role: 1 }],
      [{ role: "user", content: [{ type: "hologram" }] }],
      [{ role: "user", content: [1] }],
    ];
    for (const messages of wrong) {
      for (const [path, model] of [[PATHS.openai, "claude"], [PATHS.anthropic, "gpt"]] as const) {
        const reply = await proxy.post("ann", path, { model, max_tokens: 10, messages });
        assert.equal(reply.status, 400, `${JSON.stringify(messages)}: ${reply.text}`);
        assert.match(reply.text, /messages/);
      }
    }
    for (
      const field of [
        "tools",
        "tool_choice",
        "stop",
        "temperature",
        "max_tokens",
        "stream_options",
        "response_format",
      ]
    ) {
      for (const value of ["text", [[]], { a: { b: [] } }, -1e300]) {
        const reply = await proxy.post("ann", PATHS.openai, {
          model: "claude",
          messages: MESSAGES,
          [field]: value,
        });
        assert(reply.status < 500, `${field} ${JSON.stringify(value)}: ${reply.text}`);
      }
    }
    assert.deepEqual(proxy.appLog, []);
  },
);

bodies("F38: a name that would send a careless pattern round in circles costs nothing", async (proxy) => {
  for (
    const evil of [
      "a".repeat(100_000),
      "*".repeat(100_000),
      `${"a.".repeat(50_000)}!`,
      `sk-${"-".repeat(100_000)}`,
    ]
  ) {
    const began = performance.now();
    const reply = await proxy.raw({
      method: "POST",
      path: PATHS.openai,
      headers: { "x-user": "ann", "x-request-id": evil.slice(0, 8000), "user-agent": evil.slice(0, 4000) },
      body: JSON.stringify({ model: evil, messages: MESSAGES }),
    });
    assert.equal(reply.status, 404);
    assert(performance.now() - began < 2000);
  }
});

bodies(
  "F39: a limit past the model's is cut with a warning, and what the model cannot do is refused",
  async (proxy) => {
    const cut = await proxy.post("ann", PATHS.openai, {
      model: "claude",
      messages: MESSAGES,
      max_tokens: 1e9,
    });
    assert.equal(cut.status, 200, cut.text);
    assert.equal(got(proxy).value.max_tokens, 1000);
    assert.notEqual(cut.headers["x-ai-proxy-warnings"], undefined);
    for (const [field, value] of [["n", 128], ["logprobs", true]] as const) {
      const reply = await proxy.post("ann", PATHS.openai, {
        model: "claude",
        messages: MESSAGES,
        [field]: value,
      });
      assert.equal(reply.status, 400, reply.text);
      assert.equal(reply.json().error.code, "unsupported_parameter");
      assert.equal(reply.json().error.param, field);
    }
  },
);

bodies("F40: zero and empty are values", async (proxy) => {
  assert.equal(
    (await proxy.post("ann", PATHS.openai, { model: "claude", messages: MESSAGES, temperature: 0 }))
      .status,
    200,
  );
  assert.equal(got(proxy).value.temperature, 0);
  const body = { model: "gpt", messages: [{ role: "user", content: "0" }], temperature: 0, max_tokens: 7 };
  assert.equal((await proxy.post("ann", PATHS.anthropic, body)).status, 200);
  assert.equal(got(proxy).value.temperature, 0);
});

bodies("F41: nothing of a request can break a header", async (proxy) => {
  const sane = await proxy.raw({ path: "/healthz", headers: { "x-request-id": "a.b:c/d@e-f_1" } });
  assert.equal(sane.headers["x-request-id"], "a.b:c/d@e-f_1");
  for (const id of ["a b", "a\tb", 'a"b', "a%0d%0ab", "\u00e9", "x".repeat(129)]) {
    const reply = await proxy.raw({ path: "/healthz", headers: { "x-request-id": id } });
    assert.match(reply.headers["x-request-id"] ?? "", /^req_[0-9a-f]{24}$/, id);
  }
});

test("F41: configured names that a header cannot carry are percent-encoded", () => {
  const named = { "gr\u00f6\u00dfe 1%": { provider: "openai", model: "healthy" } };
  return withProxy({ config: configOf(named) }, async (proxy) => {
    const reply = await proxy.post("ann", PATHS.openai, { model: "gr\u00f6\u00dfe 1%", messages: MESSAGES });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers["x-ai-proxy-model"], "gr%C3%B6%C3%9Fe%201%25");
  });
});

const CLIENTS_OWN = {
  authorization: "Bearer client-secret",
  "x-api-key": "client-secret",
  cookie: "session=client-secret",
  "proxy-authorization": "Basic client-secret",
  "x-forwarded-for": "10.0.0.1",
  "x-forwarded-host": "client-secret",
  forwarded: "for=client-secret",
  te: "trailers",
  "keep-alive": "timeout=5",
  "x-custom": "client-secret",
  "openai-organization": "org",
  "anthropic-beta": "beta-one",
};

bodies("F42: nothing of a client's credentials or connection reaches a provider", async (proxy) => {
  for (
    const [path, model, api] of [
      [PATHS.openai, "gpt", "openai"],
      [PATHS.openai, "claude", "anthropic"],
      [PATHS.anthropic, "claude", "anthropic"],
      [PATHS.anthropic, "gpt", "openai"],
    ] as const
  ) {
    const reply = await proxy.raw({
      method: "POST",
      path,
      headers: { "x-user": "ann", "content-type": "application/json", ...CLIENTS_OWN },
      body: JSON.stringify({ model, max_tokens: 10, messages: MESSAGES }),
    });
    assert.equal(reply.status, 200, reply.text);
    const { headers } = got(proxy);
    const seen = JSON.stringify(headers);
    assert(!/client-secret|10\.0\.0\.1|x-user|trailers|x-forwarded/.test(seen), seen);
    const same = (path === PATHS.openai) === (api === "openai");
    assert.equal(headers["anthropic-beta"], same && api === "anthropic" ? "beta-one" : undefined);
  }
});
