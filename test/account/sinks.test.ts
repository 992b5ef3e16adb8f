import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { accessLog, type Disk, fileLog, type LogStream, noLog, streamLog } from "../../src/account/sinks.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ai-proxy-log-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is said of lost lines. */
function complaints() {
  const said: string[] = [];
  const back: number[] = [];
  const say = { lost: (why: string) => void said.push(why), back: (lines: number) => void back.push(lines) };
  return { said, back, say };
}

const QUIET = { lost: () => {} };

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Waits for something that other threads do. */
async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 5000 && !done(); tries++) await turn();
  ok(done());
}

const lines = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);

test("an entry becomes a line of the log", () => {
  const written: string[] = [];
  const sink = accessLog({ ...noLog(), line: (text) => void written.push(text) }, "json");
  sink({
    requestId: "req_1",
    method: "GET",
    target: "/v1/models",
    version: "1.1",
    peer: "::1",
    referer: undefined,
    userAgent: undefined,
    forwardedFor: undefined,
    time: 0,
    status: 200,
    bytes: 2,
    user: "a",
    key: undefined,
    model: undefined,
    served: undefined,
    provider: undefined,
    attempts: [],
    tries: 0,
    failover: undefined,
    outcome: "ok",
    usage: undefined,
    usageSource: "none",
    error: undefined,
    upstreamError: undefined,
    upstreamStatus: undefined,
    warnings: [],
    upstreamRequestId: undefined,
    firstTokenMs: undefined,
    durationMs: 1,
  });
  equal(written.length, 1);
  equal(JSON.parse(written[0] ?? "").request_id, "req_1");
});

test("a log that goes nowhere loses nothing", async () => {
  const log = noLog();
  log.line("x");
  log.reopen();
  await log.close();
  equal(log.lost(), 0);
});

// --- files ---

test("all lines are in the file once it is closed, in order", () =>
  inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const { said, say } = complaints();
    const log = fileLog(path, say);
    for (let count = 0; count < 1000; count++) {
      log.line(`line ${count} é`);
      if (count % 100 === 0) await turn();
    }
    await log.close();
    deepEqual(lines(path), Array.from({ length: 1000 }, (_, count) => `line ${count} é`));
    deepEqual([log.lost(), said], [0, []]);
  }));

test("lines are appended to what is there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "access.log");
    for (const text of ["one", "two"]) {
      const log = fileLog(path, QUIET);
      log.line(text);
      await log.close();
    }
    deepEqual(lines(path), ["one", "two"]);
  }));

test("closing twice, or without a line, is no trouble", () =>
  inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const unused = fileLog(path, QUIET);
    await Promise.all([unused.close(), unused.close()]);
    equal(existsSync(path), false);
    const log = fileLog(path, QUIET);
    log.line("one");
    await Promise.all([log.close(), log.close()]);
    await log.close();
    log.line("after");
    await log.close();
    deepEqual(lines(path), ["one", "after"]);
  }));

test("after a rotation lines go to the new file, and none is lost", () =>
  inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = fileLog(path, QUIET);
    log.line("old");
    await until(() => existsSync(path) && lines(path).length === 1);
    renameSync(path, `${path}.1`);
    log.line("waits");
    log.reopen();
    log.line("new");
    await log.close();
    deepEqual(lines(`${path}.1`), ["old"]);
    deepEqual(lines(path), ["waits", "new"]);
  }));

const AWAY: readonly (readonly [what: string, take: (path: string) => void])[] = [
  ["renamed", (path) => renameSync(path, `${path}.1`)],
  ["renamed and made anew", (path) => {
    renameSync(path, `${path}.1`);
    writeFileSync(path, "");
  }],
  ["removed", (path) => rmSync(path)],
];

for (const [what, take] of AWAY) {
  test(`a file that was ${what} is noticed without a signal, and no line is lost`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "access.log");
      const log = fileLog(path, QUIET);
      log.line("one");
      await until(() => existsSync(path) && lines(path).length === 1);
      take(path);
      let written = 0;
      await until(() => {
        log.line(`line ${++written}`);
        return existsSync(path) && lines(path).length > 0;
      });
      await log.close();
      const now = lines(path);
      equal(now.at(-1), `line ${written}`);
      if (existsSync(`${path}.1`)) {
        const all = Array.from({ length: written }, (_, index) => `line ${index + 1}`);
        deepEqual([...lines(`${path}.1`), ...now], ["one", ...all]);
      }
      equal(log.lost(), 0);
    }));
}

