import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { MAX_EVENT_BYTES, splitFrames, type SseFrame, writeEvent } from "../../src/dialects/sse.ts";
import { run } from "../../src/dialects/stepper.ts";
import { GatewayError } from "../../src/errors.ts";

const STREAMS = new URL("../fixtures/anthropic-messages/streams/", import.meta.url);

const PING = { event: undefined, data: '{"type":"ping"}' };
const SILENCE = { event: undefined, data: "" };

const cases: { title: string; text: string; frames: { event: string | undefined; data: string }[] }[] = [
  {
    title: "LF ends a line",
    text: 'event: ping\ndata: {"type":"ping"}\n\n',
    frames: [{ ...PING, event: "ping" }],
  },
  {
    title: "CRLF ends a line",
    text: 'event: ping\r\ndata: {"type":"ping"}\r\n\r\ndata: [DONE]\r\n\r\n',
    frames: [{ ...PING, event: "ping" }, { event: undefined, data: "[DONE]" }],
  },
  { title: "A lone CR ends a line", text: 'data: {"type":"ping"}\r\r', frames: [PING] },
  {
    title: "Line ends may be mixed",
    text: "data: 1\r\rdata: 2\n\ndata: 3\r\n\ndata: 4\n\r\n",
    frames: ["1", "2", "3", "4"].map((data) => ({ event: undefined, data })),
  },
  {
    title: "A byte order mark before a comment goes too",
    text: "\ufeff: a\n\ndata: 1\n\n",
    frames: [SILENCE, { event: undefined, data: "1" }],
  },
  {
    title: "One byte order mark goes, at the very start only",
    text: "\ufeffdata: 1\n\ndata: \ufeff2\n\n",
    frames: [{ event: undefined, data: "1" }, { event: undefined, data: "\ufeff2" }],
  },
  {
    title: "Comments are a frame without data, so that they can be relayed and reset idle timers",
    text: ': keep-alive\n\n: OPENROUTER PROCESSING\n\ndata: {"type":"ping"}\n\n',
    frames: [SILENCE, PING],
  },
  {
    title: "Empty lines are a frame without data",
    text: '\n\r\n\n\ndata: {"type":"ping"}\n\n\n\n\ndata: 1\n\n',
    frames: [SILENCE, PING, SILENCE, { event: undefined, data: "1" }],
  },
  {
    title: "A comment that does not end its frame belongs to the event behind it",
    text: ': a\n\n: b\ndata: {"type":"ping"}\n\n',
    frames: [SILENCE, PING],
  },
  {
    title: "An event without data says no more than a comment: readers of the standard pass over it",
    text: ": a\n\nevent: x\n\ndata:\n\ndata: \n\ndata\nid: 1\n\n: b\n\ndata: 1\n\n",
    frames: [SILENCE, { event: undefined, data: "1" }],
  },
  {
    title: "A comment inside an event is left out of it",
    text: 'data: {"type":\n: hello\ndata: "ping"}\n\n',
    frames: [{ event: undefined, data: '{"type":\n"ping"}' }],
  },
  {
    title: "Several data lines are joined by line feeds",
    text: "data: one\ndata:\ndata: three\n\n",
    frames: [{ event: undefined, data: "one\n\nthree" }],
  },
  {
    title: "One space after the colon is optional, further ones are data",
    text: "event:a\ndata:1\n\ndata:  2\n\n",
    frames: [{ event: "a", data: "1" }, { event: undefined, data: " 2" }],
  },
  {
    title: "A line without a colon is a field with an empty value",
    text: "event\ndata\ndata: 1\n\n",
    frames: [{ event: "", data: "\n1" }],
  },
  {
    title: "The fields id and retry, and unknown ones, are passed over",
    text: "id: 7\nretry: 10\nother: x\ndata: 1\n\n",
    frames: [{ event: undefined, data: "1" }],
  },
  { title: "A missing last empty line is forgiven", text: 'data: {"type":"ping"}\n', frames: [PING] },
  { title: "A missing last line end is forgiven", text: 'data: {"type":"ping"}', frames: [PING] },
  {
    title: "A missing line end behind [DONE] is forgiven",
    text: "data: 1\n\ndata: [DONE]",
    frames: [{ event: undefined, data: "1" }, { event: undefined, data: "[DONE]" }],
  },
  {
    title: "An event that was cut off is not an event",
    text: 'data: {"type":"ping"}\n\ndata: {"type":"pi',
    frames: [PING],
  },
  {
    title: "Characters of two, three and four bytes are whole",
    text: 'data: {"text":"ü 5 € 🇫🇷"}\n\n',
    frames: [{ event: undefined, data: '{"text":"ü 5 € 🇫🇷"}' }],
  },
  { title: "Nothing is no event", text: "", frames: [] },
];

for (const { title, text, frames } of cases) {
  test(title, () => {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(said(run(splitFrames(), [bytes])), frames);
    for (const pieces of cuts(bytes)) {
      assert.deepEqual(said(run(splitFrames(), pieces)), frames, `${pieces.length} pieces`);
    }
  });
}

