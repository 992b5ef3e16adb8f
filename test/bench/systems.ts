/** The systems that are compared, each as a command and a way to ask it for a place. */

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { nginxProvider, nginxProxy } from "./nginx.ts";
import { modelOf, pathOf, type Place, type Wire, WIRES } from "./places.ts";
import { type Command, freePort } from "./processes.ts";

export interface System {
  readonly name: string;
  readonly command: Command;
  /** It can bring an OpenAI client to an Anthropic provider. */
  readonly translates: boolean;
  /** How an OpenAI client asks it for a place at a provider of this wire. */
  ask(place: Place, wire: Wire): Ask;
}

export interface Ask {
  readonly port: number;
  readonly path: string;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the systems find the providers: those that answer from files, and those that wait or stream. */
export interface Origins {
  readonly files: string;
  readonly paced: string;
}

const ROOT = new URL("../../", import.meta.url).pathname;
const HERE = join(ROOT, "test/bench");
/** What is built and installed for a run is kept for the next. */
const CACHE = join(ROOT, "node_modules/.cache/ai-proxy-bench");
const PORTKEY = "@portkey-ai/gateway@1.15.2";
const KEY = `aip_${"b".repeat(43)}`;

/** The programs of a run, and what they call themselves. */
export interface Programs {
  readonly node: string;
  readonly deno: string | undefined;
  /** What the provider runs on. */
  readonly provider: readonly string[];
  readonly nginx: boolean;
  readonly wrk: boolean;
}

/** What runs this, and nothing else. */
export function thisRuntime(): Programs {
  const node = process.execPath;
  if (!("deno" in process.versions)) {
    return { node, deno: undefined, provider: [node], nginx: false, wrk: false };
  }
  return { node, deno: node, provider: denoRun(node), nginx: false, wrk: false };
}

/** @param tools whether wrk may be used for the load */
export function findPrograms(tools: boolean): Programs {
  const deno = "deno" in process.versions;
  const major = Number(process.versions.node.split(".")[0]);
  const node = !deno && major === 24
    ? process.execPath
    : output("npx", ["-y", "-p", "node@24", "node", "-p", "process.execPath"]) ?? "node";
  return {
    node,
    provider: [node],
    deno: deno
      ? process.execPath
      : output("npx", ["-y", "deno@2.9.6", "eval", "console.log(Deno.execPath())"]),
    nginx: output("nginx", ["-h"]) !== undefined,
    wrk: tools && has("wrk"),
  };
}

export function versionsOf({ node, deno, nginx, wrk }: Programs): Record<string, string> {
  return {
    node: output(node, ["--version"]) ?? "unknown",
    deno: (deno && output(deno, ["--version"])?.split(" ")[1]) ?? "none",
    nginx: nginx ? nginxVersion() : "none",
    load: wrk ? "wrk" : "our own client",
    portkey: PORTKEY,
  };
}

/** It says its version on standard error. */
function nginxVersion(): string {
  return /\/(\S+)/.exec(spawnSync("nginx", ["-v"], { encoding: "utf8" }).stderr)?.[1] ?? "unknown";
}

/** What a program prints, undefined when it cannot be run. */
function output(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

function has(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

/** The paced provider, and the one of files: nginx, or the same as the paced one where nginx is not installed. */
export async function providerCommands(
  programs: Programs,
  directory: string,
): Promise<{ commands: readonly Command[]; origins: Origins }> {
  const paced = await freePort();
  const commands = [{
    name: "provider",
    line: [...programs.provider, join(HERE, "provider.ts"), `${paced}`],
    port: paced,
    readyPath: "/",
  }];
  const origin = `http://127.0.0.1:${paced}`;
  if (!programs.nginx) return { commands, origins: { files: origin, paced: origin } };
  const files = await freePort();
  const line = await nginxProvider(directory, files);
  commands.push({ name: "nginx-provider", line: [...line], port: files, readyPath: "/" });
  return { commands, origins: { files: `http://127.0.0.1:${files}`, paced: origin } };
}

/** Straight to the provider: what a latency is compared with. */
export function direct({ files, paced }: Origins): Omit<System, "command"> {
  return {
    name: "direct",
    translates: false,
    ask: (place, wire) => through(Number(new URL(isAtFiles(place) ? files : paced).port), place, wire),
  };
}

function isAtFiles(place: Place): boolean {
  return place.kind === "plain" && place.delay === 0;
}

function through(port: number, place: Place, wire: Wire): Ask {
  return { port, path: `/${pathOf(place)}/v1${WIRES[wire]}`, model: "bench", headers: {} };
}

export async function nginxSystem(directory: string, { files, paced }: Origins): Promise<System> {
  const port = await freePort();
  return {
    name: "nginx",
    command: { name: "nginx", line: await nginxProxy(directory, port, files, paced), port, readyPath: "/" },
    translates: false,
    ask: (place, wire) => through(port, place, wire),
  };
}

export async function relaySystem(
  name: string,
  runtime: readonly string[],
  { files, paced }: Origins,
): Promise<System> {
  const port = await freePort();
  return {
    name,
    command: {
      name,
      line: [...runtime, join(HERE, "relay.ts"), `${port}`, files, paced],
      port,
      readyPath: "/",
    },
    translates: false,
    ask: (place, wire) => through(port, place, wire),
  };
}

/** ai-proxy with all that it does switched on: a key, a grant, a failover, the access log on standard output. */
export async function proxySystem(
  name: string,
  line: readonly string[],
  config: string,
  workers = 1,
): Promise<System> {
  const port = await freePort();
  return {
    name,
    command: {
      name,
      line: [...line, "serve", "--config", config, "--port", `${port}`, "--workers", `${workers}`],
      env: { BENCH_PROVIDER_KEY: "sk-bench" },
      port,
      readyPath: "/readyz",
    },
    translates: true,
    ask: (place, wire) => ({
      port,
      path: "/v1/chat/completions",
      model: modelOf(place, wire),
      headers: { authorization: `Bearer ${KEY}` },
    }),
  };
}

/** Writes a configuration in which each place is a model of either wire, and each model has a failover. */
export async function proxyConfig(
  directory: string,
  places: readonly Place[],
  { files, paced }: Origins,
): Promise<string> {
  const providers: Record<string, unknown> = {};
  const models: Record<string, unknown> = {};
  const granted: unknown[] = [];
  for (const place of places) {
    for (const wire of Object.keys(WIRES) as Wire[]) {
      const name = modelOf(place, wire);
      const other = modelOf(place, wire === "openai-chat" ? "anthropic-messages" : "openai-chat");
      providers[name] = {
        dialect: wire,
        baseURL: `${isAtFiles(place) ? files : paced}/${pathOf(place)}/v1`,
        apiKey: { env: "BENCH_PROVIDER_KEY" },
      };
      models[name] = { provider: name };
      granted.push({ name, failover: other });
    }
  }
  const hash = `sha256:${createHash("sha256").update(KEY).digest("hex")}`;
  const users = { bench: { keys: [{ hash, name: "bench" }], models: granted } };
  const file = join(directory, "rbac.json");
  await writeFile(file, JSON.stringify({ providers, models, users }));
  return file;
}

/** The command line of the compiled proxy, compiled for this run. */
export function builtProxy(node: string): readonly string[] {
  const directory = join(CACHE, "dist");
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(node, [compiler, "--noCheck", "-p", join(ROOT, "tsconfig.build.json"), "--outDir", directory]);
  return [node, join(directory, "main.js")];
}

export function sourceProxy(runtime: readonly string[]): readonly string[] {
  return [...runtime, join(ROOT, "src/main.ts")];
}

export function denoRun(deno: string): readonly string[] {
  return [deno, "run", "-A", "--no-check", "--config", join(ROOT, "deno.json")];
}

/** Portkey's gateway; throws when it cannot be installed. */
export async function portkeySystem(node: string, { files, paced }: Origins): Promise<System> {
  const directory = join(CACHE, "portkey");
  const entry = join(directory, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!existsSync(entry)) {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "package.json"), "{}");
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", PORTKEY], {
      cwd: directory,
      stdio: "ignore",
    });
  }
  const port = await freePort();
  return {
    name: "portkey",
    command: {
      name: "portkey",
      line: [node, entry, `--port=${port}`, "--headless"],
      env: { TRUSTED_CUSTOM_HOSTS: "127.0.0.1,localhost" },
      port,
      readyPath: "/",
    },
    translates: true,
    ask: (place, wire) => ({
      port,
      path: "/v1/chat/completions",
      model: "bench",
      headers: {
        authorization: "Bearer sk-bench",
        "x-portkey-provider": wire === "openai-chat" ? "openai" : "anthropic",
        "x-portkey-custom-host": `${isAtFiles(place) ? files : paced}/${pathOf(place)}/v1`,
      },
    }),
  };
}
