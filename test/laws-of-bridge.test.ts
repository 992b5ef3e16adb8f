/** Every recorded stream, for a client of every dialect: how its bytes are cut changes neither a byte nor an event. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { clientRequest, prepare, type Step } from "../src/dialects/bridge.ts";
import type { Dialect } from "../src/dialects/dialect.ts";
import { DIALECTS } from "../src/dialects/registry.ts";
import { GatewayError } from "../src/errors.ts";
import { parseBody } from "../src/http.ts";
import { stringifyJson } from "../src/json.ts";

const OPTIONS = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 1,
};

function stepsOf(client: Dialect, upstream: Dialect) {
  const messages = [{ role: "user", content: "Hello" }];
  const text = JSON.stringify({ model: "m", stream: true, max_tokens: 10, messages });
  const body = parseBody(new TextEncoder().encode(text));
  const target = { model: "m", options: {}, refuses: new Set<string>() };
  return prepare(clientRequest(client, body, {}), upstream, target, (chat) => chat).steps(OPTIONS);
}

/** All that goes to the client, and all that it means; what a stream may throw is part of it. */
function brought(client: Dialect, upstream: Dialect, pieces: readonly Uint8Array[]): string {
  const steps = stepsOf(client, upstream);
  const decoder = new TextDecoder();
  let out = "";
  const events: unknown[] = [];
  const take = (found: readonly Step[]) => {
    for (const step of found) {
      out += typeof step.out === "string"
        ? step.out
        : decoder.decode(step.out ?? new Uint8Array(), { stream: true });
      for (const event of step.events) {
        events.push(event.type === "error" ? ["error", event.error.code, event.error.message] : event);
      }
    }
  };
  try {
    for (const piece of pieces) take(steps.push(piece));
    take(steps.end());
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    events.push(["thrown", thrown.code]);
  }
  return `${out}\n${events.map((event) => stringifyJson(JSON.parse(JSON.stringify(event)))).join("\n")}`;
}

for (const upstream of DIALECTS.values()) {
  const folder = new URL(`fixtures/${upstream.name}/streams/`, import.meta.url);
  const streams = readdirSync(folder).sort().map((name) => ({
    name,
    bytes: new Uint8Array(readFileSync(new URL(name, folder))),
  }));
  for (const client of DIALECTS.values()) {
    test(`streams of ${upstream.name} reach clients of ${client.name} the same however they are cut`, () => {
      for (const { name, bytes } of streams) {
        const whole = brought(client, upstream, [bytes]);
        const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
        assert.equal(brought(client, upstream, single), whole, `${name} byte by byte`);
        for (let at = 1; at < bytes.length; at += 37) {
          const halves = [bytes.subarray(0, at), bytes.subarray(at)];
          assert.equal(brought(client, upstream, halves), whole, `${name} cut at ${at}`);
        }
      }
    });
  }
}
