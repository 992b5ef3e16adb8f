/**
 * A provider that fails before any of its answer has gone to the client: another target is tried in its place, and
 * when none is left the client is told what happened, in its own API. Every fault on every way of `_ways.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, asked, each, read, routes, type Way, WAYS } from "./_ways.ts";
import { until, withProxy } from "../tools/proxy.ts";

interface Row {
  readonly title: string;
  /** What the first target is called at its provider: it plays the fault of that name. */
  readonly model: string;
  /** The word of `failoverOn` for which the next target is tried. */
  readonly word: string;
  /** What the client gets where no other target is left: of an OpenAI client, and of an Anthropic one. */
  readonly openai: readonly [status: number, code: string | null];
  readonly anthropic: readonly [status: number, type: string];
  /** The error is the provider's own; else it is ours. */
  readonly own?: boolean;
  readonly detail?: string;
  readonly ways?: (way: Way) => boolean;
  readonly baseURL?: string;
  readonly timeouts?: Readonly<Record<string, number>>;
}

const SOON = { firstByte: 0.3, firstByteStream: 0.3, idle: 0.3 };
const UNREACHABLE = { openai: [502, "upstream_unreachable"], anthropic: [502, "api_error"] } as const;
const INVALID = { openai: [502, "upstream_invalid_response"], anthropic: [502, "api_error"] } as const;
const TIMEOUT = { openai: [504, "upstream_timeout"], anthropic: [504, "timeout_error"] } as const;
const plain = ({ stream }: Way) => !stream;
const streamed = ({ stream }: Way) => stream;
const openai = ({ upstream }: Way) => upstream === "openai";
const anthropic = ({ upstream }: Way) => upstream === "anthropic";

const ROWS: readonly Row[] = [
  {
    title: "F43: a refused connection moves on at once",
    model: "fine",
    baseURL: "http://127.0.0.1:1/v1",
    word: "connect",
    ...UNREACHABLE,
    detail: "refused",
  },
  {
    title: "F45: a name that does not resolve moves on",
    model: "fine",
    baseURL: "http://no-such-host.invalid/v1",
    word: "connect",
    ...UNREACHABLE,
    detail: "dns",
  },
  {
    title: "F47: a refused key of the operator's moves on",
    model: "demo-401",
    word: "401",
    openai: [401, "invalid_api_key"],
    anthropic: [401, "authentication_error"],
    own: true,
  },
  {
    title: "F47: a key without the permission moves on (OpenAI)",
    model: "demo-403",
    ways: openai,
    word: "403",
    openai: [403, null],
    anthropic: [403, "permission_error"],
    own: true,
  },
  {
    title: "F47: a key without the permission moves on (Anthropic)",
    model: "demo-403",
    ways: (way) => anthropic(way) && way.client === "anthropic",
    word: "403",
    openai: [403, null],
    anthropic: [403, "permission_error"],
    own: true,
  },
  {
    title: "F48: a model that the provider does not have moves on",
    model: "demo-404",
    word: "404",
    openai: [404, "model_not_found"],
    anthropic: [404, "not_found_error"],
    own: true,
  },
  {
    title: "F49: a rate limit moves on",
    model: "demo-429-bare",
    word: "429",
    openai: [429, "rate_limit_exceeded"],
    anthropic: [429, "rate_limit_error"],
    own: true,
  },
  {
    title: "F49: an overloaded provider moves on",
    model: "demo-529",
    word: "5xx",
    openai: [503, "overloaded"],
    anthropic: [529, "overloaded_error"],
    own: true,
  },
  {
    title: "F50: an exhausted quota moves on (OpenAI)",
    model: "demo-quota",
    ways: openai,
    word: "429",
    openai: [429, "insufficient_quota"],
    anthropic: [402, "billing_error"],
    own: true,
  },
  ...[500, 504].map((status): Row => ({
    title: `F51: a ${status} moves on`,
    model: `demo-${status}`,
    ways: openai,
    word: "5xx",
    openai: [status, null],
    anthropic: [status, status === 504 ? "timeout_error" : "api_error"],
    own: true,
  })),
  {
    title: "F52: no headers within the limit moves on",
    model: "demo-silent",
    timeouts: SOON,
    word: "timeout",
    ...TIMEOUT,
    detail: "answer",
  },
  {
    title: "F52: headers and then nothing moves on",
    model: "demo-headers-silent",
    timeouts: SOON,
    word: "timeout",
    ...TIMEOUT,
    detail: "answer",
  },
  {
    title: "F53: more headers than are bearable move on",
    model: "demo-header-flood",
    word: "invalid",
    ...INVALID,
    detail: "headers",
  },
  {
    title: "F54: a redirect is not followed and moves on",
    model: "demo-redirect",
    word: "invalid",
    ...INVALID,
    detail: "redirect",
  },
  {
    title: "F55: a compressed bomb moves on (plain)",
    model: "demo-bomb-66",
    ways: (way) => plain(way) && way.client === way.upstream,
    word: "invalid",
    ...INVALID,
    detail: "too-large",
  },
  {
    title: "F55: a compressed bomb moves on (streamed)",
    model: "demo-bomb-18",
    ways: (way) => streamed(way) && way.client !== way.upstream,
    word: "invalid",
    openai: [502, "upstream_invalid_event"],
    anthropic: [502, "api_error"],
  },
  {
    title: "F56: an answer without end moves on",
    model: "demo-endless-66",
    ways: (way) => plain(way) && way.client !== way.upstream,
    word: "invalid",
    ...INVALID,
    detail: "too-large",
  },
  {
    title: "F57: HTML with 200 moves on (plain)",
    model: "demo-html",
    ways: (way) => plain(way) && way.upstream === "openai",
    word: "invalid",
    ...INVALID,
    detail: "not-json",
  },
  {
    title: "F57: HTML with 200 moves on (streamed)",
    model: "demo-html",
    ways: streamed,
    word: "invalid",
    ...INVALID,
    detail: "not-a-stream",
  },
  {
    title: "F57: an empty answer moves on",
    model: "demo-empty",
    ways: plain,
    word: "invalid",
    ...INVALID,
    detail: "empty",
  },
  {
    title: "F57: an empty stream moves on",
    model: "demo-empty",
    ways: streamed,
    word: "invalid",
    openai: [502, "upstream_stream_interrupted"],
    anthropic: [502, "api_error"],
  },
  {
    title: "F57: half of an answer moves on",
    model: "demo-truncated",
    ways: plain,
    word: "invalid",
    ...INVALID,
    detail: "not-json",
  },
  { title: "F57: JSON that is no answer moves on", model: "demo-wrong-schema", word: "invalid", ...INVALID },
  { title: "F57: an error status with HTML moves on", model: "demo-html-502", word: "5xx", ...INVALID },
  {
    title: "F57: an error object with status 200 moves on for what it says",
    model: "demo-error-in-200",
    word: "5xx",
    openai: [503, "overloaded"],
    anthropic: [529, "overloaded_error"],
    own: true,
  },
  {
    title: "F58: a connection that breaks before the headers moves on",
    model: "demo-reset",
    word: "connect",
    ...UNREACHABLE,
    detail: "reset",
  },
  {
    title: "F58: a connection that closes before the headers moves on",
    model: "demo-close",
    word: "connect",
    ...UNREACHABLE,
    detail: "reset",
  },
  {
    title: "F64: a plain answer that breaks off moves on",
    model: "demo-cut-2",
    ways: plain,
    word: "invalid",
    ...INVALID,
    detail: "reset",
  },
  {
    title: "F63: a plain answer that stalls moves on",
    model: "demo-stall-2",
    ways: plain,
    timeouts: SOON,
    word: "timeout",
    ...TIMEOUT,
    detail: "further-part-of-the-answer",
  },
];

