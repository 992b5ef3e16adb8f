import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArgs } from "citty";
import { hostOf, isStop, strictArgs } from "../../src/commands/args.ts";

const FORMATS: string[] = ["combined", "json"];
const ARGS = {
  prompt: { type: "positional", required: false },
  user: { type: "string" },
  "log-format": { type: "enum", options: FORMATS, default: "combined" },
  log: { type: "string" },
  stream: { type: "boolean", default: true },
  json: { type: "boolean" },
} as const;

const GOOD: [string[], Record<string, unknown>][] = [
  [[], { stream: true, "log-format": "combined" }],
  [["hello", "--user", "ann"], { prompt: "hello", user: "ann" }],
  [["--user=ann", "--", "--json"], { user: "ann", prompt: "--json" }],
  [["--log", "-"], { log: "-" }],
  [["--user=-x"], { user: "-x" }],
  [["--user="], { user: "" }],
  [["--user=a=b"], { user: "a=b" }],
  [["--no-stream", "--json"], { stream: false, json: true }],
  [["--log-format", "json"], { "log-format": "json" }],
  [["-"], { prompt: "-" }],
];

for (const [rawArgs, expected] of GOOD) {
  test(`${JSON.stringify(rawArgs)} is read as it is meant`, () => {
    const args: Record<string, unknown> = parseArgs(strictArgs(rawArgs, ARGS), ARGS);
    for (const [name, value] of Object.entries(expected)) assert.equal(args[name], value, name);
  });
}

const BAD: [string[], RegExp][] = [
  [["--usr", "x"], /^Unknown flag "--usr": did you mean "--user"\?$/],
  [["--logFormat=json"], /^Unknown flag "--logFormat": did you mean "--log-format"\?$/],
  [["--steam"], /^Unknown flag "--steam"/],
  [["--no-jsn"], /^Unknown flag "--no-jsn"/],
  [["--no-json"], /^Unknown flag "--no-json"/],
  [["--no-user"], /^Unknown flag "--no-user"/],
  [["-u", "x"], /^Unknown flag "-u"/],
  [["--__proto__"], /^Unknown flag "--__proto__"/],
  [["--user"], /^The flag --user needs a value/],
  [["--user", "--json"], /^The flag --user needs a value/],
  [["--json=yes"], /^The flag --json takes no value$/],
  [["--user", "a", "--user", "b"], /^The flag --user is given twice$/],
  [
    ["--log-format", "jsn"],
    /^The flag --log-format takes combined or json, not "jsn": did you mean "json"\?$/,
  ],
  [["one", "two"], /^Unexpected argument "two"$/],
];

for (const [rawArgs, message] of BAD) {
  test(`${JSON.stringify(rawArgs)} is refused`, () => {
    assert.throws(() => strictArgs(rawArgs, ARGS), (thrown) => {
      assert.ok(isStop(thrown));
      assert.equal(thrown.exitCode, 2);
      assert.match(thrown.message, message);
      return true;
    });
  });
}

test("what a command needs is asked for by name", () => {
  const needs = { file: { type: "positional" }, user: { type: "string", required: true } } as const;
  assert.throws(() => strictArgs(["x"], needs), { message: "The flag --user is missing" });
  assert.throws(() => strictArgs(["--user", "a"], needs), { message: "The argument FILE is missing" });
});

test("the brackets around an IPv6 address are taken off, and nothing else", () => {
  const hosts = ["[::1]", "[::]", "[fe80::1%eth0]", "::1", "127.0.0.1", "localhost", "[name]", "[]"];
  assert.deepEqual(hosts.map(hostOf), [
    "::1",
    "::",
    "fe80::1%eth0",
    "::1",
    "127.0.0.1",
    "localhost",
    "[name]",
    "[]",
  ]);
});
