/** File and environment → Policy, or everything that is wrong. Changes nothing: reloading is calling it again. */

import { dirname, resolve } from "node:path";
import type { Policy } from "../access/policy.ts";
import { DIALECTS } from "../dialects/registry.ts";
import type { Listen } from "./base-url.ts";
import { check } from "./check.ts";
import { parseDocument } from "./document.ts";
import { exposedFolder, writableByAll } from "./exposure.ts";
import { linesOf } from "./lines.ts";
import { masked } from "./masked.ts";
import {
  type Finding,
  folded,
  isBroken,
  type Path,
  type Problem,
  quote,
  showPath,
  unlessBroken,
  warning,
} from "./problem.ts";
import { type FileRead, readFileUpTo } from "./read-file.ts";
import { resolvePolicy } from "./resolve.ts";
import { readSecretFile, type SecretFile } from "./secret-file.ts";
import { type Held, readSecrets } from "./secrets.ts";
import { type Environment, providerSettings, providersInEffect } from "./settings.ts";
import { shape } from "./shape.ts";
import { type Pause, slices } from "../slices.ts";

export interface LoadOptions {
  readonly file: string;
  /** In place of what the file says now; relative paths begin in the file's folder all the same. */
  readonly text?: string;
  /** What was read of the file already. */
  readonly source?: FileRead;
  readonly env: Environment;
  /** Where the daemon listens, for checks of its own address; undefined when there is no daemon. */
  readonly listen?: Listen | undefined;
  /** Milliseconds since 1970, for keys that expired. */
  readonly now: number;
  /** Reads the files of secrets, if not from the disk. */
  readonly readSecret?: (path: string) => Promise<SecretFile>;
  /** The keys of files that were in use before. */
  readonly held?: Held;
  /** Others have their turn in it. */
  readonly pause?: Pause;
}

export interface Loaded {
  /** Absent when the file cannot be read or has problems. */
  readonly policy?: Policy;
  /** What the policy was made of. */
  readonly text?: string;
  /** The keys of files that the policy uses, by path. */
  readonly held?: Held;
  /** The files of secrets, as they are named, whose last good key stays in use. */
  readonly away?: readonly string[];
  /** In the order of their lines. With a policy there are warnings only. */
  readonly problems: readonly Problem[];
  /** Why the file could not be read, in one line. */
  readonly unreadable?: string;
}

/** Bytes; far more than people write. */
export const LARGEST = 10 * 1024 * 1024;

/** The file that commands read when none is named. */
export function defaultFile(env: Environment): string {
  return env["AI_PROXY_CONFIG"] || "rbac.json";
}

/** The text of a configuration, or why there is none. */
export function readConfiguration(file: string): Promise<FileRead> {
  return readFileUpTo(file, LARGEST);
}

/**
 * Reads, checks and resolves a configuration. Never throws for what is in the file, the environment or the disk, and
 * works in slices: whoever reloads serves requests meanwhile.
 */
export async function loadPolicy(options: LoadOptions): Promise<Loaded> {
  const { file, text, env, listen, now, readSecret = readSecretFile, held = new Map(), pause = slices() } =
    options;
  const source = text === undefined ? options.source ?? await readConfiguration(file) : { text };
  if ("failure" in source) {
    return { problems: [], unreadable: masked(`Cannot read ${quote(file)}: ${source.failure}`) };
  }
  const document = await parseDocument(source.text, pause);
  const show = (findings: readonly Finding[]) => toProblems(findings, source.text, pause);
  if (document.value === undefined) return { problems: await show(document.findings) };

  const { config, findings: malformed, broken, named } = await shape(document.value, pause);
  const findings = [...document.findings, ...malformed];
  if (!config) return { problems: await show(findings) };

  const settings = providerSettings(config, env);
  const directory = dirname(resolve(file));
  const { secrets, findings: secretFindings, ...files } = await readSecrets(
    providersInEffect(config, settings),
    { environment: env, directory, readFile: readSecret, held },
  );
  const surroundings = {
    dialects: DIALECTS,
    settings,
    listen,
    now,
    environment: env,
    broken: [...broken, ...document.findings.map(({ path }) => path)],
    // Of what stands twice, one is left out.
    named: isBroken("users", document.findings.map(({ path }) => path)) ? undefined : named,
  };
  const problems = await show([
    ...findings,
    ...unlessBroken(secretFindings, surroundings.broken),
    ...await check(config, surroundings, pause),
    ...(text === undefined ? await exposure(file, directory) : []),
  ]);
  if (problems.some(({ severity }) => severity === "problem")) return { problems };
  return {
    policy: await resolvePolicy(config, settings, secrets, surroundings, pause),
    text: source.text,
    ...files,
    problems,
  };
}

/** Who may write the configuration decides who may use which key. */
async function exposure(file: string, directory: string): Promise<Finding[]> {
  const everybody = "by everybody on this machine";
  return [
    ...(await writableByAll(file)
      ? [warning([], `The configuration can be written ${everybody}: chmod o-w it`)]
      : []),
    ...(await exposedFolder(directory)
      ? [warning([], `The configuration can be replaced ${everybody}: chmod o-w its folder`)]
      : []),
  ];
}

/** Findings between two questions whether others are due. */
const FINDINGS_A_LOOK = 32;

/** As they are shown: in the order of their lines, many of one kind as one, and without what may be a key. */
async function toProblems(findings: readonly Finding[], text: string, pause: Pause): Promise<Problem[]> {
  const shown = folded(findings);
  const unplaced: Path[] = shown.flatMap(({ path, line }) => line === undefined ? [path] : []);
  const lineOf = await linesOf(text, unplaced, pause);
  const problems: Problem[] = [];
  for (const [index, { severity, path, message, line = lineOf(path) }] of shown.entries()) {
    problems.push({
      severity,
      path: masked(showPath(path)),
      ...(line === undefined ? {} : { line }),
      message: masked(message),
    });
    const turn = index % FINDINGS_A_LOOK === 0 ? pause() : undefined;
    if (turn) await turn;
  }
  return problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
}
