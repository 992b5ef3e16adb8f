import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import {
  type Entry,
  type EntryStart,
  type OpenEntry,
  openEntry,
  type Outcome,
} from "../../src/account/entry.ts";
import type { ChatReply, Usage } from "../../src/chat.ts";
import { type ErrorCode, type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../src/errors.ts";
import { fakeClock } from "../tools/fake-clock.ts";

const START: EntryStart = {
  requestId: "req_1",
  method: "POST",
  target: "/v1/chat/completions",
  version: "1.1",
  peer: "127.0.0.1",
  referer: undefined,
  userAgent: undefined,
  forwardedFor: undefined,
  time: 0,
};
const USAGE: Usage = { input: 10, cacheRead: 0, cacheWrite: 0, output: 5, reasoning: 0 };
const REPLY: ChatReply = {
  id: "1",
  model: "m",
  content: [{ type: "text", text: "Hello" }],
  citations: [],
  finish: { reason: "stop" },
  usage: USAGE,
  warnings: ["seed"],
};
const WHOLE = { status: 200, bytes: 100, complete: true };
const CUT = { ...WHOLE, complete: false };

/** The entry that a story leaves. */
function told(story: (entry: OpenEntry, advance: (ms: number) => void) => void, end = WHOLE): Entry {
  const clock = fakeClock();
  const closed: Entry[] = [];
  const entry = openEntry(START, clock.monotonic, (one) => closed.push(one));
  story(entry, clock.advance);
  entry.close(end);
  entry.close({ ...end, status: 500 });
  equal(closed.length, 1);
  const [one] = closed;
  if (!one) throw new Error("Nothing was closed");
  return one;
}

const own = (code: ErrorCode, options: GatewayErrorOptions = {}) => new GatewayError(code, "Failed", options);
const theirs = (status: number, kind: ErrorKind, said: string | null = null) =>
  new GatewayError("upstream_error", "Failed", { status, kind, said });

const OUTCOMES: readonly [string, GatewayError, Outcome][] = [
  ["no user", own("user_missing"), "denied"],
  ["an unknown user", own("user_unknown"), "denied"],
  ["a bad key", own("invalid_api_key"), "denied"],
  ["a model that is not the user's", own("model_not_found"), "denied"],
  ["a body that is no JSON", own("invalid_json"), "client_error"],
  ["a bad field", own("invalid_value"), "client_error"],
  ["an impossible field", own("unsupported_parameter"), "client_error"],
  ["a body that is too large", own("request_too_large"), "client_error"],
  ["a body that never comes", own("request_timeout"), "client_error"],
  ["an unknown path", own("not_found"), "client_error"],
  ["no connection", own("upstream_unreachable", { failure: "connect" }), "upstream_error"],
  ["an answer that is none", own("upstream_invalid_response", { failure: "invalid" }), "upstream_error"],
  ["a page of HTML with status 502", own("upstream_invalid_response", { failure: "502" }), "upstream_error"],
  [
    "a page of HTML with status 403",
    own("upstream_invalid_response", { status: 403, failure: "403" }),
    "upstream_error",
  ],
  [
    "a stream that ends before its content",
    own("upstream_stream_interrupted", { failure: "invalid" }),
    "upstream_error",
  ],
  ["a provider's key that is not set", own("provider_key_missing"), "upstream_error"],
  ["a provider's own error", theirs(500, "server"), "upstream_error"],
  ["a refused key of ours", theirs(401, "authentication", "invalid_api_key"), "upstream_error"],
  ["a provider that knows no such model", theirs(404, "model-missing", "model_not_found"), "upstream_error"],
  ["a provider's overload", theirs(503, "overloaded", "overloaded"), "upstream_error"],
  ["a provider that says internal", theirs(500, "server", "internal"), "upstream_error"],
  ["a provider that says that a client left", theirs(500, "server", "client_disconnect"), "upstream_error"],
  ["the caller's mistake in a provider's words", theirs(400, "invalid-request"), "client_error"],
  ["a conversation that is too long for a provider", theirs(400, "context-length"), "client_error"],
  ["a provider that drains", theirs(503, "server", "draining"), "upstream_error"],
  ["silence", own("upstream_timeout", { failure: "timeout" }), "upstream_timeout"],
  ["too much in flight", own("overloaded"), "overloaded"],
  ["draining", own("draining"), "draining"],
  ["a server that stops", own("server_shutting_down"), "draining"],
  ["a fault of ours", own("internal"), "internal"],
];

for (const [title, error, outcome] of OUTCOMES) {
  test(`the outcome of ${title} is ${outcome}`, () => {
    const entry = told((open) => open.failed(error), { ...WHOLE, status: error.status });
    equal(entry.outcome, outcome);
    equal(entry.status, error.status);
    deepEqual([entry.error, entry.upstreamError], [error.code, error.said ?? undefined]);
    deepEqual([entry.usage, entry.usageSource], [undefined, "none"]);
  });
}

test("an answer that went out whole is ok", () => {
  const entry = told((open) => open.answered(REPLY));
  deepEqual([entry.outcome, entry.status, entry.error], ["ok", 200, undefined]);
  deepEqual([entry.usage, entry.usageSource], [USAGE, "provider"]);
  deepEqual(entry.warnings, ["seed"]);
});

test("a refusal without an error of its own is the client's", () => {
  equal(told(() => {}, { ...WHOLE, status: 404 }).outcome, "client_error");
});

test("a client that left is status 499, however it is learned of", () => {
  for (
    const entry of [
      told(() => {}, CUT),
      told((open) => open.answered(REPLY), CUT),
      told((open) => open.saw({ type: "text-delta", text: "He" }), CUT),
      told((open) => open.failed(own("client_disconnect"))),
      told((open) => {
        open.saw({ type: "text-delta", text: "He" });
        open.failed(own("client_disconnect"));
      }, CUT),
    ]
  ) deepEqual([entry.outcome, entry.status], ["client_disconnect", 499]);
});

test("a refusal that the client did not wait for is still the refusal", () => {
  const entry = told((open) => open.failed(own("invalid_value")), { ...CUT, status: 400 });
  deepEqual([entry.outcome, entry.status], ["client_error", 400]);
});

test("a failure after content interrupts the stream, whatever it was", () => {
  for (
    const error of [
      own("upstream_stream_interrupted"),
      own("upstream_timeout", { failure: "timeout" }),
      theirs(500, "server"),
    ]
  ) {
    const entry = told((open) => {
      open.saw({ type: "start", id: "1", model: "m" });
      open.saw({ type: "text-delta", text: "Hello" });
      open.failed(error);
    });
    deepEqual([entry.outcome, entry.status], ["stream_interrupted", 200]);
  }
});

test("what is no content does not make a failure an interruption", () => {
  const entry = told((open) => {
    open.saw({ type: "start", id: "1", model: "m" });
    open.saw({ type: "usage", usage: USAGE });
    open.saw({ type: "text-delta", text: "" });
    open.saw({ type: "thinking-start" });
    open.failed(own("upstream_timeout", { failure: "timeout" }));
  });
  deepEqual([entry.outcome, entry.usage, entry.firstTokenMs], ["upstream_timeout", undefined, undefined]);
});

test("an answer that we could not write is a fault of ours, not an interruption", () => {
  const entry = told((open) => {
    open.answered(REPLY);
    open.failed(own("internal"));
  }, { ...WHOLE, status: 500 });
  deepEqual([entry.outcome, entry.usageSource], ["internal", "none"]);
});

test("usage is the provider's when all of it was said, partial when it was cut", () => {
  const streamed = (events: Parameters<OpenEntry["saw"]>[0][], end = WHOLE) =>
    told((open) => events.forEach(open.saw), end).usageSource;
  const text = { type: "text-delta", text: "Hello" } as const;
  const usage = { type: "usage", usage: USAGE } as const;
  const last = { type: "end" } as const;
  equal(streamed([text, usage, last]), "provider");
  equal(streamed([usage, text], CUT), "partial");
  equal(streamed([text, usage, last], CUT), "provider");
  equal(streamed([text, last]), "estimated");
  equal(streamed([text], CUT), "estimated");
  equal(streamed([], CUT), "none");
  equal(told((open) => open.answered(REPLY), CUT).usageSource, "provider");
});

test("the usage that was said last counts, and is not added up", () => {
  const entry = told((open) => {
    open.saw({ type: "usage", usage: { ...USAGE, output: 1 } });
    open.saw({ type: "text-delta", text: "Hello" });
    open.saw({ type: "usage", usage: USAGE });
    open.saw({ type: "end" });
  });
  deepEqual(entry.usage, USAGE);
});

test("an estimate is of all that was written", () => {
  const entry = told((open) => {
    open.asked("m", () => 101);
    open.saw({ type: "thinking-delta", text: "12345678" });
    open.saw({ type: "text-delta", text: "1234" });
    open.saw({ type: "tool-call-start", index: 0, id: "1", name: "find", kind: "function" });
    open.saw({ type: "tool-call-delta", index: 0, input: "{}" });
    open.saw({ type: "end" });
  });
  deepEqual([entry.usage, entry.usageSource], [
    { input: 101, output: 5, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
    "estimated",
  ]);
  const { usage: _, ...unmeasured } = REPLY;
  const plain = told((open) => {
    open.asked("m", () => 2);
    open.answered({
      ...unmeasured,
      content: [{ type: "text", text: "Hello" }, {
        type: "tool-call",
        id: "1",
        name: "now",
        input: "{}",
        kind: "function",
      }],
    });
  });
  deepEqual([plain.usage?.input, plain.usage?.output, plain.usageSource], [2, 3, "estimated"]);
});

test("the request is counted at most once, and only where its provider has not counted it", () => {
  const counts = (tell: (open: OpenEntry) => void) => {
    let asked = 0;
    const entry = told((open) => {
      open.asked("m", () => 10 + asked++);
      tell(open);
    });
    return [asked, entry.usage?.input, entry.usageSource];
  };
  const text = { type: "text-delta", text: "Hello" } as const;
  deepEqual(counts((open) => open.answered(REPLY)), [0, USAGE.input, "provider"]);
  deepEqual(
    counts((open) => {
      open.release(true);
      open.saw({ type: "usage", usage: USAGE });
      open.saw(text);
    }),
    [0, USAGE.input, "provider"],
  );
  deepEqual(
    counts((open) => {
      open.release(false);
      open.saw(text);
    }),
    [1, 10, "estimated"],
  );
  deepEqual(counts((open) => open.saw(text)), [1, 10, "estimated"]);
  deepEqual(counts(() => {}), [0, undefined, "none"]);
});

test("times run from the request to the first content and to the end", () => {
  const entry = told((open, advance) => {
    advance(100);
    open.saw({ type: "start", id: "1", model: "m" });
    advance(50);
    open.saw({ type: "redacted-thinking", data: "x" });
    advance(25);
    open.saw({ type: "text-delta", text: "Hello" });
    advance(1000);
  });
  deepEqual([entry.firstTokenMs, entry.durationMs], [150, 1175]);
});

test("every target that was looked at is on record, and the requests that went out are counted", () => {
  let during: unknown;
  const entry = told((open) => {
    open.identified("user-a", "ci");
    open.asked("gpt-5", () => 25);
    open.skipped("a", "one", "cooling");
    open.movedOn("cooling");
    open.tried({ model: "b", provider: "two", status: 500, reason: "5xx", ms: 20 });
    open.movedOn("5xx");
    open.tried({ model: "c", provider: "three", status: 200, reason: "ok", ms: 30 });
    open.served("c", "three", "up_1");
    open.warned(["seed", "seed"]);
    open.saw({ type: "warning", warning: "seed" });
    during = [open.tries, open.upstreamMs, open.failover, open.warnings];
  });
  deepEqual(during, [2, 50, "cooling", ["seed"]]);
  deepEqual(entry.attempts.map(({ model, reason }) => [model, reason]), [["a", "cooling"], ["b", "5xx"], [
    "c",
    "ok",
  ]]);
  const { user, key, model, served, provider, upstreamRequestId, tries, failover, warnings } = entry;
  deepEqual(
    { user, key, model, served, provider, upstreamRequestId, tries, failover, warnings },
    {
      user: "user-a",
      key: "ci",
      model: "gpt-5",
      served: "c",
      provider: "three",
      upstreamRequestId: "up_1",
      tries: 2,
      failover: "cooling",
      warnings: ["seed"],
    },
  );
});

test("what a request holds is given back once, when it is released or closed", () => {
  let given = 0;
  told((open) => {
    open.holds(() => given++);
    open.holds(() => given++);
    equal(given, 0);
    open.release(true);
    equal(given, 2);
    open.holds(() => given++);
  });
  equal(given, 3);
});
