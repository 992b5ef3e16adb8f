/**
 * The public failover bench against this proxy, with one configuration, real HTTP and the official SDK as client:
 * node test/tools/failover-bench.ts [--scale 1]      (some 90 seconds; 0.1 shortens every wait to a tenth)
 */

import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { APIError } from "openai";
import type { Providers } from "../../src/demo/providers.ts";
import type { Recording } from "../../src/demo/replay.ts";
import { type Call, type Observed, type Scenario, SCENARIOS } from "./failover-scenarios.ts";
import { type Proxy, withProxy } from "./proxy.ts";
import { openStream } from "./stream-client.ts";

export type Verdict = "pass" | "partial" | "safe" | "fail";

export interface Row {
  readonly id: string;
  readonly fault: string;
  readonly verdict: Verdict;
  /** Requests at the first model and at the fallback. */
  readonly attempts: string;
  readonly saw: string;
  /** What of good conduct was missed. */
  readonly missed: readonly string[];
}

const WORDS = 60;
const HEALTHY = "gpt-5";
const PROMPT = `Hello in ${WORDS} words`;

/** @param scale of every wait; 1 for the bench's own */
export async function runBench(scale: number): Promise<Row[]> {
  const names = SCENARIOS.map((scenario) => ({
    first: scenario.model.replace("N", `${(scenario.seconds ?? 0) * scale}`),
    fallback: `claude-${scenario.id.toLowerCase()}${scenario.fallback ? `-${scenario.fallback}` : ""}`,
  }));
  const models = [HEALTHY, ...names.map(({ first }) => first)].map((name) => [name, { provider: "openai" }]);
  const fallbacks = names.map(({ fallback }) => [fallback, { provider: "anthropic" }]);
  const config = {
    providers: {
      openai: { dialect: "openai-chat", apiKey: { env: "OPENAI_API_KEY" }, retries: 1 },
      anthropic: { dialect: "anthropic-messages", apiKey: { env: "ANTHROPIC_API_KEY" }, retries: 1 },
    },
    models: Object.fromEntries([...models, ...fallbacks]),
    users: {
      ann: {
        models: [
          { name: HEALTHY },
          ...names.map(({ first, fallback }) => ({ name: first, failover: fallback })),
        ],
      },
    },
    timeouts: { firstByteStream: 10 * scale },
  };
  const replies = new Map<string, Recording>();
  let rows: Row[] = [];
  await withProxy({ config, replies }, async (proxy) => {
    const healthy = await healthyStream(proxy);
    SCENARIOS.forEach(({ reply }, index) => {
      const name = names[index]?.first;
      if (reply && name !== undefined) replies.set(name, reply(scale, healthy));
    });
    const watch = watchArrivals(proxy.providers);
    rows = await Promise.all(SCENARIOS.map((scenario, index) => {
      const { first, fallback } = names[index] ?? { first: "", fallback: "" };
      return scenario.id === "S15"
        ? outage(scenario, { proxy, first, fallback, watch, scale })
        : single(scenario, { proxy, first, fallback, watch, scale });
    }));
    watch.stop();
  });
  return rows;
}

interface Setting {
  readonly proxy: Proxy;
  readonly first: string;
  readonly fallback: string;
  readonly watch: Arrivals;
  readonly scale: number;
}

async function single(scenario: Scenario, { proxy, first, fallback, watch, scale }: Setting): Promise<Row> {
  const began = performance.now();
  const call = await ask(proxy, first);
  const next = await ask(proxy, HEALTHY);
  const seconds = (model: string) => watch.of(model).map((at) => (at - began) / 1000);
  const seen: Observed = { ...call, next, first: seconds(first), fallback: seconds(fallback) };
  const unmet = (checks: Scenario["good"] = {}) =>
    Object.entries(checks).filter(([, check]) => !check(seen, scale)).map(([what]) => what);
  const bad = unmet(scenario.good);
  if (!call.error && !call.complete) bad.push("no cut answer as success");
  const advised = unmet(scenario.advised);
  const verdict = bad.length > 0
    ? "fail"
    : scenario.ideal?.(seen, scale)
    ? "pass"
    : !call.complete
    ? "safe"
    : advised.length > 0
    ? "partial"
    : "pass";
  const missed = [...bad, ...(verdict === "partial" ? advised : [])];
  return {
    id: scenario.id,
    fault: scenario.fault,
    verdict,
    attempts: `${seen.first.length} + ${seen.fallback.length}`,
    saw: sawOf(call, first),
    missed,
  };
}

const REQUESTS = 20;
const EVERY_SECONDS = 4;
const BACK_SECONDS = 30;