test("Cutting the bytes of a recorded kind of stream anywhere changes nothing", () => {
  for (const name of readdirSync(STREAMS)) {
    const bytes = new Uint8Array(readFileSync(new URL(name, STREAMS)));
    const whole = run(splitFrames(), [bytes]);
    assert.notEqual(whole.length, 0, name);
    for (const pieces of cuts(bytes)) {
      assert.deepEqual(said(run(splitFrames(), pieces)), said(whole), name);
    }
  }
});

test("The frames' bytes are the stream's, so that a relayed stream is unchanged", () => {
  const text = "\ufeff: hello\r\n\r\nevent: a\ndata: ü\n\ndata: 2\r\r";
  const bytes = new TextEncoder().encode(text);
  for (const pieces of cuts(bytes)) {
    const frames = run(splitFrames(), pieces);
    assert.deepEqual(Buffer.concat(frames.map((frame) => frame.bytes)), Buffer.from(bytes));
  }
});

test("A frame's bytes stay as they are when more bytes come", () => {
  const splitter = splitFrames();
  const encode = (text: string) => new TextEncoder().encode(text);
  const frames = [
    ...splitter.push(encode("data: fi")),
    ...splitter.push(encode("rst\n\ndata: sec")),
    ...splitter.push(encode("ond\n\ndata: third\n\n")),
    ...splitter.end(),
  ];
  assert.deepEqual(frames.map((frame) => new TextDecoder().decode(frame.bytes)), [
    "data: first\n\n",
    "data: second\n\n",
    "data: third\n\n",
  ]);
});

test("Each event is given as soon as its empty line is there", () => {
  const splitter = splitFrames();
  const push = (text: string) => said(splitter.push(new TextEncoder().encode(text))).map(({ data }) => data);
  assert.deepEqual(push("data: 1\n"), []);
  assert.deepEqual(push("\ndata: 2\r\n\r\n"), ["1", "2"]);
  // Half of a CRLF, perhaps: the event waits for the next byte.
  assert.deepEqual(push("data: 3\r\r"), []);
  assert.deepEqual(push("\ndata: 4\n\n"), ["3", "4"]);
});

test("An event beyond the limit is an error, however it arrives", () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x61);
  const tooLong = (thrown: unknown) =>
    thrown instanceof GatewayError && thrown.code === "upstream_invalid_event" &&
    thrown.failure === "invalid";
  const splitter = splitFrames();
  assert.throws(() => {
    for (let size = 0; size <= MAX_EVENT_BYTES; size += piece.length) splitter.push(piece);
  }, tooLong);

  const whole = new Uint8Array(MAX_EVENT_BYTES + 1).fill(0x61);
  whole.set([0x0a, 0x0a], whole.length - 2);
  assert.throws(() => splitFrames().push(whole), tooLong);
});

test("An event just below the limit is an event", () => {
  const whole = new Uint8Array(MAX_EVENT_BYTES).fill(0x61);
  whole.set(new TextEncoder().encode("data: "), 0);
  whole.set([0x0a, 0x0a], whole.length - 2);
  assert.equal(splitFrames().push(whole)[0]?.data.length, MAX_EVENT_BYTES - 8);
});

test("What is written is read again", () => {
  const written = [
    writeEvent({ comment: "ping" }),
    writeEvent({ event: "ping", data: '{"type":"ping"}' }),
    writeEvent({ data: "[DONE]" }),
  ];
  assert.deepEqual(written, [": ping\n\n", 'event: ping\ndata: {"type":"ping"}\n\n', "data: [DONE]\n\n"]);
  assert.deepEqual(said(run(splitFrames(), [new TextEncoder().encode(written.join(""))])), [
    { event: undefined, data: "" },
    { ...PING, event: "ping" },
    { event: undefined, data: "[DONE]" },
  ]);
});

/** What frames say. Where a read ends, a run of those that say nothing may be cut in two. */
function said(frames: readonly SseFrame[]) {
  return frames.map(({ event, data }) => ({ event, data })).filter((frame, at, all) =>
    !isSilent(frame) || at === 0 || !isSilent(all[at - 1] ?? frame)
  );
}

function isSilent({ event, data }: Pick<SseFrame, "event" | "data">): boolean {
  return event === undefined && data === "";
}

test("Frames are all the bytes that came, whatever they say", () => {
  const lines = ["\n", "\r\n", ": x\n", "data: 1\n", "event: y\n", "data: {}\n\n", ":\r\r", "data:\n\n"];
  for (let seed = 1; seed <= 200; seed++) {
    const text = `${
      Array.from({ length: 12 }, (_, at) => lines[(seed * (at + 7) * 31) % lines.length]).join("")
    }\n`;
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 5, bytes.length]) {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, at) => bytes.slice(at * size, (at + 1) * size),
      );
      const frames = run(splitFrames(), pieces);
      assert.equal(frames.map((frame) => new TextDecoder().decode(frame.bytes)).join(""), text);
    }
  }
});

test("A million empty lines in one read are one frame", () => {
  assert.equal(splitFrames().push(new Uint8Array(1_000_000).fill(0x0a)).length, 1);
});

/** The bytes one by one, in threes, and cut in two at every place. */
function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  for (const size of [1, 3]) {
    yield Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, at) => bytes.slice(at * size, (at + 1) * size),
    );
  }
  for (let at = 1; at < bytes.length; at++) yield [bytes.slice(0, at), bytes.slice(at)];
}
