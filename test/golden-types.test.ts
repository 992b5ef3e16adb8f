/** Every golden request is type-checked against the parameters of its provider's official SDK. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { isObject, type JsonObject } from "../src/json.ts";

const GOLDEN = new URL("golden/requests/", import.meta.url);

interface Api {
  readonly dialect: string;
  readonly sdk: string;
  readonly type: string;
  /** Fields that are sent and are not in the SDK's type, with theirs; each has its reason beside it. */
  readonly extensions: Readonly<Record<string, string>>;
}

const APIS: readonly Api[] = [
  {
    dialect: "anthropic-messages",
    sdk: "@anthropic-ai/sdk",
    type: "MessageCreateParams",
    // The SDK types the API's version 2026-10-21, which has no sampling; 2023-06-01, which is asked for, has it.
    extensions: { temperature: "number", top_p: "number", top_k: "number" },
  },
  {
    dialect: "openai-chat",
    sdk: "openai",
    type: "Chat.ChatCompletionCreateParams",
    extensions: {},
  },
];

for (const api of APIS) {
  test(`every golden request for ${api.dialect} has the type ${api.type} of ${api.sdk}`, () => {
    const bodies = bodiesFor(api.dialect);
    assert.ok(bodies.length > 50, `Only ${bodies.length} bodies`);
    assert.deepEqual(diagnose(api, bodies), []);
  });

  test(`a body that is not of type ${api.type} would be found`, () => {
    const mistyped = { name: "mistyped", body: { model: "m", max_tokens: "many", messages: [] } };
    const unknown = { name: "unknown", body: { model: "m", max_tokens: 1, messages: [], top_q: 1 } };
    const found = diagnose(api, [mistyped, unknown]).map((problem) => problem.split(":")[0]);
    assert.deepEqual(found, ["mistyped", "unknown"]);
  });

  test(`the fields beyond ${api.type} are in some golden request`, () => {
    const sent = new Set(bodiesFor(api.dialect).flatMap(({ body }) => Object.keys(body)));
    assert.deepEqual(Object.keys(api.extensions).filter((field) => !sent.has(field)), []);
  });
}

interface Body {
  readonly name: string;
  readonly body: JsonObject;
}

function bodiesFor(dialect: string): Body[] {
  return readdirSync(GOLDEN).filter((file) => file.endsWith(`-to-${dialect}.json`)).sort().flatMap((file) => {
    const golden = JSON.parse(readFileSync(new URL(file, GOLDEN), "utf8")) as JsonObject;
    return Object.entries(golden).flatMap(([model, written]) => {
      const body = isObject(written) ? written.body : undefined;
      return isObject(body) ? [{ name: `${file.split(".")[0]}.${model}`, body }] : [];
    });
  });
}

/** What the compiler says of a program that assigns each body to the type, as `case: message`. */
function diagnose({ sdk, type, extensions }: Api, bodies: readonly Body[]): string[] {
  const lines = bodies.map(({ body }, at) => `const case${at}: T = ${JSON.stringify(body)};`);
  const extra = Object.entries(extensions).map(([field, fieldType]) => `${field}?: ${fieldType}`).join("; ");
  const head = [`import type SDK from ${JSON.stringify(sdk)};`, `type T = SDK.${type} & { ${extra} };`];
  const source = [...head, ...lines].join("\n");
  const program = compile(source, sdk);
  const file = program.getSourceFile(FILE);
  assert.ok(file);
  const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  return found.map(({ start = 0, messageText }) => {
    const at = file.getLineAndCharacterOfPosition(start).line - head.length;
    return `${bodies[at]?.name ?? sdk}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

const FILE = fileURLToPath(new URL("golden-types.generated.ts", import.meta.url));

/** A program of one file that is nowhere on disk. */
function compile(source: string, sdk: string): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    paths: { [sdk]: [entryOf(sdk)] },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => path === FILE || fileExists(path);
  host.readFile = (path) => path === FILE ? source : readFile(path);
  host.getSourceFile = (path, ...rest) =>
    path === FILE
      ? ts.createSourceFile(path, source, ts.ScriptTarget.ES2023, true)
      : getSourceFile(path, ...rest);
  return ts.createProgram([FILE], options, host);
}

/** The types of a package's entry, wherever this runtime keeps its packages. */
function entryOf(sdk: string): string {
  const entry = fileURLToPath(import.meta.resolve(sdk));
  return `${dirname(entry)}/index.d.ts`;
}
