import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { logLine } from "../../src/account/access-log.ts";
import type { Entry } from "../../src/account/entry.ts";

const ENTRY: Entry = {
  requestId: "req_1",
  method: "POST",
  target: "/v1/chat/completions",
  version: "1.1",
  peer: "127.0.0.1",
  referer: undefined,
  userAgent: "curl/8",
  forwardedFor: undefined,
  time: Date.UTC(2026, 10, 22, 9, 15, 2, 345),
  status: 200,
  bytes: 612,
  user: "user-a",
  key: undefined,
  model: "gpt-5",
  served: "claude-sonnet-4-20250514",
  provider: "anthropic",
  attempts: [
    { model: "gpt-5", provider: "openai", status: 401, reason: "401", ms: 80.4 },
    { model: "claude-sonnet-4-20250514", provider: "anthropic", status: 200, reason: "ok", ms: 120.6 },
  ],
  tries: 2,
  failover: "401",
  outcome: "ok",
  usage: { input: 13, cacheRead: 3, cacheWrite: 2, output: 39, reasoning: 5 },
  usageSource: "provider",
  error: undefined,
  upstreamError: undefined,
  upstreamStatus: undefined,
  warnings: [],
  upstreamRequestId: "req_up",
  firstTokenMs: 211.6,
  durationMs: 1290.2,
};

const FAILED: Entry = {
  ...ENTRY,
  status: 502,
  served: undefined,
  provider: undefined,
  outcome: "upstream_error",
  usage: undefined,
  usageSource: "none",
  error: "upstream_unreachable",
  firstTokenMs: undefined,
};

test("the combined line is that of NGINX's demo with our fields behind it", () => {
  equal(
    logLine(ENTRY, "combined"),
    '127.0.0.1 - user-a [22/Nov/2026:09:15:02 +0000] "POST /v1/chat/completions HTTP/1.1" 200 612 "-" "curl/8" "-" ' +
      "prompt_tokens=13 completion_tokens=39 total_tokens=52 request_id=req_1 model=gpt-5 " +
      "served=claude-sonnet-4-20250514 provider=anthropic attempts=2 failover=401 outcome=ok usage=provider " +
      "ttft_ms=212 duration_ms=1290 input=8 cached_read=3 cache_write=2 cache_write_5m= cache_write_1h= output=39 " +
      "reasoning=5 key= error= upstream_request_id=req_up warnings=",
  );
});

test("a failed request has empty token values, in the same places", () => {
  const line = logLine(FAILED, "combined");
  match(line, /"-" prompt_tokens= completion_tokens= total_tokens= request_id=req_1 /);
  match(line, / served= provider= .* outcome=upstream_error usage=none ttft_ms= /);
  match(line, / error=upstream_unreachable /);
});

test("the JSON line has the same fields, the time as RFC 3339 and the attempts as a list", () => {
  const line = JSON.parse(logLine({ ...ENTRY, warnings: ["top_k", "seed"] }, "json"));
  equal(line.time, "2026-11-22T09:15:02.345Z");
  deepEqual(line.attempts, [
    { model: "gpt-5", provider: "openai", status: 401, reason: "401", ms: 80 },
    { model: "claude-sonnet-4-20250514", provider: "anthropic", status: 200, reason: "ok", ms: 121 },
  ]);
  deepEqual(line.warnings, ["top_k", "seed"]);
  const combined = new Map(fieldsOf(logLine({ ...ENTRY, warnings: ["top_k", "seed"] }, "combined")));
  for (const [name, value] of combined) {
    if (name !== "attempts" && name !== "warnings" && value !== "") equal(`${line[name]}`, value, name);
  }
  equal(combined.get("warnings"), "top_k,seed");
});

test("zero tokens are zero, not nothing", () => {
  const usage = { input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 };
  match(logLine({ ...ENTRY, usage }, "combined"), /prompt_tokens=0 completion_tokens=0 total_tokens=0 /);
  equal(JSON.parse(logLine({ ...ENTRY, usage }, "json")).prompt_tokens, 0);
});

// --- forging ---

