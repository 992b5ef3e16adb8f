// Healthy answers that are silent for long, through the daemon with its default limits: a plain answer after six minutes,
// and a stream of half an hour whose events come four minutes apart. Takes 32 minutes, or a part of them:
// node test/tools/long-run.ts [PART of the time, 1 by default], the same on Deno.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./daemon.ts";
import { openStream } from "./stream-client.ts";

const part = Number(process.argv[2] ?? 1);
const SILENCE_MS = 360_000 * part;
const GAP_MS = 240_000 * part;
const EVENTS = 8;

const provider = createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => body += piece);
  request.on("end", () => void (JSON.parse(body).stream ? stream(response) : silence(response)));
});
await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
const { port } = provider.address() as AddressInfo;

const folder = await mkdtemp(join(tmpdir(), "ai-proxy-long-"));
const file = join(folder, "rbac.json");
await writeFile(
  file,
  JSON.stringify({
    providers: { slow: { dialect: "openai-chat", baseURL: `http://127.0.0.1:${port}` } },
    models: { slow: { provider: "slow" } },
    users: { ann: { models: [{ name: "slow" }] } },
  }),
);
const daemon = await startDaemon({ args: ["--config", file] });
const began = performance.now();
try {
  await Promise.all([plain(), streamed()]);
  console.log(daemon.stdout().trim());
} finally {
  daemon.signal("SIGINT");
  provider.closeAllConnections();
  provider.close();
  await rm(folder, { recursive: true });
}
assert.equal(await daemon.exited, 0);

async function plain(): Promise<void> {
  const client = await openStream({ port: daemon.port, body: requestOf(false) });
  const { text, broken } = await client.ended;
  assert.equal(client.status, 200);
  assert.equal(broken, false);
  assert.equal(JSON.parse(text).choices[0].message.content, "late");
  said("The plain answer came whole");
}

async function streamed(): Promise<void> {
  const client = await openStream({ port: daemon.port, body: requestOf(true) });
  const { text, broken } = await client.ended;
  assert.equal(broken, false);
  for (let count = 0; count < EVENTS; count++) assert.ok(text.includes(`"word ${count} "`));
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  said(`The stream came whole, with ${text.split(": ping").length - 1} signs of life in its silences`);
}

function requestOf(stream: boolean) {
  return { model: "slow", stream, messages: [{ role: "user", content: "Think" }] };
}

async function silence(response: ServerResponse): Promise<void> {
  await sleep(SILENCE_MS);
  const message = { role: "assistant", content: "late" };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: "1", object: "chat.completion", created: 1, model: "slow", choices }));
}

async function stream(response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (choice: object) => {
    const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: "slow", choices: [choice] };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  for (let count = 0; count < EVENTS; count++) {
    await sleep(GAP_MS);
    send({ index: 0, delta: { content: `word ${count} ` }, finish_reason: null });
  }
  send({ index: 0, delta: {}, finish_reason: "stop" });
  response.end("data: [DONE]\n\n");
}

function said(text: string): void {
  console.log(`${text} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
