import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorKind, GatewayError, type GatewayErrorOptions } from "../../src/errors.ts";
import type { HealthChange } from "../../src/routing/health-change.ts";
import { createHealth, type Trial } from "../../src/routing/health.ts";
import { fakeClock } from "../tools/fake-clock.ts";
import { targetOf } from "../tools/targets.ts";

const TARGET = targetOf("one/model");
type Result = Parameters<Trial["end"]>[1];

function setup(random = 0) {
  const clock = fakeClock();
  const changes: HealthChange[] = [];
  const health = createHealth({ random: () => random, onChange: (change) => changes.push(change) });
  const trials = new Map<string, Trial[]>();
  const begin = (target = TARGET, user = "ann") => {
    const trial = health.begin(target, user);
    trials.set(target.id, [...trials.get(target.id) ?? [], trial]);
    return trial;
  };
  return {
    health,
    changes,
    kinds: () => changes.map(({ kind }) => kind),
    now: clock.monotonic,
    advance: clock.advance,
    ready: (target = TARGET, user = "ann") =>
      health.readyAt(target, clock.monotonic(), user) <= clock.monotonic(),
    waits: (target = TARGET, user = "ann") =>
      health.readyAt(target, clock.monotonic(), user) - clock.monotonic(),
    begin,
    /** The end of the request that began first. */
    end: (result: Result, target = TARGET) => trials.get(target.id)?.shift()?.end(clock.monotonic(), result),
    /** A request that ends at once. */
    request: (result: Result, target = TARGET, user = "ann") =>
      health.begin(target, user).end(clock.monotonic(), result),
  };
}

function upstreamError(
  status: number,
  kind: ErrorKind,
  options: GatewayErrorOptions = {},
): GatewayError {
  const upstream = { status, headers: {} };
  return new GatewayError("upstream_error", "Failed", { status, kind, upstream, ...options });
}

const SERVER_ERROR = upstreamError(500, "server");
const BAD_REQUEST = upstreamError(400, "invalid-request");
const UNREACHABLE = new GatewayError("upstream_unreachable", "Reset", {
  failure: "connect",
  detail: "reset",
});
const CONNECT_TIMEOUT = new GatewayError("upstream_unreachable", "Late", {
  failure: "connect",
  detail: "connect-timeout",
});
const TIMEOUT = new GatewayError("upstream_timeout", "Late", { failure: "timeout" });
const INVALID = new GatewayError("upstream_invalid_response", "Odd", { failure: "invalid" });
const NOT_JSON = (status: number) =>
  new GatewayError("upstream_invalid_response", "Odd", {
    status: status >= 500 ? 502 : status,
    failure: `${status}`,
    upstream: { status, headers: {} },
  });

test("a target that was never asked may be asked at once", () => {
  ok(setup().ready());
});

test("five failures in a row open a target, four do not", () => {
  for (
    const error of [
      SERVER_ERROR,
      UNREACHABLE,
      TIMEOUT,
      INVALID,
      NOT_JSON(502),
      upstreamError(503, "server"),
      upstreamError(408, "timeout"),
      upstreamError(409, "conflict"),
    ]
  ) {
    const { request, ready, waits, changes } = setup();
    for (let count = 0; count < 4; count++) request(error);
    ok(ready());
    request(error);
    equal(waits(), 5000, error.message);
    equal(changes.length, 1);
  }
});

test("an answer between failures begins the row anew", () => {
  const { request, ready } = setup();
  for (const result of [1, 1, 1, 1, 0, 1, 1, 1, 1]) request(result ? SERVER_ERROR : "answered");
  ok(ready());
});

test("half of ten requests within 30 seconds that fail open a target", () => {
  const { request, ready } = setup();
  for (let count = 0; count < 4; count++) {
    request("answered");
    request(SERVER_ERROR);
  }
  request("answered");
  ok(ready());
  request(SERVER_ERROR);
  equal(ready(), false);
});

test("less than half of many is no outage, nor is half of few", () => {
  const many = setup();
  for (let count = 0; count < 100; count++) {
    many.request("answered");
    many.request("answered");
    many.request(SERVER_ERROR);
  }
  ok(many.ready());
  const few = setup();
  for (let count = 0; count < 4; count++) {
    few.request("answered");
    few.request(SERVER_ERROR);
  }
  ok(few.ready());
});

