/**
 * The benchmark: systems in turns, on one machine, in one run. How to run it and what each figure means stands in the
 * README beside this file.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import * as measures from "./measures.ts";
import { isSize, type Place, type Size } from "./places.ts";
import { type Command, start, type Started } from "./processes.ts";
import { createFigures, type Figures, LIMIT, markdown } from "./report.ts";
import * as systems from "./systems.ts";

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    systems: { type: "string", default: "nginx,relay-node,relay-deno,ai-proxy-node,ai-proxy-deno,portkey" },
    measures: { type: "string", default: "start,plain,latency,streams,held" },
    sizes: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    warm: { type: "string" },
    rate: { type: "string", default: "200,1000" },
    streams: { type: "string" },
    held: { type: "string" },
    load: { type: "string", default: "wrk" },
    "this-runtime": { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const options = {
  systems: flags.systems.split(","),
  measures: flags.measures.split(","),
  sizes: (flags.sizes ?? (flags.quick ? "2k,38k" : "64,2k,10k,38k,200k")).split(",").map(sizeOf),
  rounds: Number(flags.rounds ?? (flags.quick ? 2 : 4)),
  seconds: Number(flags.seconds ?? (flags.quick ? 1 : 4)),
  warm: Number(flags.warm ?? (flags.quick ? 3 : 6)),
  rates: flags.rate.split(",").map(Number),
  streams: (flags.streams ?? (flags.quick ? "100" : "100,1000")).split(",").map(Number),
  held: Number(flags.held ?? (flags.quick ? 500 : 5000)),
};

function sizeOf(name: string): Size {
  if (!isSize(name)) throw new Error(`Unknown size "${name}"`);
  return name;
}

/** All streams together give the same number of events in a second, however many they are. */
const streamPlans = options.streams.map((count): measures.StreamPlan => {
  const pace = Math.max(10, count / 10);
  return { count, pace, events: Math.ceil((options.seconds * 1000 + 2 * count) / pace) };
});

const directory = await mkdtemp(join(tmpdir(), "ai-proxy-bench-"));
const started: Started[] = [];
try {
  await benchmark();
} finally {
  await Promise.all(started.map((one) => one.end()));
  await rm(directory, { recursive: true });
}

async function benchmark(): Promise<void> {
  const own = flags.load === "own";
  const programs = flags["this-runtime"] ? systems.thisRuntime() : systems.findPrograms(!own);
  const figures = createFigures(options.systems);
  if (!programs.nginx && !own) {
    figures.note("nginx is not installed (`apt-get install -y nginx-light`): the provider is our own");
  }
  if (!programs.wrk && !own) {
    figures.note("wrk is not installed (`apt-get install -y wrk`): the load comes from our own client");
  }
  const { commands, origins } = await systems.providerCommands(programs, directory);
  for (const command of commands) started.push(await start(command, directory));

  const places: Place[] = [
    ...options.sizes.map((size): Place => ({ kind: "plain", size, delay: 0 })),
    measures.SLOW_ANSWER,
    measures.SLOW_STREAM,
    ...streamPlans.map(measures.streamPlace),
  ];
  const config = await systems.proxyConfig(directory, places, origins);
  const all = await chosen(programs, config, origins, figures);
  if (options.measures.includes("start")) await measureStart(all, figures);
  const subjects: Subject[] = [];
  for (const system of all) {
    const running = await begin(system.command, figures);
    if (running) subjects.push({ ...system, pid: running.pid });
  }
  await warmUp(subjects, programs.wrk ? directory : undefined);
  await measureAll(subjects, systems.direct(origins), programs.wrk ? directory : undefined, figures);

  const report = figures.report({ versions: systems.versionsOf(programs), options });
  console.log(markdown(report));
  if (flags.out === undefined) return;
  await mkdir(flags.out, { recursive: true });
  await writeFile(join(flags.out, "bench.md"), markdown(report));
  await writeFile(join(flags.out, "bench.json"), JSON.stringify(report, undefined, 2));
}

type Subject = systems.System & measures.Subject;

