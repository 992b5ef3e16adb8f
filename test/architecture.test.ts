/**
 * The shape of the source, read from its syntax trees: what may import what, what may touch the world, and where a
 * vendor may be named.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { type Import, readSource, type SourceFile } from "./tools/source-files.ts";

const ROOT = new URL("../", import.meta.url);

const FILES: readonly SourceFile[] = readdirSync(new URL("src/", ROOT), { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map((path) => readSource(path, readFileSync(new URL(`src/${path}`, ROOT), "utf8")));

test("the source is read: its files, and what each of them imports", () => {
  assert.ok(FILES.length > 50);
  const { imports } = readSource(
    "dialects/x.ts",
    `import { a } from "./sse.ts";
     import type { B } from "../chat.ts";
     export { c } from "ofetch";
     const d = import("citty");
     type E = import("undici").E;`,
  );
  assert.deepEqual(imports.map(({ to, own, typeOnly, line }) => [to, own, typeOnly, line]), [
    ["dialects/sse.ts", true, false, 1],
    ["chat.ts", true, true, 2],
    ["ofetch", false, false, 3],
    ["citty", false, false, 4],
    ["undici", false, true, 5],
  ]);
});

test("a use of the world is told from a name alone", () => {
  const uses = (text: string) => worldlyUses(readSource("x.ts", text)).map((use) => use.split(" uses ")[1]);
  assert.deepEqual(uses(`const t = Date.now(); const f = fetch; run(new Date()); setTimeout(a, 1);`), [
    "Date.now",
    "fetch",
    "new Date()",
    "setTimeout",
  ]);
  assert.deepEqual(uses(`const r = { random: Math.random, ...process };`), ["Math.random", "process"]);
  assert.deepEqual(
    uses(`// fetch it
      const at = new Date(text); options.fetch(); const o = { fetch: a, performance: "performance" };
      interface I { process: string } function f({ crypto }: I) {} `),
    [],
  );
});

// --- pure files ---

/** Values in, values out: no clock, no chance, no network, no runtime. */
const PURE: readonly RegExp[] = [
  /^(append|block-order|chat|errors|json|json-edit|json-scan|work)\.ts$/,
  /^dialects\//,
  /^routing\//,
  /^config\/(check|resolve)/,
  /^access\/policy\.ts$/,
];

/** What reaches the world, as a global name or as a member of one. */
const WORLDLY: ReadonlySet<string> = new Set([
  "Date.now",
  "new Date()",
  "Math.random",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "fetch",
  "performance",
  "crypto",
  "process",
  "Deno",
  "WebSocket",
  "globalThis",
]);

/** Files that only wrap a pure function of a runtime's module; a pure file may import them. */
const PURE_WRAPPERS: ReadonlyMap<string, string> = new Map([
  ["digest.ts", "SHA-256 gives the same digest for the same text; the platform has it in node:crypto alone"],
]);

const PACKAGES_OF_THE_WORLD = /^(node:|ofetch$|citty$|consola(\/|$)|undici$)/;

test("pure files import nothing of the world, not even through others", () => {
  const problems: string[] = [];
  for (const file of FILES.filter(({ path }) => isPure(path))) {
    for (const { to, own, line, typeOnly } of file.imports) {
      const pure = own ? isPure(to) || PURE_WRAPPERS.has(to) || typeOnly : !PACKAGES_OF_THE_WORLD.test(to);
      if (!pure && !(own && reachesNothing(to))) problems.push(`src/${file.path}:${line} imports ${to}`);
    }
  }
  assert.deepEqual(problems, []);
});

test("pure files use no clock, no chance, no timer and no network", () => {
  const problems = FILES.filter(({ path }) => isPure(path)).flatMap(worldlyUses);
  assert.deepEqual(problems, []);
});

test("a wrapper of a pure function does nothing else", () => {
  for (const [path] of PURE_WRAPPERS) {
    const file = FILES.find((each) => each.path === path);
    assert.ok(file, `src/${path} is gone: take it from the list`);
    assert.deepEqual(file.imports.map(({ to }) => to), ["node:crypto"]);
    assert.deepEqual(worldlyUses(file), []);
  }
});

function isPure(path: string): boolean {
  return PURE.some((pattern) => pattern.test(path));
}

/** True for a file outside the pure folders that might as well be in them. */
function reachesNothing(path: string, seen: Set<string> = new Set()): boolean {
  if (seen.has(path) || PURE_WRAPPERS.has(path)) return true;
  seen.add(path);
  const file = FILES.find((each) => each.path === path);
  if (!file || worldlyUses(file).length > 0) return false;
  return file.imports.filter(({ typeOnly }) => !typeOnly).every(({ to, own }) =>
    own ? reachesNothing(to, seen) : !PACKAGES_OF_THE_WORLD.test(to)
  );
}