test("what is more than 30 seconds ago counts no more", () => {
  const { request, ready, advance } = setup();
  for (const result of [1, 0, 1, 0, 1, 0, 1, 0, 0]) request(result ? SERVER_ERROR : "answered");
  advance(31_000);
  for (const result of [1, 0, 1, 0, 1, 0, 1, 0]) request(result ? SERVER_ERROR : "answered");
  ok(ready());
  request("answered");
  request(SERVER_ERROR);
  equal(ready(), false);
});

test("a connection that is not made in time opens a target at once", () => {
  const { request, waits } = setup();
  request(CONNECT_TIMEOUT);
  equal(waits(), 5000);
});

test("a provider that has too much to do is left in peace for as long as it says, at most a minute", () => {
  const busy = [
    upstreamError(429, "rate-limit"),
    upstreamError(529, "overloaded"),
    NOT_JSON(429),
    NOT_JSON(529),
  ];
  for (const error of busy) {
    const { request, ready, waits, changes } = setup();
    for (let count = 0; count < 20; count++) request(error);
    equal(waits(), 1000);
    deepEqual(changes, []);
    equal(ready(), false);
  }
  for (const [retryAfter, ms] of [[0.5, 500], [7, 7000], [60, 60_000], [3600, 60_000]] as const) {
    const { request, waits, changes } = setup();
    for (let count = 0; count < 3; count++) request(upstreamError(429, "rate-limit", { retryAfter }));
    equal(waits(), ms);
    deepEqual(changes, [{ kind: "target_waits", target: "one/model", ms, failure: "429" }]);
  }
});

test("of several waits the one that ends last counts, and an answer does not end it", () => {
  const { request, waits } = setup();
  request(upstreamError(429, "rate-limit", { retryAfter: 10 }));
  request(upstreamError(429, "rate-limit", { retryAfter: 2 }));
  request("answered");
  equal(waits(), 10_000);
});

test("a 503 counts as a failure and its wait is kept all the same", () => {
  const { request, waits } = setup();
  const upstream = { status: 503, headers: {} };
  const error = new GatewayError("upstream_error", "Down", {
    status: 503,
    kind: "overloaded",
    upstream,
    retryAfter: 20,
  });
  for (let count = 0; count < 5; count++) request(error);
  equal(waits(), 20_000);
});

test("what a 503 asks for is said, once a minute", () => {
  const { request, advance, kinds } = setup();
  const error = upstreamError(503, "overloaded", { retryAfter: 20 });
  request(error);
  advance(20_000);
  request(error);
  deepEqual(kinds(), ["target_waits"]);
  advance(40_000);
  request(error);
  deepEqual(kinds(), ["target_waits", "target_waits"]);
});

test("a refused key cools all targets of its provider for five minutes, and says so once", () => {
  for (const error of [upstreamError(401, "authentication"), NOT_JSON(401)]) {
    const { request, waits, ready, kinds, advance } = setup();
    request(error);
    request(error);
    equal(waits(), 300_000);
    equal(waits(targetOf("one/other")), 300_000);
    ok(ready(targetOf("two/model")));
    deepEqual(kinds(), ["key_refused"]);
    advance(300_000);
    ok(ready());
  }
});

/** What speaks of the account, by its words or by a 402. */
const ACCOUNT = [
  upstreamError(402, "quota"),
  upstreamError(429, "quota", { failure: "402" }),
  upstreamError(429, "quota"),
  upstreamError(403, "quota", { status: 429, failure: "403" }),
  // A 401 inside of an answer may be that of a provider behind the provider.
  upstreamError(401, "authentication", { upstream: undefined }),
];

test("an account without credit cools the credential when two users, or three requests in a row, got it", () => {
  const other = targetOf("one/other");
  for (const error of ACCOUNT) {
    const two = setup();
    two.request(error, TARGET, "ann");
    ok(two.ready() && two.ready(other));
    two.request(error, other, "bob");
    equal(two.waits(), 300_000);
    equal(two.waits(other), 300_000);
    deepEqual(two.kinds(), ["account_refused"]);

    const three = setup();
    for (let count = 0; count < 2; count++) three.request(error, TARGET, "ann");
    ok(three.ready() && three.ready(other));
    three.request(error, TARGET, "ann");
    equal(three.waits(other), 300_000);
    deepEqual(three.kinds(), ["account_refused"]);
  }
});

