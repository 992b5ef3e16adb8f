/**
 * How long a reload holds requests up: a daemon with many users is given another configuration again and again, while a
 * client asks `/healthz` all the time. `node test/tools/reload-hold.ts [USERS] [RELOADS]`, the same on Deno; 20,000 users and
 * 6 reloads if absent. Ends by itself, after ten minutes at the latest.
 */

import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { startProgram } from "./daemon.ts";

const USERS = 20_000;
const RELOADS = 6;
const MODELS = 20;
const MOST_USERS = 25_000;
const MOST_RELOADS = 100;
/** A client that asks more often would measure itself. */
const PAUSE_MS = 5;
/** What a reload does behind its last word belongs to it. */
const AFTER_MS = 300;
const PATIENCE_MS = 120_000;
const LONGEST_MS = 600_000;

const [users, reloads] = [
  numberOf(process.argv[2], USERS, MOST_USERS),
  numberOf(process.argv[3], RELOADS, MOST_RELOADS),
];
const folder = await mkdtemp(join(tmpdir(), "ai-proxy-hold-"));
const file = join(folder, "rbac.json");
const texts = ["a", "b"].map((tag) => configuration(users, tag));
await put(0);
const began = performance.now();
const daemon = startProgram(["serve", "--config", file, "--port", "0", "--access-log", "off"]);
const last = setTimeout(() => daemon.signal("SIGKILL"), LONGEST_MS);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
try {
  const [, url = ""] = await heard(/listens on (http:\S+)/g, 1);
  console.log(`${users} users, ${(texts[0]?.length ?? 0) / 1e6} MB: started in ${since(began)}`);
  const waits: number[] = [];
  let asking = true;
  const client = (async () => {
    while (asking) {
      waits.push(await ask(`${url}/healthz`));
      await pause(PAUSE_MS);
    }
  })();
  const all: number[] = [];
  for (let count = 1; count <= reloads; count++) {
    waits.length = 0;
    const from = performance.now();
    await put(count % texts.length);
    await heard(/Configuration (?:reloaded|rejected)/g, count);
    const took = since(from);
    await pause(AFTER_MS);
    console.log(`reload ${count}: ${took}, the longest wait of a client ${Math.max(...waits).toFixed(1)} ms`);
    for (const wait of waits) all.push(wait);
  }
  asking = false;
  await client;
  all.sort((one, other) => one - other);
  const at = (share: number) => (all[Math.floor((all.length - 1) * share)] ?? 0).toFixed(1);
  console.log(`${all.length} requests: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`);
} finally {
  clearTimeout(last);
  agent.destroy();
  if (daemon.child.exitCode === null && daemon.child.signalCode === null) daemon.signal("SIGKILL");
  await daemon.exited;
  await rm(folder, { recursive: true });
}

function numberOf(argument: string | undefined, usual: number, most: number): number {
  const number = Number(argument ?? usual);
  if (Number.isInteger(number) && number > 0 && number <= most) return number;
  throw new Error(`Takes a number from 1 to ${most}, not ${argument}`);
}

/** A configuration in which each user has a key and three models, none of them as in one with another tag. */
function configuration(count: number, tag: string): string {
  const model = (index: number) => `model-${index % MODELS}`;
  const numbers = (length: number) => Array.from({ length }, (_, index) => index);
  const user = (index: number) => ({
    keys: [{
      hash: `sha256:${createHash("sha256").update(`${tag}${index}`).digest("hex")}`,
      name: `k${index}`,
    }],
    models: numbers(3).map((at) => ({ name: model(index + at), failover: [model(index + at + 1)] })),
  });
  const config = {
    providers: { p: { dialect: "openai-chat", baseURL: "http://127.0.0.1:1/v1" } },
    models: Object.fromEntries(numbers(MODELS).map((index) => [model(index), { provider: "p" }])),
    users: Object.fromEntries(numbers(count).map((index) => [`user-${tag}${index}`, user(index)])),
  };
  return JSON.stringify(config, null, 1);
}

/** Replaces the file as editors and deployments do. */
async function put(index: number): Promise<void> {
  await writeFile(`${file}.new`, texts[index] ?? "");
  await rename(`${file}.new`, file);
}

/** Waits until the daemon has said something so many times. */
async function heard(pattern: RegExp, times: number): Promise<RegExpExecArray> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until && daemon.child.exitCode === null && daemon.child.signalCode === null) {
    const found = [...daemon.stderr().matchAll(pattern)][times - 1];
    if (found) return found;
    await pause(10);
  }
  throw new Error(`The daemon did not say ${pattern}: ${daemon.stderr().slice(0, 1_000)}`);
}

function ask(url: string): Promise<number> {
  const from = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - from));
    }).on("error", reject);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

function since(from: number): string {
  return `${(performance.now() - from).toFixed(0)} ms`;
}