/** The wanted systems that there are; what is missing is noted. */
async function chosen(
  programs: systems.Programs,
  config: string,
  origins: systems.Origins,
  figures: Figures,
): Promise<readonly systems.System[]> {
  const { node, deno } = programs;
  const onDeno = deno === undefined ? undefined : systems.denoRun(deno);
  const makers: Record<string, () => Promise<systems.System> | undefined> = {
    [LIMIT]: () => programs.nginx ? systems.nginxSystem(directory, origins) : undefined,
    "relay-node": () => systems.relaySystem("relay-node", [node], origins),
    "relay-deno": () => onDeno && systems.relaySystem("relay-deno", onDeno, origins),
    "ai-proxy-node": () => systems.proxySystem("ai-proxy-node", systems.builtProxy(node), config),
    "ai-proxy-workers": () => systems.proxySystem("ai-proxy-workers", systems.builtProxy(node), config, 2),
    "ai-proxy-source": () => systems.proxySystem("ai-proxy-source", systems.sourceProxy([node]), config),
    "ai-proxy-deno": () =>
      onDeno && systems.proxySystem("ai-proxy-deno", systems.sourceProxy(onDeno), config),
    "portkey": () => systems.portkeySystem(node, origins),
  };
  const found: systems.System[] = [];
  for (const name of options.systems) {
    try {
      const system = await makers[name]?.();
      if (system) found.push(system);
      else figures.note(`${name} is left out: it is not known or not installed`);
    } catch (thrown) {
      figures.note(`${name} is left out: ${said(thrown)}`);
    }
  }
  return found;
}

async function begin(command: Command, figures: Figures): Promise<Started | undefined> {
  try {
    const running = await start(command, directory);
    started.push(running);
    return running;
  } catch (thrown) {
    figures.note(said(thrown));
    return undefined;
  }
}

async function measureStart(all: readonly systems.System[], figures: Figures): Promise<void> {
  for (let round = 0; round < options.rounds + 1; round++) {
    for (const { name, command } of all) {
      const running = await begin(command, figures);
      if (!running) continue;
      measures.ready(name, running.ready, figures);
      // What a start leaves to be done behind it is done then.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      measures.idle({ name, pid: running.pid, ask: noAsk }, figures);
      await running.end();
    }
  }
}

function noAsk(): never {
  throw new Error("A system that only starts is asked nothing");
}

/** A runtime compiles what is used much while it runs: what comes before that is done would measure the compiler. */
async function warmUp(subjects: readonly Subject[], wrk: string | undefined): Promise<void> {
  const unseen = createFigures([]);
  const { warm: seconds, sizes: [size = "2k"] } = options;
  if (seconds === 0) return;
  for (const subject of subjects) {
    for (const way of subject.translates ? ["relay", "translation"] as const : ["relay"] as const) {
      process.stderr.write(`\rwarming up ${subject.name.padEnd(20)}`);
      // What fails here fails again where it is noted.
      await measures.plain(subject, { size, way, seconds, wrk }, unseen).catch(() => {});
    }
  }
}

/** Every measure of every system in each round, in turns, in the other order each second round. */
async function measureAll(
  subjects: readonly Subject[],
  direct: measures.Asker,
  wrk: string | undefined,
  figures: Figures,
): Promise<void> {
  const has = (measure: string) => options.measures.includes(measure);
  const { sizes, seconds, rates } = options;
  for (let round = 0; round < options.rounds; round++) {
    const turn = round % 2 === 0 ? subjects : subjects.toReversed();
    const each = async (of: readonly Subject[], measure: (subject: Subject) => Promise<void>) => {
      for (const subject of of) {
        process.stderr.write(`\rround ${round + 1}/${options.rounds} ${subject.name.padEnd(20)}`);
        await measure(subject).catch((thrown) => figures.note(`${subject.name}: ${said(thrown)}`));
      }
    };
    const ways = [["relay", turn], ["translation", turn.filter((one) => one.translates)]] as const;
    if (has("plain")) {
      for (const size of sizes) {
        for (const [way, of] of ways) {
          await each(of, (one) => measures.plain(one, { size, way, seconds, wrk }, figures));
        }
      }
    }
    if (has("latency")) {
      for (const rate of rates) {
        await each(turn, (one) => measures.addedLatency(one, { direct, rate, seconds }, figures));
      }
    }
    if (has("streams")) {
      for (const plan of streamPlans) {
        for (const [way, of] of ways) {
          const alone = await measures.streams(direct, plan, way);
          await each(of, (one) => measures.streamed(one, plan, way, alone, figures));
        }
      }
    }
    if (has("held") && round === options.rounds - 1) {
      for (const [count, size] of [[options.held, "2k"], [Math.ceil(options.held / 5), "200k"]] as const) {
        await each(turn, (one) => measures.held(one, count, size, figures));
      }
    }
  }
  process.stderr.write("\r");
}

function said(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