function worldlyUses({ path, words }: SourceFile): string[] {
  return words
    .filter(({ quoted, text, member }) => WORLDLY.has(member ?? "") || (!quoted && WORLDLY.has(text)))
    .map(({ text, member, line }) => `src/${path}:${line} uses ${member ?? text}`);
}

// --- vendors ---

const VENDORS =
  /openai|anthropic|claude|(?<![a-z])gpt|gemini|deepseek|mistral|(?<![a-z])azure|bedrock|vertex|cohere|(?<![a-z])groq|openrouter|ollama|vllm|qwen|llama/i;

/** Where vendors are at home. */
const HOMES: readonly RegExp[] = [
  /^upstream\/providers\.ts$/,
  /^dialects\/openai-chat\//,
  /^dialects\/anthropic-messages\//,
  /^dialects\/registry\.ts$/,
  /^demo\//,
];

test("vendors are named at home: with their entry, in their dialect's folder, in the demo", () => {
  const problems = FILES
    .filter(({ path }) => !HOMES.some((home) => home.test(path)))
    .flatMap(({ path, words, imports }) => [
      ...words.filter(({ text }) => VENDORS.test(text)).map(({ text, line }) =>
        `src/${path}:${line} says ${JSON.stringify(text.slice(0, 80))}`
      ),
      ...imports.filter(({ to }) => VENDORS.test(to)).map(({ to, line }) =>
        `src/${path}:${line} imports ${to}`
      ),
    ]);
  assert.deepEqual(problems, []);
});

