/** What is measured of a system: each function asks one question and adds its figures. */

import { requestBody } from "./bodies.ts";
import { fixedRate, type Load, saturate } from "./load.ts";
import { type Place, type Size, SIZES, type Wire } from "./places.ts";
import { cpuOf, memoryOf, portsToSpare } from "./processes.ts";
import type { Figures, Row } from "./report.ts";
import { holdStreams, runStreams, type StreamFigures } from "./streams.ts";
import type { System } from "./systems.ts";

export type Asker = Pick<System, "name" | "ask">;

/** A system that runs. */
export interface Subject extends Asker {
  readonly pid: number;
}

export type Way = "relay" | "translation";

/** OpenAI's format on the client's side; the way says what the provider speaks. */
function loadOf({ ask }: Asker, place: Place, way: Way, size: Size = "2k"): Load {
  const wire: Wire = way === "relay" ? "openai-chat" : "anthropic-messages";
  const asked = ask(place, wire);
  const bytes = SIZES[place.kind === "plain" ? place.size : size];
  return { ask: asked, body: requestBody(asked.model, place, bytes) };
}

const row = (name: string, unit: string, best: Row["best"], digits: number, ratio = true): Row => ({
  name,
  unit,
  best,
  digits,
  ratio,
});

/** Requests at saturation: what one costs in processor time, how many there are in a second, and the memory then. */
export async function plain(
  subject: Subject,
  { size, way, seconds, wrk }: { size: Size; way: Way; seconds: number; wrk: string | undefined },
  figures: Figures,
): Promise<void> {
  const load = loadOf(subject, { kind: "plain", size, delay: 0 }, way);
  const before = cpuOf(subject.pid);
  const { requests, perSecond } = await saturate(load, seconds, wrk);
  const spent = cpuOf(subject.pid) - before;
  figures.add(row(`CPU, ${way} ${size}`, "µs/request", "least", 0), subject.name, (spent * 1000) / requests);
  figures.add(row(`saturation, ${way} ${size}`, "requests/s", "most", 0), subject.name, perSecond);
  figures.add(row("RSS under load", "MiB", "most", 0, false), subject.name, memoryOf(subject.pid) / 2 ** 20);
}

export const SLOW_ANSWER: Place = { kind: "plain", size: "2k", delay: 20 };

/** What a system adds, at so many requests a second, to the latencies of a provider that takes 20 ms. */
export async function addedLatency(
  subject: Asker,
  { direct, rate, seconds }: { direct: Asker; rate: number; seconds: number },
  figures: Figures,
): Promise<void> {
  const loads = [subject, direct].map((one) => loadOf(one, SLOW_ANSWER, "relay"));
  const [own, alone] = await fixedRate(loads, rate, seconds);
  if (!own || !alone) throw new Error("Two loads have two latencies");
  const name = `added latency at ${rate}/s`;
  figures.add(row(`${name}, p50`, "ms", "middle", 2, false), subject.name, own.p50 - alone.p50);
  figures.add(row(`${name}, p99`, "ms", "middle", 2, false), subject.name, own.p99 - alone.p99);
}

export interface StreamPlan {
  readonly count: number;
  readonly events: number;
  /** Milliseconds between two events of a stream. */
  readonly pace: number;
}

export function streamPlace({ events, pace }: StreamPlan): Place {
  return { kind: "stream", events, pace };
}

/** Many paced streams at once; so many of them begin in a second. */
export function streams(asker: Asker, plan: StreamPlan, way: Way): Promise<StreamFigures> {
  return runStreams(loadOf(asker, streamPlace(plan), way), plan.count, (plan.count * 1000) / BEGINNING);
}

const BEGINNING = 400;

/** What an event costs in processor time, what a system adds to the first one's time, and the distance between two. */
export async function streamed(
  subject: Subject,
  plan: StreamPlan,
  way: Way,
  alone: StreamFigures,
  figures: Figures,
): Promise<void> {
  const before = cpuOf(subject.pid);
  const own = await streams(subject, plan, way);
  const spent = cpuOf(subject.pid) - before;
  const name = `${plan.count} streams, ${way}`;
  const add = (what: Row, value: number) => figures.add(what, subject.name, value);
  add(row(`${name}: CPU`, "µs/event", "least", 1), (spent * 1000) / alone.events);
  add(row(`${name}: added to first event, p50`, "ms", "middle", 2, false), own.firstP50 - alone.firstP50);
  add(row(`${name}: added to first event, p99`, "ms", "middle", 2, false), own.firstP99 - alone.firstP99);
  add(row(`${name}: between events (paced ${plan.pace}), p50`, "ms", "least", 2, false), own.gapP50);
  add(row(`${name}: between events (paced ${plan.pace}), p99`, "ms", "least", 2, false), own.gapP99);
}

/** Memory with many streams open that say something every ten seconds, their requests of one size. */
export async function held(subject: Subject, count: number, size: Size, figures: Figures): Promise<void> {
  const close = await holdStreams(loadOf(subject, SLOW_STREAM, "relay", size), count);
  figures.add(
    row(`RSS with ${count} open streams, requests of ${size}`, "MiB", "least", 0, false),
    subject.name,
    memoryOf(subject.pid) / 2 ** 20,
  );
  close();
  await portsToSpare();
}

export const SLOW_STREAM: Place = { kind: "stream", events: 1000, pace: 10_000 };

export function idle(subject: Subject, figures: Figures): void {
  figures.add(row("RSS idle", "MiB", "least", 0, false), subject.name, memoryOf(subject.pid) / 2 ** 20);
}

export function ready(name: string, milliseconds: number, figures: Figures): void {
  figures.add(row("start to ready", "ms", "least", 0, false), name, milliseconds);
}
