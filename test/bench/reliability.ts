/**
 * How the proxy bears up: node test/bench/reliability.ts [PART …]      (all parts: some three minutes, loopback only)
 * The clients and the providers run in this process, the daemon in one of its own on the same runtime.
 */

import { Agent } from "node:http";
import { cpus, totalmem } from "node:os";
import { connect, type Socket } from "node:net";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { descriptorShares } from "../../src/descriptors.ts";
import { hello } from "../commands/_daemon.ts";
import { configOf, until } from "../tools/proxy.ts";
import { exchangeRaw } from "../tools/raw.ts";
import { openStream } from "../tools/stream-client.ts";
import { get, MODELS, probe, quantile, residentMemory, withBench } from "./reliability-tools.ts";

const LONG = "Hello in 2000 words";
const PARTS: Readonly<Record<string, () => Promise<string>>> = {
  streams: slowStreams,
  leaving: leavingClients,
  reloads,
  drain,
  hostile: hostileJson,
  large: largeBodies,
  failover,
  outage,
  descriptors,
  slowloris,
};

/** Streams that are read slowly, each with a stream of its own behind it. */
async function slowStreams(): Promise<string> {
  const count = Math.min(2000, descriptorShares().upstream - 100);
  return await withBench({ pace: 500 }, async ({ daemon }) => {
    const before = residentMemory(daemon);
    const streams = [];
    while (streams.length < count) {
      streams.push(
        ...await Promise.all(
          Array.from(
            { length: Math.min(50, count - streams.length) },
            () => openStream({ port: daemon.port, body: hello("sonnet", true, LONG) }),
          ),
        ),
      );
    }
    const delay = probe(daemon.port, 20);
    const first = residentMemory(daemon);
    await pause(10_000);
    const last = residentMemory(daemon);
    const { p99, max, failed } = await delay.stop();
    const broken = streams.filter(({ status, text }) => status !== 200 || /"error"/.test(text())).length;
    streams.forEach(({ leave }) => leave());
    return `${count} streams: ${before} MiB before, ${first} MiB, ${last} MiB 10 s later; ${
      broken + failed
    } errors; ` +
      `/healthz p99 ${p99} ms, at most ${max} ms`;
  });
}