test("a dialect's folder names no other vendor's dialect", () => {
  const problems = FILES.flatMap(({ path, imports }) => {
    const [, folder] = /^dialects\/([^/]+)\//.exec(path) ?? [];
    return imports
      .filter(({ to }) => folder && /^dialects\/[^/]+\//.test(to) && !to.startsWith(`dialects/${folder}/`))
      .map(({ to, line }) => `src/${path}:${line} imports ${to}`);
  });
  assert.deepEqual(problems, []);
});

// --- layers ---

/** From the ground up: a file imports what it needs from its own layer and from those below. */
const LAYERS: readonly (readonly [string, RegExp])[] = [
  [
    "vocabulary",
    /^(append|block-order|chat|errors|json|json-edit|json-scan|digest|secret|nearest|pieces|slices|work)\.ts$/,
  ],
  ["dialects", /^dialects\//],
  [
    "decisions",
    /^(access|routing|account|config|upstream)\/|^(credential-search|escapes|recall|redact|shown-ends)\.ts$/,
  ],
  ["line", /^[^/]+\.ts$|^(attempt|endpoints|runtime)\//],
  ["demo", /^demo\//],
  ["commands", /^commands\/|^(main|run-process|outlive|cli)\.ts$/],
];

test("layers import downwards only", () => {
  const problems = FILES.flatMap(({ path, imports }) =>
    imports
      .filter(({ to, own }) => own && layerOf(to) > layerOf(path))
      .map(({ to, line }) => `src/${path}:${line} (${layerName(path)}) imports ${to} (${layerName(to)})`)
  );
  assert.deepEqual(problems, []);
});

test("what a process does first is not held up by what it loads", () => {
  for (const path of ["main.ts", "commands/workers/worker.ts"]) {
    const file = FILES.find((each) => each.path === path);
    const first = file?.imports.filter(({ to }) => !/run-process|serve-orders/.test(to)).map(({ to }) => to);
    assert.deepEqual(first, ["node:process", "outlive.ts"]);
  }
  assert.deepEqual(FILES.find(({ path }) => path === "outlive.ts")?.imports.map(({ to }) => to), [
    "node:process",
  ]);
});

test("there are no import cycles", () => {
  assert.deepEqual(cycles((each) => !each.typeOnly), [], "of what is there when the program runs");
  assert.deepEqual(cycles(() => true), [], "types included");
});

/** The first layer that fits; commands and main come before the line's own files. */
function layerOf(path: string): number {
  const top = LAYERS.length - 1;
  if (LAYERS[top]?.[1].test(path)) return top;
  return LAYERS.findIndex(([, pattern]) => pattern.test(path));
}

function layerName(path: string): string {
  return LAYERS[layerOf(path)]?.[0] ?? "no layer";
}

/** Each cycle once, as the files on it. */
function cycles(counts: (each: Import) => boolean): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      const loop = trail.slice(at);
      const first = loop.indexOf([...loop].sort()[0] ?? "");
      found.add([...loop.slice(first), ...loop.slice(0, first), loop[first]].join(" → "));
      return;
    }
    if (done.has(path)) return;
    const file = FILES.find((each) => each.path === path);
    for (const each of file?.imports ?? []) if (each.own && counts(each)) walk(each.to, [...trail, path]);
    done.add(path);
  };
  for (const { path } of FILES) walk(path, []);
  return [...found].sort();
}

// --- cost ---

/** Where a list is handed over as arguments all the same, and why it is short. */
const SHORT_LISTS: ReadonlyMap<string, string> = new Map([
  ["access/keys.ts", "32 random bytes"],
  ["attempt/provider-headers.ts", "three limits"],
  ["routing/plan.ts", "the targets of one route"],
]);

/** What the operator's own file, command line or disk makes long is not what a client or a provider makes long. */
const OPERATORS: readonly RegExp[] = [/^config\//, /^commands\//, /^demo\//];

test("no list is spread into the arguments of a call: a long one is more than the stack holds", () => {
  assert.deepEqual(readSource("x.ts", "f(...a); [...b]; g({ ...c }, ...d); new E(...f);").spreads, [1, 1, 1]);
  const problems = FILES
    .filter(({ path }) => !SHORT_LISTS.has(path) && !OPERATORS.some((pattern) => pattern.test(path)))
    .flatMap(({ path, spreads }) => spreads.map((line) => `src/${path}:${line}: use append()`));
  assert.deepEqual(problems, []);
  for (const [path] of SHORT_LISTS) {
    assert.ok(
      FILES.find((each) => each.path === path)?.spreads.length,
      `src/${path} has none: take it from the list`,
    );
  }
});

/** Where text is parsed that neither a client nor a provider sent, and whose it is. */
const OTHER_PARSERS: readonly (readonly [RegExp, string])[] = [
  [/^cli\.ts$/, "our own package.json"],
  [/^config\//, "the operator's file"],
  [/^demo\//, "what the proxy itself sends to its simulated providers"],
  [/^commands\//, "what our own processes write for each other"],
];

test("JSON comes in through one door, which knows its limits", () => {
  const problems = FILES
    .filter(({ path }) => path !== "json.ts" && !OTHER_PARSERS.some(([pattern]) => pattern.test(path)))
    .flatMap(({ path, words }) =>
      words.filter(({ member, text }) =>
        member === "JSON.parse" || (text === "json" && member === "response.json")
      )
        .map(({ line }) => `src/${path}:${line} calls JSON.parse: use readJson, tryParseJson or readWithin`)
    );
  assert.deepEqual(problems, []);
  for (const [pattern] of OTHER_PARSERS) assert.ok(FILES.some(({ path }) => pattern.test(path)));
});

// --- packages ---

/** Who alone may import a package. */
const RESERVED: readonly (readonly [package_: RegExp, readonly RegExp[]])[] = [
  [/^ofetch$/, [/^upstream\/send\.ts$/]],
  [/^undici(\/|$)/, [/^upstream\/(connect|connector|thin-fetch)\.ts$/]],
  [/^(citty|consola)(\/|$)/, [/^commands\//, /^(main|cli)\.ts$/]],
];

test("each package has one place", () => {
  const problems = FILES.flatMap(({ path, imports }) =>
    imports.filter(({ to, own }) =>
      !own && RESERVED.some(([name, places]) => name.test(to) && !places.some((place) => place.test(path)))
    ).map(({ to, line }) => `src/${path}:${line} imports ${to}`)
  );
  assert.deepEqual(problems, []);
});

test("what is imported at run time is what package.json depends on", () => {
  const manifest = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const imported = FILES.flatMap(({ imports }) => imports)
    .filter(({ own, typeOnly, to }) => !own && !typeOnly && !to.startsWith("node:"))
    .map(({ to }) => packageOf(to));
  assert.deepEqual([...new Set(imported)].sort(), Object.keys(manifest.dependencies).sort());
});

test("every file of ours that is imported exists", () => {
  const paths = new Set(FILES.map(({ path }) => path));
  const problems = FILES.flatMap(({ path, imports }) =>
    imports.filter(({ to, own }) => own && !paths.has(to)).map(({ to, line }) =>
      `src/${path}:${line} imports ${to}`
    )
  );
  assert.deepEqual(problems, []);
});

/** `consola` for `consola/core`, `@scope/name` for what is below it. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

// --- accessors ---

/** What is made once and lives as long as its owner. */
const LONG_LIVED: ReadonlySet<string> = new Set([
  "byte-budget.ts",
  "in-flight.ts",
  "recall.ts",
  "runtime/connections.ts",
]);

test("what is made for each request has no accessor: its hidden class would hold the request until all is collected", () => {
  const accessor = /^\s+(?:get|set) \w+\([^)]*\)(?:: [^{]+)? \{$/m;
  const problems = FILES.filter(({ path }) => !path.startsWith("demo/") && !LONG_LIVED.has(path))
    .filter(({ path }) => accessor.test(readFileSync(new URL(`src/${path}`, ROOT), "utf8")))
    .map(({ path }) => `src/${path}`);
  assert.deepEqual(problems, []);
});
