/**
 * The golden matrix: every fixture of every dialect through every other dialect, compared with `golden/`. A dialect
 * that joins the registry is in the matrix; what a change does to the wire is seen as a difference of these files.
 *
 * UPDATE_GOLDEN=1 npx -y deno@2.9.6 task test writes them anew: read the difference before you commit it.
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { ChatEvent } from "../src/chat.ts";
import { clientRequest, prepare } from "../src/dialects/bridge.ts";
import type { Dialect, ReplyOptions, Undo } from "../src/dialects/dialect.ts";
import { DIALECTS } from "../src/dialects/registry.ts";
import { splitFrames, writeEvent } from "../src/dialects/sse.ts";
import { pipe, run } from "../src/dialects/stepper.ts";
import { GatewayError } from "../src/errors.ts";
import { parseBody } from "../src/http.ts";
import { isObject, type Json, type JsonObject, members, parseJson, stringifyJson } from "../src/json.ts";

const FIXTURES = new URL("fixtures/", import.meta.url);
const GOLDEN = new URL("golden/", import.meta.url);
const UPDATE = process.env["UPDATE_GOLDEN"] === "1";

/** Models that differ in what they take, for each dialect that requests are written in. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  "anthropic-messages": ["claude-sonnet-4-5", "claude-opus-4-6", "claude-fable-5-1", "claude-3-haiku"],
  "openai-chat": ["gpt-5", "gpt-4o", "qwen3"],
};

const OPTIONS: ReplyOptions = {
  requestId: "req_0123456789abcdef",
  created: 1_800_000_000,
  includeUsage: true,
  legacyFunctions: false,
  estimatedInput: 21,
};

/** Answers that are read or shown in another way than the plain one, by dialect and case. */
interface Variant {
  readonly of: string;
  readonly name: string;
  readonly undo?: Partial<Undo>;
  readonly options?: Partial<ReplyOptions>;
}

const VARIANTS: readonly Variant[] = [
  { of: "anthropic-messages/tool-use", name: "legacy-functions", options: { legacyFunctions: true } },
  { of: "anthropic-messages/tool-use", name: "custom-tool", undo: { customTools: new Set(["get_weather"]) } },
  { of: "anthropic-messages/tool-use", name: "json-tool", undo: { jsonTool: "get_weather" } },
  {
    of: "anthropic-messages/tool-use",
    name: "restored-name",
    undo: { toolNames: new Map([["get_weather", "weather.get"]]) },
  },
  { of: "anthropic-messages/text", name: "without-usage", options: { includeUsage: false } },
  {
    of: "openai-chat/tool-call",
    name: "restored-name",
    undo: { toolNames: new Map([["get_weather", "weather__get".repeat(8)]]) },
  },
];

const expectedFiles = new Set<string>();

for (const client of DIALECTS.values()) {
  test(`${client.name} has fixtures of requests, replies and streams, and models to write requests for`, () => {
    for (const kind of ["requests", "replies", "streams"]) {
      assert.ok(casesOf(client, kind).length > 0, `No fixtures in test/fixtures/${client.name}/${kind}`);
    }
    assert.ok(MODELS[client.name]?.length, `Name models of ${client.name} in MODELS`);
  });
  for (const upstream of DIALECTS.values()) if (upstream !== client) matrix(client, upstream);
}

function matrix(client: Dialect, upstream: Dialect): void {
  const there = `${client.name}-to-${upstream.name}`;
  const back = `${upstream.name}-to-${client.name}`;
  for (const name of casesOf(client, "requests")) {
    golden(`requests/${name}.${there}.json`, () => pretty(requestFor(client, upstream, name)));
  }
  for (const answer of answersOf(upstream, "replies")) {
    golden(`replies/${answer.name}.${back}.json`, () => pretty(replyFor(client, upstream, answer)));
  }
  for (const answer of answersOf(upstream, "streams")) {
    golden(`streams/${answer.name}.${back}.sse`, () => streamFor(client, upstream, answer));
  }
}

test("no golden file is without its case", () => {
  const stale = ["requests", "replies", "streams"]
    .flatMap((kind) => filesIn(new URL(`${kind}/`, GOLDEN)).map((file) => `${kind}/${file}`))
    .filter((path) => !expectedFiles.has(path));
  if (UPDATE) { for (const path of stale) rmSync(new URL(path, GOLDEN)); }
  else assert.deepEqual(stale, [], "UPDATE_GOLDEN=1 takes them away");
});

// --- what is compared ---

/** By model: the request as it goes out, or its refusal; a model that gets the same as another names that one. */
function requestFor(client: Dialect, upstream: Dialect, name: string): JsonObject {
  const byText = new Map<string, string>();
  return members((MODELS[upstream.name] ?? []).map((model) => {
    const written = encode(client, upstream, name, model);
    const text = stringifyJson(withoutModel(written));
    const same = byText.get(text);
    byText.set(text, same ?? model);
    return [model, same === undefined ? written : `as ${same}`];
  }));
}

function encode(client: Dialect, upstream: Dialect, name: string, model: string): JsonObject {
  const text = readFixture(client, "requests", `${name}.json`);
  try {
    const request = clientRequest(client, parseBody(new TextEncoder().encode(text)), headersOf(client, name));
    const target = { model, options: {}, refuses: new Set<string>() };
    const { body, headers, stream, warnings } = prepare(request, upstream, target, (chat) => chat);
    return { headers, stream, warnings, body: parseJson(textOf(body)) };
  } catch (thrown) {
    return { refused: refusal(thrown) };
  }
}

