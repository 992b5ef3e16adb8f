/** Reads the providers' keys from the environment and from files. */

import { stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { Upstream } from "../access/policy.ts";
import { secret } from "../secret.ts";
import { type Finding, type Path, problem, quote, warning } from "./problem.ts";
import { readFileUpTo } from "./read-file.ts";
import { type Environment, type ProviderSettings, variable } from "./settings.ts";

export interface Secrets {
  /** By the provider's name. */
  readonly secrets: ReadonlyMap<string, Upstream["secret"]>;
  readonly findings: readonly Finding[];
}

/**
 * Reads the key of each provider; one that cannot be had is a finding, never an exception.
 * @param directory where relative paths begin
 */
export async function readSecrets(
  providers: readonly ProviderSettings[],
  environment: Environment,
  directory: string,
): Promise<Secrets> {
  const read = await Promise.all(providers.map((provider) => readSecret(provider, environment, directory)));
  return {
    secrets: new Map(read.map((one) => [one.name, one.secret])),
    findings: read.flatMap((one) => one.findings),
  };
}

interface ReadSecret {
  readonly name: string;
  readonly secret: Upstream["secret"];
  readonly findings: readonly Finding[];
}

async function readSecret(
  { name, apiKey }: ProviderSettings,
  environment: Environment,
  directory: string,
): Promise<ReadSecret> {
  if (apiKey === undefined) return { name, secret: "none", findings: [] };
  const path = ["providers", name, "apiKey"];
  const source = "env" in apiKey
    ? readVariable(apiKey.env, environment)
    : await readSecretFile(resolve(directory, apiKey.file), apiKey.file, [...path, "file"]);
  const missing = (why: string): ReadSecret => ({
    name,
    secret: "missing",
    findings: [...source.findings, warning(path, `${source.origin} ${why}; models that need it answer 502`)],
  });
  if (source.failure !== undefined) return missing(source.failure);
  const key = source.text.replace(/[\r\n]+$/, "");
  if (key.trim() === "") return missing("is empty");
  if (/^[\x21-\x7e]+$/.test(key)) return { name, secret: secret(key), findings: source.findings };
  const unfit =
    `${source.origin} holds more than a key: line ends, spaces or characters that no header can carry`;
  return { name, secret: "missing", findings: [...source.findings, problem(path, unfit)] };
}

interface Source {
  /** What was read, as the subject of a sentence. */
  readonly origin: string;
  readonly text: string;
  /** Why there is no text. */
  readonly failure?: string;
  readonly findings: readonly Finding[];
}

function readVariable(name: string, environment: Environment): Source {
  const origin = `The environment variable ${name}`;
  const text = variable(environment, name);
  return text === undefined
    ? { origin, text: "", failure: "is not set", findings: [] }
    : { origin, text, findings: [] };
}

async function readSecretFile(file: string, name: string, path: Path): Promise<Source> {
  const origin = `The file ${quote(name)}`;
  const read = await readFileUpTo(file, LARGEST);
  if ("failure" in read) {
    return { origin, text: "", failure: `cannot be read, ${read.failure}`, findings: [] };
  }
  const exposed = warning(path, `${origin} can be read by other users of this machine: chmod 600 it`);
  return { origin, text: read.text, findings: await isExposed(file) ? [exposed] : [] };
}

/** Bytes; far longer than any key, so that a larger file is another one. */
const LARGEST = 16 * 1024;

async function isExposed(path: string): Promise<boolean> {
  // Container runtimes mount secrets readable; Windows has no such bits.
  if (sep !== "/" || path.startsWith("/run/secrets/")) return false;
  const { mode } = await stat(path).catch(() => ({ mode: 0 }));
  return (mode & 0o044) !== 0;
}
