/** The answers under `test/fixtures/anthropic-messages`, read. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ChatEvent } from "../../../src/chat.ts";
import { decodeEvents } from "../../../src/dialects/anthropic-messages/decode-events.ts";
import type { Undo } from "../../../src/dialects/dialect.ts";
import { splitFrames } from "../../../src/dialects/sse.ts";
import { pipe, run } from "../../../src/dialects/stepper.ts";
import { type Json, type JsonObject, parseJson } from "../../../src/json.ts";

const FIXTURES = new URL("../../fixtures/anthropic-messages/", import.meta.url);

export const UNDO: Undo = { model: "claude-sonnet-4-5" };

/** Names of the answers that are there both whole and as a stream. */
export const PAIRS: readonly string[] = readdirSync(new URL("replies/", FIXTURES))
  .map((file) => file.replace(/\.json$/, ""))
  .filter((name) => existsSync(new URL(`streams/${name}.sse`, FIXTURES)));

export function replyFixture(name: string): Json {
  return parseJson(readFileSync(new URL(`replies/${name}.json`, FIXTURES), "utf8"));
}

export function streamFixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`streams/${name}.sse`, FIXTURES)));
}

export const STREAMS: readonly string[] = readdirSync(new URL("streams/", FIXTURES))
  .map((file) => file.replace(/\.sse$/, ""));

/** What a stream of the fixtures says. */
export function eventsOf(name: string, undo: Undo = UNDO): ChatEvent[] {
  return run(pipe(splitFrames(), decodeEvents(undo)), [streamFixture(name)]);
}

/** What a stream of these events says. */
export function decoded(wire: readonly (JsonObject | string)[], undo: Undo = UNDO): ChatEvent[] {
  const text = wire.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
  return run(pipe(splitFrames(), decodeEvents(undo)), [new TextEncoder().encode(text.join(""))]);
}
