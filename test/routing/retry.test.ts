import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../src/errors.ts";
import { createRetryBudget, retryDelay } from "../../src/routing/retry.ts";
import { fakeClock } from "../tools/fake-clock.ts";

test("ten requests earn one retry, exactly", () => {
  const budget = createRetryBudget();
  ok(budget.spend("one", 0));
  for (let count = 0; count < 9; count++) budget.earn("one");
  equal(budget.spend("one", 1), false);
  budget.earn("one");
  ok(budget.spend("one", 1));
  equal(budget.spend("one", 1), false);
});

test("no more than ten retries are saved up", () => {
  const budget = createRetryBudget();
  ok(budget.spend("one", 0));
  for (let count = 0; count < 1000; count++) budget.earn("one");
  for (let count = 0; count < 10; count++) ok(budget.spend("one", 1));
  equal(budget.spend("one", 1), false);
});

test("an idle target is granted one retry in ten seconds", () => {
  const clock = fakeClock();
  const budget = createRetryBudget();
  ok(budget.spend("one", clock.monotonic()));
  clock.advance(9999);
  equal(budget.spend("one", clock.monotonic()), false);
  clock.advance(1);
  ok(budget.spend("one", clock.monotonic()));
});

test("each target has a budget of its own", () => {
  const budget = createRetryBudget();
  for (const target of ["one", "two", "__proto__", "constructor"]) {
    ok(budget.spend(target, 0));
    equal(budget.spend(target, 0), false);
  }
});

test("a target that always fails sees little more than a tenth more requests", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 2000 }),
      fc.integer({ min: 1, max: 50 }),
      (requests, perSecond) => {
        const budget = createRetryBudget();
        let retries = 0;
        for (let count = 0; count < requests; count++) {
          const now = count * 1000 / perSecond;
          budget.earn("one");
          while (budget.spend("one", now)) retries++;
        }
        const seconds = requests / perSecond;
        ok(retries <= requests / 10 + seconds / 10 + 1);
      },
    ),
  );
});

function failing(status: number, options: GatewayErrorOptions & { kind?: ErrorKind } = {}): GatewayError {
  return new GatewayError("upstream_error", "Failed", { kind: "server", ...options, status });
}

test("what may be different next time is tried again, nothing else", () => {
  const again = [
    failing(500),
    failing(502),
    failing(503, { kind: "overloaded" }),
    failing(529, { kind: "overloaded" }),
    failing(429, { kind: "rate-limit" }),
    failing(408, { kind: "timeout" }),
    failing(409, { kind: "conflict" }),
    new GatewayError("upstream_unreachable", "Reset", { failure: "connect" }),
    new GatewayError("upstream_invalid_response", "Odd", { failure: "invalid" }),
  ];
  for (const error of again) equal(retryDelay(error, 1, 0.5), 125);
  const never = [
    failing(400),
    failing(401, { kind: "authentication", final: true }),
    failing(402),
    failing(403),
    failing(404),
    failing(413),
    failing(422),
    failing(429, { kind: "quota" }),
    failing(500, { final: true }),
    new GatewayError("upstream_timeout", "Late", { failure: "timeout" }),
    new GatewayError("provider_key_missing", "No key"),
    new GatewayError("client_disconnect", "Left"),
  ];
  for (const error of never) equal(retryDelay(error, 1, 0.5), undefined, `${error.status} ${error.code}`);
});

test("the wait is spread over a time that doubles up to two seconds", () => {
  const most = [250, 500, 1000, 2000, 2000];
  most.forEach((ms, index) => {
    equal(retryDelay(failing(500), index + 1, 0), 0);
    equal(retryDelay(failing(500), index + 1, 0.5), ms / 2);
    ok((retryDelay(failing(500), index + 1, 0.999) ?? 0) < ms);
  });
});

test("a provider's own wait is obeyed up to five seconds, and is a reason to leave beyond", () => {
  for (
    const [retryAfter, ms] of [[0, 0], [0.25, 250], [5, 5000], [5.1, undefined], [3600, undefined]] as const
  ) {
    equal(retryDelay(failing(429, { kind: "rate-limit", retryAfter }), 1, 0.5), ms);
  }
});