test("an answer with the credential shows that it is good: at once, and whatever was said against it", () => {
  const other = targetOf("one/other");
  for (
    const [error] of [[upstreamError(401, "authentication")], ...ACCOUNT.map((error) => [error])] as const
  ) {
    const { request, ready, kinds } = setup();
    for (let count = 0; count < 3; count++) request(error);
    equal(ready(), false);
    request("answered", other);
    ok(ready() && ready(other));
    equal(kinds().at(-1), "credential_accepted");
  }
  const { request, ready } = setup();
  for (let count = 0; count < 10; count++) {
    request(upstreamError(402, "quota"), TARGET, `user-${count}`);
    request("answered", other);
  }
  ok(ready());
});

test("two that speak against the account, with more than five minutes between them, are not two", () => {
  const { request, ready, advance } = setup();
  for (let count = 0; count < 5; count++) {
    request(upstreamError(402, "quota"), TARGET, `user-${count}`);
    advance(300_001);
    ok(ready());
  }
});

test("a model that the provider refuses is passed over, and nothing else of the provider", () => {
  for (const status of [403, 404]) {
    const { request, ready, waits, changes } = setup();
    request(upstreamError(status, "model-missing", { said: "model_not_found" }));
    equal(waits(), 5000);
    ok(ready(targetOf("one/other")));
    deepEqual(changes, [{
      kind: "target_down",
      target: "one/model",
      ms: 5000,
      cause: { kind: "model" },
      failure: `${status}`,
      said: "model_not_found",
      detail: undefined,
      again: false,
      user: undefined,
    }]);
  }
});

test("what is not clear cools the target for the shortest time, however often, and never the credential", () => {
  for (const error of [upstreamError(403, "permission"), NOT_JSON(403), NOT_JSON(404)]) {
    const { request, ready, waits, advance } = setup();
    for (let count = 0; count < 4; count++) request(error, TARGET, `user-${count}`);
    ok(ready());
    request(error);
    equal(waits(), 5000);
    for (let round = 0; round < 30; round++) {
      advance(10_000);
      request(error);
      equal(waits(), 5000);
    }
    ok(ready(targetOf("one/other")));
  }
});

test("what is not clear and happens to one user alone takes the target from no other", () => {
  for (const error of [upstreamError(403, "permission"), NOT_JSON(403), NOT_JSON(404)]) {
    const { request, ready, waits, advance, changes } = setup();
    for (let count = 0; count < 4; count++) request(error);
    ok(ready());
    request(error);
    equal(waits(), 5000);
    ok(ready(TARGET, "bob") && ready(targetOf("one/other")));
    equal(changes.length, 1);
    // It is told once a minute, however often it happens.
    for (let count = 0; count < 50; count++) {
      advance(1000);
      request(error);
      ok(ready(TARGET, "bob"));
    }
    deepEqual(changes.filter((change) => "again" in change && !change.again).length, 1);
    advance(5000);
    ok(ready());
    request("answered");
    request(SERVER_ERROR, TARGET, "bob");
    for (let count = 0; count < 4; count++) request(error);
    equal(ready(TARGET, "bob"), false);
  }
});

test("a request that began before its provider was changed says nothing of what the provider is now", () => {
  for (const change of ["forget", "keep"] as const) {
    const { health, begin, ready, now } = setup();
    const [late, broken] = [begin(), begin()];
    broken.end(now(), "answered");
    if (change === "forget") health.forget("one");
    else {
      health.keep([]);
      health.keep([TARGET]);
    }
    late.end(now(), upstreamError(401, "authentication"));
    broken.end(now(), CONNECT_TIMEOUT);
    ok(ready());
  }
});

