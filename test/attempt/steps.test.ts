import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent } from "../../src/chat.ts";
import { createDeadline } from "../../src/attempt/deadline.ts";
import type { Step } from "../../src/dialects/bridge.ts";
import type { Stepper } from "../../src/dialects/stepper.ts";
import { GatewayError } from "../../src/errors.ts";
import { openSteps } from "../../src/attempt/steps.ts";
import { fakeClock } from "../tools/fake-clock.ts";

const INTERRUPTED = new GatewayError("upstream_stream_interrupted", "Cut", { failure: "invalid" });

const TOO_MANY = new GatewayError("upstream_error", "Slow", {
  status: 429,
  kind: "rate-limit",
  said: "rate_limit",
});

/** A stream of words: each piece is an event of its own. `end` ends it; it is cut where that is missing. */
function words(): Stepper<Uint8Array, Step> {
  let ended = false;
  const event = (word: string): ChatEvent => {
    if (word === "malformed") {
      throw new GatewayError("upstream_invalid_event", "Malformed", { failure: "invalid" });
    }
    if (word === "bug") throw new TypeError("x is not a function");
    if (word === "error") return { type: "error", error: TOO_MANY };
    ended ||= word === "end";
    if (word === "end" || word === "ping" || word === "thinking-start") return { type: word };
    return { type: "text-delta", text: word };
  };
  return {
    push: (bytes) => [{ out: undefined, events: [event(new TextDecoder().decode(bytes))] }],
    end: () => [{ out: undefined, events: ended ? [] : [{ type: "error", error: INTERRUPTED }] }],
  };
}

/** A provider that says what it is told to, when it is told to. */
function provider(signal: AbortSignal) {
  const pieces: (string | Error | undefined)[] = [];
  let wake = () => {};
  let returned = false;
  signal.addEventListener("abort", () => wake());
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        while (pieces.length === 0 && !signal.aborted) await new Promise<void>((resolve) => wake = resolve);
        if (pieces.length === 0) throw signal.reason;
        const piece = pieces.shift();
        if (piece instanceof Error) throw piece;
        if (piece !== undefined) return { done: false, value: new TextEncoder().encode(piece) };
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  return {
    body,
    says: (...more: (string | Error | undefined)[]) => {
      pieces.push(...more);
      wake();
    },
    ended: () => returned,
  };
}

function setup(stepper = words()) {
  const clock = fakeClock();
  const client = new AbortController();
  const deadline = createDeadline(clock, client.signal);
  deadline.arm(300, "answer");
  const { body, says, ended } = provider(deadline.signal);
  const steps = openSteps(body, stepper, { deadline, clock, idle: 30 });
  const next = async () => {
    const given = await steps.next();
    return given?.flatMap(({ events }) => events.map(told));
  };
  return { clock, client, deadline, says, ended, next, steps };
}

