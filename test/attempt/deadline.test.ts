import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { createDeadline } from "../../src/attempt/deadline.ts";
import { GatewayError } from "../../src/errors.ts";
import { fakeClock } from "../tools/fake-clock.ts";

function setup() {
  const clock = fakeClock();
  const client = new AbortController();
  const deadline = createDeadline(clock, client.signal);
  const reason = () => {
    const { aborted, reason: why } = deadline.signal;
    return aborted && why instanceof GatewayError ? [why.code, why.failure, why.detail] : undefined;
  };
  return { clock, client, deadline, reason };
}

test("silence for as long as the phase allows aborts the exchange, and says what was missing", () => {
  const { clock, deadline, reason } = setup();
  deadline.arm(5, "first byte");
  clock.advance(4999);
  equal(reason(), undefined);
  clock.advance(1);
  deepEqual(reason(), ["upstream_timeout", "timeout", "first-byte"]);
  equal(deadline.signal.reason.message, "No first byte from the provider within 5 s");
  equal(clock.pending, 0);
});

test("each sign of life begins the time anew, on one timer", () => {
  const { clock, deadline, reason } = setup();
  deadline.arm(5, "event");
  for (let count = 0; count < 100; count++) {
    clock.advance(4000);
    deadline.touch();
    equal(clock.pending, 1);
  }
  equal(reason(), undefined);
  clock.advance(4999);
  equal(reason(), undefined);
  clock.advance(1);
  ok(reason());
});

test("a new phase has its own time, longer or shorter", () => {
  const { clock, deadline, reason } = setup();
  deadline.arm(5, "answer");
  clock.advance(4000);
  deadline.arm(300, "event");
  clock.advance(299_000);
  equal(reason(), undefined);
  deadline.arm(1, "end");
  equal(clock.pending, 1);
  clock.advance(1000);
  deepEqual(reason(), ["upstream_timeout", "timeout", "end"]);
});

test("nothing is aborted any more once the exchange is over", () => {
  const { clock, client, deadline, reason } = setup();
  deadline.arm(5, "answer");
  deadline.release();
  equal(clock.pending, 0);
  deadline.arm(5, "answer");
  deadline.touch();
  clock.advance(60_000);
  client.abort();
  deadline.abandon();
  equal(reason(), undefined);
  equal(clock.pending, 0);
});

test("a client that leaves ends the exchange, before it began too", () => {
  const { clock, client, deadline, reason } = setup();
  deadline.arm(5, "answer");
  client.abort();
  deepEqual(reason()?.[0], "client_disconnect");
  equal(clock.pending, 0);
  const late = createDeadline(clock, client.signal);
  ok(late.signal.aborted);
  late.arm(5, "answer");
  equal(clock.pending, 0);
});

test("who ends the exchange for a reason is quoted", () => {
  const { client, deadline, reason } = setup();
  client.abort(new GatewayError("server_shutting_down", "The server stops"));
  equal(reason()?.[0], "server_shutting_down");
  equal(deadline.signal.aborted, true);
});

test("a phase that is shorter than the one before it has its own time, however long the first had gone on", () => {
  for (const gone of [0, 29_000, 59_000]) {
    for (const seconds of [1, 45]) {
      const { clock, deadline, reason } = setup();
      deadline.arm(600, "answer");
      clock.advance(gone);
      deadline.arm(seconds, "event");
      clock.advance(seconds * 1000 - 1);
      equal(reason(), undefined);
      clock.advance(1);
      equal(reason()?.[0], "upstream_timeout");
      equal(clock.pending, 0);
    }
  }
});

test("the first reason stays", () => {
  const { clock, client, deadline, reason } = setup();
  deadline.arm(1, "answer");
  clock.advance(1000);
  client.abort();
  deadline.abandon();
  equal(reason()?.[0], "upstream_timeout");
});

test("an exchange that is given up is aborted at once", () => {
  const { clock, deadline, reason } = setup();
  deadline.arm(5, "answer");
  deadline.abandon();
  ok(reason());
  equal(clock.pending, 0);
});

test("time in which the provider is not waited for does not count as its silence", () => {
  const { clock, deadline, reason } = setup();
  deadline.arm(5, "event");
  deadline.pause();
  clock.advance(60_000);
  equal(reason(), undefined);
  deadline.touch();
  clock.advance(4999);
  equal(reason(), undefined);
  // The timer that looks after it may be in the middle of its turn.
  clock.advance(5001);
  ok(reason());
  equal(clock.pending, 0);
});
