/** The sixteen scenarios of the public failover bench, from their description: a fault, and what good conduct is. */

import type { Recording } from "../../src/demo/replay.ts";

/** What one call came to, as the client and the providers saw it. */
export interface Call {
  readonly text: string;
  /** The stream said how it ended, and all the words were there. */
  readonly complete: boolean;
  /** What the SDK threw; undefined for a stream that just ended. */
  readonly error: { readonly status: number | undefined; readonly code: string | null } | undefined;
  readonly model: string | undefined;
  readonly usage: boolean;
  readonly seconds: number;
}

export interface Observed extends Call {
  /** When requests for the first model came to its provider, in seconds from the call. */
  readonly first: readonly number[];
  /** The same for the fallback. */
  readonly fallback: readonly number[];
  /** A call of a healthy model right after it. */
  readonly next: Call;
}

/** What is to be seen: true if it is. */
type Check = (seen: Observed, scale: number) => boolean;

export interface Scenario {
  readonly id: string;
  readonly fault: string;
  /** The simulated fault, by the model's name; N is replaced by the scaled seconds. */
  readonly model: string;
  readonly seconds?: number;
  readonly fallback?: string;
  readonly reply?: (scale: number, healthy: string) => Recording;
  /** Without it the verdict is a fail. */
  readonly good: Readonly<Record<string, Check>>;
  /** Without it a complete answer is partial. */
  readonly advised?: Readonly<Record<string, Check>>;
  /** An error that is the right answer. */
  readonly ideal?: Check;
}

const attempts = (most: number): Check => ({ first, fallback }) => first.length + fallback.length <= most;
const within = (seconds: number): Check => (seen, scale) => seen.seconds <= Math.max(seconds * scale, 2);
const again: Check = ({ first }) => first.length === 2;
const once: Check = ({ first }) => first.length === 1;
const usage: Check = (seen) => seen.usage;
const nextWorks: Check = ({ next }) => next.complete;

export const SCENARIOS: readonly Scenario[] = [
  {
    id: "S01",
    fault: "429 with Retry-After: 2 once, then healthy",
    model: "demo-429-once-2",
    good: { "at most 2 attempts in 1.5 s": ({ first }) => first.filter((at) => at < 1.5).length <= 2 },
    advised: { "tried again, not before 1.8 s": ({ first }) => first.length === 2 && (first[1] ?? 0) >= 1.8 },
  },
  {
    id: "S02",
    fault: "429 without Retry-After, always",
    model: "demo-429-bare",
    good: {
      "at most 4 attempts in 3 s": ({ first }) => first.filter((at) => at < 3).length <= 4,
      "at most 6 attempts": attempts(6),
    },
  },
  {
    id: "S03",
    fault: "500 once, then healthy",
    model: "demo-500-once",
    good: {},
    advised: { "tried again": again },
  },
  { id: "S04", fault: "503, always", model: "demo-503", good: { "at most 6 attempts": attempts(6) } },
  { id: "S05", fault: "TCP reset before the headers, once", model: "demo-reset-once", good: {} },
  {
    id: "S06",
    fault: "accepts, no answer for 120 s",
    model: "demo-slow-N",
    seconds: 120,
    good: { "ends within 100 s": within(100) },
    advised: { "one attempt only": once },
  },
  {
    id: "S07",
    fault: "headers at once, first token after 20 s",
    model: "demo-late-N",
    seconds: 20,
    good: {},
    advised: { "within 15 s": within(15) },
  },
  { id: "S08", fault: "cut after 40 tokens, no terminator", model: "demo-cut-40", good: {} },
  {
    id: "S09",
    fault: "20 tokens, 30 s of silence, then closed",
    model: "demo-stall-20",
    // A sign of life that no client sees is the second write, and the connection goes with it.
    reply: (scale, healthy) => {
      const body = eventsOf(healthy).slice(0, 21).join("");
      return { body: `${body}:\n\n`, slice: body.length, cut: Infinity, pace: 30_000 * scale };
    },
    good: { "ends within 45 s": within(45), "the next call works": nextWorks },
  },
  {
    id: "S10",
    fault: "the tenth event is not valid JSON",
    model: "demo-malformed-event-10",
    good: { "the next call works": nextWorks },
    advised: { "complete answer": ({ complete }) => complete },
  },
  {
    id: "S11",
    fault: "complete and properly closed, without [DONE]",
    model: "demo-no-done",
    good: { "ends within 8 s": within(8) },
    advised: { "usage reported": usage },
  },
  {
    id: "S12",
    fault: "400 context_length_exceeded, always",
    model: "demo-context",
    good: { "one attempt": once },
  },
  {
    id: "S13",
    fault: "400 content_policy_violation, always",
    model: "demo-policy",
    good: { "one attempt": once },
    advised: { "the error itself": ({ error }) => error !== undefined },
    ideal: ({ error }) => error?.code === "content_policy_violation",
  },
  {
    id: "S14",
    fault: "as S08; the fallback rejects a prefill",
    model: "gpt-5-demo-cut-40",
    fallback: "demo-no-prefill",
    good: { "the fallback's 400 is not seen": ({ error }) => error?.status !== 400 },
  },
  {
    id: "S15",
    fault: "503 for 60 s, then healthy; 20 requests, one every 4 s",
    model: "demo-flap-N",
    seconds: 60,
    good: {},
  },
  {
    id: "S16",
    fault: "503, always",
    model: "gpt-5-demo-503",
    good: {
      "at most 6 attempts": attempts(6),
      "`model` names the fallback": ({ model }) => model?.startsWith("claude") === true,
    },
    advised: { "usage reported": usage },
  },
];

function eventsOf(stream: string): string[] {
  return stream.split(/(?<=\n\n)/);
}
