/** Replacing the policy while the daemon runs: whole or not at all, by signal and by every way to change a file. */

import assert from "node:assert/strict";
import { mkdir, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Policy } from "../../src/access/policy.ts";
import { type Cause, livePolicy } from "../../src/commands/reload.ts";
import type { LoadedAgain } from "../../src/config/loader.ts";
import { configOf, OPENAI_KEY } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { wholeAnswer, withScripted } from "../tools/scripted-provider.ts";
import { openStream } from "../tools/stream-client.ts";
import { policyOf, routeOf } from "../tools/targets.ts";
import { hello, MODELS, type Stage, withStage } from "./_daemon.ts";

const ONE = policyOf("ann", [routeOf("openai/gpt-5")]);
const TWO = policyOf("bob", [routeOf("openai/gpt-5")]);

function live(loads: readonly (() => Promise<LoadedAgain>)[]) {
  const said: string[] = [];
  const forgotten: string[] = [];
  const kept: string[] = [];
  const log = (message: string) => void said.push(message);
  const stores = {
    forget: (name: string) => void forgotten.push(name),
    keep: ({ models }: Policy) => void kept.push([...models.keys()].join()),
  };
  let at = 0;
  const load = () => loads[at++]?.() ?? Promise.reject(new Error("No load is left"));
  return {
    policy: livePolicy(ONE, load, { info: log, warn: log, error: log }, () => stores),
    said,
    forgotten,
    kept,
  };
}

test("a good file takes over, and the change is one line", async () => {
  const { policy, said, kept } = live([() => Promise.resolve({ policy: TWO, problems: [] })]);
  assert.equal(policy.current(), ONE);
  await policy.reload();
  assert.equal(policy.current(), TWO);
  assert.deepEqual(said, ["Configuration reloaded: users +bob -ann"]);
  assert.deepEqual(kept, ["gpt-5"]);
});

test("a bad file and an unreadable one leave the last good policy, and say why in one line", async () => {
  const problem = {
    severity: "problem",
    path: "users.ann.models[0].name",
    line: 3,
    message: "is unknown",
  } as const;
  const { policy, said } = live([
    () =>
      Promise.resolve({ problems: [problem, { ...problem, line: 4 }, { ...problem, severity: "warning" }] }),
    () => Promise.resolve({ problems: [], unreadable: 'Cannot read "rbac.json": there is no such file' }),
    () => Promise.reject(new Error("The disk is gone")),
  ]);
  for (let at = 0; at < 3; at++) await policy.reload();
  assert.equal(policy.current(), ONE);
  assert.equal(said.length, 3);
  assert.match(said[0] ?? "", /^Configuration rejected, the last good one stays: .*line 3.*; .*line 4/);
  assert.match(said[1] ?? "", /^Configuration rejected, the last good one stays: Cannot read "rbac.json"/);
  assert.match(said[2] ?? "", /^The configuration was not reloaded/);
});

test("reloads follow each other: the last file wins, however long each takes to read", async () => {
  let slow = (_: LoadedAgain) => {};
  const { policy } = live([
    () => new Promise((resolve) => slow = resolve),
    () => Promise.resolve({ policy: ONE, problems: [] }),
  ]);
  const both = [policy.reload(), policy.reload()];
  await new Promise((resolve) => setImmediate(resolve));
  slow({ policy: TWO, problems: [] });
  await Promise.all(both);
  assert.equal(policy.current(), ONE);
});

test("what was learned of a provider's health is forgotten when its address changes", async () => {
  const [route] = [routeOf("openai/gpt-5")];
  const [target] = route.targets;
  assert(target);
  const moved = { ...target, upstream: { ...target.upstream, baseURL: "http://elsewhere.test/v1" } };
  const { policy, forgotten } = live([
    () => Promise.resolve({ policy: policyOf("ann", [{ ...route, targets: [moved] }]), problems: [] }),
    () => Promise.resolve({ policy: policyOf("ann", [{ ...route, targets: [moved] }]), problems: [] }),
  ]);
  await policy.reload();
  assert.deepEqual(forgotten, ["openai"]);
  await policy.reload();
  assert.deepEqual(forgotten, ["openai"]);
});

