import assert from "node:assert/strict";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { loadPolicy } from "../../src/config/load.ts";
import { configWith, ENV, found, load, NOW } from "./_load.ts";

const DEMO = readFileSync(new URL("../fixtures/config/nginx-demo.json", import.meta.url), "utf8");
const EXAMPLE = readFileSync(new URL("../../rbac.example.json", import.meta.url), "utf8");
const KEY = `sha256:${"1".repeat(64)}`;

test("the configuration of NGINX's demo loads unchanged and without a word", async () => {
  const { policy, problems } = await load(DEMO);
  assert.deepEqual(problems, []);
  const targets = policy?.users.get("user-a")?.routes.get("gpt-5")?.targets.map((target) => target.model);
  assert.deepEqual(targets, ["gpt-5", "claude-sonnet-4-20250514"]);
  assert.equal(policy?.identity.mode, "header");
});

test("the example configuration loads, with warnings for the missing keys alone", async () => {
  assert.deepEqual(await found(EXAMPLE), []);
  assert.deepEqual(await found(EXAMPLE, { env: {} }), [
    "warning providers.openai.apiKey",
    "warning providers.anthropic.apiKey",
  ]);
});

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const EXAMPLES = Array.from(README.matchAll(/^```jsonc\n(\{\n[^]*?)^```/gm), ([, text = ""]) => text);

test("the README shows two whole configurations, one for each way to know who asks", async () => {
  const modes: unknown[] = [];
  for (const text of EXAMPLES) {
    const { policy, problems } = await load(text, { listen: { host: "127.0.0.1", port: 4242 } });
    assert.deepEqual(problems, []);
    modes.push(policy?.identity.mode);
  }
  assert.deepEqual(modes, ["keys", "header"]);
});

test("comments and trailing commas are allowed, and a byte order mark too", async () => {
  const text =
    '\ufeff// a comment\n{"users": {"a": {"models": [{"name": "m"},],},}, /* b */ "models": {"m": {"provider": "openai"},},}';
  assert.deepEqual((await load(text)).problems, []);
});

test("a text takes the place of what the file says, and secrets are still looked for beside the file", async () => {
  const config = configWith({ providers: { openai: { apiKey: { file: "key.txt" } } } });
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(directory, "rbac.json");
  await writeFile(file, "{ broken");
  await writeFile(join(directory, "key.txt"), "sk-beside", { mode: 0o600 });
  const text = JSON.stringify(config);
  const loaded = await loadPolicy({ file, text, env: ENV, now: NOW });
  assert.deepEqual(loaded.problems, []);
  assert.equal(loaded.text, text);
  const secret = loaded.policy?.users.get("ann")?.routes.get("m")?.targets[0]?.upstream.secret;
  assert(secret !== undefined && typeof secret !== "string");
  assert.equal((await loadPolicy({ file, env: ENV, now: NOW })).text, undefined);
});

test("a file that cannot be read is no list of problems", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  for (const file of [join(directory, "none.json"), directory]) {
    const loaded = await loadPolicy({ file, env: ENV, now: NOW });
    assert.match(loaded.unreadable ?? "", /^Cannot read ".*": (there is no such file|it is a directory)$/);
    assert.equal(loaded.policy, undefined);
  }
  const large = await load(`// ${"x".repeat(10 * 1024 * 1024)}\n{}`);
  assert.match(large.unreadable ?? "", /larger than 10485760 bytes$/);
  assert.match((await load(new Uint8Array([0x7b, 0xff, 0x7d]))).unreadable ?? "", /not UTF-8 text$/);
});

test("what is not JSON is reported with line and column, without the echoes behind it", async () => {
  const { problems } = await load('{\n  "users": {]\n}\n');
  assert.deepEqual(problems.map(({ line }) => line), [2]);
  assert.match(problems[0]?.message ?? "", /^Not JSON: .* at column 13$/);
  assert.match((await load("")).problems[0]?.message ?? "", /^Not JSON: value expected/);
});

test("nesting that would overflow a parser's stack is a problem", async () => {
  const { problems } = await load("\n" + "[".repeat(200_000));
  assert.deepEqual(problems.map(({ line, message }) => [line, message]), [[
    2,
    "Nested deeper than 32 levels",
  ]]);
});

