/** How long one request, or one answer, keeps a running daemon from answering somebody else. */

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "../tools/daemon.ts";
import { REPLIES, REQUESTS, STREAMS } from "./shapes.ts";
import type { Side } from "./values.ts";

export interface Live {
  readonly name: string;
  readonly from: Side;
  readonly to: Side;
  /** The client's body, and what the provider answers to it. */
  readonly request: string;
  readonly answer: string;
  readonly stream: boolean;
}

export interface Blocked {
  readonly name: string;
  readonly bytes: number;
  readonly status: number;
  /** The longest that `/healthz` took meanwhile, less what it takes in quiet, in milliseconds. */
  readonly blocked: number;
  /** What `JSON.parse` takes for all of the text at once. */
  readonly parse: number;
}

/** What is sent: as much as the limit of values lets through, or a megabyte. */
const MEGABYTE = 1024 * 1024;
const PATHS = { O: "/v1/chat/completions", A: "/v1/messages" } as const;
const SMALL = JSON.stringify({ max_tokens: 10, messages: [{ role: "user", content: "hi" }] });
const ANSWERS = {
  O: REPLIES.find(({ from }) => from === "O")?.body(1) ?? "",
  A: REPLIES.find(({ from, name }) => from === "A" && name === "one long text")?.body(1) ?? "",
};

export const LIVE: readonly Live[] = [
  ...REQUESTS.map(({ name, from, to, body }): Live => ({
    name: `request ${from}>${to}: ${name}`,
    from,
    to,
    request: asked(atSize(body), to, false),
    answer: ANSWERS[to],
    stream: false,
  })),
  ...REPLIES.map(({ name, from, body }): Live => answered(name, from, atSize(body), false)),
  ...STREAMS.map(({ name, from, body }): Live => answered(name, from, atSize(body), true)),
];

function answered(name: string, to: Side, answer: string, stream: boolean): Live {
  const from = to === "O" ? "A" : "O";
  const way = `${stream ? "stream" : "answer"} ${to}>${from}: ${name}`;
  return { name: way, from, to, request: asked(SMALL, to, stream), answer, stream };
}

function atSize(body: (n: number) => string): string {
  const [small, large] = [body(50).length, body(1050).length];
  return body(Math.max(1, Math.round(50 + (MEGABYTE - small) / Math.max(0.01, (large - small) / 1000))));
}

/** A body for the model that the provider of a dialect serves; a body that is no JSON object goes as it is. */
function asked(body: string, to: Side, stream: boolean): string {
  const model = `"model":"${to}"${stream ? ',"stream":true' : ""}`;
  return body.startsWith('{"model":')
    ? body.replace(/^\{"model":"[^"]*"/, `{${model}`)
    : body.replace("{", `{${model},`);
}

/** A daemon and its provider, for one shape after the other. */
export interface LiveRun {
  blockedBy(shape: Live): Promise<Blocked>;
  close(): Promise<void>;
}

const TRIES = 3;

export async function startLive(): Promise<LiveRun> {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-cost-"));
  let current: Live | undefined;
  const provider = createServer((asked, response) => {
    asked.resume().on("end", () => {
      const type = current?.stream ? "text/event-stream" : "application/json";
      response.writeHead(200, { "content-type": type }).end(current?.answer);
    });
  }).listen(0, "127.0.0.1");
  await once(provider, "listening");
  const file = join(directory, "rbac.json");
  const { port } = provider.address() as AddressInfo;
  await writeFile(file, JSON.stringify(configOf(`http://127.0.0.1:${port}`)));
  const daemon = await startDaemon({ args: ["--config", file, "--access-log", "off"] });
  const quiet = await longestWait(daemon.url, () => pause(300));

  return {
    blockedBy: async (shape) => {
      current = shape;
      const headers = { "x-user": "u", "content-type": "application/json" };
      let status = 0;
      const send = async () => {
        const url = `${daemon.url}${PATHS[shape.from]}`;
        const response = await fetch(url, { method: "POST", headers, body: shape.request });
        await response.arrayBuffer();
        status = response.status;
      };
      let blocked = Infinity;
      for (let tries = 0; tries < TRIES; tries++) {
        blocked = Math.min(blocked, Math.max(0, await longestWait(daemon.url, send) - quiet));
      }
      const text = shape.request.length > shape.answer.length ? shape.request : shape.answer;
      return { name: shape.name, bytes: text.length, status, blocked, parse: parseTime(text) };
    },
    close: async () => {
      daemon.signal("SIGKILL");
      await daemon.exited;
      provider.close();
      await rm(directory, { recursive: true });
    },
  };
}

function configOf(origin: string) {
  const provider = (dialect: string) => ({ dialect, baseURL: `${origin}/v1` });
  return {
    providers: { O: provider("openai-chat"), A: provider("anthropic-messages") },
    models: { O: { provider: "O" }, A: { provider: "A" } },
    users: { u: { models: [{ name: "O" }, { name: "A" }] } },
  };
}

async function longestWait(url: string, during: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let over = false;
  const watch = async () => {
    while (!over) {
      const began = performance.now();
      await (await fetch(`${url}/healthz`)).arrayBuffer();
      longest = Math.max(longest, performance.now() - began);
      await pause(2);
    }
  };
  const watching = watch();
  await pause(20);
  await during();
  over = true;
  await watching;
  return longest;
}

/** As much text as there is, parsed at once; each event of a stream by itself. */
function parseTime(text: string): number {
  const began = performance.now();
  for (const piece of text.startsWith("{") ? [text] : text.split("\n")) {
    try {
      JSON.parse(piece.replace(/^data: /, ""));
    } catch {
      // What is no JSON takes its time too.
    }
  }
  return performance.now() - began;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
