/** A configuration loaded again and again: what is the same, what is held, and that others have their turn. */

import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Policy } from "../../src/access/policy.ts";
import { loadPolicy } from "../../src/config/load.ts";
import { createLoader, type Loader } from "../../src/config/loader.ts";
import { configWith, ENV, found, load, NOW } from "./_load.ts";

interface Place {
  readonly loader: Loader;
  readonly folder: string;
  write(config: unknown): Promise<void>;
  key(text: string | undefined): Promise<void>;
}

const WITH_KEY = configWith({ providers: { openai: { apiKey: { file: "key" } } } });

/** A folder with a configuration that names a key file, and a loader of it. */
async function withLoader(run: (place: Place) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  const place: Place = {
    loader: createLoader({ file, env: ENV, now: () => NOW }),
    folder,
    write: (config) => writeFile(file, typeof config === "string" ? config : JSON.stringify(config)),
    key: (text) =>
      text === undefined
        ? unlink(join(folder, "key"))
        : writeFile(join(folder, "key"), text, { mode: 0o600 }),
  };
  try {
    await place.write(WITH_KEY);
    await place.key("sk-one");
    await run(place);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function keyOf(policy: Policy | undefined): string | undefined {
  const secret = policy?.models.get("m")?.upstream.secret;
  return typeof secret === "object" ? secret.reveal() : secret;
}

test("what is the same is not loaded again, and a key that is another is", () =>
  withLoader(async ({ loader, key, write }) => {
    assert.equal(keyOf((await loader.load()).policy), "sk-one");
    assert.deepEqual(await loader.load(), { problems: [], unchanged: true });
    await key("sk-two");
    assert.equal(keyOf((await loader.load()).policy), "sk-two");
    assert.equal((await loader.load()).unchanged, true);
    await write(`// a comment\n${JSON.stringify(WITH_KEY)}`);
    assert.ok((await loader.load()).policy);
  }));

test("what is wrong is told again as long as the file is the same", () =>
  withLoader(async ({ loader, write }) => {
    await loader.load();
    await write("{");
    const first = await loader.load();
    assert.equal(first.policy, undefined);
    const second = await loader.load();
    assert.deepEqual([second.unchanged, second.problems], [true, first.problems]);
  }));

for (
  const [title, text] of [["gone", undefined], ["empty", ""], ["blank", " \n"], [
    "two lines",
    "a\nb",
  ]] as const
) {
  test(`a key file that is ${title} keeps its last good key, says so, and is read when it is back`, () =>
    withLoader(async ({ loader, key }) => {
      await loader.load();
      await key(text);
      const away = await loader.load();
      assert.equal(keyOf(away.policy), "sk-one");
      assert.deepEqual(away.away, ["key"]);
      assert.deepEqual(away.problems.map(({ severity, path }) => [severity, path]), [
        ["warning", "providers.openai.apiKey"],
      ]);
      assert.match(away.problems[0]?.message ?? "", /its last good key stays in use$/);
      assert.equal((await loader.load()).unchanged, true);
      await key("sk-back");
      const back = await loader.load();
      assert.deepEqual([keyOf(back.policy), back.away, back.problems], ["sk-back", [], []]);
    }));
}

test("a key that was never there is missing, and is taken when it comes", () =>
  withLoader(async ({ loader, key }) => {
    await key(undefined);
    assert.equal(keyOf((await loader.load()).policy), "missing");
    await key("sk-late");
    assert.equal(keyOf((await loader.load()).policy), "sk-late");
  }));

test("a key is held for its own file alone, and no longer than the configuration names it", () =>
  withLoader(async ({ loader, key, write }) => {
    await loader.load();
    await write(configWith({ providers: { openai: { apiKey: { file: "other" } } } }));
    assert.equal(keyOf((await loader.load()).policy), "missing");
    await key(undefined);
    await write(WITH_KEY);
    assert.equal(keyOf((await loader.load()).policy), "missing");
  }));

test("a key that changes while the file is bad is taken into the last good one", () =>
  withLoader(async ({ loader, key, write }) => {
    await loader.load();
    await write("{");
    assert.equal((await loader.load()).policy, undefined);
    await key("sk-two");
    const loaded = await loader.load();
    assert.deepEqual([keyOf(loaded.policy), loaded.lastGood], ["sk-two", true]);
    const again = await loader.load();
    assert.deepEqual([again.unchanged, again.problems.length], [true, 1]);
  }));

test("every file that was read is there to be looked at, with how it was before", () =>
  withLoader(async ({ loader, folder, write }) => {
    await loader.load();
    const paths = () => [...loader.seen().marks.keys()].sort();
    const both = [join(folder, "key"), join(folder, "rbac.json")];
    assert.deepEqual(paths(), both);
    await loader.load();
    assert.deepEqual(paths(), both);
    await write("{");
    await loader.load();
    assert.deepEqual(paths(), both);
  }));

const USERS = 2_000;

/** A configuration with many users. */
function crowd(models = 20): Record<string, unknown> {
  const names = Array.from({ length: models }, (_, at) => `m${at}`);
  const users = Array.from({ length: USERS }, (_, at) => [`user-${at}`, {
    keys: [{ hash: `sha256:${at.toString(16).padStart(64, "0")}` }],
    models: [{ name: `m${at % models}`, failover: [`m${(at + 1) % models}`] }],
  }]);
  return {
    models: Object.fromEntries(names.map((name) => [name, { provider: "openai" }])),
    users: Object.fromEntries(users),
  };
}

test("a load asks for every user whether others are due, and waits while they are", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  const file = join(folder, "rbac.json");
  const text = JSON.stringify(crowd());
  let [asked, turns] = [0, 0];
  const pause = () =>
    asked++ % 10 !== 0 ? undefined : new Promise<void>((resolve) =>
      setImmediate(() => {
        turns++;
        resolve();
      })
    );
  const { policy } = await loadPolicy({ file, text, env: ENV, now: NOW, pause });
  assert.equal(policy?.users.size, USERS);
  // Reading, shape, checks, models in use, users and keys each go through all of them.
  assert.ok(asked > 5 * USERS, `${asked} questions`);
  assert.ok(turns > USERS / 2, `${turns} turns`);
});

test("a user with more models than fit into a slice is no exception", async () => {
  const models = Array.from({ length: 3_000 }, (_, at) => `m${at}`);
  const text = JSON.stringify({
    models: Object.fromEntries(models.map((name) => [name, { provider: "openai" }])),
    users: { ann: { models: models.map((name, at) => ({ name, failover: [models[(at + 1) % 3_000]] })) } },
  });
  let asked = 0;
  const { policy, problems } = await loadPolicy({
    file: "none",
    text,
    env: ENV,
    now: NOW,
    pause: () => void asked++,
  });
  assert.equal(policy?.users.get("ann")?.routes.size, 3_000);
  assert.equal(problems.length, 1);
  assert.ok(asked > 3_000);
});

test("users who may use the same models share their routes", async () => {
  const { policy } = await load(crowd(2));
  const routes = new Set(Array.from(policy?.users.values() ?? [], (user) => user.routes));
  assert.equal(routes.size, 2);
});

test("thousands of users with the same slip cost one search for what was meant", async () => {
  const config = crowd();
  config["users"] = Object.fromEntries(
    Array.from({ length: USERS }, (_, at) => [`user-${at}`, { models: [{ name: "m1x" }] }]),
  );
  const { problems } = await load(config);
  const wrong = problems.filter(({ severity }) => severity === "problem");
  assert.equal(wrong.length, USERS);
  assert.match(wrong.at(-1)?.message ?? "", /did you mean "m1[0-9]?"\?$/);
});

test("a secret that others may write, or exchange, is a warning, and so is such a configuration", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  try {
    const open = join(folder, "open");
    await mkdir(open);
    const key = join(open, "key");
    await writeFile(key, "sk-file", { mode: 0o600 });
    const config = configWith({ providers: { openai: { apiKey: { file: key } } } });
    assert.deepEqual(await found(config), []);
    for (
      const [mode, words] of [[0o622, "written"], [0o602, "written"], [0o666, "read and written"]] as const
    ) {
      await chmod(key, mode);
      const { problems } = await load(config);
      assert.deepEqual(problems.map(({ path }) => path), ["providers.openai.apiKey.file"]);
      assert.match(problems[0]?.message ?? "", new RegExp(`can be ${words} by other users`));
    }
    await chmod(key, 0o600);
    await chmod(open, 0o777);
    assert.match((await load(config)).problems[0]?.message ?? "", /can be replaced by other users/);
    // In a sticky folder only owners may.
    await chmod(open, 0o1777);
    assert.deepEqual(await found(config), []);

    const file = join(open, "rbac.json");
    await writeFile(file, JSON.stringify(configWith({})));
    const said = async () =>
      (await loadPolicy({ file, env: ENV, now: NOW })).problems.map(({ message }) => message.slice(0, 42));
    assert.deepEqual(await said(), []);
    await chmod(file, 0o666);
    await chmod(open, 0o777);
    assert.deepEqual(await said(), [
      "The configuration can be written by everyb",
      "The configuration can be replaced by every",
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