function textOf(body: string | Uint8Array): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

interface Answer {
  readonly name: string;
  readonly undo: Omit<Undo, "model">;
  readonly options: ReplyOptions;
}

function replyFor(client: Dialect, upstream: Dialect, { name, undo, options }: Answer): JsonObject {
  const text = readFixture(upstream, "replies", `${fixtureOf(name)}.json`);
  try {
    const reply = upstream.decodeReply(parseJson(text), { ...undo, model: sentModel(upstream) });
    const warnings = [...reply.warnings, ...client.lostInReply?.(reply) ?? []];
    return { warnings, body: client.encodeReply(reply, options) };
  } catch (thrown) {
    return { failed: refusal(thrown), ...client.encodeError(asOwn(thrown), options.requestId) };
  }
}

/** The client's stream as text; warnings, which go to the log, stand in front of it as comments. */
function streamFor(client: Dialect, upstream: Dialect, { name, undo, options }: Answer): string {
  const bytes = readFileSync(new URL(`${upstream.name}/streams/${fixtureOf(name)}.sse`, FIXTURES));
  const decoder = pipe(splitFrames(), upstream.decodeEvents({ ...undo, model: sentModel(upstream) }));
  const events = run(decoder, [new Uint8Array(bytes)]);
  const encoder = client.encodeEvents(options);
  const out = events.flatMap((event: ChatEvent) =>
    event.type === "error" ? [client.encodeErrorEvent(event.error, options.requestId)] : encoder.push(event)
  );
  const last = events.at(-1)?.type === "error" ? [] : encoder.end();
  const warnings = events.flatMap((event) => event.type === "warning" ? [`warning ${event.warning}`] : []);
  return [...warnings.map((comment) => ({ comment })), ...out, ...last].map(writeEvent).join("");
}

// --- the files ---

/** Registers the test of one golden file. */
function golden(path: string, written: () => string): void {
  expectedFiles.add(path);
  test(`golden/${path} is what is written today`, () => {
    const actual = written();
    const file = new URL(path, GOLDEN);
    const expected = existsSync(file) ? readFileSync(file, "utf8") : undefined;
    if (UPDATE && expected !== actual) {
      mkdirSync(new URL(".", file), { recursive: true });
      writeFileSync(file, actual);
      return;
    }
    assert.ok(expected !== undefined, `test/golden/${path} is not there: UPDATE_GOLDEN=1 writes it`);
    assert.equal(actual, expected, `If this is meant, UPDATE_GOLDEN=1 writes test/golden/${path} anew`);
  });
}

function casesOf(dialect: Dialect, kind: string): string[] {
  return filesIn(new URL(`${dialect.name}/${kind}/`, FIXTURES))
    .filter((file) => !file.endsWith(".headers.json"))
    .map((file) => file.replace(/\.\w+$/, ""));
}

function answersOf(dialect: Dialect, kind: string): Answer[] {
  return casesOf(dialect, kind).flatMap((name) => [
    { name, undo: {}, options: OPTIONS },
    ...VARIANTS.filter(({ of }) => of === `${dialect.name}/${name}`).map((variant) => ({
      name: `${name}.${variant.name}`,
      undo: variant.undo ?? {},
      options: { ...OPTIONS, ...variant.options },
    })),
  ]);
}

function fixtureOf(name: string): string {
  return name.split(".")[0] ?? name;
}

function filesIn(folder: URL): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function readFixture(dialect: Dialect, kind: string, file: string): string {
  return readFileSync(new URL(`${dialect.name}/${kind}/${file}`, FIXTURES), "utf8");
}

/** Headers that a request came with, where it had any that matter. */
function headersOf(dialect: Dialect, name: string): Record<string, string> {
  const file = new URL(`${dialect.name}/requests/${name}.headers.json`, FIXTURES);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) as Record<string, string> : {};
}

function sentModel(dialect: Dialect): string {
  return MODELS[dialect.name]?.[0] ?? "";
}

// --- small helpers ---

function withoutModel(written: JsonObject): JsonObject {
  const { body } = written;
  return isObject(body) ? { ...written, body: { ...body, model: undefined } } : written;
}

function asOwn(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  throw thrown;
}

function refusal(thrown: unknown): JsonObject {
  const { source, shown, param, message, ...error } = asOwn(thrown);
  const code = source === "upstream" ? shown : error.code;
  return { code, ...(param !== undefined && { param }), message };
}

/** JSON with the digits of exact numbers; what fits on a line stays on it. */
function pretty(value: Json, indent = ""): string {
  const text = stringifyJson(value);
  const nested = Array.isArray(value) ? value.length > 0 : isObject(value) && text !== "{}";
  if (indent !== "" && (!nested || indent.length + text.length <= 100)) return text;
  const inner = `${indent}  `;
  const rows = Array.isArray(value)
    ? value.map((item) => inner + pretty(item, inner))
    : Object.entries(value ?? {}).flatMap(([key, item]) =>
      item === undefined ? [] : [`${inner}${JSON.stringify(key)}: ${pretty(item, inner)}`]
    );
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${rows.join(",\n")}\n${indent}${close}${indent === "" ? "\n" : ""}`;
}