test("header mode on an address that others reach is refused until proxies are named", async () => {
  const auth = { trustedProxies: ["10.0.0.0/8"] };
  const open = ["problem auth.trustedProxies"];
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "gateway.example"]) {
    const listen = { host, port: 4242 };
    assert.deepEqual(await found(configWith({}), { listen }), open, host);
    assert.deepEqual(await found(configWith({ auth }), { listen }), [], host);
  }
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"]) {
    assert.deepEqual(await found(configWith({}), { listen: { host, port: 4242 } }), [], host);
  }
  const keys = configWith({ users: { ann: { keys: [{ hash: KEY }], models: [{ name: "m" }] } } });
  assert.deepEqual(await found(keys, { listen: { host: "0.0.0.0", port: 1 } }), []);
});

test("a configuration in which nobody can be known is a warning", async () => {
  assert.deepEqual(await found(configWith({ auth: { userHeader: false } })), ["warning auth.userHeader"]);
  assert.deepEqual(await found(configWith({ auth: { trustedProxies: [] } })), [
    "warning auth.trustedProxies",
  ]);
  assert.deepEqual(await found({}), ["warning models", "warning users"]);
});

test("an empty list of keys keeps header mode off: revoking the last key opens nothing", async () => {
  const { policy, problems } = await load(
    configWith({ users: { ann: { keys: [], models: [{ name: "m" }] } } }),
  );
  assert.equal(policy?.identity.mode, "keys");
  assert.deepEqual(problems.map(({ path }) => path), ["users.ann.keys"]);
});

test("a name that no header can carry is a warning in header mode", async () => {
  const users = { "müller": { models: [{ name: "m" }] } };
  assert.deepEqual(await found(configWith({ users })), ["warning users.müller"]);
});

test("the daemon's own address is found however it is written, from the environment too", async () => {
  const listen = { host: "127.0.0.1", port: 4242 };
  for (const host of ["localhost", "127.0.0.1", "127.0.0.2", "[::1]", "0.0.0.0", "LOCALHOST."]) {
    const env = { ...ENV, OPENAI_BASE_URL: `http://${host}:4242/v1` };
    assert.deepEqual(
      await found(configWith({}), { env, listen }),
      ["problem providers.openai.baseURL"],
      host,
    );
  }
  for (const url of ["http://localhost:4243", "http://192.0.2.1:4242", "https://localhost"]) {
    assert.deepEqual(await found(configWith({}), { env: { ...ENV, OPENAI_BASE_URL: url }, listen }), [], url);
  }
  const { problems } = await load(configWith({}), { env: { ...ENV, OPENAI_BASE_URL: "nonsense" } });
  assert.match(
    problems[0]?.message ?? "",
    /"nonsense" is no URL.*from the environment variable OPENAI_BASE_URL/,
  );
});

test("a key comes from a variable or a file, its last line end trimmed", async () => {
  const providers = { openai: { apiKey: { file: "key" } } };
  const { policy, problems } = await load(configWith({ providers }), { files: { key: "sk-file\r\n" } });
  assert.deepEqual(problems, []);
  const secret = policy?.models.get("m")?.upstream.secret;
  assert.equal(typeof secret === "object" && secret.reveal(), "sk-file");
  assert.equal(JSON.stringify(policy?.models.get("m")).includes("sk-file"), false);
});

test("an unset, empty or unreadable key is a warning and missing, never an empty key", async () => {
  const fromFile = { providers: { openai: { apiKey: { file: "key" } } } };
  const cases = [
    await load(configWith({}), { env: {} }),
    await load(configWith({}), { env: { OPENAI_API_KEY: "" } }),
    await load(configWith({}), { env: { OPENAI_API_KEY: " \n" } }),
    await load(configWith(fromFile)),
    await load(configWith(fromFile), { files: { key: "\n" } }),
  ];
  for (const { policy, problems } of cases) {
    assert.deepEqual(problems.map(({ severity, path }) => [severity, path]), [[
      "warning",
      "providers.openai.apiKey",
    ]]);
    assert.equal(policy?.models.get("m")?.upstream.secret, "missing");
  }
});

/** What a variable holds → severity, message, and the key that is sent. */
const ODD_KEYS: [string, "warning" | "problem", RegExp, string][] = [
  ["sk-hid\u00e9n", "problem", /holds characters that no header can carry/, ""],
  ["sk-hid\u0007den", "problem", /holds characters that no header can carry/, ""],
  ["sk-hidden\nsecond", "warning", /holds more than a key: there are blanks or line ends in it/, "missing"],
  ["sk-hidden second", "warning", /holds more than a key: there are blanks or line ends in it/, "missing"],
  ["Bearer sk-hidden", "warning", /has "Bearer" before its key/, "missing"],
  ['"sk-hidden"', "warning", /has its key in quotes, which are sent with it: remove them/, '"sk-hidden"'],
  ["'sk-hidden'", "warning", /has its key in quotes/, "'sk-hidden'"],
  ["sk-hidden\n", "warning", /has blanks or line ends around its key, which are not sent/, "sk-hidden"],
  [" sk-hidden", "warning", /has blanks or line ends around its key/, "sk-hidden"],
];

