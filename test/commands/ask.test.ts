/** `ask`: one prompt through the routing core, against simulated providers. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startProviders } from "../../src/demo/providers.ts";
import { startProgram } from "../tools/daemon.ts";
import { configOf } from "../tools/proxy.ts";
import { MODELS, providerEnv } from "./_daemon.ts";
import { run } from "./_run.ts";

const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
const providers = await startProviders({ pace: 0 });
const env = providerEnv(providers);
after(async () => {
  await providers.close();
  await rm(folder, { recursive: true });
});

async function fileOf(config: unknown): Promise<string> {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.json`);
  await writeFile(file, JSON.stringify(config));
  return file;
}

const two = await fileOf(configOf({
  ...MODELS,
  busy: { provider: "openai", model: "demo-429" },
  cut: { provider: "anthropic", model: "demo-cut-3" },
  policy: { provider: "openai", model: "demo-policy" },
  echo: { provider: "openai", model: "demo-echo" },
}, { busy: "sonnet" }));
const one = await fileOf(configOf({ "gpt-5": MODELS["gpt-5"] }));

test("the demo answers without a configuration", async () => {
  const { code, stdout, stderr } = await run(["ask", "--demo", "--user", "user-b", "Hello"], { env: {} });
  assert.equal(code, 0);
  assert.match(stdout, /^This is a simulated answer from gpt-5/);
  assert.match(stderr, /^gpt-5 at openai answered: \d+ \+ \d+ = \d+ tokens \(provider\), \d+ ms\n$/);
});

test("the answer streams to standard output, route and usage go to standard error", async () => {
  const { code, stdout, stderr } = await run(["ask", "--config", one, "Hello in 30 words"], { env });
  assert.equal(code, 0);
  assert.match(stdout, /^This is a simulated answer[^\n]*\n$/);
  assert.match(stderr, /^gpt-5 at openai answered: /);
  assert.equal(JSON.parse(providers.attempts.at(-1)?.body ?? "").stream, true);
});

test("the prompt may come from standard input, with instructions beside it", async () => {
  const args = ["ask", "--config", two, "--model", "echo", "--system", "Be brief", "--no-stream"];
  const { code, stdout } = await run(args, { env, stdin: "What is it?\n" });
  assert.equal(code, 0);
  const { body } = JSON.parse(stdout);
  assert.deepEqual(
    body.messages.map(({ role, content }: { role: string; content: unknown }) => [role, content]),
    [
      ["system", "Be brief"],
      ["user", "What is it?\n"],
    ],
  );
  assert.notEqual(body.stream, true);
});

test("what is piped in stands below the prompt, and none of it is lost", async () => {
  const args = ["ask", "--config", two, "--model", "echo", "--no-stream", "Summarise this:"];
  const { stdout } = await run(args, { env, stdin: "One.\nTwo.\n" });
  assert.equal(JSON.parse(stdout).body.messages.at(-1).content, "Summarise this:\n\nOne.\nTwo.\n");
  const alone = await run(args, { env, stdin: "" });
  assert.equal(JSON.parse(alone.stdout).body.messages.at(-1).content, "Summarise this:");
});

const GARBLED: readonly (readonly [title: string, args: readonly string[], stdin: Uint8Array])[] = [
  ["from standard input", [], new Uint8Array([0x63, 0x61, 0x66, 0xe9])],
  ["cut in a character", [], new Uint8Array([0x63, 0xc3])],
  ["piped below a prompt", ["Summarise"], new Uint8Array([0xff, 0xfe, 0x41])],
  ["from the argument", ["caf\uFFFD"], new Uint8Array()],
];

for (const [title, args, stdin] of GARBLED) {
  test(`a prompt that is no text (${title}) is not asked`, async () => {
    const before = providers.attempts.length;
    const { code, stdout, stderr } = await run(["ask", "--config", one, ...args], { env, stdin });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /is not UTF-8/);
    assert.equal(providers.attempts.length, before);
  });
}

test("a reader that leaves ends the request at the provider, and is no failure", async () => {
  const slow = await startProviders({ pace: 50 });
  try {
    const program = startProgram(
      ["ask", "--config", one, "--user", "ann", "Hello in 400 words"],
      { env: providerEnv(slow) },
    );
    await program.says(/This/, program.stdout);
    program.child.stdout?.destroy();
    assert.equal(await program.exited, 0);
    // All of it would take 20 s.
    assert.match(program.stderr(), /^gpt-5 at openai began to answer: /);
  } finally {
    await slow.close();
  }
});

test("the whole reply comes as JSON", async () => {
  const { code, stdout } = await run(["ask", "--config", two, "--model", "sonnet", "--json", "Hello"], {
    env,
  });
  assert.equal(code, 0);
  const reply = JSON.parse(stdout);
  assert.equal(reply.object, "chat.completion");
  assert.equal(reply.choices[0].finish_reason, "stop");
  assert.equal(typeof reply.usage.total_tokens, "number");
});

test("a failover is carried out and told", async () => {
  const { code, stdout, stderr } = await run(["ask", "--config", two, "--model", "busy", "Hello"], { env });
  assert.equal(code, 0);
  assert.match(stdout, /simulated answer from claude-sonnet-4-5/);
  assert.match(
    stderr,
    /^warning {2}busy at openai did not answer: 429\nsonnet at anthropic answered: /,
  );
});

test("what is refused ends with exit code 1 and the message", async () => {
  const { code, stdout, stderr } = await run(["ask", "--config", two, "--model", "policy", "Hello"], { env });
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /error {2}ai-proxy ask: Your request was rejected as a result of our safety system/);
  assert.doesNotMatch(stderr, /began to answer|openai answered/);
  assert(!/^ +at /m.test(stderr));
});

test("an answer that breaks off is printed as far as it came, and is no success", async () => {
  const { code, stdout, stderr } = await run(
    ["ask", "--config", two, "--model", "cut", "Hello in 60 words"],
    { env },
  );
  assert.equal(code, 1);
  assert.match(stdout, /^This is[^\n]*\n$/);
  assert.match(stderr, /error {2}ai-proxy ask: The provider's stream ended before the answer was complete/);
});

test("a model that is not the user's, a user that is not there, a provider that is down: exit code 1", async () => {
  const unknown = await run(["ask", "--config", one, "--model", "gpt-6", "Hello"], { env });
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /The model 'gpt-6' was not found or is not accessible to this user/);
  const nobody = await run(["ask", "--config", one, "--user", "an", "Hello"], { env });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /User not authorized: "an".*ann/);
  const down = { ...env, OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  const unreachable = await run(["ask", "--config", one, "Hello"], { env: down });
  assert.equal(unreachable.code, 1);
  assert.match(unreachable.stderr, /The provider refused the connection/);
});

const USAGE: readonly (readonly [title: string, args: readonly string[], message: RegExp])[] = [
  ["no prompt", ["--config", one], /The prompt is empty/],
  [
    "a model to choose",
    ["--config", two, "Hello"],
    /The flag --model is missing: one of gpt-5, sonnet, busy/,
  ],
  ["a user to choose", ["--demo", "Hello"], /The flag --user is missing: one of user-a, user-b/],
  ["two prompts", ["--config", one, "Hello", "again"], /Unexpected argument "again"/],
  ["an unknown flag", ["--config", one, "--modle", "x", "Hello"], /Unknown flag "--modle".*--model/],
  ["two configurations", ["--demo", "--config", one, "Hello"], /--demo brings its own configuration/],
  ["no configuration", ["--config", join(folder, "none.json"), "Hello"], /there is no such file/],
];

for (const [title, args, message] of USAGE) {
  test(`${title} is bad usage`, async () => {
    const { code, stdout, stderr } = await run(["ask", ...args], { env });
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  });
}

test("no key is printed, whatever happens", async () => {
  for (const model of ["gpt-5", "sonnet", "policy", "cut"]) {
    const { stdout, stderr } = await run(["ask", "--config", two, "--model", model, "Hello"], {
      env: { ...env, DEBUG: "1" },
    });
    assert(!`${stdout}${stderr}`.includes("canary"));
  }
});
