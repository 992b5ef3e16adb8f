import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { ChatEvent, ChatRequest, Message, Part, ThinkingPart, ToolCallPart } from "../src/chat.ts";
import { createRecall, keepAnswer, type Kept, putBack, watchAnswer } from "../src/recall.ts";
import { fakeClock } from "./tools/fake-clock.ts";

const thought = (text: string, signature = `signature of ${text}`): ThinkingPart => ({
  type: "thinking",
  text,
  signature,
});
const kept = (text: string): Kept => ({ thoughts: [thought(text)] });
const call = (id: string, extra?: ToolCallPart["extra"]): ToolCallPart => ({
  type: "tool-call",
  id,
  name: "now",
  input: "{}",
  kind: "function",
  ...(extra && { extra }),
});
const text = (words: string): Part => ({ type: "text", text: words });

function chatOf(...messages: Message[]): ChatRequest {
  const rest = { tools: [], stream: false, includeUsage: false, legacyFunctions: false, losses: [] };
  return { model: "m", messages, ...rest };
}

test("what was kept is found by user, model and call, and by no other", () => {
  const recall = createRecall(fakeClock().monotonic);
  recall.keep("a", "m", "call", kept("x"));
  deepEqual(recall.find("a", "m", "call"), kept("x"));
  deepEqual(recall.find("a", "m", "call"), kept("x"));
  for (
    const [user, model, id] of [["b", "m", "call"], ["a", "n", "call"], ["a", "m", "other"], [
      "__proto__",
      "m",
      "call",
    ]] as const
  ) {
    equal(recall.find(user, model, id), undefined);
  }
});

test("names that run together are told apart", () => {
  const recall = createRecall(fakeClock().monotonic);
  recall.keep('a","b', "c", "d", kept("x"));
  equal(recall.find("a", 'b","c', "d"), undefined);
  equal(recall.find("a", "b", 'c","d'), undefined);
});

test("what was kept is forgotten after an hour, however often it was used", () => {
  const clock = fakeClock();
  const recall = createRecall(clock.monotonic);
  recall.keep("a", "m", "call", kept("x"));
  clock.advance(3_599_999);
  deepEqual(recall.find("a", "m", "call"), kept("x"));
  clock.advance(1);
  equal(recall.find("a", "m", "call"), undefined);
  recall.keep("a", "m", "call", kept("y"));
  deepEqual(recall.find("a", "m", "call"), kept("y"));
});

test("beyond 32 million characters the oldest goes first", () => {
  const recall = createRecall(fakeClock().monotonic);
  const big: Kept = { thoughts: [thought("x".repeat(10 * 1024 * 1024), "s")] };
  for (const id of ["1", "2", "3", "4"]) recall.keep("a", "m", id, big);
  const found = (ids: string[]) => ids.filter((id) => recall.find("a", "m", id) !== undefined);
  deepEqual(found(["1", "2", "3", "4"]), ["2", "3", "4"]);
  for (let count = 0; count < 20; count++) recall.keep("a", "m", "same", big);
  deepEqual(found(["2", "3", "4", "same"]), ["3", "4", "same"]);
});

test("a user who keeps much pushes out nobody else's", () => {
  const recall = createRecall(fakeClock().monotonic, 100_000);
  for (const user of ["a", "b", "c"]) recall.keep(user, "m", "1", kept("x"));
  for (let count = 0; count < 2_000; count++) recall.keep("hog", "m", `${count}`, kept("y".repeat(500)));
  for (const user of ["a", "b", "c"]) deepEqual(recall.find(user, "m", "1"), kept("x"));
  ok(recall.find("hog", "m", "1999"));
  equal(recall.find("hog", "m", "0"), undefined);
  // One who has less than the others takes from those who have more.
  for (let count = 0; count < 20; count++) recall.keep("a", "m", `new ${count}`, kept("z".repeat(500)));
  for (let count = 0; count < 20; count++) ok(recall.find("a", "m", `new ${count}`));
  ok(recall.size <= 100_000);
});

test("however many keep something, the bound holds and the newest of each is there", () => {
  const recall = createRecall(fakeClock().monotonic, 1_000_000);
  for (let round = 0; round < 20; round++) {
    for (let user = 0; user < 500; user++) recall.keep(`${user}`, "m", `${round}`, kept("x".repeat(user)));
    ok(recall.size <= 1_000_000);
  }
  for (let user = 0; user < 500; user++) ok(recall.find(`${user}`, "m", "19"), `${user}`);
});

test("what is too old is dropped though nobody asks for it", () => {
  const clock = fakeClock();
  const recall = createRecall(clock.monotonic);
  for (const user of ["a", "b"]) recall.keep(user, "m", "old", kept("x"));
  clock.advance(3_000_000);
  recall.keep("a", "m", "new", kept("x"));
  const before = recall.size;
  clock.advance(600_000);
  recall.forget();
  ok(recall.size < before / 2);
  ok(recall.find("a", "m", "new"));
  clock.advance(3_000_000);
  recall.forget();
  equal(recall.size, 0);
});

