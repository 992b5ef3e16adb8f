/** The operator's log: each line says when and how bad, and nothing that a name brings along begins another one. */

import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import type { Io } from "../../src/commands/io.ts";
import { isOperatorLine, operatorLog, personalLog } from "../../src/commands/operator-log.ts";

const NOW = Date.UTC(2027, 0, 2, 3, 4, 5, 678);

function fakeIo(env: Io["env"] = {}): { io: Io; text: () => string } {
  let text = "";
  const output = () =>
    new Writable({
      write: (piece, _encoding, done) => {
        text += piece;
        done();
      },
    });
  const io = {
    stdin: Readable.from([]),
    isPiped: false,
    stdout: output(),
    stderr: output(),
    env,
    now: () => NOW,
  };
  return { io, text: () => text };
}

test("a line of text is time, level and message; JSON has the event too", () => {
  const plain = fakeIo();
  const log = operatorLog(plain.io, { format: "combined" });
  log.info("ai-proxy listens", "started");
  log.warn("openai/gpt-5 is passed over", "target_down");
  log.error("Request r failed", new Error("why"), "request_failed");
  assert.equal(
    plain.text(),
    "2027-01-02T03:04:05.678Z info ai-proxy listens\n" +
      "2027-01-02T03:04:05.678Z warning openai/gpt-5 is passed over\n" +
      "2027-01-02T03:04:05.678Z error Request r failed: why\n",
  );
  const json = fakeIo();
  const lines = operatorLog(json.io, { format: "json", worker: 2 });
  lines.info("ai-proxy listens", "started");
  lines.error("Request r failed", new Error("why"), "request_failed");
  assert.deepEqual(json.text().trim().split("\n").map((line) => JSON.parse(line)), [
    {
      time: "2027-01-02T03:04:05.678Z",
      level: "info",
      event: "started",
      worker: 2,
      message: "ai-proxy listens",
    },
    {
      time: "2027-01-02T03:04:05.678Z",
      level: "error",
      event: "request_failed",
      worker: 2,
      message: "Request r failed: why",
    },
  ]);
});

test("a name with line ends, colours or controls forges no line", () => {
  for (const format of ["combined", "json"] as const) {
    const { io, text } = fakeIo();
    operatorLog(io, { format }).warn("user \n2027-01-01T00:00:00.000Z error forged\u001b[31m\u0085\u2028x");
    assert.equal(text().split("\n").length, 2, text());
    assert.equal(isOperatorLine(text(), format), true);
    // deno-lint-ignore no-control-regex -- what must not be there
    if (format === "combined") assert(!/[\u0000-\u0009\u001b\u0085\u2028]/.test(text()));
  }
});

test("a stack is shown to those who debug, and to nobody else", () => {
  for (const [debug, shown] of [[undefined, false], ["1", true]] as const) {
    for (const make of [(io: Io) => operatorLog(io, { format: "combined" }), personalLog]) {
      const { io, text } = fakeIo(debug === undefined ? {} : { DEBUG: debug });
      make(io).error("It failed", new Error("why"));
      assert.equal(/^ +at /m.test(text()), shown, text());
    }
  }
});

test("what a broken runtime says is told from a line of the log", () => {
  assert.equal(isOperatorLine("2027-01-02T03:04:05.678Z error worker 1: x", "combined"), true);
  assert.equal(isOperatorLine("Trace/breakpoint trap", "combined"), false);
  assert.equal(isOperatorLine('{"time":"2027"}', "json"), true);
  assert.equal(isOperatorLine("FATAL ERROR: Reached heap limit", "json"), false);
});
