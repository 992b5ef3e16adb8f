/** The daemon from its first line to its last access log line: a real process, real signals, real files. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { openSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { startDaemon, startProgram, withDaemon } from "../tools/daemon.ts";
import { configOf } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { hello, MODELS, withStage } from "./_daemon.ts";
import { run } from "./_run.ts";

const CHAT = "/v1/chat/completions";

function post(port: number, body: unknown, user = "ann") {
  return exchangeRaw(port, {
    method: "POST",
    path: CHAT,
    headers: { "x-user": user, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test("the demo serves simulated answers without a configuration, and says how to ask for them", async () => {
  await withDaemon({ args: ["--demo"] }, async ({ port, stderr, stdout, says, signal, exited }) => {
    await says(/demo-429[^\n]*\n/);
    assert.equal(stderr().match(/^ {2}curl -s/gm)?.length, 3);
    assert.match(stderr(), /All providers are simulated, and so is every answer/);
    const reply = await post(port, hello("gpt-5"), "user-a");
    assert.match(reply.json().choices[0].message.content, /simulated/);
    const failover = await post(port, hello("demo-429"), "user-a");
    assert.equal(failover.headers["x-ai-proxy-failover"], "429");
    await says(/ outcome=ok .*\n.* failover=429 outcome=ok /, stdout);
    signal("SIGINT");
    assert.equal(await exited, 0);
  });
});

test("the demo and a configuration exclude each other", async () => {
  const { code, stderr } = await run(["serve", "--demo", "--config", "x.json"]);
  assert.equal(code, 2);
  assert.match(stderr, /--demo brings its own configuration/);
});

test("it does not start where certificates would not be checked", async () => {
  const { code, stderr } = await run(["serve", "--demo", "--port", "0"], {
    env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  });
  assert.equal(code, 1);
  assert.match(stderr, /NODE_TLS_REJECT_UNAUTHORIZED=0/);
});

test("a configuration with problems is refused at the start, all of them printed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  try {
    const file = join(folder, "rbac.json");
    await writeFile(
      file,
      '{"users": {"ann": {"models": [{"name": "gpt-6"}]}}, "models": {"gpt-5": {"provider": "opnai"}}}',
    );
    const { code, stdout, stderr } = await run(["serve", "--config", file, "--port", "0"]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /problem .*users\.ann\.models\[0\]\.name/);
    assert.match(stderr, /problem .*models\.gpt-5\.provider/);
    assert.match(stderr, /^error .*Not started: .*rbac\.json has problems$/m);
    assert(!/^ +at /m.test(stderr), "no stack trace");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a configuration that is not there is refused with the way out", async () => {
  const { code, stderr } = await run(["serve"], { env: { AI_PROXY_CONFIG: "/nowhere/rbac.json" } });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Cannot read "\/nowhere\/rbac.json": there is no such file; ai-proxy serve --demo needs no conf/,
  );
});

test("a port in use and an address of another machine are refused in one line", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const busy = await run(["serve", "--demo", "--port", `${port}`]);
    assert.equal(busy.code, 1);
    assert.equal(
      busy.stderr.trim(),
      `error  ai-proxy serve: Cannot listen on 127.0.0.1:${port}: the port is in use`,
    );
    assert.equal(busy.stdout, "");
  } finally {
    await new Promise((resolve) => taken.close(resolve));
  }
  const args = ["serve", "--demo", "--port", "99999"];
  assert.equal((await run(args)).code, 2);
});

test("the daemon starts though a provider is down", async () => {
  const env = { OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  await withStage({ env }, async ({ daemon }) => {
    const ready = await exchangeRaw(daemon.port, { path: "/readyz" });
    assert.equal(ready.status, 200);
    const reply = await post(daemon.port, hello("gpt-5"));
    assert.equal(reply.status, 502);
    assert.equal(reply.json().error.code, "upstream_unreachable");
  });
});

/** On Deno the other signal would open its debugger. */
const ROTATE = process.versions["deno"] ? "SIGHUP" : "SIGUSR1";

