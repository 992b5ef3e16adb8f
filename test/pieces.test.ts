import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createPieces } from "../src/pieces.ts";

/** A queue whose source writes down what it is told. */
function queue() {
  const told: string[] = [];
  const source = {
    pause: () => void told.push("pause"),
    resume: () => void told.push("resume"),
    cancel: () => void told.push("cancel"),
  };
  return { ...createPieces(source), told };
}

const piece = (length: number, value = 0) => new Uint8Array(length).fill(value);

async function lengths(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const found: number[] = [];
  for await (const { length } of pieces) found.push(length);
  return found;
}

test("pieces come out in order, whether the reader or the source is first", () =>
  fc.assert(fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20 }), async (turns) => {
    const { pieces, push, end } = queue();
    const read: Promise<IteratorResult<Uint8Array>>[] = [];
    let pushed = 0;
    // One read may be under way at a time, as in any loop.
    for (const source of turns) {
      if (source) push(piece(1, ++pushed));
      else if (read.length <= pushed) read.push(pieces.next());
    }
    end();
    const got = (await Promise.all(read)).flatMap(({ value }) => value ? [value[0]] : []);
    for await (const [value] of pieces) got.push(value);
    deepEqual(got, Array.from({ length: pushed }, (_, index) => index + 1));
  })));

test("empty pieces are left out, and nothing comes after the end", async () => {
  const { pieces, push, end } = queue();
  push(piece(0));
  push(piece(2));
  end();
  push(piece(3));
  end();
  deepEqual(await lengths(pieces), [2]);
  equal((await pieces.next()).done, true);
});

test("a failure comes after what had come before it, and stays", async () => {
  const { pieces, push, fail, end } = queue();
  push(piece(2));
  fail(new Error("broken"));
  end();
  equal((await pieces.next()).value?.length, 2);
  await rejects(pieces.next(), { message: "broken" });
  await rejects(pieces.next(), { message: "broken" });
});

test("a reader that waits is told of the failure", async () => {
  const { pieces, fail } = queue();
  const waiting = pieces.next();
  fail(new Error("broken"));
  await rejects(waiting, { message: "broken" });
});

test("a source that is faster than the reader is paused until half of it is read", async () => {
  const { pieces, push, told } = queue();
  for (let count = 0; count < 6; count++) push(piece(16 * 1024));
  deepEqual(told, ["pause"]);
  for (let count = 0; count < 4; count++) await pieces.next();
  deepEqual(told, ["pause"]);
  await pieces.next();
  deepEqual(told, ["pause", "resume"]);
});

test("a reader that waits never has its source paused", async () => {
  const { pieces, push, told } = queue();
  for (let count = 0; count < 10; count++) {
    const waiting = pieces.next();
    push(piece(1024 * 1024));
    equal((await waiting).value?.length, 1024 * 1024);
  }
  deepEqual(told, []);
});

test("a reader that leaves cancels the source once, and what still comes is dropped", async () => {
  const { pieces, push, told } = queue();
  push(piece(1));
  push(piece(1));
  for await (const _ of pieces) break;
  push(piece(1));
  await pieces.return?.();
  deepEqual(told, ["cancel"]);
  deepEqual(await lengths(pieces), []);
});

test("a reader that leaves after the end cancels nothing", async () => {
  const { pieces, push, end, told } = queue();
  push(piece(1));
  end();
  await pieces.return?.();
  deepEqual(told, []);
});
