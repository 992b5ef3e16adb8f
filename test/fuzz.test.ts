/**
 * Malformed input of every kind: nothing crashes, no answer is a fault of ours, nothing that is refused reaches a
 * provider, and everything is answered. AI_PROXY_FUZZ_SECONDS goes on for so long with other inputs each time and keeps
 * what it finds in test/fixtures/crashes, AI_PROXY_FUZZ_SEED repeats a run.
 */

import { Buffer } from "node:buffer";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { sha256 } from "../src/digest.ts";
import { type FuzzTargets, fuzzTargets, type TargetName, TARGETS } from "./tools/fuzz-targets.ts";
import { type Dice, dice, mutateBytes, mutateValue } from "./tools/mutate.ts";

const SECONDS = Number(process.env["AI_PROXY_FUZZ_SECONDS"] ?? 0);
/** Among the tests always the same, so that a failure is the change's and not the day's; the long run is another each time. */
const SEED = Number(process.env["AI_PROXY_FUZZ_SEED"] ?? (SECONDS > 0 ? Date.now() % 2 ** 32 : 1));
const CRASHES = new URL("fixtures/crashes/", import.meta.url);
/** In 20,000 inputs. */
const SHARES: Readonly<Record<TargetName, number>> = {
  http: 1_500,
  request: 7_000,
  config: 3_500,
  stream: 4_000,
  reply: 4_000,
};

const folder = await mkdtemp(join(tmpdir(), "ai-proxy-"));
const targets: FuzzTargets = await fuzzTargets(join(folder, "rbac.json"));
after(async () => {
  await targets.close();
  await rm(folder, { recursive: true });
});

async function fixtures(pattern: RegExp): Promise<Uint8Array[]> {
  const root = new URL("fixtures/", import.meta.url);
  const names = (await readdir(root, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  const files = names.filter((name) => pattern.test(name) && !name.startsWith("crashes/")).sort();
  return Promise.all(files.map(async (name) => new Uint8Array(await readFile(new URL(name, root)))));
}

const requests = (await fixtures(/\/requests\/(?!.*headers).*\.json$/)).flatMap(forModels);
const CORPUS: Readonly<Record<TargetName, readonly Uint8Array[]>> = {
  http: requests.slice(0, 20).flatMap(asHttp),
  request: requests,
  config: [
    ...await fixtures(/^config\/.*\.json$/),
    new Uint8Array(await readFile(new URL("../rbac.example.json", import.meta.url))),
  ],
  stream: await fixtures(/\/streams\/.*\.sse$/),
  reply: await fixtures(/\/replies\/.*\.json$/),
};

/** A request for a model of each provider; one that names no body of its own is left as it is. */
function forModels(bytes: Uint8Array): Uint8Array[] {
  const value = JSON.parse(Buffer.from(bytes).toString());
  return ["o", "a"].map((model) => Buffer.from(JSON.stringify({ ...value, model })));
}

function asHttp(body: Uint8Array): Uint8Array[] {
  const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-User: ann\r\n";
  return [
    Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]),
    Buffer.concat([
      Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`),
      body,
      Buffer.from("\r\n0\r\n\r\n"),
    ]),
    Buffer.from(
      "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-User: ann\r\nConnection: keep-alive\r\n\r\n",
    ),
  ];
}

function mutated(name: TargetName, random: Dice): Uint8Array {
  const corpus = CORPUS[name];
  const input = random.pick(corpus);
  if (name === "http" || random.once(3)) return mutateBytes(input, corpus, random);
  const text = Buffer.from(input).toString();
  const changed = name === "stream" ? mutateEvents(text, random) : mutateJson(text, random);
  return changed === undefined ? mutateBytes(input, corpus, random) : Buffer.from(changed);
}

function mutateJson(text: string, random: Dice): string | undefined {
  try {
    return JSON.stringify(mutateValue(JSON.parse(text), random)) ?? "";
  } catch {
    return undefined;
  }
}

/** Events whose data is well-formed but not what it should be, or that come in another order. */
function mutateEvents(text: string, random: Dice): string {
  const events = text.split(/(?<=\n\n)/);
  const at = random.number(events.length);
  const event = events[at] ?? "";
  switch (random.number(5)) {
    case 0:
      return events.toSpliced(at, 1).join("");
    case 1:
      return events.toSpliced(random.number(events.length), 0, event).join("");
    default:
      return events.with(
        at,
        event.replace(/^data: (.*)$/m, (line, data) => {
          const changed = mutateJson(data, random);
          return changed === undefined ? line : `data: ${changed}`;
        }),
      ).join("");
  }
}

async function hit(name: TargetName, input: Uint8Array, index: number): Promise<void> {
  try {
    await targets[name](input);
  } catch (thrown) {
    const kept = new URL(`${name}-${sha256(Buffer.from(input).toString("latin1")).slice(0, 12)}`, CRASHES);
    if (SECONDS > 0) await writeFile(kept, input);
    const shown = input.length > 4000
      ? `${input.length} bytes`
      : JSON.stringify(Buffer.from(input).toString("latin1"));
    throw new Error(`Input ${index} of ${name}, seed ${SEED} (${fileURLToPath(kept)}): ${shown}`, {
      cause: thrown,
    });
  }
}

test("what once went wrong does not any more", async () => {
  for (const file of (await readdir(CRASHES)).sort()) {
    const name = TARGETS.find((target) => file.startsWith(`${target}-`));
    if (name) await hit(name, new Uint8Array(await readFile(new URL(file, CRASHES))), 0);
  }
});

for (const name of TARGETS) {
  test(`malformed input is harmless: ${name}`, async () => {
    console.log(`${name}: AI_PROXY_FUZZ_SEED=${SEED}`);
    const random = dice(SEED + TARGETS.indexOf(name));
    const until = performance.now() + (SECONDS * 1000) / TARGETS.length;
    let index = 0;
    for (; index < SHARES[name] || performance.now() < until; index++) {
      const input = mutated(name, random);
      if (name !== "http") await hit(name, input, index);
      // Many connections at once, as on a bad day; the next ones wait for these.
      else {
        const more = Array.from({ length: 9 }, () => mutated(name, random));
        await Promise.all([input, ...more].map((one, at) => hit(name, one, index + at)));
        index += 9;
      }
    }
    console.log(`${name}: ${index} inputs`);
  });
}
