import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "./commands/_run.ts";
import { programArgs } from "./tools/daemon.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

test("the version is that of the package, before and behind a command", async () => {
  for (const args of [["--version"], ["-v"], ["key", "--version"], ["check-config", "--version"]]) {
    assert.deepEqual(await run(args), { code: 0, stdout: `${version}\n`, stderr: "" });
  }
});

test("help names the commands, and of a command its flags", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, stdout, stderr } = await run([flag]);
    assert.deepEqual([code, stderr], [0, ""]);
    for (const name of ["serve", "check-config", "ask", "key"]) {
      assert.match(stdout, new RegExp(`^ +${name}  `, "m"));
    }
  }
  const { code, stdout } = await run(["check-config", "--nonsense", "--help"]);
  assert.equal(code, 0);
  for (const part of ["ai-proxy check-config", "--json", "--strict", "--explain", "[FILE]"]) {
    assert.ok(stdout.includes(part), part);
  }
});

test("help is a command too", async () => {
  assert.deepEqual(await run(["help"]), await run(["--help"]));
  assert.deepEqual(await run(["help", "key"]), await run(["key", "--help"]));
});

test("a flag that is like no other is answered with all that there are", async () => {
  const { stderr } = await run(["key", "--bogus"]);
  assert.match(stderr, /Unknown flag "--bogus": known are --name, --expires, --help, --version\n$/);
});

test("without a command the help goes to standard error", async () => {
  const { code, stdout, stderr } = await run([]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /USAGE/);
});

const UNKNOWN: [string[], RegExp][] = [
  [["chek-config"], /^error {2}ai-proxy: Unknown command "chek-config": did you mean "check-config"\?\n$/],
  [
    ["frobnicate"],
    /^error {2}ai-proxy: Unknown command "frobnicate": known are serve, check-config, ask, key\n$/,
  ],
  [["constructor"], /^error {2}ai-proxy: Unknown command "constructor"/],
  [["--verson"], /^error {2}ai-proxy: Unknown flag "--verson": did you mean "--version"\?\n$/],
  [["key", "--nmae", "x"], /^error {2}ai-proxy key: Unknown flag "--nmae": did you mean "--name"\?\n$/],
];

for (const [args, message] of UNKNOWN) {
  test(`${args.join(" ")} is bad usage, in one line`, async () => {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}

test("colours are for terminals that want them", async () => {
  // deno-lint-ignore no-control-regex
  const colour = /\u001b\[/;
  const args = ["check-config", "/no/such/file"];
  assert.match((await run(args, { terminal: true, env: {} })).stderr, colour);
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    assert.doesNotMatch((await run(args, { terminal: true, env })).stderr, colour);
  }
  assert.doesNotMatch((await run(args)).stderr, colour);
  assert.doesNotMatch((await run(["--help"])).stdout, colour);
  assert.doesNotMatch((await run(["--help"], { terminal: true, env: { NO_COLOR: "1" } })).stdout, colour);
});

test("the program itself ends with the command's exit code", () => {
  const start = (...args: string[]) =>
    spawnSync(process.execPath, programArgs(args), {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
  const shown = start("--version");
  assert.deepEqual([shown.status, shown.stdout], [0, `${version}\n`]);
  const refused = start("check-config", "/no/such/file");
  assert.deepEqual([refused.status, refused.stdout], [2, ""]);
  assert.match(refused.stderr, /^error {2}Cannot read "\/no\/such\/file": there is no such file$/m);
  assert.equal(start("kye").status, 2);
});

const FULL = { skip: existsSync("/dev/full") ? false : "there is no /dev/full" };

test("what could not be written is no success: of a key, a version, a check", FULL, () => {
  const full = openSync("/dev/full", "w");
  const start = (...args: string[]) =>
    spawnSync(process.execPath, programArgs(args), {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", full, "pipe"],
    });
  try {
    for (const args of [["key"], ["--version"], ["key", "--help"]]) {
      const { status, stderr } = start(...args);
      assert.equal(status, 1, args.join(" "));
      assert.match(stderr, /^error {2}ai-proxy( key)?: .*(written|be written).*$/m);
    }
  } finally {
    closeSync(full);
  }
});

test(
  "without its packages the program says what to do, without a stack",
  { skip: "Deno" in globalThis },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "ai-proxy-"));
    try {
      cpSync(fileURLToPath(new URL("../src", import.meta.url)), join(folder, "src"), { recursive: true });
      cpSync(fileURLToPath(new URL("../package.json", import.meta.url)), join(folder, "package.json"));
      const { status, stderr } = spawnSync(process.execPath, [join(folder, "src/main.ts"), "--version"], {
        encoding: "utf8",
      });
      assert.equal(status, 1);
      assert.equal(stderr, "ai-proxy: its packages are not installed: run npm ci in its folder first\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
