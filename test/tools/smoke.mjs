// Packs the npm package, installs it in an empty folder, and uses it as a newcomer would: node test/tools/smoke.mjs

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "ai-proxy-smoke-"));
const say = (text) => console.log(`smoke: ${text}`);

try {
  npm(["pack", "--pack-destination", folder], root);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  assert.ok(tarball, "npm pack made no tarball");
  npm(["init", "-y"], folder);
  npm(["install", "--omit=dev", `./${tarball}`], folder);
  say(`${tarball} is installed on Node ${process.version}`);

  const version = aiProxy(["--version"]).trim();
  assert.match(version, /^\d+\.\d+\.\d+$/);
  say(`ai-proxy --version: ${version}`);

  aiProxy(["check-config", "node_modules/ai-proxy/rbac.example.json"]);
  say("check-config: the example is clean");

  const answer = aiProxy(["ask", "--demo", "--user", "user-a", "--model", "demo-429", "Hello"]);
  assert.match(answer, /simulated/i);
  say(`ask --demo: ${answer.trim()}`);

  await serve();
  say("passed");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The daemon with simulated providers: a plain answer, a stream, a failover, its log lines, and its end. */
async function serve() {
  const daemon = spawn("node", ["node_modules/ai-proxy/bin/ai-proxy.mjs", "serve", "--demo", "--port", "0"], {
    cwd: folder,
  });
  const ended = new Promise((resolve) => daemon.on("exit", resolve));
  let log = "";
  daemon.stdout.on("data", (piece) => log += piece);
  try {
    const url = await listening(daemon);
    const whole = await ask(url, { model: "gpt-5" });
    assert.equal(JSON.parse(await whole.text()).choices[0].finish_reason, "stop");
    const stream = await ask(url, { model: "claude-sonnet-4-20250514", stream: true });
    assert.match(await stream.text(), /data: \[DONE\]\n\n$/);
    const moved = await ask(url, { model: "demo-429" });
    assert.equal(moved.headers.get("x-ai-proxy-failover"), "429");
    await moved.text();
  } finally {
    daemon.kill("SIGINT");
  }
  assert.equal(await ended, 0);
  assert.equal(log.trim().split("\n").length, 3);
  say(`serve --demo: ${log.trim().split("\n").at(-1)}`);
}

function ask(url, body) {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "x-user": "user-a" },
    body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], ...body }),
  });
}

function listening(daemon) {
  return new Promise((resolve, reject) => {
    let text = "";
    daemon.stderr.on("data", (piece) => {
      text += piece;
      const found = /listens on (http:\S+)/.exec(text);
      if (found) resolve(found[1]);
    });
    daemon.on("exit", (code) => reject(new Error(`serve ended with ${code}: ${text}`)));
  });
}

function aiProxy(args) {
  return execFileSync("npx", ["--no-install", "ai-proxy", ...args], { cwd: folder, encoding: "utf8" });
}

function npm(args, cwd) {
  execFileSync("npm", [...args, "--no-fund", "--no-audit"], { cwd, stdio: ["ignore", "ignore", "inherit"] });
}