test("keeping costs as much at the bound as below it", () => {
  const recall = createRecall(fakeClock().monotonic, 20_000_000);
  const small = kept("x");
  let count = 0;
  const thousand = () => {
    const began = performance.now();
    const end = count + 1_000;
    for (; count < end; count++) recall.keep("a", "m", `${count}`, small);
    return performance.now() - began;
  };
  const times = Array.from({ length: 120 }, thousand);
  ok(recall.size > 19_000_000);
  const median = (some: number[]) => [...some].sort((a, b) => a - b)[some.length >> 1] ?? 0;
  const [below, at] = [median(times.slice(0, 30)), median(times.slice(-30))];
  // A walk over what was dropped made it twenty times as much.
  ok(at < 5 * below + 1, `${below} ms for a thousand below the bound, ${at} ms at it`);
});

test("what is larger than the bound takes nothing else with it", () => {
  const recall = createRecall(fakeClock().monotonic, 10_000);
  recall.keep("a", "m", "small", kept("x"));
  recall.keep("b", "m", "small", kept("x"));
  recall.keep("a", "m", "huge", kept("x".repeat(20_000)));
  equal(recall.find("a", "m", "huge"), undefined);
  for (const user of ["a", "b"]) deepEqual(recall.find(user, "m", "small"), kept("x"));
  // What it would have replaced is out of date.
  recall.keep("a", "m", "small", kept("x".repeat(20_000)));
  equal(recall.find("a", "m", "small"), undefined);
});

test("what is larger than all that can be kept is not kept", () => {
  const recall = createRecall(fakeClock().monotonic);
  recall.keep("a", "m", "huge", kept("x".repeat(33 * 1024 * 1024)));
  equal(recall.find("a", "m", "huge"), undefined);
  recall.keep("a", "m", "small", kept("x"));
  deepEqual(recall.find("a", "m", "small"), kept("x"));
});

test("thoughts are put back before the turn that they led to", () => {
  const chat = chatOf(
    { role: "user", content: [text("What time is it?")] },
    { role: "assistant", content: [text("I look."), call("1"), call("2")] },
  );
  const back = putBack(chat, (id) => id === "1" ? kept("x") : undefined);
  deepEqual(back.messages[0], chat.messages[0]);
  deepEqual(back.messages[1]?.content, [thought("x"), text("I look."), call("1"), call("2")]);
  equal(chat.messages[1]?.content.length, 3);
});

test("unsigned thoughts give way to the signed ones, signed ones stay", () => {
  const find = () => kept("x");
  const unsigned: Part = { type: "thinking", text: "short form of x" };
  const shown = (...content: Part[]) =>
    putBack(chatOf({ role: "assistant", content }), find).messages[0]?.content;
  deepEqual(shown(unsigned, call("1")), [thought("x"), call("1")]);
  deepEqual(shown(thought("y"), call("1")), [thought("y"), call("1")]);
  deepEqual(shown({ type: "redacted-thinking", data: "z" }, call("1")), [{
    type: "redacted-thinking",
    data: "z",
  }, call("1")]);
});

test("opaque fields go back to their own call, unless the client sent some", () => {
  const find = (id: string): Kept => ({ thoughts: [], extra: { signature: id } });
  const chat = chatOf({ role: "assistant", content: [call("1"), call("2", { signature: "own" })] });
  deepEqual(putBack(chat, find).messages[0]?.content, [
    call("1", { signature: "1" }),
    call("2", { signature: "own" }),
  ]);
});

test("a request that nothing was kept for is the same request", () => {
  const chat = chatOf({ role: "assistant", content: [call("1")] }, { role: "user", content: [call("1")] });
  equal(putBack(chat, () => undefined), chat);
});

const EVENTS: readonly ChatEvent[] = [
  { type: "start", id: "1", model: "m" },
  { type: "thinking-start" },
  { type: "thinking-delta", text: "a" },
  { type: "thinking-delta", text: "b" },
  { type: "thinking-end", signature: "s1" },
  { type: "redacted-thinking", data: "z" },
  { type: "thinking-start" },
  { type: "thinking-delta", text: "unsigned" },
  { type: "thinking-end" },
  { type: "text-delta", text: "I look." },
  { type: "tool-call-start", index: 0, id: "1", name: "now", kind: "function" },
  { type: "tool-call-start", index: 1, id: "2", name: "now", kind: "function", extra: { e: 1 } },
];
const THOUGHTS: Kept["thoughts"] = [thought("ab", "s1"), { type: "redacted-thinking", data: "z" }];

function watched(events: readonly ChatEvent[]): [string, Kept][] {
  const found: [string, Kept][] = [];
  events.forEach(watchAnswer((id, what) => found.push([id, what])));
  return found;
}

test("a streamed answer's signed thoughts are kept for each of its calls, once it has ended", () => {
  deepEqual(watched([...EVENTS, { type: "end" }]), [
    ["1", { thoughts: THOUGHTS }],
    ["2", { thoughts: THOUGHTS, extra: { e: 1 } }],
  ]);
  deepEqual(watched(EVENTS), []);
});

test("an answer without calls, or with nothing to keep, keeps nothing", () => {
  deepEqual(watched([...EVENTS.slice(0, -2), { type: "end" }]), []);
  deepEqual(watched([...EVENTS.slice(-2, -1), { type: "end" }]), []);
});

test("a whole answer is kept as its stream would be", () => {
  const found: [string, Kept][] = [];
  const unsigned: Part = { type: "thinking", text: "unsigned" };
  keepAnswer(
    { content: [...THOUGHTS, unsigned, text("I look."), call("1"), call("2", { e: 1 })] },
    (id, what) => found.push([id, what]),
  );
  deepEqual(found, watched([...EVENTS, { type: "end" }]));
});
