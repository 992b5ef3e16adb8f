import assert from "node:assert/strict";
import { mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Watch, watchFile } from "../../src/config/watch.ts";

interface Watched {
  readonly folder: string;
  readonly file: string;
  /** Waits for so many calls in all. */
  called(times: number): Promise<void>;
  count(): number;
  readonly watch: Watch;
}

/** Watches a file in a folder of its own; `prepare` puts it there. */
async function watched(
  run: (watched: Watched) => Promise<void>,
  prepare = (file: string) => writeFile(file, "one"),
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  await prepare(file);
  let calls = 0;
  const waiting = new Set<() => void>();
  const watch = await watchFile(file, () => {
    calls++;
    waiting.forEach((check) => check());
  });
  const called = (times: number) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${calls} calls instead of ${times}`)), 10_000);
      const check = () => {
        if (calls < times) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  try {
    await run({ folder, file, called, count: () => calls, watch });
  } finally {
    watch.close();
    await rm(folder, { recursive: true });
  }
}

/** Longer than changes settle, far shorter than the regular look. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 400));

test("a write in place is told, once for all its pieces", () =>
  watched(async ({ file, called, count }) => {
    await writeFile(file, "t");
    await writeFile(file, "tw");
    await writeFile(file, "two");
    await called(1);
    await quiet();
    assert.equal(count(), 1);
  }));

test("an atomic rename is told, and the next one too", () =>
  watched(async ({ file, called }) => {
    for (const [index, text] of ["two", "three"].entries()) {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
      await called(index + 1);
    }
  }));

test("a file that goes and comes back with the same text is not told", () =>
  watched(async ({ file, called, count }) => {
    await unlink(file);
    await quiet();
    await writeFile(file, "one");
    await quiet();
    assert.equal(count(), 0);
    await writeFile(file, "two");
    await called(1);
  }));

test("a write that changes nothing is not told", () =>
  watched(async ({ file, count }) => {
    await writeFile(file, "one");
    await quiet();
    assert.equal(count(), 0);
  }));

test("a symbolic link that points elsewhere is told, and so is a change behind it in another folder", async () => {
  const other = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  try {
    const [one, two] = [join(other, "one.json"), join(other, "two.json")];
    await writeFile(one, "one");
    await writeFile(two, "two");
    await watched(async ({ file, called }) => {
      await symlink(two, `${file}.new`);
      await rename(`${file}.new`, file);
      await called(1);
      // The folder of the link does not hear of it: the regular look does.
      await writeFile(two, "three");
      await called(2);
    }, (file) => symlink(one, file));
  } finally {
    await rm(other, { recursive: true });
  }
});

test("text that is not UTF-8 or beyond reason is a change like any other", () =>
  watched(async ({ file, called }) => {
    await writeFile(file, new Uint8Array([0xff, 0xfe]));
    await called(1);
  }));

test("a pipe in the place of the file is never waited for", async () => {
  await watched(async ({ file, called }) => {
    await quiet();
    await writeFile(`${file}.new`, "two");
    await rename(`${file}.new`, file);
    await called(1);
  }, (file) => Promise.resolve(void execFileSync("mkfifo", [file])));
});

test("nothing is told after the end", () =>
  watched(async ({ file, count, watch }) => {
    await writeFile(file, "two");
    watch.close();
    await quiet();
    assert.equal(count(), 0);
  }));
