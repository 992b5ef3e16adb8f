import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";
import { movesOn } from "../../src/access/policy.ts";
import { GatewayError } from "../../src/errors.ts";
import { firstAnswer, judge, type NextWord, type Outcome } from "../../src/routing/attempt.ts";
import { policyOf, routeOf } from "../tools/targets.ts";

const failed = (message: string, next: NextWord | undefined): Outcome<string> => ({
  kind: "failed",
  error: new GatewayError("upstream_unreachable", message),
  next,
});
const answered = (answer: string): Outcome<string> => ({ kind: "answered", answer });

/** Tries targets `a`, `b`, … with the outcomes given. */
async function trying(...outcomes: Outcome<string>[]) {
  const { targets } = routeOf(...outcomes.map((_, index) => `one/${"abcdef"[index]}`));
  const tried: string[] = [];
  const words: string[] = [];
  let answer: string | undefined;
  let error: unknown;
  try {
    answer = await firstAnswer(targets, ({ model }, last) => {
      tried.push(last ? `${model} (last)` : model);
      return Promise.resolve(
        outcomes[targets.findIndex((target) => target.model === model)] ?? answered("?"),
      );
    }, (word) => words.push(word));
  } catch (thrown) {
    error = thrown instanceof GatewayError ? thrown.message : thrown;
  }
  return { answer, error, tried, words };
}

test("the first answer ends the search", async () => {
  deepEqual(await trying(failed("A", "connect"), answered("B"), answered("C")), {
    answer: "B",
    error: undefined,
    tried: ["a", "b"],
    words: ["connect"],
  });
});

test("a failure that does not move on is the answer, whatever is left", async () => {
  deepEqual(await trying(failed("A", "5xx"), failed("B", undefined), answered("C")), {
    answer: undefined,
    error: "B",
    tried: ["a", "b"],
    words: ["5xx"],
  });
});

test("when all fail, the last one's error is the answer, and leaving it is no failover", async () => {
  deepEqual(await trying(failed("A", "429"), failed("B", "connect"), failed("C", "timeout")), {
    answer: undefined,
    error: "C",
    tried: ["a", "b", "c (last)"],
    words: ["429", "connect"],
  });
});

test("a fallback that cannot express the request says nothing of why it failed", async () => {
  equal((await trying(failed("A", "429"), failed("B", "unsupported"))).error, "A");
  equal((await trying(failed("A", "429"), failed("B", "unsupported"), failed("C", "5xx"))).error, "C");
  equal((await trying(failed("A", "unsupported"), failed("B", "unsupported"))).error, "A");
});

test("a route without targets is a fault of ours", async () => {
  await rejects(firstAnswer([], () => Promise.resolve(answered("")), () => {}), Error);
});

test("a failure is judged by the policy's words", () => {
  const policy = policyOf("user", []);
  const cases: readonly [GatewayError, string | undefined][] = [
    [new GatewayError("upstream_unreachable", "Reset", { failure: "connect" }), "connect"],
    [new GatewayError("upstream_timeout", "Late", { failure: "timeout" }), "timeout"],
    [new GatewayError("upstream_invalid_response", "Odd", { failure: "invalid" }), "invalid"],
    [new GatewayError("upstream_error", "Down", { status: 503, kind: "server" }), "5xx"],
    [new GatewayError("upstream_error", "Full", { status: 529, kind: "overloaded" }), "5xx"],
    [new GatewayError("upstream_error", "Slow", { status: 429, kind: "rate-limit" }), "429"],
    [new GatewayError("upstream_error", "Bad", { status: 400, kind: "invalid-request" }), undefined],
    [new GatewayError("upstream_error", "Bad", { status: 422, kind: "invalid-request" }), undefined],
    [new GatewayError("upstream_error", "Large", { status: 413, kind: "too-large" }), undefined],
  ];
  for (const [error, word] of cases) equal(judge(error, policy), word, error.message);
});

test("the most precise word is named, and only words that the policy has", () => {
  const policy = { ...policyOf("user", []), failoverOn: new Set(["4xx", "404", "connect"] as const) };
  equal(movesOn(policy, "404"), "404");
  equal(movesOn(policy, "400"), "4xx");
  equal(movesOn(policy, "500"), undefined);
  equal(movesOn(policy, "timeout"), undefined);
  equal(movesOn(policy, "connect"), "connect");
});