const COMBINED =
  /^(\S+) - (\S+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)" "([^"]*)" (.*)$/;
const FIELDS = fieldsOf(logLine(ENTRY, "combined")).map(([name]) => name);

function fieldsOf(line: string): [string, string][] {
  const fields = COMBINED.exec(line)?.[10] ?? "";
  return fields.split(" ").map((field): [string, string] => {
    const equals = field.indexOf("=");
    return [field.slice(0, equals), field.slice(equals + 1)];
  });
}

/** The text that a value was, as far as it was not cut. */
function unescaped(value: string): string {
  const bytes = value.replace(
    /\\x([0-9A-F]{2})/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

const wellFormed = (text: string) => Buffer.from(text, "utf8").toString("utf8");

const HOSTILE = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(...'\r\n\t "\\[]=-\u0000\u001b\u007f\u0085\u2028\u2029\ud800\udfffé😀x'),
  }),
  fc.constantFrom(
    '" 200 0 "-" "-" "-" outcome=ok',
    'x\n127.0.0.1 - root [22/Nov/2026:09:15:02 +0000] "GET / HTTP/1.1" 200 0 "-" "-" "-"',
    "a outcome=ok usage=provider",
    '","outcome":"ok","x":"',
    "\\x22",
    "\u001b[2K\u001b[1A",
    "x".repeat(1024 * 1024),
    "\n".repeat(1024 * 1024),
    "😀".repeat(100_000),
  ),
);

const TEXTS = {
  user: HOSTILE,
  key: HOSTILE,
  method: HOSTILE,
  target: HOSTILE,
  version: HOSTILE,
  peer: HOSTILE,
  referer: HOSTILE,
  userAgent: HOSTILE,
  forwardedFor: HOSTILE,
  requestId: HOSTILE,
  model: HOSTILE,
  served: HOSTILE,
  provider: HOSTILE,
  failover: HOSTILE,
  upstreamError: HOSTILE.filter((text) => text !== ""),
  upstreamRequestId: HOSTILE,
  warnings: fc.array(HOSTILE, { maxLength: 3 }),
} as const;

const ENTRIES = fc.record(TEXTS).map((texts): Entry => ({
  ...ENTRY,
  ...texts,
  attempts: [{ model: texts.model, provider: texts.provider, reason: "5xx", detail: texts.key, ms: 1 }],
}));

test("no value can forge a combined line or a field of one", () => {
  fc.assert(fc.property(ENTRIES, (entry) => {
    const line = logLine(entry, "combined");
    match(line, /^[\x20-\x7e]*$/);
    ok(line.length < 32 * 1024);
    const parts = COMBINED.exec(line);
    ok(parts);
    const fields = fieldsOf(line);
    deepEqual(fields.map(([name]) => name), [...FIELDS, "upstream_error"]);
    equal(new Map(fields).get("outcome"), "ok");
    const said = [
      [parts[2], entry.user, "-"],
      [parts[7], entry.referer, "-"],
      [parts[8], entry.userAgent, "-"],
      [parts[9], entry.forwardedFor, "-"],
      [new Map(fields).get("model"), entry.model, ""],
    ] as const;
    for (const [shown = "", value = "", empty] of said) {
      if (Buffer.byteLength(value) <= 256) equal(unescaped(shown), value === "" ? empty : wellFormed(value));
      else ok(unescaped(shown).endsWith("…"));
    }
  }));
});

test("no value can forge a JSON line or a field of one", () => {
  fc.assert(fc.property(ENTRIES, (entry) => {
    const line = logLine(entry, "json");
    match(line, /^[\x20-\x7e\u00a0-\u2027\u202a-\uffff]*$/);
    ok(line.length < 64 * 1024);
    const read = JSON.parse(line);
    equal(read.outcome, "ok");
    equal(read.status, 200);
    for (
      const [name, value = ""] of [["user", entry.user], ["model", entry.model], [
        "referer",
        entry.referer,
      ]] as const
    ) {
      if (Buffer.byteLength(value) <= 256) equal(read[name], value);
      else ok(value.startsWith(read[name].slice(0, -1)) && read[name].endsWith("…"));
    }
  }));
});

test("a value is cut at 256 bytes, between two characters", () => {
  const user = (text: string): string => JSON.parse(logLine({ ...ENTRY, user: text }, "json")).user;
  equal(user("x".repeat(256)), "x".repeat(256));
  equal(user("x".repeat(257)), `${"x".repeat(256)}…`);
  equal(user("é".repeat(128)), "é".repeat(128));
  equal(user("é".repeat(129)), `${"é".repeat(128)}…`);
  equal(user(`x${"😀".repeat(64)}`), `x${"😀".repeat(63)}…`);
});