test(`the access log goes to a file, as JSON, and ${ROTATE} opens the file anew`, async () => {
  const args = ["--access-log", "FOLDER/access.log", "--log-format", "json"];
  await withStage({ args }, async ({ daemon, folder }) => {
    const log = join(folder, "access.log");
    const lines = async (file: string) =>
      (await readFile(file, "utf8").catch(() => "")).split("\n").filter(Boolean).map((line) =>
        JSON.parse(line)
      );
    const count = async (file: string, wanted: number) => {
      let found: unknown[] = [];
      for (let tries = 0; found.length < wanted && tries < 200; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 25));
        found = await lines(file);
      }
      assert.equal(found.length, wanted);
    };
    await post(daemon.port, hello("gpt-5"));
    await count(log, 1);
    const [first] = await lines(log);
    assert.equal(first.user, "ann");
    assert.equal(first.outcome, "ok");
    assert.deepEqual(
      first.attempts.map(({ model, status }: { model: string; status: number }) => [model, status]),
      [[
        "gpt-5",
        200,
      ]],
    );

    await rename(log, `${log}.1`);
    await post(daemon.port, hello("gpt-5"));
    await count(`${log}.1`, 2);
    daemon.signal(ROTATE);
    // The signal may be on its way while the next request is answered.
    for (let tries = 0; (await lines(log)).length === 0 && tries < 100; tries++) {
      await post(daemon.port, hello("gpt-5"));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert((await lines(log)).length > 0);
    assert.equal(daemon.stdout(), "");
  });
});

const UNWRITABLE: readonly (readonly [what: string, path: string, why: RegExp])[] = [
  ["in a missing folder", "/nowhere/access.log", /there is no such folder/],
  ["that is a folder", "/tmp", /it is a folder/],
];

for (const [what, path, why] of UNWRITABLE) {
  test(`an access log ${what} is refused before the port is open`, async () => {
    const { code, stderr } = await run(["serve", "--demo", "--port", "0", "--access-log", path]);
    assert.equal(code, 1);
    assert.match(stderr, /^error {2}ai-proxy serve: Cannot open the access log "[^"]+": /m);
    assert.match(stderr, why);
    assert(!stderr.includes("listens"));
  });
}