const BOTH = configOf(MODELS);
const ONLY_GPT = configOf({ "gpt-5": MODELS["gpt-5"] });

async function modelsOf({ daemon }: Stage): Promise<string[]> {
  const reply = await exchangeRaw(daemon.port, { path: "/v1/models", headers: { "x-user": "ann" } });
  return reply.json().data.map(({ id }: { id: string }) => id);
}

test("SIGHUP reloads; a bad file keeps the last good one, names the place and loses no request", async () => {
  await withStage({ config: BOTH }, async (stage) => {
    const { daemon, write } = stage;
    await write(ONLY_GPT);
    daemon.signal("SIGHUP");
    await daemon.says(/Configuration reloaded: users ~ann; models -sonnet; providers -anthropic\n/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
    await write(JSON.stringify(BOTH).slice(0, -20));
    daemon.signal("SIGHUP");
    await daemon.says(/ error Configuration rejected, the last good one stays: .*line 1/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
    await write({ ...BOTH, models: { ...MODELS, sonnet: { provider: "antropic" } } });
    daemon.signal("SIGHUP");
    await daemon.says(/Configuration rejected.*models\.sonnet\.provider/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
  });
});

test("a provider that is taken out of the file and put back is new: what was said against its key is forgotten", async () => {
  let refuses = true;
  await withScripted((_, response) => {
    response.writeHead(refuses ? 401 : 200, { "content-type": "application/json" });
    response.end(refuses ? '{"error":{"message":"No","code":"invalid_api_key"}}' : wholeAnswer("openai"));
  }, ({ baseURL }) => {
    const config = configOf({ first: { provider: "extra" }, ...MODELS }, { first: "gpt-5" }, {
      providers: { extra: { dialect: "openai-chat", baseURL } },
    });
    return withStage({ config }, async ({ daemon, write }) => {
      const servedBy = async () => {
        const headers = { "x-user": "ann", "content-type": "application/json" };
        const body = JSON.stringify(hello("first"));
        const reply = await exchangeRaw(daemon.port, {
          method: "POST",
          path: "/v1/chat/completions",
          headers,
          body,
        });
        return reply.headers["x-ai-proxy-provider"];
      };
      assert.equal(await servedBy(), "openai");
      refuses = false;
      assert.equal(await servedBy(), "openai");
      await write(BOTH);
      daemon.signal("SIGHUP");
      await daemon.says(/Configuration reloaded: .*providers -extra/);
      await write(config);
      daemon.signal("SIGHUP");
      await daemon.says(/Configuration reloaded: .*providers \+extra/);
      assert.equal(await servedBy(), "extra");
    });
  });
});

test("an atomic rename reloads", async () => {
  await withStage({ config: BOTH }, async (stage) => {
    await writeFile(`${stage.file}.new`, JSON.stringify(ONLY_GPT));
    await rename(`${stage.file}.new`, stage.file);
    await stage.daemon.says(/Configuration reloaded: .*models -sonnet; providers -anthropic\n/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
  });
});

test("a file written in pieces is taken when it is whole", async () => {
  await withStage({ config: BOTH }, async (stage) => {
    const text = JSON.stringify(ONLY_GPT);
    const file = await open(stage.file, "w");
    for (const [from, to] of [[0, 20], [20, 60], [60, text.length]]) {
      await file.write(text.slice(from, to));
      await new Promise((resolve) => setTimeout(resolve, 60));
      // Whatever the pieces look like so far, requests are answered.
      assert.equal((await modelsOf(stage)).length > 0, true);
    }
    await file.close();
    await stage.daemon.says(/Configuration reloaded: .*models -sonnet; providers -anthropic\n/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
  });
});

test("a swapped symbolic link reloads, as Kubernetes swaps the folder of a mounted file", async () => {
  const args = ["--config", "FOLDER/mounted/rbac.json"];
  await withStage({
    config: BOTH,
    args,
    prepare: async (folder) => {
      for (const [name, config] of [["one", BOTH], ["two", ONLY_GPT]] as const) {
        await mkdir(join(folder, "mounted", name), { recursive: true });
        await writeFile(join(folder, "mounted", name, "rbac.json"), JSON.stringify(config));
      }
      await symlink("one", join(folder, "mounted", "..data"));
      await symlink(join("..data", "rbac.json"), join(folder, "mounted", "rbac.json"));
    },
  }, async (stage) => {
    assert.deepEqual(await modelsOf(stage), ["gpt-5", "sonnet"]);
    await symlink("two", join(stage.folder, "mounted", "..data_tmp"));
    await rename(join(stage.folder, "mounted", "..data_tmp"), join(stage.folder, "mounted", "..data"));
    await stage.daemon.says(/Configuration reloaded: .*models -sonnet; providers -anthropic\n/);
    assert.deepEqual(await modelsOf(stage), ["gpt-5"]);
  });
});

test("a running stream keeps the policy that it began with, the next request has the new one", async () => {
  await withStage({ config: BOTH, pace: 30 }, async (stage) => {
    const { daemon, write } = stage;
    const stream = await openStream({ port: daemon.port, body: hello("sonnet", true, "Hello in 60 words") });
    await stream.until(/"content":/);
    await write(ONLY_GPT);
    await daemon.says(/Configuration reloaded: .*models -sonnet; providers -anthropic\n/);
    const refused = await openStream({ port: daemon.port, body: hello("sonnet", true) });
    assert.equal(refused.status, 404);
    const { text, broken } = await stream.ended;
    assert.equal(broken, false);
    assert.match(text, /data: \[DONE\]\n\n$/);
  });
});

const SAME: LoadedAgain = { problems: [], unchanged: true };
const PROBLEM = { severity: "problem", path: "users", message: "is bad" } as const;
const WARNING = { severity: "warning", path: "models", message: "is odd" } as const;
const good = (policy: typeof ONE, more: Partial<LoadedAgain> = {}) => () =>
  Promise.resolve({ policy, problems: [], ...more });

/** What loads give, by what had them made → what is said of them all. */
const LINES: [title: string, steps: [Cause, () => Promise<LoadedAgain>][], said: string[]][] = [
  ["an order that finds nothing new", [["order", () => Promise.resolve(SAME)]], [
    "Configuration is unchanged",
  ]],
  ["a change that is none", [["change", () => Promise.resolve(SAME)]], []],
  ["another text of the same policy", [["change", good(ONE)]], []],
  ["another text of the same policy, by order", [["order", good(ONE)]], ["Configuration is unchanged"]],
  [
    "a rename that is followed by its signal",
    [["change", good(TWO)], ["order", () => Promise.resolve(SAME)]],
    [
      "Configuration reloaded: users +bob -ann",
    ],
  ],
  ["a signal that is followed by the look", [["order", good(TWO)], ["change", () => Promise.resolve(SAME)]], [
    "Configuration reloaded: users +bob -ann",
  ]],
  ["two signals behind a change", [
    ["change", good(TWO)],
    ["order", () => Promise.resolve(SAME)],
    ["order", () => Promise.resolve(SAME)],
  ], ["Configuration reloaded: users +bob -ann", "Configuration is unchanged"]],
  ["a bad file that is put right as it was", [
    ["change", () => Promise.resolve({ problems: [PROBLEM] })],
    ["change", good(ONE)],
  ], [
    "Configuration rejected, the last good one stays: users  is bad",
    "Configuration accepted again: it is the one in use",
  ]],
  ["a bad file that is ordered twice", [
    ["order", () => Promise.resolve({ problems: [PROBLEM] })],
    ["order", () => Promise.resolve({ problems: [PROBLEM], unchanged: true })],
  ], [
    "Configuration rejected, the last good one stays: users  is bad",
    "Configuration rejected, the last good one stays: users  is bad",
  ]],
  ["a key file that goes and comes back", [
    ["change", good(ONE, { away: ["key"], problems: [WARNING] })],
    ["change", good(ONE)],
  ], ["models  is odd", 'The secret file "key" is read again']],
  ["a warning that stays while nothing else changes", [
    ["change", good(ONE, { problems: [WARNING] })],
    ["change", good(ONE, { problems: [WARNING] })],
  ], ["models  is odd"]],
  ["problems beyond reading", [
    ["order", () => Promise.resolve({ problems: Array.from({ length: 5_000 }, () => PROBLEM) })],
  ], [
    `Configuration rejected, the last good one stays: ${
      Array.from({ length: 20 }, () => "users  is bad").join("; ")
    }; and 4980 more problems`,
  ]],
];

for (const [title, steps, lines] of LINES) {
  test(`${title}: ${lines.length} lines`, async () => {
    const { policy, said } = live(steps.map(([, load]) => load));
    for (const [cause] of steps) await policy.reload(cause);
    assert.deepEqual(said, lines);
  });
}

test("orders while a reload runs are one reload after it", async () => {
  let go = (_: LoadedAgain) => {};
  const { policy, said } = live([
    () => new Promise((resolve) => go = resolve),
    good(TWO),
  ]);
  const all = [policy.reload(), ...Array.from({ length: 100 }, () => policy.reload())];
  go({ policy: ONE, problems: [] });
  await Promise.all(all);
  assert.deepEqual(said, ["Configuration is unchanged", "Configuration reloaded: users +bob -ann"]);
});

test("a rename with SIGHUP is one reload and one line, whichever is heard first", async () => {
  await withStage({ config: BOTH }, async ({ file, daemon }) => {
    const lines = () => daemon.stderr().match(/Configuration .*/g) ?? [];
    for (const [index, pauseMs] of [0, 250, 0, 250].entries()) {
      await writeFile(`${file}.new`, JSON.stringify(index % 2 === 0 ? ONLY_GPT : BOTH));
      await rename(`${file}.new`, file);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      daemon.signal("SIGHUP");
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      assert.equal(lines().length, index + 1, lines().join("\n"));
    }
    assert.ok(lines().every((line) => line.startsWith("Configuration reloaded: ")));
    daemon.signal("SIGHUP");
    await daemon.says(/Configuration is unchanged\n/);
  });
});

test("a key file that changes is used without a signal, through a swapped link too", async () => {
  const providers = { openai: { apiKey: { file: "mounted/key" } } };
  const config = { ...BOTH, providers };
  await withStage({
    config,
    prepare: async (folder) => {
      for (const name of ["one", "two"]) {
        await mkdir(join(folder, "mounted", name), { recursive: true });
        const key = name === "two" ? OPENAI_KEY : "bad-canary";
        await writeFile(join(folder, "mounted", name, "key"), key, { mode: 0o600 });
      }
      await symlink("one", join(folder, "mounted", "..data"));
      await symlink(join("..data", "key"), join(folder, "mounted", "key"));
    },
  }, async ({ folder, daemon }) => {
    const ask = () =>
      exchangeRaw(daemon.port, {
        method: "POST",
        path: "/v1/chat/completions",
        headers: { "x-user": "ann", "content-type": "application/json" },
        body: JSON.stringify(hello("gpt-5")),
      });
    assert.notEqual((await ask()).status, 200);
    await symlink("two", join(folder, "mounted", "..data_tmp"));
    await rename(join(folder, "mounted", "..data_tmp"), join(folder, "mounted", "..data"));
    await daemon.says(/Configuration reloaded: providers ~openai\n/);
    // The key that was refused is another one: nothing of its cooling is left.
    assert.equal((await ask()).status, 200);
    await rm(join(folder, "mounted", "..data"));
    await daemon.says(/The file "mounted\/key" cannot be read, .*; its last good key stays in use/);
    assert.equal((await ask()).status, 200);
    assert.doesNotMatch(daemon.stderr(), /bad-canary/);
  });
});