test("what is not configured any more is forgotten, and new when it comes back", () => {
  const { request, ready, health } = setup();
  const [other, third] = [targetOf("two/model"), targetOf("two/other")];
  for (const target of [TARGET, other, third]) {
    request(CONNECT_TIMEOUT, target);
    if (target !== TARGET) request(upstreamError(401, "authentication"), target);
  }
  health.keep([TARGET, other]);
  deepEqual([TARGET, other, third].map((target) => ready(target)), [false, false, false]);
  health.keep([TARGET]);
  deepEqual([TARGET, other, third].map((target) => ready(target)), [false, true, true]);
});

test("an outage is told by its beginning and its end, with what was answered elsewhere", () => {
  const { request, advance, health, changes, now } = setup();
  const [second, third] = [targetOf("two/model"), targetOf("three/model")];
  for (let count = 0; count < 5; count++) {
    request(SERVER_ERROR);
    health.moved(TARGET, second, now());
    advance(1000);
  }
  health.moved(TARGET, third, now());
  for (let probe = 0; probe < 3; probe++) {
    advance(10_000);
    request(SERVER_ERROR);
    health.moved(TARGET, second, now());
  }
  advance(10_000);
  for (let count = 0; count < 4; count++) request("answered");
  deepEqual(changes.map((change) => [change.kind, "again" in change && change.again]), [
    ["target_down", false],
    ["target_down", true],
    ["target_down", true],
    ["target_down", true],
    ["target_up", false],
  ]);
  deepEqual(changes.at(-1), {
    kind: "target_up",
    target: "one/model",
    ms: 45_000,
    failure: "500",
    moved: new Map([["two/model", 8], ["three/model", 1]]),
  });
});

test("what is learned of a provider can be forgotten, and of that one alone", () => {
  const { request, ready, health } = setup();
  const other = targetOf("two/model");
  for (const target of [TARGET, other]) {
    request(upstreamError(401, "authentication"), target);
    request(CONNECT_TIMEOUT, target);
  }
  health.forget("one");
  ok(ready());
  equal(ready(other), false);
});

test("the caller's faults, clients that left and our own limits never count", () => {
  const harmless = [
    BAD_REQUEST,
    upstreamError(413, "too-large"),
    upstreamError(422, "invalid-request"),
    new GatewayError("client_disconnect", "Left"),
    new GatewayError("overloaded", "Full"),
    new GatewayError("draining", "Draining"),
    new GatewayError("internal", "Internal error"),
    new GatewayError("invalid_value", "Invalid"),
    upstreamError(403, "permission", { blame: "caller" }),
    upstreamError(404, "not-found"),
    upstreamError(404, "not-found", { blame: "model" }),
    // Words alone, which may be those of the request.
    upstreamError(429, "quota", { failure: "400" }),
    "unknown",
  ] as const;
  for (const result of harmless) {
    const alone = setup();
    for (let count = 0; count < 50; count++) alone.request(result);
    ok(alone.ready());
    deepEqual(alone.changes, []);
    const between = setup();
    for (let count = 0; count < 5; count++) {
      between.request(result);
      between.request(SERVER_ERROR);
    }
    equal(between.ready(), false);
  }
});

test("one request comes through first, then three, then all", () => {
  const { request, begin, end, ready, advance, changes } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  advance(4999);
  equal(ready(), false);
  advance(1);
  ok(ready());
  begin();
  equal(ready(), false);
  end("answered");
  for (let count = 0; count < 3; count++) {
    ok(ready());
    begin();
  }
  equal(ready(), false);
  end("answered");
  ok(ready());
  end("answered");
  equal(changes.length, 1);
  end("answered");
  equal(changes.length, 2);
  for (let count = 0; count < 100; count++) begin();
  ok(ready());
});

test("a probe whose client left frees its place", () => {
  const { request, begin, end, ready, advance } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  advance(5000);
  begin();
  equal(ready(), false);
  end("unknown");
  ok(ready());
});

test("a probe that is refused for the caller's fault shows that the target is there", () => {
  const { request, advance, changes } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  advance(5000);
  for (let count = 0; count < 4; count++) request(BAD_REQUEST);
  equal(changes.at(-1)?.kind, "target_up");
});

