/** What malformed input is thrown at: each takes bytes, and throws when the proxy does not behave. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Entry } from "../../src/account/entry.ts";
import { startServices } from "../../src/commands/start.ts";
import { loadPolicy } from "../../src/config/load.ts";
import { createGateway, type Gateway } from "../../src/gateway.ts";
import type { Incoming } from "../../src/http.ts";
import { listen } from "../../src/runtime/listen.ts";
import type { UpstreamResponse } from "../../src/upstream/send.ts";
import { configOf } from "./proxy.ts";

export const TARGETS = ["http", "request", "config", "stream", "reply"] as const;
export type TargetName = (typeof TARGETS)[number];

export interface FuzzTargets extends Record<TargetName, (input: Uint8Array) => Promise<void>> {
  close(): Promise<void>;
}

/** Models at a provider of each dialect. */
export const MODELS = { o: { provider: "openai" }, a: { provider: "anthropic" } };
const PATHS = ["/v1/chat/completions", "/v1/messages"] as const;
const ENV = { OPENAI_API_KEY: "sk-fuzz-0123456789abcdef", ANTHROPIC_API_KEY: "sk-fuzz-0123456789abcdeg" };

/** @param file in a folder that exists, for configurations */
export async function fuzzTargets(file: string): Promise<FuzzTargets> {
  const load = () => loadPolicy({ file, env: ENV, now: Date.now() });
  await writeFile(file, JSON.stringify(configOf(MODELS)));
  const { policy } = await load();
  assert(policy);
  const faults: string[] = [];
  const log = (message: string, cause?: unknown) =>
    void faults.push(`${message} ${cause instanceof Error ? cause.stack : cause}`);
  let sends = 0;
  let answer: () => UpstreamResponse = healthy;
  let entries: Entry[] = [];
  const started = startServices({
    policy: () => policy,
    sink: (entry) => void entries.push(entry),
    log: { info: () => {}, warn: () => {}, error: log },
    phase: () => "up",
  });
  const send = () => {
    sends++;
    return Promise.resolve(answer());
  };
  const gateway = createGateway({ ...started.services, send });
  const listener = await listen(gateway, { host: "127.0.0.1", port: 0, onError: log });

  const checked = (status: number, source: string | undefined, text: string) => {
    assert.equal(faults.length, 0, faults[0]);
    // A provider may say it of itself.
    assert(status !== 500 || source === "upstream", text);
  };
  const ask = async (path: string, body: Uint8Array) => {
    sends = 0;
    faults.length = 0;
    entries = [];
    const { status, headers, text } = await through(gateway, path, body);
    const source = headers["x-ai-proxy-error-source"];
    checked(status, source, text);
    assert.equal(entries.length, 1);
    return { refused: status < 500 && source === "proxy", text };
  };
  const upstream = async (response: () => UpstreamResponse, stream: boolean) => {
    answer = response;
    try {
      for (const path of PATHS) {
        for (const model of Object.keys(MODELS)) {
          const { text } = await ask(path, question(model, stream));
          if (stream) checkEnd(text);
        }
      }
    } finally {
      answer = healthy;
    }
  };
  return {
    http: async (input) => {
      faults.length = 0;
      await exchangeBytes(listener.port, input);
      assert.equal(faults.length, 0, faults[0]);
    },
    request: async (input) => {
      for (const path of PATHS) {
        const { refused, text } = await ask(path, input);
        assert(!refused || sends === 0, `Refused after ${sends} upstream calls: ${text}`);
      }
    },
    config: async (input) => {
      await writeFile(file, input);
      const { policy, problems, unreadable } = await load();
      const refused = unreadable !== undefined || problems.some(({ severity }) => severity === "problem");
      assert.equal(policy === undefined, refused, "Either a policy or a reason");
    },
    stream: (input) => upstream(() => respond("text/event-stream", cut(input)), true),
    reply: async (input) => {
      await upstream(() => respond("application/json", [input]), false);
      await upstream(() => ({ ...respond("application/json", [input]), status: 429 }), false);
    },
    close: async () => {
      listener.cut();
      await started.close();
    },
  };
}

function question(model: string, stream: boolean): Uint8Array {
  const body = { model, stream, max_tokens: 10, messages: [{ role: "user", content: "Hello" }] };
  return new TextEncoder().encode(JSON.stringify(body));
}

/** A stream's end is either proper or an error, whatever came. */
function checkEnd(text: string): void {
  const good = /data: \[DONE\]|"message_stop"|"(finish|stop)_reason":\s*"[^"]/.test(text);
  assert(good || /"error"|event: error/.test(text), `The stream just ends: ${text.slice(-300)}`);
}

/** Pieces of every length, the same for the same input. */
function cut(input: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (
    let at = 0, size = 1 + (input.length % 97);
    at < input.length;
    at += size, size = 1 + (size * 7) % 191
  ) {
    pieces.push(input.subarray(at, at + size));
  }
  return pieces;
}

function respond(type: string, pieces: readonly Uint8Array[]): UpstreamResponse {
  return { status: 200, headers: { "content-type": type }, body: piecesOf(pieces) };
}

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

/** A body that is an answer in no dialect's stream: what is asked does not matter here, only that it is asked. */
function healthy(): UpstreamResponse {
  return respond("application/json", [new TextEncoder().encode("{}")]);
}

async function through(gateway: Gateway, target: string, body: Uint8Array) {
  const request: Incoming = {
    method: "POST",
    target,
    version: "1.1",
    headers: { "x-user": "ann", "content-type": "application/json", "content-length": `${body.length}` },
    peer: "127.0.0.1",
    body: piecesOf([body]),
    left: new AbortController().signal,
  };
  const { status, headers, body: answer, done } = await gateway(request);
  const decoder = new TextDecoder();
  let text = "";
  if (typeof answer === "string") text = answer;
  else if (answer instanceof Uint8Array) text = decoder.decode(answer);
  else {
    await answer({
      write: (piece) =>
        void (text += typeof piece === "string" ? piece : decoder.decode(piece, { stream: true })),
    });
  }
  done({ bytes: text.length, complete: true });
  return { status, headers, text };
}

/** Bytes over a real connection, which the client then ends; it must be answered or closed. */
function exchangeBytes(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`No answer and no end: ${answer.slice(0, 200)}`));
    }, 2_000);
    socket.setEncoding("latin1");
    socket.on("data", (piece) => answer += piece);
    // A connection that is reset has been refused.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      if (/^HTTP\/1\.1 500 /m.test(answer)) reject(new Error(answer));
      else resolve();
    });
  });
}