for (const row of ROWS) {
  test(`${row.title}, and alone is reported`, () =>
    each(WAYS.filter(row.ways ?? (() => true)), (way) => run(row, way)));
}

async function run(row: Row, way: Way): Promise<void> {
  const { model: first, timeouts, baseURL } = row;
  const config = routes(way, {
    first,
    ...(timeouts && { timeouts }),
    ...(baseURL !== undefined && { baseURL }),
  });
  await withProxy({ config }, async (proxy) => {
    const { providers } = proxy;
    const saved = await ask(proxy, way, "first");
    assert.equal(saved.status, 200, saved.text);
    assert(read(way, saved).complete);
    assert.equal(saved.headers["x-ai-proxy-model"], "fine");
    assert.equal(saved.headers["x-ai-proxy-failover"], row.word);
    assert.equal(saved.headers["x-ai-proxy-attempts"], "2");
    const { outcome, attempts, failover } = await proxy.logged();
    assert.equal(outcome, "ok");
    assert.equal(failover, row.word);
    assert.deepEqual(attempts.map(({ model, reason }) => [model, reason]), [["first", row.word], [
      "fine",
      "ok",
    ]]);
    if (row.detail !== undefined) assert.equal(attempts[0]?.detail, row.detail);
    assert.equal(asked(proxy, "healthy"), 1);
    const requests = baseURL === undefined ? 1 : 0;
    assert.equal(asked(proxy, first), requests);

    const [status, word] = row[way.client];
    const failed = await ask(proxy, way, "alone");
    assert.equal(failed.status, status, failed.text);
    const { error } = read(way, failed);
    assert.equal(way.client === "openai" ? error?.code : error?.type, word);
    assert.notEqual(error?.message, "");
    assert.equal(failed.headers["x-ai-proxy-error-source"], row.own ? "upstream" : "proxy");
    assert(!/<html|<!doctype/i.test(failed.text));
    const entry = await proxy.logged(2);
    assert.equal(entry.outcome, row.word === "timeout" ? "upstream_timeout" : "upstream_error");
    assert.equal(entry.status, status);
    assert.equal(entry.usageSource, "none");
    assert.equal(entry.tries, 1);
    // One request each: nothing is sent twice, and nobody is sent to whom a redirect points.
    assert.equal(providers.attempts.length, 2 * requests + 1);
    await until(() => providers.ledger.every((given) => given.outcome !== "pending"));
  });
}
