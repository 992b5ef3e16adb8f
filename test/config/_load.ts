/** Loads a configuration from a text, as the commands load theirs from a file. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Loaded, type LoadOptions, loadPolicy } from "../../src/config/load.ts";

/** The moment of all tests: 2026-11-22. */
export const NOW = Date.UTC(2026, 10, 22);

/** With keys for both built-in providers. */
export const ENV = { OPENAI_API_KEY: "key-o", ANTHROPIC_API_KEY: "key-a" };

type Options = Partial<Pick<LoadOptions, "env" | "listen">> & {
  readonly files?: Readonly<Record<string, string>>;
};

/** @param config JSON text, bytes, or a value to be written as JSON; `files` stand beside it */
export async function load(config: unknown, { files = {}, ...options }: Options = {}): Promise<Loaded> {
  const directory = await mkdtemp(join(tmpdir(), "ai-proxy-"));
  try {
    const file = join(directory, "rbac.json");
    const raw = typeof config === "string" || config instanceof Uint8Array;
    await writeFile(file, raw ? config : JSON.stringify(config));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, name), text, { mode: 0o600 });
    }
    return await loadPolicy({ file, env: ENV, now: NOW, ...options });
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Severity and place of what was found. */
export async function found(config: unknown, options: Options = {}): Promise<string[]> {
  const { problems } = await load(config, options);
  return problems.map(({ severity, path }) => `${severity} ${path}`);
}

/** A configuration in which one user may use one model, with parts of it replaced. */
export function configWith(parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    users: { ann: { models: [{ name: "m" }] } },
    models: { m: { provider: "openai" } },
    ...parts,
  };
}
