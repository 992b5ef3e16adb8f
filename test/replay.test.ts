/**
 * Recorded traffic of real providers replayed as the upstream: what an official SDK reads through the proxy, in either
 * dialect, is what the provider's own SDK reads from the recording. `AI_PROXY_RECORDED` names the file of recordings.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import type { Entry } from "../src/account/entry.ts";
import type { Recording } from "../src/demo/replay.ts";
import { configOf, type Proxy, withProxy } from "./tools/proxy.ts";
import { type Asking, type Failed, readAnthropic, type Reading, readOpenAI } from "./tools/reading.ts";
import { readRecorded, type Recorded } from "./tools/recorded.ts";

const file = process.env["AI_PROXY_RECORDED"];
const skip = file ? false : "AI_PROXY_RECORDED does not name a file of recordings";

/** How a recording comes over the wire. */
const FORMS: Readonly<Record<string, Omit<Recording, "body">>> = {
  whole: {},
  bytes: { slice: 1 },
  crlf: { crlf: true },
};
/** Larger answers come in small odd pieces in place of single bytes, so that the tests end in minutes. */
const LARGE = 10_000;
const AT_ONCE = 4;

type Client = "openai" | "anthropic";
const OWN = { openai: "openai-chat", anthropic: "anthropic-messages" } as const;

for (const form of Object.keys(FORMS)) {
  for (const client of Object.keys(OWN) as Client[]) {
    const title = `the ${client} SDK reads recordings sent as ${form} as they are`;
    // In the title too: not every runner says why a test was skipped.
    test(skip ? `${title} (${skip})` : title, { skip }, () => replayAll(client, form));
  }
}

async function replayAll(client: Client, form: string): Promise<void> {
  const recordings = (await readRecorded(file ?? "")).filter((recorded) => applies(recorded, form));
  assert(recordings.length > 0);
  const { replies, models } = served(recordings, form);
  const differences: string[] = [];
  await withProxy({ config: configOf(models), replies }, async (proxy) => {
    const readings = new Map<string, Reading | Failed>();
    await each(recordings, AT_ONCE, async (recorded) => {
      const { id, kind, stream } = recorded;
      const direct = await read(directClient(proxy, recorded), { model: directModel(id), stream });
      const own = client === "openai" ? proxy.openai("ann") : proxy.anthropic("ann");
      const through = await read(own, { model: id, stream });
      const expected = OWN[client] === kind && !isUnreadable(direct)
        ? direct
        : translated(direct, through, client);
      readings.set(id, direct);
      differences.push(
        ...differing(expected, through).map((what) => `${kind} ${id}: ${what}`),
      );
    });
    await proxy.logged(recordings.length);
    differences.push(
      ...proxy.entries.flatMap((entry) => misreported(entry, readings.get(entry.model ?? ""))),
    );
  });
  assert.deepEqual(differences, [], `${differences.length} differences in ${recordings.length} recordings`);
}

/** Left out: line ends of answers that have no lines, and recordings that are no one answer. */
function applies({ stream, kind, body }: Recorded, form: string): boolean {
  if (form === "crlf" && !stream) return false;
  // Some recordings are the streams of several turns, one after the other: the SDK itself refuses them.
  return kind !== "anthropic-messages" || body.split('"type":"message_start"').length <= 2;
}

/**
 * A reading as the other API can say it.
 * @param through what only it can know: words for what the provider left open
 */
function translated(direct: Reading | Failed, through: Reading | Failed, client: Client): Reading | Failed {
  if ("failed" in direct) return "failed" in through ? translatedFailure(direct, through) : direct;
  if ("failed" in through) return direct;
  const complete = direct.finish === "none" ? "stop" : direct.finish;
  return {
    ...direct,
    // This API has no place for a refusal beside the text; the other may explain one that the provider did not.
    text: client === "anthropic" ? direct.text + direct.refusal : direct.text,
    refusal: client === "openai" && direct.finish === "refusal" ? through.refusal : "",
    // An answer that calls tools has finished with that, whatever the provider calls it or leaves out.
    finish: complete === "stop" && direct.calls.length > 0 ? "tool-calls" : complete,
    // This API demands figures: without the provider's they are an estimate, and logged as one.
    usage: direct.usage ?? through.usage,
  };
}

/** What the provider's SDK cannot make sense of has no words of its own; an error of the provider's keeps them. */
function translatedFailure(direct: Failed, through: Failed): Failed {
  return isUnreadable(direct) ? through : direct;
}

function isUnreadable(direct: Reading | Failed): boolean {
  return "failed" in direct && direct.status === "unreadable";
}

/** What is wrong with the token counts of an access log entry. */
function misreported(entry: Entry, direct: Reading | Failed | undefined): string[] {
  if (!direct || "failed" in direct) {
    return entry.outcome === "ok" ? [`${entry.model} is logged as an answer`] : [];
  }
  const { usage, usageSource } = entry;
  const logged = usageSource === "provider" && usage
    ? { input: usage.input, output: usage.output, cached: usage.cacheRead }
    : undefined;
  const same = JSON.stringify(logged) === JSON.stringify(direct.usage);
  return same ? [] : [`${entry.model} is logged with ${usageSource} ${JSON.stringify(logged)}`];
}

/** What differs, field by field and in short. */
function differing(expected: Reading | Failed, found: Reading | Failed): string[] {
  const fields = [...new Set([...Object.keys(expected), ...Object.keys(found)])] as (keyof Reading)[];
  return fields.filter((field) => shown(expected, field) !== shown(found, field)).map((field) => {
    const [one, other] = [shown(expected, field), shown(found, field)];
    const at = Math.max([...one].findIndex((character, index) => character !== other[index]) - 20, 0);
    return `${field} ${one.slice(at, at + 120)} became ${other.slice(at, at + 120)}`;
  });
}

function shown(reading: Reading | Failed, field: keyof Reading): string {
  return JSON.stringify((reading as Partial<Reading>)[field]) ?? "absent";
}

function served(recordings: readonly Recorded[], form: string) {
  const replies = new Map<string, Recording>();
  const models: Record<string, unknown> = {};
  for (const { id, kind, stream, status, body } of recordings) {
    const type = stream && status === 200 ? "text/event-stream" : "application/json";
    const recording = { body, status, headers: { "content-type": type } };
    replies.set(directModel(id), recording);
    replies.set(id, {
      ...recording,
      ...FORMS[form],
      ...(body.length > LARGE && form === "bytes" && { slice: 13 }),
    });
    models[id] = { provider: kind === "openai-chat" ? "openai" : "anthropic" };
  }
  return { replies, models };
}

/** The name under which the provider itself is asked for a recording. */
function directModel(id: string): string {
  return `${id}-direct`;
}

function directClient({ providers }: Proxy, { kind }: Recorded): OpenAI | Anthropic {
  const options = { apiKey: "any", maxRetries: 0 };
  return kind === "openai-chat"
    ? new OpenAI({ ...options, baseURL: providers.openaiURL })
    : new Anthropic({ ...options, baseURL: providers.anthropicURL });
}

function read(client: OpenAI | Anthropic, asking: Asking): Promise<Reading | Failed> {
  return client instanceof OpenAI ? readOpenAI(client, asking) : readAnthropic(client, asking);
}

/** Runs over all items, so many at a time. */
async function each<Item>(
  items: readonly Item[],
  atOnce: number,
  run: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
