/** Keys of providers and of clients leave the proxy nowhere: in no answer, header, log line or message. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hashOf, makeKey } from "../../src/access/keys.ts";
import { FAULTS } from "../../src/demo/faults.ts";
import { startProviders } from "../../src/demo/providers.ts";
import { until } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";

/** The simulated API refuses keys that begin with bad, and quotes them. */
const KEYS = {
  openai: "bad-canary-openai/+0123456WXYZ",
  anthropic: "bad-canary-anthropic=987654VWXQ",
  client: makeKey(new Uint8Array(32).fill(7)),
  unknown: makeKey(new Uint8Array(32).fill(8)),
};
const GOOD = {
  openai: "sk-proj-canaryopenai0123456789WXYZ",
  anthropic: "sk-ant-canaryanthropic0123456VWXQ",
};

/** So long, or so large, that this would test other things. */
const LEFT_OUT =
  /^(silent|headers-silent|stall|pause|slow|late|flap|bomb|endless|giant-line|header-flood|1xx)$/;
const faults = Object.keys(FAULTS).filter((word) => !LEFT_OUT.test(word));
const isDeno = "deno" in process.versions;

test("no key is in anything that the daemon says, whatever goes wrong", async () => {
  const providers = await startProviders({ pace: 0 });
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(directory, "rbac.json");
  await writeFile(file, JSON.stringify(config()));
  const environment = {
    ...process.env,
    DEBUG: "1",
    OPENAI_API_KEY: KEYS.openai,
    OPENAI_BASE_URL: providers.openaiURL,
    ANTHROPIC_API_KEY: KEYS.anthropic,
    ANTHROPIC_BASE_URL: providers.anthropicURL,
    GOOD_OPENAI_KEY: GOOD.openai,
    GOOD_ANTHROPIC_KEY: GOOD.anthropic,
  };
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const runtime = isDeno ? ["run", "-A", "--no-check", main] : [main];
  const daemon = spawn(process.execPath, [...runtime, "serve", "--port", "0", "--config", file], {
    env: environment,
  });
  let said = "";
  daemon.stdout.on("data", (piece: Uint8Array) => said += piece);
  daemon.stderr.on("data", (piece: Uint8Array) => said += piece);
  const ended = new Promise((resolve) => daemon.on("close", resolve));
  try {
    await until(() => /listens on http:\/\/127\.0\.0\.1:\d+/.test(said));
    const port = Number(/listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    const answers = await askAll(port);
    assert(answers.length > faults.length);
    daemon.kill("SIGTERM");
    await ended;
    assert(said.includes('"POST /v1/chat/completions HTTP/1.1"'));
    for (const answer of [...answers, ...said.split("\n")]) checkSecrets(answer);
  } finally {
    daemon.kill("SIGKILL");
    await ended;
    await providers.close();
    await rm(directory, { recursive: true });
  }

  /** With keys that are refused, and with good ones behind providers of other names. */
  function config() {
    const good = Object.entries({ openai: "openai-chat", anthropic: "anthropic-messages" }).map((
      [api, dialect],
    ) => [
      `good-${api}`,
      {
        dialect,
        baseURL: api === "openai" ? providers.openaiURL : providers.anthropicURL,
        apiKey: { env: `GOOD_${api.toUpperCase()}_KEY` },
      },
    ]);
    const models = Object.fromEntries([
      ...["openai", "anthropic"].map((provider) => [provider, { provider }]),
      ...faults.flatMap((word) =>
        ["openai", "anthropic"].map((api) => [`${api}-demo-${word}`, { provider: `good-${api}` }])
      ),
    ]);
    const routes = Object.keys(models).map((name) => ({ name }));
    const keys = [{ hash: hashOf(KEYS.client), name: "test" }];
    return { providers: Object.fromEntries(good), models, users: { ann: { keys, models: routes } } };
  }
});

/** Every model in both dialects, plain and streamed, as the head and body of each answer. */
async function askAll(port: number): Promise<string[]> {
  const answers: string[] = [];
  const ask = async (path: string, key: string, body: object) => {
    const authorization = path === "/v1/messages" ? { "x-api-key": key } : { authorization: `Bearer ${key}` };
    try {
      const reply = await exchangeRaw(port, {
        method: "POST",
        path,
        headers: authorization,
        body: JSON.stringify(body),
      });
      answers.push(JSON.stringify(reply.headers) + reply.text);
    } catch (thrown) {
      answers.push(String(thrown));
    }
  };
  const models = ["openai", "anthropic"].flatMap((
    api,
  ) => [api, ...faults.map((word) => `${api}-demo-${word}`)]);
  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    for (const model of models) {
      for (const stream of [false, true]) {
        const messages = [{ role: "user", content: "Hi" }];
        await ask(path, KEYS.client, { model, stream, max_tokens: 50, messages });
      }
    }
    await ask(path, KEYS.unknown, { model: "openai", messages: [] });
  }
  return answers;
}

/** Also not in part, encoded or masked. */
function checkSecrets(text: string): void {
  for (const found of text.matchAll(/canary|bad-cana|aip_|sk-proj|sk-ant|WXYZ|VWXQ|YmFkLWNhbmFye/g)) {
    assert.fail(`${found[0]} is in ${text.slice(Math.max(found.index - 200, 0), found.index + 200)}`);
  }
}
