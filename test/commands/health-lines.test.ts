/** The sentences in which the operator's log tells what changes in the health of targets and credentials. */

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { tellHealth } from "../../src/commands/health-lines.ts";
import type { HealthChange } from "../../src/routing/health-change.ts";

const NOW = Date.parse("2026-11-22T09:16:07.400Z");

function told(change: HealthChange): string[] {
  const lines: string[] = [];
  tellHealth(
    change,
    {
      info: (message, event) => lines.push(`info ${event}: ${message}`),
      warn: (message, event) => lines.push(`warn ${event}: ${message}`),
      error: (message, _, event) => lines.push(`error ${event}: ${message}`),
    },
    NOW,
    (provider) => provider !== "local",
  );
  return lines;
}

const DOWN = {
  kind: "target_down",
  target: "openai/gpt-5",
  ms: 4812.3,
  cause: { kind: "row", count: 5 },
  failure: "500",
  said: null,
  detail: undefined,
  again: false,
  user: undefined,
} as const;
const ACCOUNT = { kind: "account_refused", provider: "openai", ms: 300_000, failure: "429" } as const;

const ROWS: readonly (readonly [HealthChange, string | undefined])[] = [
  [DOWN, "warn target_down: openai/gpt-5 is passed over: 5 failures in a row (500)"],
  [{ ...DOWN, again: true }, undefined],
  [
    { ...DOWN, user: "a\nb" },
    'warn target_down: openai/gpt-5 is passed over for user "a\\nb" alone: 5 failures in a row (500)',
  ],
  [
    { ...DOWN, cause: { kind: "share", failures: 6, requests: 11 }, failure: "connect", detail: "reset" },
    "warn target_down: openai/gpt-5 is passed over: 6 of 11 requests failed (connect reset)",
  ],
  [
    { ...DOWN, cause: { kind: "model" }, failure: "404", said: "model_not_found" },
    "warn target_down: openai/gpt-5 is passed over: its provider refuses the model (404 model_not_found)",
  ],
  [
    {
      kind: "target_up",
      target: "openai/gpt-5",
      ms: 65_000,
      failure: "500",
      moved: new Map([["b/x", 70], ["c/y", 1]]),
    },
    "info target_up: openai/gpt-5 is up again: it was away from 2026-11-22T09:15:02Z to 2026-11-22T09:16:07Z " +
    "(65 s, 500), 71 requests moved: 70 to b/x, 1 to c/y",
  ],
  [
    { kind: "target_up", target: "a/b", ms: 5000, failure: undefined, moved: new Map() },
    "info target_up: a/b is up again: it was away from 2026-11-22T09:16:02Z to 2026-11-22T09:16:07Z (5 s), " +
    "no request moved",
  ],
  [
    { kind: "target_waits", target: "a/b", ms: 20_000, failure: "503" },
    "info target_waits: a/b is left in peace for 20 s, as its provider asks (503)",
  ],
  [
    { kind: "key_refused", provider: "openai", ms: 300_000, failure: "401", said: "invalid_api_key" },
    "error credential_refused: openai is passed over for 300 s: its key was refused (401 invalid_api_key)",
  ],
  [
    { kind: "key_refused", provider: "local", ms: 300_000, failure: "401", said: null },
    "error credential_refused: local is passed over for 300 s: a request without a key was refused (401)",
  ],
  [
    { ...ACCOUNT, said: "insufficient_quota" },
    "error credential_refused: openai is passed over for 300 s: its account has no credit, or is not in order " +
    "(429 insufficient_quota)",
  ],
  [
    { ...ACCOUNT, said: `x\n${"y".repeat(200)}` },
    "error credential_refused: openai is passed over for 300 s: its account has no credit, or is not in order " +
    `(429 "x\\n${"y".repeat(98)}")`,
  ],
  [
    {
      kind: "credential_accepted",
      provider: "openai",
      ms: 1000,
      failure: "401",
      moved: new Map([["b/x", 1]]),
    },
    "info outage_ended: openai accepts its credential again: it was away from 2026-11-22T09:16:06Z to " +
    "2026-11-22T09:16:07Z (1 s, 401), 1 request moved: 1 to b/x",
  ],
];

for (const [change, line] of ROWS) {
  test(`${change.kind} is ${line ?? "no line"}`, () =>
    deepEqual(told(change), line === undefined ? [] : [line]));
}