/** From the client's leaving to the provider's hearing of it, in every phase of a request. */
async function leavingClients(): Promise<string> {
  const models = {
    ...MODELS,
    silent: { provider: "openai", model: "demo-silent" },
    headers: { provider: "openai", model: "demo-headers-silent" },
    stalled: { provider: "anthropic", model: "demo-stall-3" },
    tools: { provider: "openai", model: "demo-stall-2-tools" },
  };
  return await withBench({ config: configOf(models) }, async ({ daemon, providers }) => {
    const figures: string[] = [];
    for (const model of ["silent", "headers", "stalled", "tools"]) {
      const times: number[] = [];
      for (let index = 0; index < 100; index++) {
        const seen = providers.ledger.length;
        const socket = connect(daemon.port, "127.0.0.1");
        const body = JSON.stringify(hello(model, true));
        socket.write(
          `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-user: ann\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        );
        socket.on("error", () => {});
        await until(() => providers.ledger.length > seen);
        await pause(5);
        const began = performance.now();
        socket.destroy();
        while (providers.ledger.at(-1)?.outcome === "pending" && performance.now() - began < 2000) {
          await pause(1);
        }
        times.push(performance.now() - began);
      }
      figures.push(`${model} p50 ${quantile(times, 0.5)} ms, at most ${quantile(times, 1)} ms`);
    }
    const left = providers.ledger.filter(({ outcome }) => outcome === "pending").length;
    return `${figures.join("; ")} (100 each); ${left} upstream calls left over`;
  });
}

/** A thousand reloads, three in ten of them broken, under light load. */
async function reloads(): Promise<string> {
  return await withBench({}, async ({ daemon, write }) => {
    let [requests, failed, loading] = [0, 0, true];
    const times: number[] = [];
    const client = async () => {
      while (loading) {
        const began = performance.now();
        const reply = await exchangeRaw(daemon.port, {
          method: "POST",
          path: "/v1/chat/completions",
          headers: { "x-user": "ann", "content-type": "application/json" },
          body: JSON.stringify(hello("healthy")),
        }).catch(() => undefined);
        times.push(performance.now() - began);
        requests++;
        if (reply?.status !== 200) failed++;
        await pause(10);
      }
    };
    const load = Promise.all([client(), client(), client()]);
    const told = () => daemon.stderr().match(/Configuration (reloaded|rejected)/g)?.length ?? 0;
    const effective: number[] = [];
    for (let index = 0; index < 1000; index++) {
      const before = told();
      const text = JSON.stringify(configOf({ ...MODELS, [`m${index}`]: { provider: "openai" } }));
      await write(index % 10 < 3 ? text.slice(0, -20 - index % 50) : text);
      const began = performance.now();
      daemon.signal("SIGHUP");
      while (told() === before && performance.now() - began < 5000) await pause(2);
      effective.push(performance.now() - began);
    }
    loading = false;
    await load;
    return `1000 reloads, 300 of them broken: ${failed} of ${requests} requests failed or dropped (p99 ${
      quantile(times, 0.99)
    } ms); told after p50 ${quantile(effective, 0.5)} ms, at most ${quantile(effective, 1)} ms`;
  });
}

/** From SIGTERM to the end, with streams that do not finish in time. */
async function drain(): Promise<string> {
  return await withBench({ pace: 300, args: ["--drain-timeout", "2"] }, async ({ daemon }) => {
    const body = hello("sonnet", true, LONG);
    const streams = await Promise.all(
      Array.from({ length: 100 }, () => openStream({ port: daemon.port, body })),
    );
    const began = performance.now();
    daemon.signal("SIGTERM");
    const code = await daemon.exited;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    const told = ends.filter(({ text, broken }) => !broken && /server_shutting_down/.test(text)).length;
    return `exit ${code} after ${seconds} s (5 s delay + 2 s); ${told} of 100 streams ended with the error event`;
  });
}

const MEBIBYTE = 1024 * 1024;

/** JSON of 32 MiB that costs a parser most. */
async function hostileJson(): Promise<string> {
  const size = 32 * MEBIBYTE - 100;
  const start = '{"model":"healthy","messages":';
  const bodies = {
    "deep arrays": start + "[".repeat(size - start.length),
    "deep objects": start + '{"a":'.repeat((size - start.length) / 5),
    "wide array": `${start}[${"0,".repeat((size - start.length) / 2 - 10)}0]}`,
    "many keys": `${start}{${Array.from({ length: 2_000_000 }, (_, index) => `"k${index}":0`).join(",")}}}`,
    "one long number": `${start}${"9".repeat(size - start.length)}}`,
    "one long string": `${start}"${"x".repeat(size - start.length - 4)}"}`,
  };
  return await withBench({}, async ({ daemon }) => {
    const figures: string[] = [];
    for (const [what, body] of Object.entries(bodies)) {
      const delay = probe(daemon.port, 1);
      await pause(200);
      const headers = {
        "x-user": "ann",
        "content-type": "application/json",
        "content-length": `${body.length}`,
      };
      const { status } = await exchangeRaw(daemon.port, {
        method: "POST",
        path: "/v1/chat/completions",
        headers,
        body,
      });
      const { max } = await delay.stop();
      figures.push(`${what} ${status}, /healthz waited at most ${max} ms`);
    }
    return figures.join("; ");
  });
}

/** 64 posts of 32 MB at once. */
async function largeBodies(): Promise<string> {
  return await withBench({}, async ({ daemon }) => {
    const content = "x".repeat(32_000_000);
    const body = JSON.stringify(hello("healthy", false, content));
    const headers = {
      "x-user": "ann",
      "content-type": "application/json",
      "content-length": `${body.length}`,
    };
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, residentMemory(daemon)), 20);
    const statuses = new Map<string, number>();
    await Promise.all(Array.from({ length: 64 }, async () => {
      const asked = { method: "POST", path: "/v1/chat/completions", headers, body };
      const status = await exchangeRaw(daemon.port, asked).then(
        (reply) => `${reply.status}`,
        (error) => error.code,
      );
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }));
    clearInterval(watch);
    const counts = Array.from(statuses, ([status, count]) => `${count} x ${status}`).join(", ");
    return `64 posts of 32 MB: ${counts}; resident at most ${most} MiB`;
  });
}

/** What a failing first target adds to an answer. */
async function failover(): Promise<string> {
  const models = {
    ...MODELS,
    refused: { provider: "nobody" },
    "500": { provider: "openai", model: "demo-500" },
    "429": { provider: "openai", model: "demo-429" },
  };
  const providers = { nobody: { dialect: "openai-chat", baseURL: "http://127.0.0.1:9/v1" } };
  const config = configOf(models, { refused: "healthy", "500": "healthy", "429": "healthy" }, { providers });
  return await withBench({ config }, async ({ daemon }) => {
    const agent = new Agent({ keepAlive: true });
    const ask = async (model: string) => {
      const began = performance.now();
      const reply = await openStream({ port: daemon.port, body: hello(model), agent });
      await reply.ended;
      return { ms: performance.now() - began, attempts: Number(reply.headers["x-ai-proxy-attempts"]) };
    };
    for (let index = 0; index < 100; index++) await ask("healthy");
    const plain: number[] = [];
    for (let index = 0; index < 200; index++) plain.push((await ask("healthy")).ms);
    const base = quantile(plain, 0.5);
    const figures: string[] = [];
    for (const model of ["refused", "500", "429"]) {
      const [tried, open]: [number[], number[]] = [[], []];
      for (let index = 0; index < 60; index++) {
        const { ms, attempts } = await ask(model);
        (attempts > 1 ? tried : open).push(ms - base);
      }
      figures.push(
        `${model} +${quantile(tried, 0.5)} ms when tried (${tried.length}), +${
          quantile(open, 0.5)
        } ms while passed over`,
      );
    }
    agent.destroy();
    return `median over a healthy answer of ${base} ms: ${figures.join("; ")}`;
  });
}

/** Everything fails, with retries: how many requests a target sees for each that a client sends. */
async function outage(): Promise<string> {
  const down = { down: { provider: "openai", model: "demo-500" } };
  const openai = { dialect: "openai-chat", apiKey: { env: "OPENAI_API_KEY" }, retries: 2 };
  const figures: string[] = [];
  for (const [what, further] of [["no retries", {}], ["retries: 2", { providers: { openai } }]] as const) {
    const config = configOf(down, {}, further);
    figures.push(
      await withBench({ config }, async ({ daemon, providers }) => {
        const client = async () => {
          for (let index = 0; index < 100; index++) {
            await (await openStream({ port: daemon.port, body: hello("down") })).ended;
          }
        };
        await Promise.all(Array.from({ length: 20 }, client));
        return `${what}: ${(providers.ledger.length / 2000).toFixed(2)}`;
      }),
    );
  }
  return `upstream requests for each of 2000: ${figures.join("; ")}`;
}

/** More connections than there are descriptors. */
async function descriptors(): Promise<string> {
  return await withBench({ descriptors: 256 }, async ({ daemon }) => {
    const held = await openStream({ port: daemon.port, body: hello("healthy", true, LONG) });
    const sockets = hold(daemon.port, 2000);
    await pause(2000);
    sockets.forEach((socket) => socket.destroy());
    const began = performance.now();
    let status = 0;
    while (status !== 200 && performance.now() - began < 10_000) {
      const agent = new Agent();
      status = await get(daemon.port, "/healthz", agent).catch(() => 0);
    }
    const { broken } = await held.ended;
    return `256 descriptors, 2000 connects: alive ${daemon.child.exitCode === null}, the open stream ${
      broken ? "broke" : "finished"
    }, normal service ${quantile([performance.now() - began], 1)} ms after the release`;
  });
}

/** Connections that send a header and then a byte now and then, and never more. */
async function slowloris(): Promise<string> {
  const count = Math.min(2000, descriptorShares().upstream - 100);
  return await withBench({}, async ({ daemon }) => {
    const quiet = probe(daemon.port);
    await pause(2000);
    const before = await quiet.stop();
    const closed: number[] = [];
    const began = performance.now();
    const sockets = hold(daemon.port, count);
    sockets.forEach((socket) => {
      socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n");
      socket.on("data", () => {});
      socket.on("close", () => closed.push(performance.now() - began));
    });
    const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write("x")), 1000);
    const delay = probe(daemon.port);
    while (closed.length < count && performance.now() - began < 20_000) await pause(100);
    clearInterval(drip);
    const during = await delay.stop();
    return `${count} sockets: ${closed.length} closed, the last after ${
      (quantile(closed, 1) / 1000).toFixed(1)
    } s; /healthz p99 ${before.p99} ms before, ${during.p99} ms during, ${during.failed} failed`;
  });
}

function hold(port: number, count: number): Socket[] {
  return Array.from({ length: count }, () => connect(port, "127.0.0.1").on("error", () => {}));
}

const runtime = process.versions["deno"] ? `Deno ${process.versions["deno"]}` : `Node ${process.version}`;
console.log(`${runtime}, ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 1024 ** 3)} GiB`);
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (!part) throw new Error(`No part ${JSON.stringify(name)}: there are ${Object.keys(PARTS).join(", ")}`);
  console.log(`${name}: ${await part()}`);
}
