/** Reads the providers' keys from the environment and from files. */

import { resolve } from "node:path";
import type { Upstream } from "../access/policy.ts";
import { type Secret, secret } from "../secret.ts";
import { type Finding, type Path, problem, quote, warning } from "./problem.ts";
import type { SecretFile } from "./secret-file.ts";
import { type Environment, type ProviderSettings, variable } from "./settings.ts";

export interface Secrets {
  /** By the provider's name. */
  readonly secrets: ReadonlyMap<string, Upstream["secret"]>;
  readonly findings: readonly Finding[];
  /** The files' keys by path, with those of files that are away and whose last good key is still in use. */
  readonly held: Held;
  /** The files, as the configuration names them, whose last good key is still in use. */
  readonly away: readonly string[];
}

/** Keys by the path of their file. */
export type Held = ReadonlyMap<string, Secret>;

export interface SecretSources {
  readonly environment: Environment;
  /** Where relative paths begin. */
  readonly directory: string;
  readonly readFile: (path: string) => Promise<SecretFile>;
  /** What was held before: used where a file has no key now. */
  readonly held: Held;
}

/** Reads the key of each provider; one that cannot be had is a finding, never an exception. */
export async function readSecrets(
  providers: readonly ProviderSettings[],
  sources: SecretSources,
): Promise<Secrets> {
  const read = await Promise.all(providers.map((provider) => readSecret(provider, sources)));
  return {
    secrets: new Map(read.map((one) => [one.name, one.secret])),
    findings: read.flatMap((one) => one.findings),
    held: new Map(read.flatMap(({ held }) => held ? [held] : [])),
    away: read.flatMap(({ away }) => away === undefined ? [] : [away]),
  };
}

interface ReadSecret {
  readonly name: string;
  readonly secret: Upstream["secret"];
  readonly findings: readonly Finding[];
  readonly held?: readonly [string, Secret];
  readonly away?: string;
}

async function readSecret(
  { name, apiKey }: ProviderSettings,
  { environment, directory, readFile, held }: SecretSources,
): Promise<ReadSecret> {
  if (apiKey === undefined) return { name, secret: "none", findings: [] };
  const place = ["providers", name, "apiKey"];
  if ("env" in apiKey) {
    const origin = `The environment variable ${apiKey.env}`;
    const text = variable(environment, apiKey.env);
    const taken = text === undefined ? { failure: "is not set" } : keyIn(text, false);
    return { name, ...withoutHeld(place, origin, taken) };
  }
  const path = resolve(directory, apiKey.file);
  const origin = `The file ${quote(apiKey.file)}`;
  const file = await readFile(path);
  const taken = "failure" in file.read
    ? { failure: `cannot be read, ${file.read.failure}${hintFor(apiKey.file)}` }
    : keyIn(file.read.text, true);
  const exposed = exposure([...place, "file"], origin, file);
  if (taken.key !== undefined) {
    const key = secret(taken.key);
    return {
      name,
      secret: key,
      findings: [...exposed, ...oddities(place, origin, taken)],
      held: [path, key],
    };
  }
  const last = held.get(path);
  if (!last) {
    const { findings, ...rest } = withoutHeld(place, origin, taken);
    return { name, ...rest, findings: [...exposed, ...findings] };
  }
  const why = `${origin} ${taken.failure ?? taken.unfit}; its last good key stays in use`;
  return {
    name,
    secret: last,
    findings: [...exposed, warning(place, why)],
    held: [path, last],
    away: apiKey.file,
  };
}

/** What a text gives as a key. */
interface Taken {
  readonly key?: string;
  /** What is odd about the text, though there is a key in it. */
  readonly odd?: readonly string[];
  /** Why there is no key. */
  readonly failure?: string;
  /** Why what is there cannot be sent. */
  readonly unfit?: string;
}

/**
 * The key in a text. Line ends behind it are usual in files; other blanks around it are not part of it, and are told.
 * @param file the text is a file's
 */
function keyIn(text: string, file: boolean): Taken {
  const key = text.trim();
  if (key === "") return { failure: "is empty" };
  if (/^bearer\s/i.test(key)) {
    return { failure: 'has "Bearer" before its key, which is added where it is due' };
  }
  if (/\s/.test(key)) return { failure: "holds more than a key: there are blanks or line ends in it" };
  if (!/^[\x21-\x7e]+$/.test(key)) return { unfit: "holds characters that no header can carry" };
  const around = file ? text.replace(/[\r\n]+$/, "") : text;
  const odd = [
    ...(around === key ? [] : ["has blanks or line ends around its key, which are not sent: remove them"]),
    ...(/^(["'`]).*\1$/.test(key) ? ["has its key in quotes, which are sent with it: remove them"] : []),
  ];
  return { key, odd };
}

function withoutHeld(place: Path, origin: string, taken: Taken): Pick<ReadSecret, "secret" | "findings"> {
  const { key, failure, unfit } = taken;
  if (key !== undefined) return { secret: secret(key), findings: oddities(place, origin, taken) };
  const finding = unfit === undefined
    ? warning(place, `${origin} ${failure}; models that need it answer 502`)
    : problem(place, `${origin} ${unfit}`);
  return { secret: "missing", findings: [finding] };
}

function oddities(place: Path, origin: string, { odd = [] }: Taken): Finding[] {
  return odd.map((what) => warning(place, `${origin} ${what}`));
}

function exposure(path: Path, origin: string, { exposed, replaceable }: SecretFile): Finding[] {
  const others = "by other users of this machine";
  return [
    ...(exposed === "" ? [] : [warning(path, `${origin} can be ${exposed} ${others}: chmod 600 it`)]),
    ...(replaceable
      ? [warning(path, `${origin} can be replaced ${others}: take the right to write from its folder`)]
      : []),
  ];
}

/** Shells expand some paths; nothing does here. */
function hintFor(file: string): string {
  if (file.startsWith("~")) return ": ~ is not expanded, write the whole path";
  return /[$%]/.test(file) ? ": variables are not expanded, write the whole path" : "";
}