function told(event: ChatEvent): string {
  if (event.type === "text-delta") return event.text;
  return event.type === "error" ? `error: ${event.error.code}` : event.type;
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("steps come as the provider sends them, and stop after the last word", async () => {
  const { says, next, ended, deadline, clock } = setup();
  says("one", "two", "end", undefined);
  deepEqual(await next(), ["one"]);
  deepEqual(await next(), ["two"]);
  deepEqual(await next(), ["end"]);
  equal(await next(), undefined);
  await settled();
  ok(ended());
  equal(deadline.signal.aborted, false);
  equal(clock.pending, 0);
});

test("a stream that ends without its last word ends with an error", async () => {
  const { says, next, clock } = setup();
  says("one", undefined);
  deepEqual(await next(), ["one"]);
  deepEqual(await next(), ["error: upstream_stream_interrupted"]);
  equal(await next(), undefined);
  equal(clock.pending, 0);
});

test("a connection that breaks is a stream that was cut", async () => {
  const { says, next, deadline, clock } = setup();
  says("one", new GatewayError("upstream_unreachable", "Reset", { failure: "connect" }));
  deepEqual(await next(), ["one"]);
  deepEqual(await next(), ["error: upstream_stream_interrupted"]);
  equal(await next(), undefined);
  ok(deadline.signal.aborted);
  equal(clock.pending, 0);
});

test("a malformed event and a fault of ours are called by their names", async () => {
  for (const [word, code] of [["malformed", "upstream_invalid_event"], ["bug", "internal"]] as const) {
    const { says, next, deadline } = setup();
    says("one", word, "never");
    deepEqual(await next(), ["one"]);
    deepEqual(await next(), [`error: ${code}`]);
    equal(await next(), undefined);
    ok(deadline.signal.aborted);
  }
});

test("an error event is the last word, and the connection is given up", async () => {
  const { says, next, deadline } = setup();
  says("error", "never");
  deepEqual(await next(), ["error: upstream_error"]);
  equal(await next(), undefined);
  ok(deadline.signal.aborted);
});

test("what cannot even end is told as an error, not thrown", async () => {
  const { says, next } = setup({
    push: () => [],
    end: () => {
      throw new TypeError("x is not a function");
    },
  });
  says(undefined);
  deepEqual(await next(), ["error: internal"]);
  equal(await next(), undefined);
});

test("before the first content the deadline is as it was armed, whatever else comes", async () => {
  const { says, next, clock } = setup();
  for (let second = 0; second < 290; second += 10) {
    says("ping");
    deepEqual(await next(), ["ping"]);
    clock.advance(10_000);
  }
  const last = next();
  clock.advance(10_000);
  deepEqual(await last, ["error: upstream_timeout"]);
});

test("once content flows, silence is measured from piece to piece", async () => {
  for (const first of ["one", "thinking-start"]) {
    const { says, next, clock } = setup();
    says(first);
    deepEqual(await next(), [first]);
    for (let count = 0; count < 50; count++) {
      clock.advance(29_000);
      says("ping");
      deepEqual(await next(), ["ping"]);
    }
    const last = next();
    clock.advance(29_999);
    await settled();
    clock.advance(1);
    deepEqual(await last, ["error: upstream_timeout"]);
  }
});

test("a client that leaves ends the stream, and that is what the record says", async () => {
  const { says, next, client } = setup();
  says("one");
  deepEqual(await next(), ["one"]);
  const last = next();
  client.abort();
  deepEqual(await last, ["error: client_disconnect"]);
  equal(await next(), undefined);
});

test("a stream that does not close after its last word is closed within a second", async () => {
  const { says, next, deadline, clock } = setup();
  says("one", "end");
  await next();
  deepEqual(await next(), ["end"]);
  clock.advance(999);
  equal(deadline.signal.aborted, false);
  clock.advance(1);
  ok(deadline.signal.aborted);
});

test("a client that takes long to be written to is no silence of the provider's", async () => {
  const clock = fakeClock();
  const deadline = createDeadline(clock, new AbortController().signal);
  const { body, says } = provider(deadline.signal);
  deadline.arm(5, "answer");
  const steps = openSteps(body, words(), { deadline, clock, idle: 10 });
  says("one");
  await steps.next();
  clock.advance(60_000);
  equal(deadline.signal.aborted, false);
  says("two", "end");
  deepEqual((await steps.next())?.flatMap(({ events }) => events), [{ type: "text-delta", text: "two" }]);
});

test("all that is left is handed over as it comes, no faster than it is taken", async () => {
  const { says, next, steps, deadline } = setup();
  says("one", "two");
  deepEqual(await next(), ["one"]);
  const taken: string[] = [];
  let go = () => {};
  const all = steps.each((given) => {
    taken.push(...given.flatMap(({ events }) => events.map(told)));
    if (taken.length === 2) return new Promise((resolve) => go = resolve);
  });
  await settled();
  says("three", "four");
  await settled();
  deepEqual(taken, ["two", "three"]);
  go();
  await settled();
  deepEqual(taken, ["two", "three", "four"]);
  says("malformed", "never");
  await all;
  deepEqual(taken.slice(3), ["error: upstream_invalid_event"]);
  ok(deadline.signal.aborted);
  equal(await next(), undefined);
});

test("what the taker throws ends the handing over", async () => {
  const { says, steps } = setup();
  says("one", "two");
  await rejects(steps.each(() => Promise.reject(new Error("Full"))), /Full/);
});