test("each failed probe cools for a sixth of the outage, from 5 to 60 seconds", () => {
  const { request, waits, advance } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  equal(waits(), 5000);
  advance(30_000);
  request(SERVER_ERROR);
  equal(waits(), 5000);
  advance(30_000);
  request(SERVER_ERROR);
  equal(waits(), 10_000);
  advance(180_000);
  request(SERVER_ERROR);
  equal(waits(), 40_000);
  advance(3_600_000);
  request(SERVER_ERROR);
  equal(waits(), 60_000);
});

test("after an outage of a minute the first probe comes within ten seconds", () => {
  const { request, waits, ready, advance } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  for (let second = 0; second < 60; second++) {
    advance(1000);
    if (ready()) request(SERVER_ERROR);
  }
  ok(waits() <= 10_000);
});

test("cooling is shortened by up to a fifth, so that replicas do not come back in step", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
    const { request, waits } = setup(random);
    for (let count = 0; count < 5; count++) request(SERVER_ERROR);
    ok(waits() > 4000 - 1e-6 && waits() <= 5000);
  }));
});

test("failures while it cools down change nothing and are not news", () => {
  const { request, waits, advance, changes } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  advance(2000);
  for (let count = 0; count < 50; count++) request(SERVER_ERROR);
  equal(waits(), 3000);
  equal(changes.length, 1);
});

test("a target that answers while it cools down, as the last that was left, is coming back", () => {
  const { request, ready, advance } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  advance(1000);
  request("answered");
  ok(ready());
});

test("requests that hang from before the outage do not stand in the way of the probe", () => {
  const { begin, request, end, ready, advance } = setup();
  for (let count = 0; count < 20; count++) begin();
  for (let count = 0; count < 5; count++) request(TIMEOUT);
  advance(5000);
  ok(ready());
  for (let count = 0; count < 20; count++) end("unknown");
  ok(ready());
});

test("targets are judged by provider and model, each for itself", () => {
  const { request, ready } = setup();
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  ok(ready(targetOf("one/other")));
  ok(ready(targetOf("two/model")));
});

test("whatever happens, a target that answers is up again within a minute and five answers", () => {
  const results = fc.constantFrom(
    "answered" as const,
    "unknown" as const,
    SERVER_ERROR,
    CONNECT_TIMEOUT,
    BAD_REQUEST,
    UNREACHABLE,
  );
  fc.assert(fc.property(fc.array(fc.tuple(results, fc.nat(40_000)), { maxLength: 60 }), (steps) => {
    const { request, ready, advance } = setup();
    for (const [result, ms] of steps) {
      request(result);
      advance(ms);
    }
    advance(60_000);
    for (let count = 0; count < 5; count++) {
      ok(ready());
      request("answered");
    }
  }));
});

test("why a target is passed over is known while it is: the failure that led to it", () => {
  const health = createHealth({ random: () => 0, onChange: () => {} });
  const result = (error: GatewayError) => {
    health.begin(TARGET, "ann").end(0, error);
    return health.reason(TARGET, 1);
  };
  equal(health.reason(TARGET, 0), undefined);
  equal(result(upstreamError(429, "rate-limit")), "429");
  for (let count = 0; count < 5; count++) result(SERVER_ERROR);
  equal(health.reason(TARGET, 1), "500");
  equal(result(upstreamError(401, "authentication")), "401");
  equal(health.reason(TARGET, 300_001), "500");
});

test("a target that is up again gets a share of the requests that grows over half a minute", () => {
  let now = 0;
  let random = 0;
  const health = createHealth({ random: () => random, onChange: () => {} });
  const request = (result: Result) => health.begin(TARGET, "ann").end(now, result);
  for (let count = 0; count < 5; count++) request(SERVER_ERROR);
  now = 10_000;
  for (let count = 0; count < 4; count++) request("answered");
  const goesAt = (seconds: number, chance: number) => {
    random = chance;
    return health.readyAt(TARGET, now + seconds * 1000, "ann") <= now + seconds * 1000;
  };
  equal(goesAt(0, 0.09), true);
  equal(goesAt(0, 0.11), false);
  equal(goesAt(15, 0.49), true);
  equal(goesAt(15, 0.51), false);
  equal(goesAt(30, 0.999), true);
});
