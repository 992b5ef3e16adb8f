/** File and environment → Policy, or everything that is wrong. Changes nothing: reloading is calling it again. */

import { dirname, resolve } from "node:path";
import type { Policy } from "../access/policy.ts";
import { DIALECTS } from "../dialects/registry.ts";
import type { Listen } from "./base-url.ts";
import { check } from "./check.ts";
import { type Document, parseDocument } from "./document.ts";
import { type Finding, type Path, type Problem, quote, showPath } from "./problem.ts";
import { readFileUpTo } from "./read-file.ts";
import { resolvePolicy } from "./resolve.ts";
import { readSecrets } from "./secrets.ts";
import { type Environment, providerSettings, providersInEffect } from "./settings.ts";
import { shape } from "./shape.ts";

export interface LoadOptions {
  readonly file: string;
  /** In place of what the file says now; relative paths begin in the file's folder all the same. */
  readonly text?: string;
  readonly env: Environment;
  /** Where the daemon listens, for checks of its own address; undefined when there is no daemon. */
  readonly listen?: Listen | undefined;
  /** Milliseconds since 1970, for keys that expired. */
  readonly now: number;
}

export interface Loaded {
  /** Absent when the file cannot be read or has problems. */
  readonly policy?: Policy;
  /** What the policy was made of. */
  readonly text?: string;
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

/** Reads, checks and resolves a configuration. Never throws for what is in the file, the environment or the disk. */
export async function loadPolicy({ file, text, env, listen, now }: LoadOptions): Promise<Loaded> {
  const source = text === undefined ? await readFileUpTo(file, LARGEST) : { text };
  if ("failure" in source) {
    return { problems: [], unreadable: `Cannot read ${quote(file)}: ${source.failure}` };
  }
  const document = parseDocument(source.text);
  if (document.value === undefined) return { problems: toProblems(document.findings, document) };

  const { config, findings: malformed } = shape(document.value);
  const findings = [...document.findings, ...malformed];
  if (!config) return { problems: toProblems(findings, document) };

  const settings = providerSettings(config, env);
  const { secrets, findings: secretFindings } = await readSecrets(
    providersInEffect(config, settings),
    env,
    dirname(resolve(file)),
  );
  // What stands in the place of something malformed is not worth a second finding.
  const further = [...check(config, { dialects: DIALECTS, settings, listen, now }), ...secretFindings]
    .filter((finding) => !malformed.some((first) => leads(first.path, finding.path)));
  const problems = toProblems([...findings, ...further], document);
  if (problems.some(({ severity }) => severity === "problem")) return { problems };
  return { policy: resolvePolicy(config, settings, secrets), text: source.text, problems };
}

/** Whether one path is the beginning of another, or all of it. */
function leads(path: Path, to: Path): boolean {
  return path.every((step, index) => step === to[index]);
}

function toProblems(findings: readonly Finding[], document: Document): Problem[] {
  const problems = findings.map(({ severity, path, message, line = document.lineOf(path) }) => ({
    severity,
    path: showPath(path),
    ...(line === undefined ? {} : { line }),
    message,
  }));
  return problems.sort((one, other) => (one.line ?? 0) - (other.line ?? 0));
}