test("a file that was emptied in place is written on", () =>
  inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const log = fileLog(path, QUIET);
    log.line("one");
    await until(() => existsSync(path) && lines(path).length === 1);
    writeFileSync(path, "");
    log.line("two");
    await log.close();
    deepEqual(lines(path), ["two"]);
  }));

test("a log that writes often looks for its file once a second, and an idle one not at all", async () => {
  const { disk, text } = fullDisk(Infinity);
  let looks = 0;
  const log = fileLog("x", QUIET, {
    ...disk,
    moved: (path, file, done) => {
      looks++;
      disk.moved(path, file, done);
    },
  });
  for (let count = 0; count < 20; count++) {
    log.line("line");
    await until(() => text().length === 5 * (count + 1));
  }
  ok(looks <= 2, `${looks} looks`);
  await log.close();
});

test("a folder that is missing loses lines, says so once, and is used as soon as it is there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "later", "access.log");
    const { said, back, say } = complaints();
    const log = fileLog(path, say);
    log.line("one");
    log.line("two");
    await until(() => log.lost() === 2);
    log.line("three");
    await until(() => log.lost() === 3);
    equal(said.length, 1);
    match(said[0] ?? "", /ENOENT|No such file/i);
    mkdirSync(join(folder, "later"));
    log.line("four");
    await until(() => existsSync(path) && lines(path).length === 1);
    await until(() => back.length === 1);
    deepEqual(back, [3]);
    rmSync(join(folder, "later"), { recursive: true });
    log.reopen();
    log.line("five");
    await log.close();
    equal(log.lost(), 4);
    equal(said.length, 2);
  }));

test("a full disk loses lines and counts them", { skip: !existsSync("/dev/full") }, async () => {
  const { said, say } = complaints();
  const log = fileLog("/dev/full", say);
  log.line("one");
  log.line("two");
  await until(() => log.lost() === 2);
  log.line("three");
  await log.close();
  equal(log.lost(), 3);
  equal(said.length, 1);
  match(said[0] ?? "", /ENOSPC|No space/i);
});

/** A disk with so many bytes left. */
function fullDisk(left: number) {
  let text = "";
  let opened = 0;
  const disk: Disk = {
    open: (_path, _flags, _mode, done) => queueMicrotask(() => done(null, ++opened)),
    write: (_file, bytes, from, length, _position, done) =>
      queueMicrotask(() => {
        const size = Math.min(length, left, 7);
        if (size === 0) return done(new Error("ENOSPC"), 0);
        left -= size;
        text += new TextDecoder().decode(bytes.subarray(from, from + size));
        done(null, size);
      }),
    close: (_file, done) => queueMicrotask(() => done(null)),
    moved: (_path, _file, done) => queueMicrotask(() => done(false)),
  };
  return { disk, text: () => text, free: (bytes: number) => void (left += bytes), opened: () => opened };
}

test("a line that a full disk tore is counted, and does not run into the next one", async () => {
  const { disk, text, free } = fullDisk(13);
  const { said, say } = complaints();
  const log = fileLog("x", say, disk);
  for (const line of ["first", "second", "third"]) log.line(line);
  await until(() => log.lost() > 0);
  equal(log.lost(), 1);
  equal(text(), "first\nsecond\n");
  free(3);
  log.line("fourth");
  await until(() => log.lost() === 2);
  equal(text(), "first\nsecond\nfou");
  log.line("fifth");
  await until(() => log.lost() === 3);
  free(1000);
  log.line("sixth");
  log.line("seventh");
  await log.close();
  equal(text(), "first\nsecond\nfou\nsixth\nseventh\n");
  deepEqual([log.lost(), said], [3, ["ENOSPC"]]);
});

test("a log that is reopened while it is being opened is opened again", async () => {
  const { disk, text, opened } = fullDisk(1000);
  const log = fileLog("x", QUIET, {
    ...disk,
    open: (path, flags, mode, done) => {
      if (opened() === 0) log.reopen();
      disk.open(path, flags, mode, done);
    },
  });
  log.line("one");
  await log.close();
  equal(opened(), 2);
  equal(text(), "one\n");
});

