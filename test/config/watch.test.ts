import assert from "node:assert/strict";
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { markOf } from "../../src/config/mark.ts";
import { placesOf } from "../../src/config/places.ts";
import { type Watch, watchFiles } from "../../src/config/watch.ts";

interface Watched {
  readonly folder: string;
  readonly file: string;
  /** Waits until the content of the file was found to be another so many times in all. */
  called(times: number): Promise<void>;
  /** How often it was. */
  count(): number;
  /** How often anything was read. */
  reads(): number;
  readonly watch: Watch;
}

/** A file with so old a time that a look can tell whether it is the same. */
async function writeOld(file: string, text: string): Promise<void> {
  await writeFile(file, text);
  const old = new Date(Date.now() - 60_000);
  await utimes(file, old, old);
}

/** Watches a file in a folder of its own; `prepare` puts it there. */
async function watched(
  run: (watched: Watched) => Promise<void>,
  prepare = (file: string) => writeOld(file, "one"),
  further: readonly string[] = [],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  await prepare(file);
  const waiting = new Set<() => void>();
  let [calls, reads] = [0, 0];
  let content: string | undefined;
  let marks = new Map<string, string>();
  const read = async () => {
    reads++;
    const paths = [file, ...further.map((name) => join(folder, name))];
    marks = new Map(await Promise.all(paths.map(async (path) => [path, await markOf(path)] as const)));
    // What the test has taken away is no change.
    const found = marks.get(file) === "other" ? "" : await readFile(file, "latin1").catch(() => content);
    if (content !== undefined && found !== content) calls++;
    content = found;
    waiting.forEach((check) => check());
  };
  await read();
  const watch = await watchFiles({ seen: () => ({ configuration: file, marks }), onChange: read });
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
    await run({ folder, file, called, count: () => calls, reads: () => reads, watch });
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

test("as long as nothing happens to the file, nothing is read", () =>
  watched(async ({ folder, reads, called, file }) => {
    await quiet();
    assert.equal(reads(), 1);
    // What else happens in the folder is not looked at: a log may be written there all the time.
    for (let line = 0; line < 20; line++) await appendFile(join(folder, "access.log"), "line\n");
    await writeFile(join(folder, "rbac.json.swp"), "x");
    await rename(join(folder, "rbac.json.swp"), join(folder, "rbac.json~"));
    await quiet();
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    assert.equal(reads(), 1);
    await writeFile(file, "two");
    await called(1);
  }));

test("a file of the same size and time is told, because it is another file", () =>
  watched(async ({ file, called }) => {
    const { mtime } = await stat(file);
    await writeFile(`${file}.new`, "two");
    await utimes(`${file}.new`, mtime, mtime);
    await rename(`${file}.new`, file);
    await called(1);
  }));

test("a secret is watched too, and that it is gone is a change", () =>
  watched(async ({ folder, reads }) => {
    const until = async (count: number) => {
      for (let turn = 0; reads() < count && turn < 500; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.ok(reads() >= count, `${reads()} reads`);
    };
    await until(1);
    await unlink(join(folder, "key"));
    await until(2);
    const gone = reads();
    await writeFile(join(folder, "key"), "back");
    await until(gone + 1);
  }, async (file) => {
    await writeOld(file, "one");
    await writeOld(join(file, "..", "key"), "key");
  }, ["key"]));

test("the places of a file are its folder and those of the links that lead to it", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "ai-proxy-")));
  try {
    await mkdir(join(folder, "mounted", "..1"), { recursive: true });
    await writeFile(join(folder, "mounted", "..1", "rbac.json"), "{}");
    await symlink("..1", join(folder, "mounted", "..data"));
    await symlink(join("..data", "rbac.json"), join(folder, "mounted", "rbac.json"));
    await symlink("loop", join(folder, "loop"));
    const places = await placesOf([join(folder, "mounted", "rbac.json"), join(folder, "loop", "x")]);
    const named = Array.from(places, ([place, names]) => [place.slice(folder.length), [...names].sort()]);
    assert.deepEqual(named, [
      ["/mounted", ["..data", "rbac.json"]],
      ["/mounted/..1", ["rbac.json"]],
      ["", ["loop"]],
      ["/loop", ["x"]],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

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