/** Requests at a steady pace through an outage and out of it. */
async function outage(scenario: Scenario, { proxy, first, fallback, watch, scale }: Setting): Promise<Row> {
  const down = (scenario.seconds ?? 0) * scale;
  // A cool-down has its own seconds, whatever the scale: below full scale there is more time to come back.
  const every = Math.max(EVERY_SECONDS * scale, 0.7);
  const calls: (Call & { readonly at: number })[] = [];
  const began = performance.now();
  for (let index = 0; index < REQUESTS; index++) {
    await pause(Math.max(0, began + index * every * 1000 - performance.now()));
    const at = (performance.now() - began) / 1000;
    calls.push({ ...await ask(proxy, first), at });
  }
  const unanswered = calls.filter(({ complete }) => !complete).length;
  const back = calls.find(({ at, model }) => at >= down && model === first);
  const missed = [
    ...(unanswered > 0 ? [`${unanswered} requests were not answered`] : []),
    ...(back && back.at - down <= BACK_SECONDS
      ? []
      : [`the first model is used again within ${BACK_SECONDS} s`]),
  ];
  return {
    id: scenario.id,
    fault: scenario.fault,
    verdict: missed.length === 0 ? "pass" : "fail",
    attempts: `${watch.of(first).length} + ${watch.of(fallback).length}`,
    saw: `${REQUESTS - unanswered} of ${REQUESTS} answered; the first model again ` +
      (back ? `${(back.at - down).toFixed(1)} s after it recovered` : "never"),
    missed,
  };
}

async function ask(proxy: Proxy, model: string): Promise<Call> {
  const began = performance.now();
  let text = "";
  let finish: string | null = null;
  let answered: string | undefined;
  let usage = false;
  let error: Call["error"];
  try {
    const stream = await proxy.openai("ann").chat.completions.create({
      model,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: "user", content: PROMPT }],
    });
    for await (const chunk of stream) {
      answered ??= chunk.model;
      usage ||= (chunk.usage?.completion_tokens ?? 0) > 0;
      text += chunk.choices[0]?.delta.content ?? "";
      finish ??= chunk.choices[0]?.finish_reason ?? null;
    }
  } catch (thrown) {
    error = thrown instanceof APIError
      ? { status: thrown.status, code: thrown.code ?? null }
      : { status: undefined, code: String(thrown) };
  }
  const complete = !error && finish === "stop" && text.split(/\s+/).length >= WORDS;
  return { text, complete, error, model: answered, usage, seconds: (performance.now() - began) / 1000 };
}

function sawOf({ complete, error, model, seconds, text }: Call, first: string): string {
  const time = `after ${seconds.toFixed(1)} s`;
  if (complete) return `the answer of ${model === first ? "the first model" : "the fallback"} ${time}`;
  const words = text === "" ? 0 : text.trim().split(/\s+/).length;
  if (!error) return `${words} words as if they were all, ${time}`;
  const what = `${error.status === undefined ? "" : `${error.status} `}\`${error.code}\``;
  return words === 0 ? `error ${what} ${time}` : `${words} words, then the error event ${what} ${time}`;
}

/** The healthy answer as its provider streams it. */
async function healthyStream({ providers }: Proxy): Promise<string> {
  const { port, pathname } = new URL(providers.openaiURL);
  const body = { model: HEALTHY, stream: true, messages: [{ role: "user", content: PROMPT }] };
  const stream = await openStream({
    port: Number(port),
    path: `${pathname}/chat/completions`,
    headers: { authorization: "Bearer simulated" },
    body,
  });
  return (await stream.ended).text;
}

interface Arrivals {
  /** When requests for a model came, in milliseconds of `performance.now`. */
  of(model: string): readonly number[];
  stop(): void;
}

/** Looks every few milliseconds what has come to the providers. */
function watchArrivals({ attempts }: Providers): Arrivals {
  const arrivals = new Map<string, number[]>();
  let seen = attempts.length;
  const look = () => {
    // The body of the newest may still be on its way.
    for (; seen < attempts.length && attempts[seen]?.body !== ""; seen++) {
      const { model } = JSON.parse(attempts[seen]?.body ?? "");
      arrivals.set(model, [...arrivals.get(model) ?? [], performance.now()]);
    }
  };
  const interval = setInterval(look, 10);
  return {
    of: (model) => {
      look();
      return arrivals.get(model) ?? [];
    },
    stop: () => clearInterval(interval),
  };
}

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ id, fault, verdict, attempts, saw, missed }) =>
    `| ${id} | ${fault} | ${verdict} | ${attempts} | ${
      [saw, ...missed.map((what) => `missed: ${what}`)].join("; ")
    } |`
  );
  return [
    "| id | fault at the first model | verdict | requests: first + fallback | what the client saw |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

export function countOf(rows: readonly Row[], verdict: Verdict): number {
  return rows.filter((row) => row.verdict === verdict).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { scale: { type: "string", default: "1" } } });
  const rows = await runBench(Number(values.scale));
  console.log(tableOf(rows));
  const verdicts = ["pass", "partial", "safe", "fail"] as const;
  console.log(`\n${verdicts.map((verdict) => `${countOf(rows, verdict)} ${verdict}`).join(", ")}`);
  process.exitCode = countOf(rows, "fail") > 0 ? 1 : 0;
}
