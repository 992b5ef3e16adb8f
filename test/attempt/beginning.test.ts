import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { type Beginning, beginningOf } from "../../src/attempt/beginning.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function* bodyOf(pieces: readonly string[], error?: Error): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield encode(piece);
  if (error) throw error;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return text;
}

/** Whatever the body is cut into: whole, and byte by byte. */
async function tellsOf(text: string): Promise<[Beginning["kind"], string]> {
  const whole = await beginningOf(bodyOf([text]), () => {});
  const told: [Beginning["kind"], string] = [whole.kind, await textOf(whole.body)];
  const single = await beginningOf(bodyOf(text.split("")), () => {});
  deepEqual([single.kind, await textOf(single.body)], told);
  return told;
}

const ROWS: readonly [text: string, kind: Beginning["kind"], rest: string][] = [
  ["data: 1\n\n", "events", "data: 1\n\n"],
  ["data:1", "events", "data:1"],
  ["event: ping\n\n", "events", "event: ping\n\n"],
  [": comment\n\n", "events", ": comment\n\n"],
  [":", "events", ":"],
  ["id: 7\ndata: 1\n\n", "events", "id: 7\ndata: 1\n\n"],
  ["retry: 10\n\n", "events", "retry: 10\n\n"],
  ["\n\n\r\n\tdata: 1", "events", "data: 1"],
  ["\ufeffdata: 1", "events", "data: 1"],
  ["\ufeff\n {}", "json", "{}"],
  ['{"a":1}', "json", '{"a":1}'],
  ["[1]", "json", "[1]"],
  ["<html>", "other", "<html>"],
  ["dat", "other", "dat"],
  ["evening", "other", "evening"],
  ["DATA: 1", "other", "DATA: 1"],
  ["ïx", "other", "ïx"],
  ["", "nothing", ""],
  [" \n\r\n", "nothing", ""],
];

for (const [text, kind, rest] of ROWS) {
  test(`a body that begins as ${JSON.stringify(text)} is told as ${kind}, however it is cut`, async () => {
    deepEqual(await tellsOf(text), [kind, rest]);
  });
}

test("a body that breaks is told by what came, and throws when it is read on", async () => {
  for (const [pieces, kind] of [[[], "nothing"], [["data"], "events"], [["da"], "other"]] as const) {
    const { kind: told, body } = await beginningOf(bodyOf(pieces, new Error("cut")), () => {});
    equal(told, kind);
    await rejects(textOf(body), /cut/);
  }
});

test("a body of blanks is not kept, and whoever counts its bytes may end it", async () => {
  async function* blanks(): AsyncGenerator<Uint8Array> {
    for (;;) yield encode("\n".repeat(1000));
  }
  let bytes = 0;
  const came = (piece: number) => {
    bytes += piece;
    if (bytes > 1_000_000) throw new Error("too much");
  };
  await rejects(beginningOf(blanks(), came), /too much/);
});

test("a reader that leaves ends the body", async () => {
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield encode("data: 1\n\n");
    } finally {
      ended = true;
    }
  }
  const { body } = await beginningOf(endless(), () => {});
  for await (const _ of body) break;
  equal(ended, true);
});