test("many lines at once are written as they are, and counted one by one when they are lost", async () => {
  const { disk, text } = fullDisk(8);
  const log = fileLog("x", QUIET, disk);
  log.lines("one\ntwo\nthree\n");
  await until(() => log.lost() > 0);
  equal(text(), "one\ntwo\n");
  log.lines("four\nfive\n");
  await log.close();
  equal(log.lost(), 3);

  const broken: LogStream = {
    write: (_text, done) => done?.(new Error("EPIPE")) === undefined,
    on: () => undefined,
  };
  const stream = streamLog(broken, QUIET);
  stream.lines("one\ntwo\n");
  stream.line("three");
  await stream.close();
  equal(stream.lost(), 3);
});

test("lines beyond four megabytes that wait for the disk are lost, not kept", async () => {
  const { disk } = fullDisk(Infinity);
  const { said, say } = complaints();
  const writes: (() => void)[] = [];
  const log = fileLog("x", say, {
    ...disk,
    write: (_file, _bytes, _from, length, _position, done) => void writes.push(() => done(null, length)),
  });
  const line = "x".repeat(1024 * 1024 - 1);
  for (let count = 0; count < 10; count++) log.line(line);
  equal(log.lost(), 5);
  deepEqual(said, ["the disk is too slow"]);
  const closed = log.close();
  await until(() => writes.length === 1);
  writes[0]?.();
  await closed;
  equal(log.lost(), 5);
});

// --- streams ---

test("lines go to a stream, and all are there once it is closed", async () => {
  let text = "";
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk;
      setTimeout(done, 1);
    },
  });
  const log = streamLog(stream, QUIET);
  for (const line of ["one", "two", "three"]) log.line(line);
  log.reopen();
  await log.close();
  equal(text, "one\ntwo\nthree\n");
  equal(log.lost(), 0);
});

test("a reader that goes away loses lines, each counted once, and never throws", async () => {
  const { said, say } = complaints();
  let count = 0;
  const stream = new Writable({
    write: (_chunk, _encoding, done) =>
      done(++count > 1 ? Object.assign(new Error("EPIPE"), { code: "EPIPE" }) : null),
  });
  const log = streamLog(stream, say);
  log.line("one");
  await turn();
  log.line("two");
  await until(() => log.lost() === 1);
  log.line("three");
  log.line("four");
  await log.close();
  equal(log.lost(), 3);
  deepEqual(said, ["EPIPE"]);
});

/** A stream that keeps what it is given, and throws at what has a "bad" in it. */
function pickyStream() {
  const written: string[] = [];
  const stream: LogStream = {
    write: (text, done) => {
      if (text.includes("bad")) throw new Error("ENOSPC");
      written.push(text);
      done?.();
      return true;
    },
    on: () => undefined,
  };
  return { stream, written };
}

test("a stream whose write throws loses the lines of that write alone", async () => {
  const { said, say } = complaints();
  const { stream, written } = pickyStream();
  const log = streamLog(stream, say);
  for (const line of ["one", "bad", "two"]) {
    log.line(line);
    await until(() => written.length + log.lost() > ["one", "bad", "two"].indexOf(line));
  }
  for (const line of ["bad", "three"]) log.line(line);
  await log.close();
  deepEqual(written, ["one\n", "two\n", ""]);
  deepEqual([log.lost(), said], [3, ["ENOSPC", "ENOSPC"]]);
});

test("a line is written without waiting for another one, and many at a time go out in one write", async () => {
  const { stream, written } = pickyStream();
  const log = streamLog(stream, QUIET);
  log.line("alone");
  await until(() => written.length === 1);
  for (let count = 0; count < 100; count++) log.line("together");
  await log.close();
  deepEqual(written, ["alone\n", "together\n".repeat(100), ""]);
});

test("a reader that is too slow loses lines beyond four megabytes", async () => {
  const { said, say } = complaints();
  const held: (() => void)[] = [];
  const stream = new Writable({ write: (_chunk, _encoding, done) => void held.push(done) });
  const log = streamLog(stream, say);
  const line = "x".repeat(1024 * 1024 - 1);
  for (let count = 0; count < 8; count++) log.line(line);
  equal(log.lost(), 3);
  equal(said.length, 1);
  const closed = log.close();
  let done = false;
  closed.then(() => done = true);
  while (!done) {
    held.shift()?.();
    await turn();
  }
  equal(log.lost(), 3);
});