test("with JSON logs the operator's lines are JSON too: from the start to the end, and why there was none", async () => {
  const parsed = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line));
  await withStage({ args: ["--log-format", "json", "--access-log", "off"] }, async ({ daemon, write }) => {
    await write("{ not a configuration");
    await daemon.says(/reload_refused/);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    const lines = parsed(daemon.stderr());
    assert.deepEqual(
      lines.map(({ level, event }) => [level, event]).filter(([, event], at, all) =>
        event !== all[at - 1]?.[1]
      ),
      [["info", "started"], ["error", "reload_refused"], ["info", "draining"]],
    );
    for (const { time } of lines) assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });
  const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  try {
    const file = join(folder, "rbac.json");
    await writeFile(file, '{"users": {"ann": {"models": [{"name": "gpt-6"}]}}, "models": {}}');
    const { code, stderr } = await run(["serve", "--config", file, "--port", "0", "--log-format", "json"]);
    assert.equal(code, 1);
    const lines = parsed(stderr);
    assert.deepEqual([lines[0].event, lines.at(-1).event], ["configuration", "not_started"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("an access log that is off is nowhere", async () => {
  await withStage({ args: ["--access-log", "off"] }, async ({ daemon }) => {
    assert.equal((await post(daemon.port, hello("gpt-5"))).status, 200);
    daemon.signal(ROTATE);
    assert.equal((await post(daemon.port, hello("gpt-5"))).status, 200);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    assert.equal(daemon.stdout(), "");
  });
});

test("requests are answered though nobody reads the access log any more", async () => {
  await withStage({}, async ({ daemon }) => {
    daemon.child.stdout?.destroy();
    for (let at = 0; at < 5; at++) assert.equal((await post(daemon.port, hello("gpt-5"))).status, 200);
    await daemon.says(/Access log lines are lost: /);
    daemon.signal("SIGINT");
    await daemon.says(/\d+ access log lines were lost/);
    assert.equal(await daemon.exited, 0);
  });
});

test("requests are answered though the log's reader stands still", async () => {
  await withStage({}, async ({ daemon }) => {
    daemon.child.stdout?.pause();
    const agent = { "user-agent": "x".repeat(4000), "x-user": "ann" };
    for (let at = 0; at < 200; at++) {
      const reply = await exchangeRaw(daemon.port, { path: "/v1/models", headers: agent });
      assert.equal(reply.status, 200);
    }
    daemon.signal("SIGINT");
    await once(daemon.child, "exit");
    assert.equal(daemon.child.exitCode, 0);
  });
});

for (const [title, args] of [["standard output", []], ["the file", ["--access-log", "/dev/full"]]] as const) {
  test(`requests are answered though ${title} of the access log is full`, async () => {
    const stdout = args.length === 0 ? openSync("/dev/full", "w") : undefined;
    await withStage({ args, ...(stdout !== undefined && { stdout }) }, async ({ daemon }) => {
      for (let at = 0; at < 5; at++) assert.equal((await post(daemon.port, hello("gpt-5"))).status, 200);
      await daemon.says(/Access log lines are lost: .*(ENOSPC|[Nn]o space left)/);
      daemon.signal("SIGINT");
      await daemon.says(/5 access log lines were lost/);
      assert.equal(await daemon.exited, stdout === undefined ? 0 : 1);
    });
  });
}

test("requests are answered though nobody reads what the daemon says", async () => {
  await withStage({}, async ({ daemon, write }) => {
    daemon.child.stderr?.destroy();
    await write("{ not a configuration");
    daemon.signal("SIGHUP");
    daemon.signal("SIGHUP");
    for (let at = 0; at < 5; at++) assert.equal((await post(daemon.port, hello("gpt-5"))).status, 200);
    assert.equal((await post(daemon.port, hello("gpt-5"), "nobody")).status, 403);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
  });
});

test("no secret is in any output, not even for those who debug", async () => {
  const models = {
    ...MODELS,
    leak: { provider: "openai", model: "demo-401-leak" },
    down: { provider: "down" },
  };
  const further = {
    providers: {
      down: { dialect: "openai-chat", baseURL: "http://127.0.0.1:9/v1", apiKey: { env: "DOWN_KEY" } },
    },
  };
  const env = { DEBUG: "1", DOWN_KEY: "sk-proj-canarydown0123456789abcdefghij" };
  await withStage({ config: configOf(models, {}, further), env }, async ({ daemon, write }) => {
    const replies = [];
    for (const model of ["gpt-5", "sonnet", "leak", "down", "none"]) {
      replies.push(await post(daemon.port, hello(model)), await post(daemon.port, hello(model, true)));
    }
    await write(configOf({ ...models, "gpt-5": { provider: "openai", model: "gpt-5-other" } }, {}, further));
    daemon.signal("SIGHUP");
    await daemon.says(/Configuration reloaded: models ~gpt-5\n/);
    await write(`{"users": {"ann": {"keys": "sk-proj-canaryliteral"}}}`);
    daemon.signal("SIGHUP");
    await daemon.says(/Configuration rejected/);
    daemon.signal("SIGINT");
    assert.equal(await daemon.exited, 0);
    const said = daemon.stdout() + daemon.stderr() +
      replies.map(({ text, headers }) => text + JSON.stringify(headers));
    assert(!said.includes("canary"), said);
  });
});

test("a flag that serve does not have is bad usage with the nearest one named", async () => {
  const program = startProgram(["serve", "--prot", "1"]);
  assert.equal(await program.exited, 2);
  assert.match(program.stderr(), /^error {2}ai-proxy serve: Unknown flag "--prot".*--port/);
  await assert.rejects(startDaemon({ args: ["--log-format", "xml"] }), /takes combined or json/);
});