for (const [text, severity, message, sent] of ODD_KEYS) {
  test(`${JSON.stringify(text)} as a key is a ${severity}, and is not shown`, async () => {
    const file = configWith({ providers: { openai: { apiKey: { file: "key" } } } });
    for (
      const loaded of [
        await load(configWith({}), { env: { OPENAI_API_KEY: text } }),
        // A line end behind a key is usual in a file.
        await load(file, { files: { key: text.endsWith("\n") ? ` ${text}` : text } }),
      ]
    ) {
      const { policy, problems } = loaded;
      assert.deepEqual(problems.map((one) => one.severity), [severity]);
      assert.match(problems[0]?.message ?? "", message);
      assert.equal(JSON.stringify(problems).includes("sk-hid"), false);
      const secret = policy?.models.get("m")?.upstream.secret;
      assert.equal(typeof secret === "object" ? secret.reveal() : secret ?? "", sent);
    }
  });
}

test("a secret file that others can read is a warning", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const key = join(directory, "key");
  await writeFile(key, "sk-file", { mode: 0o600 });
  const config = configWith({ providers: { openai: { apiKey: { file: key } } } });
  assert.deepEqual(await found(config), []);
  for (const mode of [0o640, 0o604]) {
    await chmod(key, mode);
    assert.deepEqual(await found(config), ["warning providers.openai.apiKey.file"]);
  }
});

test("a literal secret is refused without being shown", async () => {
  for (
    const apiKey of ["sk-hidden", ["sk-hidden"], { env: "sk-hidden" }, { env: ["sk-hidden"] }, {
      key: "sk-hidden",
    }]
  ) {
    const { problems } = await load(configWith({ providers: { openai: { apiKey } } }));
    assert.equal(problems[0]?.severity, "problem");
    assert.equal(JSON.stringify(problems).includes("sk-hidden"), false, JSON.stringify(problems));
  }
  const users = { ann: { keys: ["aip_hidden"], models: [{ name: "m" }] }, bob: { keys: "aip_hidden" } };
  assert.equal(JSON.stringify((await load(configWith({ users }))).problems).includes("aip_hidden"), false);
});

test("names that every object has are refused as names and keys, and found nowhere as references", async () => {
  for (const name of Object.getOwnPropertyNames(Object.prototype)) {
    const key = JSON.stringify(name);
    for (const section of ["users", "models", "providers"]) {
      const { policy, problems } = await load(`{"${section}": {${key}: {}}}`);
      assert.equal(policy, undefined);
      assert.equal(problems.find(({ severity }) => severity === "problem")?.path, `${section}.${name}`);
    }
    assert.equal((await load(`{${key}: {}}`)).policy, undefined);
    const references = configWith({
      users: { ann: { models: [{ name, failover: name }, { name: "m", failover: name }] } },
      models: { m: { provider: name } },
    });
    assert.deepEqual(await found(references), [
      "problem models.m.provider",
      "problem users.ann.models[0].name",
      "problem users.ann.models[0].failover",
      "problem users.ann.models[1].failover",
    ]);
  }
});

test("a file cut off anywhere is reported, never loaded and never thrown over", async () => {
  for (let length = 0; length < DEMO.trimEnd().length; length++) {
    const { policy, problems } = await load(DEMO.slice(0, length));
    assert.equal(policy, undefined, `cut at ${length}`);
    assert.ok(problems.some(({ severity }) => severity === "problem"), `cut at ${length}`);
  }
});

test("any bytes are a policy or are reported", async () => {
  const report = async (config: unknown) => {
    const { policy, problems, unreadable } = await load(config);
    const wrong = unreadable !== undefined || problems.some(({ severity }) => severity === "problem");
    assert.equal(policy === undefined, wrong);
  };
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), report), { numRuns: 100 });
  await fc.assert(fc.asyncProperty(fc.json(), report), { numRuns: 100 });
  const section = fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 });
  const file = fc.record({ users: section, models: section, providers: section, auth: fc.jsonValue() }, {
    requiredKeys: [],
  });
  await fc.assert(fc.asyncProperty(file, report), { numRuns: 200 });
});
