/** The laws of streams: how bytes are cut, and how their lines end, changes nothing; nor does being written again. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { ChatEvent, ChatReply } from "../src/chat.ts";
import { collect } from "../src/dialects/collect.ts";
import type { Dialect, ReplyOptions } from "../src/dialects/dialect.ts";
import { DIALECTS } from "../src/dialects/registry.ts";
import { splitFrames, writeEvent } from "../src/dialects/sse.ts";
import { pipe, run } from "../src/dialects/stepper.ts";
import { isObject, stringifyJson, tryParseJson } from "../src/json.ts";

const UNDO = { model: "the-model" };
const OPTIONS: ReplyOptions = {
  requestId: "req_1",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  // An estimate that a provider never corrects would stay for those who read the stream again.
  estimatedInput: 0,
};

interface Stream {
  readonly name: string;
  readonly dialect: Dialect;
  readonly bytes: Uint8Array;
}

const STREAMS: readonly Stream[] = [...DIALECTS.values()].flatMap((dialect) => {
  const folder = new URL(`fixtures/${dialect.name}/streams/`, import.meta.url);
  return readdirSync(folder).sort().map((file) => ({
    name: `${dialect.name}/${file}`,
    dialect,
    bytes: new Uint8Array(readFileSync(new URL(file, folder))),
  }));
});

test("there are streams to cut", () => assert.ok(STREAMS.length > 40));

test("cut in two anywhere, every stream has the same frames", () => {
  for (const { name, bytes } of STREAMS) {
    const whole = frames([bytes]);
    for (let at = 1; at < bytes.length; at++) {
      const cut = frames([bytes.subarray(0, at), bytes.subarray(at)]);
      if (cut !== whole) assert.equal(cut, whole, `${name} cut at ${at}`);
    }
  }
});

test("cut in many places, every stream has the same events", () => {
  const cuts = fc.array(fc.nat({ max: 5000 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.constantFrom(...STREAMS), cuts, ({ dialect, bytes }, places) => {
      const at = [...new Set(places.map((place) => place % bytes.length))].sort((one, other) => one - other);
      const pieces = [0, ...at].map((from, index) => bytes.slice(from, at[index] ?? bytes.length));
      assert.deepEqual(comparable(events(dialect, pieces)), comparable(events(dialect, [bytes])));
    }),
    { numRuns: 300 },
  );
});

for (const { name, dialect, bytes } of STREAMS) {
  test(`${name} says the same byte by byte, and with every kind of line end`, () => {
    const whole = comparable(events(dialect, [bytes]));
    assert.deepEqual(comparable(events(dialect, singly(bytes))), whole);
    const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\r\n", "\n");
    for (const end of ["\r\n", "\r"]) {
      const changed = new TextEncoder().encode(lines.replaceAll("\n", end));
      assert.deepEqual(comparable(events(dialect, [changed])), whole);
      assert.deepEqual(comparable(events(dialect, singly(changed))), whole);
    }
  });

  for (const client of DIALECTS.values()) {
    test(`${name} says the same to a client of ${client.name}`, () => {
      const told = events(dialect, [bytes]);
      const last = told.at(-1);
      const out = run(client.encodeEvents(OPTIONS), told.filter(({ type }) => type !== "error"));
      if (last?.type === "error") {
        // What was begun is not made to look complete.
        const again = events(client, [encode(out.slice(0, -1).map(writeEvent).join(""))]);
        assert.equal(again.at(-1)?.type, "error");
        return;
      }
      const again = events(client, [encode(out.map(writeEvent).join(""))]);
      const [reply, replyAgain] = [collect(told), collect(again)];
      assert.deepEqual(essence(replyAgain), essence(reply));
      if (reply.usage) assert.deepEqual(tokens(replyAgain), tokens(reply));
    });
  }
}

/** Every frame by its length and what it says, as one text: quick to compare. */
function frames(pieces: readonly Uint8Array[]): string {
  return run(splitFrames(), pieces).map(({ bytes, event, data }) => `${bytes.length} ${event} ${data}`).join(
    "\n",
  );
}

function events(dialect: Dialect, pieces: readonly Uint8Array[]): ChatEvent[] {
  return run(pipe(splitFrames(), dialect.decodeEvents(UNDO)), pieces);
}

/** An error by what it says: its stack is another one each time. */
function comparable(told: readonly ChatEvent[]): unknown[] {
  return told.map((event) => event.type === "error" ? [event.error.code, event.error.message] : event);
}

function singly(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What a reply says in any dialect. A refusal is said as text where there is no other place for it. */
function essence({ content, finish }: ChatReply) {
  const refusal = finish.reason === "refusal";
  return {
    text: refusal ? "" : content.flatMap((part) => part.type === "text" ? [part.text] : []).join(""),
    thinking: content.flatMap((part) => part.type === "thinking" && part.text ? [part.text] : []),
    calls: content.flatMap((part) =>
      part.type === "tool-call" ? [[part.id, part.name, input(part.input)]] : []
    ),
    reason: finish.reason === "stop-sequence" ? "stop" : finish.reason,
  };
}

/** The input of a call: none is an empty object, and the text of a custom tool may be wrapped in one. */
function input(text: string): string {
  const value = tryParseJson(text === "" ? "{}" : text);
  if (!isObject(value)) return text;
  return typeof value.input === "string" ? value.input : stringifyJson(value);
}

function tokens({ usage }: ChatReply): readonly number[] | undefined {
  return usage && [usage.input, usage.output, usage.cacheRead, usage.cacheWrite, usage.reasoning];
}
