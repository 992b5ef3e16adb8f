import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "./_run.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/config/${name}`, import.meta.url));
const DEMO = fixture("nginx-demo.json");
const EVERY = fixture("every-problem.json");

/** Line, severity, place and what the message says. */
const EVERY_PROBLEM: [number, "problem" | "warning", string, RegExp][] = [
  [3, "problem", "keepalive", /did you mean "keepAlive"/],
  [4, "problem", "__proto__", /cannot be used/],
  [6, "warning", "auth.userHeader", /no effect, because users have keys/],
  [7, "problem", "auth.trustedProxies[0]", /"10.0.0.0\/40" is no address or network/],
  [7, "warning", "auth.trustedProxies[1]", /everybody/],
  [7, "warning", "auth.trustedProxies", /no effect, because users have keys/],
  [10, "warning", "providers.openai.apiKey", /NO_SUCH_VARIABLE is not set; models that need it answer 502/],
  [11, "problem", "providers.nodialect.dialect", /is missing: one of openai-chat, anthropic-messages/],
  [12, "problem", "providers.nourl.baseURL", /is missing/],
  [13, "problem", "providers.oddialect.dialect", /"openai-caht": did you mean "openai-chat"/],
  [14, "problem", "providers.badurl.baseURL", /"localhost:11434" is no URL/],
  [15, "problem", "providers.own.baseURL", /this daemon's own address/],
  [16, "problem", "providers.endpoint.baseURL", /has a query or a fragment/],
  [17, "problem", "providers.password.baseURL", /holds credentials/],
  [18, "problem", "providers.literal.apiKey", /never the key itself/],
  [19, "warning", "providers.nofile.apiKey", /"no-such-file" cannot be read, there is no such file/],
  [20, "problem", "providers.version.anthropicVersion", /Only providers with the dialect anthropic-messages/],
  [21, "problem", "providers.retries.retries", /0 to 10, not 11/],
  [26, "warning", "models.lonely", /No user may use "lonely"/],
  [27, "problem", 'models["bell\\u0007"]', /control characters/],
  [28, "problem", "models.homeless.provider", /"opneai" is not in providers: did you mean "openai"/],
  [29, "problem", "models.bare.provider", /"provider" is missing/],
  [30, "problem", "models.slow.timeouts.idle", /above 0/],
  [32, "problem", "models.twice", /stands twice in one object, first on line 31/],
  [37, "warning", "users.chains.keys[0].expires", /expired on "2020-01-01"/],
  [38, "problem", "users.chains.keys[1].expires", /"soon" is no date/],
  [39, "problem", "users.chains.keys[2].hash", /64 hex digits/],
  [40, "problem", "users.chains.keys[3].hash", /a key, not its hash/],
  [43, "problem", "users.chains.models[0].failover", /fails over to itself/],
  [44, "warning", "users.chains.models[1].failover[0]", /not among "chains"'s own models/],
  [44, "problem", "users.chains.models[1].failover[1]", /is a cycle/],
  [45, "warning", "users.chains.models[2].failover[0]", /not among "chains"'s own models/],
  [45, "problem", "users.chains.models[2].failover[1]", /in this chain twice/],
  [46, "problem", "users.chains.models[3].failover", /"goood" is not in models: did you mean "good"/],
  [47, "warning", "users.chains.models[4].failover", /not among "chains"'s own models/],
  [48, "problem", "users.chains.models[5].name", /"nowhere" is not in models/],
  [49, "problem", "users.chains.models[6].name", /here twice, first as users.chains.models\[2\]/],
  [50, "problem", "users.chains.models[7]", /Expected an object, found a string/],
  [54, "problem", "users.loop.keys[0].hash", /same key as users.chains.keys\[0\].hash/],
  [57, "warning", "users.loop.models[1].failover", /"good" → "other" → "good" are a cycle/],
  [60, "warning", "users.keyless.keys", /nobody can be "keyless"/],
  [61, "warning", "users.idle.models", /may use no model/],
  [63, "problem", "failoverOn[0]", /not "4xz"/],
];

test("every kind of problem is found at once, with its place and line", async () => {
  const { code, stdout } = await run(["check-config", EVERY, "--json"]);
  assert.equal(code, 1);
  const result = JSON.parse(stdout);
  assert.equal(result.ok, false);
  const places = result.problems.map((
    one: Record<string, unknown>,
  ) => [one["line"], one["severity"], one["path"]]);
  assert.deepEqual(places, EVERY_PROBLEM.map(([line, severity, path]) => [line, severity, path]));
  for (const [index, [, , path, message]] of EVERY_PROBLEM.entries()) {
    assert.match(result.problems[index].message, message, path);
  }
});

test("for people each problem is one line on standard error, and no secret is on any", async () => {
  const { code, stdout, stderr } = await run(["check-config", EVERY]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, EVERY_PROBLEM.length + 1);
  assert.equal(lines[0], 'problem  keepalive  Unknown key "keepalive": did you mean "keepAlive"?  (line 3)');
  assert.equal(lines.at(-1), `${EVERY}: 30 problems, 13 warnings`);
  for (const unsafe of ["hunter2", "aip_0", "\u001b", "\u0007"]) assert.equal(stderr.includes(unsafe), false);
});

test("a clean file exits with 0 and says so", async () => {
  const { code, stdout, stderr } = await run(["check-config", DEMO]);
  assert.deepEqual([code, stdout, stderr], [0, "", `${DEMO}: no problems\n`]);
});

test("warnings exit with 0, and with 1 when strict", async () => {
  const env = {};
  assert.equal((await run(["check-config", DEMO], { env })).code, 0);
  const { code, stderr } = await run(["check-config", DEMO, "--strict"], { env });
  assert.equal(code, 1);
  assert.match(stderr, /^problem {2}providers\.openai\.apiKey {2}/);
  const json = JSON.parse((await run(["check-config", DEMO, "--strict", "--json"], { env })).stdout);
  assert.equal(json.ok, false);
});

test("a file that cannot be read exits with 2", async () => {
  const { code, stdout, stderr } = await run(["check-config", "/no/such/file"]);
  assert.deepEqual([code, stdout, stderr], [
    2,
    "",
    'error  Cannot read "/no/such/file": there is no such file\n',
  ]);
  const json = await run(["check-config", "/no/such/file", "--json"]);
  assert.equal(json.code, 2);
  assert.match(JSON.parse(json.stdout).unreadable, /no such file/);
});

test("the file is the one of the environment when none is named", async () => {
  const { code, stderr } = await run(["check-config"], { env: { AI_PROXY_CONFIG: "/no/such/config" } });
  assert.deepEqual([code, /"\/no\/such\/config"/.test(stderr)], [2, true]);
});

test("the address that serve will have is part of the check", async () => {
  const { code, stderr } = await run(["check-config", DEMO, "--host", "0.0.0.0"]);
  assert.equal(code, 1);
  assert.match(stderr, /^problem {2}auth\.trustedProxies {2}.*"0\.0\.0\.0"/);
});

test("a route is explained without calling anyone", async () => {
  const { code, stdout } = await run([
    "check-config",
    DEMO,
    "--explain",
    "--user",
    "user-a",
    "--model",
    "gpt-5",
  ], {
    env: { OPENAI_API_KEY: "k" },
  });
  assert.equal(code, 0);
  const moves = "connect, timeout, invalid, 401, 402, 403, 404, 408, 409, 429, 5xx";
  assert.equal(
    stdout,
    'allowed: "user-a" lists "gpt-5"\n' +
      "  1  gpt-5  openai (openai-chat)  https://api.openai.com/v1/chat/completions  model gpt-5  key present\n" +
      `     moves on after ${moves}\n` +
      "  2  claude-sonnet-4-20250514  anthropic (anthropic-messages)  https://api.anthropic.com/v1/messages" +
      "  model claude-sonnet-4-20250514  key missing: fails with provider_key_missing\n" +
      "     the last: its failure is the client's\n",
  );
});

test("an explained route is JSON on demand", async () => {
  const args = ["check-config", DEMO, "--json", "--explain", "--user", "user-b", "--model", "gpt-5"];
  const { explain } = JSON.parse((await run(args)).stdout);
  assert.equal(explain.allowed, true);
  assert.deepEqual(explain.targets, [{
    model: "gpt-5",
    provider: "openai",
    dialect: "openai-chat",
    url: "https://api.openai.com/v1/chat/completions",
    upstreamModel: "gpt-5",
    key: "present",
  }]);
  assert.ok(explain.failoverOn.includes("429"));
});

test("a target that a forward proxy leads to is explained so, without its login", async () => {
  const env = { OPENAI_API_KEY: "k", https_proxy: "http://ann:pass@proxy.test:3128" };
  const args = ["check-config", DEMO, "--explain", "--user", "user-b", "--model", "gpt-5"];
  const { stdout } = await run(args, { env });
  assert.match(stdout, /\/chat\/completions {2}through the forward proxy http:\/\/proxy\.test:3128 {2}model/);
  const { explain } = JSON.parse((await run([...args, "--json"], { env })).stdout);
  assert.equal(explain.targets[0].proxy, "http://proxy.test:3128");
});

const REFUSED: [string, string, RegExp][] = [
  ["user-c", "gpt-5", /^not allowed: "user-c" is not in users: did you mean "user-a"\?\n$/],
  ["__proto__", "gpt-5", /^not allowed: "__proto__" is not in users\n$/],
  ["user-b", "gpt-4", /^not allowed: "gpt-4" is not in models: did you mean "gpt-5"\?\n$/],
  [
    "user-b",
    "claude-sonnet-4-20250514",
    /^not allowed: "user-b" does not list "claude-sonnet-4-20250514" among its models\n$/,
  ],
];

for (const [user, model, message] of REFUSED) {
  test(`why ${user} may not use ${model} is explained`, async () => {
    const { code, stdout } = await run(["check-config", DEMO, "--explain", "--user", user, "--model", model]);
    assert.equal(code, 0);
    assert.match(stdout, message);
  });
}

test("a failover target that may not be asked for is explained as one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(directory, "rbac.json");
  const models = { a: { provider: "openai" }, b: { provider: "anthropic" } };
  await writeFile(file, JSON.stringify({ models, users: { u: { models: [{ name: "a", failover: "b" }] } } }));
  const { stdout } = await run(["check-config", file, "--explain", "--user", "u", "--model", "b"]);
  assert.match(stdout, /does not list "b" among its models, only as a failover target of "a"/);
});

test("a file with problems explains nothing", async () => {
  const { code, stdout } = await run([
    "check-config",
    EVERY,
    "--explain",
    "--user",
    "idle",
    "--model",
    "good",
  ]);
  assert.deepEqual([code, stdout], [1, ""]);
});

const OWN = [
  "target health and cooling",
  "retry budgets",
  "what models were found to refuse",
  "thinking kept for the next turn",
  "128 MiB for request bodies",
  "connections up to half of the descriptor limit",
];

test("what each of several workers has for itself is said, and is no problem", async () => {
  const { code, stderr } = await run(["check-config", DEMO, "--workers", "3", "--strict"]);
  assert.equal(code, 0);
  assert.match(stderr, /no problems\nEach of the 3 workers has its own: (.*)\n$/);
  assert(stderr.includes(OWN.join(", ")));
  const { perWorker } = JSON.parse((await run(["check-config", DEMO, "--workers", "3", "--json"])).stdout);
  assert.deepEqual(perWorker, OWN);
});

test("one process has nothing for itself that others lack", async () => {
  assert(!(await run(["check-config", DEMO, "--workers", "1"])).stderr.includes("Each of"));
  assert(!("perWorker" in JSON.parse((await run(["check-config", DEMO, "--json"])).stdout)));
});

const MISUSED: [string[], RegExp][] = [
  [["--explain"], /--explain needs --user and --model/],
  [["--explain", "--user", "a"], /--explain needs --user and --model/],
  [["--user", "a"], /go with --explain/],
  [["--port", "x"], /--port takes a number from 0 to 65535, not "x"/],
  [["--port", "65536"], /--port takes/],
  [["--workers", "0"], /--workers takes a number from 1 to 64, not "0"/],
];

for (const [args, message] of MISUSED) {
  test(`${args.join(" ")} is bad usage`, async () => {
    const { code, stdout, stderr } = await run(["check-config", DEMO, ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
