/** The least that Deno must allow, as the README has it: with it everything works, and what is missing is said at the start. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProviders } from "../../src/demo/providers.ts";
import { checkPermissions } from "../../src/commands/permissions.ts";
import { configOf, OPENAI_KEY } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { hello } from "./_daemon.ts";

const DENO = process.versions["deno"] === undefined ? "permissions are Deno's" : false;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** The variables of the README's command. */
async function documented(): Promise<string[]> {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, names = ""] = /--allow-env=(\S+)/.exec(readme) ?? [];
  return names.split(",");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("with the documented permissions a daemon serves, reloads and logs", { skip: DENO }, async () => {
  const providers = await startProviders({ pace: 0 });
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  const write = (config: unknown) => writeFile(file, JSON.stringify(config));
  await write(configOf({ "gpt-5": { provider: "openai" } }));
  const port = await freePort();
  const names = await documented();
  const child = spawn(process.execPath, [
    "run",
    "--no-prompt",
    "--no-check",
    `--allow-net=127.0.0.1:${port},${new URL(providers.openaiURL).host}`,
    `--allow-env=${names.join(",")}`,
    `--allow-read=${file}`,
    MAIN,
    "serve",
    "--config",
    file,
    "--port",
    `${port}`,
  ], {
    env: { ...process.env, NO_COLOR: "1", OPENAI_API_KEY: OPENAI_KEY, OPENAI_BASE_URL: providers.openaiURL },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (piece) => out += piece);
  child.stderr.on("data", (piece) => err += piece);
  const says = async (pattern: RegExp) => {
    for (let tries = 0; tries < 400 && !pattern.test(err) && child.exitCode === null; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.match(err, pattern);
  };
  const ask = (stream: boolean) =>
    exchangeRaw(port, {
      method: "POST",
      path: "/v1/chat/completions",
      headers: { "x-user": "ann", "content-type": "application/json" },
      body: JSON.stringify(hello("gpt-5", stream)),
    });
  try {
    await says(/listens on/);
    for (const stream of [false, true]) assert.equal((await ask(stream)).status, 200, err);
    // A name that may not be read is a key that is not set, and no end of the daemon.
    await write({
      ...configOf({ "gpt-5": { provider: "openai" }, other: { provider: "forbidden" } }),
      providers: {
        forbidden: {
          dialect: "openai-chat",
          baseURL: "http://127.0.0.1:9/v1",
          apiKey: { env: "A_NAME_THAT_IS_NOT_ALLOWED" },
        },
      },
    });
    process.kill(child.pid ?? 0, "SIGHUP");
    await says(/Configuration reloaded/);
    assert.equal((await ask(false)).status, 200, err);
    process.kill(child.pid ?? 0, "SIGINT");
    await once(child, "close");
    assert.equal(child.exitCode, 0, err);
    assert.equal(out.split("\n").filter((line) => line.includes("outcome=ok")).length, 3);
    assert(!/NotCapable|Requires/.test(err), err);
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid ?? 0, "SIGKILL");
    await providers.close();
    await rm(folder, { recursive: true });
  }
});

test("a variable that would be missing at the first request is missing at the start", () => {
  checkPermissions({});
  const guarded = new Proxy({}, {
    get: (_target, name) => {
      if (name === "JEST_WORKER_ID") throw new Error("NotCapable");
      return undefined;
    },
  });
  assert.throws(() => checkPermissions(guarded), {
    message: /Not started: .* JEST_WORKER_ID: .*--allow-env/,
  });
});
