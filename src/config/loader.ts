/** A configuration that is loaded again and again: what is the same is not worked on twice, and good keys are held. */

import { resolve } from "node:path";
import { sha256 } from "../digest.ts";
import { type Loaded, type LoadOptions, loadPolicy, readConfiguration } from "./load.ts";
import { type Mark, markOf } from "./mark.ts";
import type { FileRead } from "./read-file.ts";
import { readSecretFile, type SecretFile } from "./secret-file.ts";
import type { Held } from "./secrets.ts";
import { slices } from "../slices.ts";

export interface Loader {
  load(): Promise<LoadedAgain>;
  /** What the last load read. */
  seen(): Seen;
}

export interface LoadedAgain extends Loaded {
  /** Nothing that was read is another than in the load before: what is wrong is told again, and there is no policy. */
  readonly unchanged?: boolean;
  /** The file is still bad: this is the last good one, with keys that are another. */
  readonly lastGood?: boolean;
}

export interface Seen {
  readonly configuration: string;
  /** Each file, and how it looked before it was read. */
  readonly marks: ReadonlyMap<string, Mark>;
}

export type LoaderOptions = Pick<LoadOptions, "file" | "env" | "listen"> & { readonly now: () => number };

interface Last {
  readonly digest: string;
  /** Of the files of secrets, by path. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What came of it, but for the policy. */
  readonly outcome: Pick<Loaded, "problems" | "unreadable">;
  readonly accepted: boolean;
}

/** @param options `file` and what surrounds it; each load reads what is there then */
export function createLoader({ file, env, listen, now }: LoaderOptions): Loader {
  const configuration = resolve(file);
  let marks = new Map<string, Mark>();
  let held: Held = new Map();
  let last: Last | undefined;
  let good: string | undefined;

  /** Marks come before reads, so that what changes in between is seen by the next look. */
  const readMarked = async (path: string): Promise<SecretFile> => {
    const mark = await markOf(path);
    marks.set(path, mark);
    const key = held.get(path);
    // What is no file may be a pipe, which can be read once.
    if (mark === "other" && key) return { read: { text: key.reveal() }, exposed: "", replaceable: false };
    return await readSecretFile(path);
  };
  const digestsOf = async (paths: Iterable<string>): Promise<Map<string, string>> =>
    new Map(
      await Promise.all(Array.from(paths, async (path) => [path, digestOf(await readMarked(path))] as const)),
    );

  const load = async (): Promise<LoadedAgain> => {
    const pause = slices();
    marks = new Map([[configuration, await markOf(configuration)]]);
    const source = await readConfiguration(file);
    await pause();
    const digest = digestOfText(source);
    await pause();
    const before = last?.digest === digest ? last : undefined;
    if (before && isEqual(before.secrets, await digestsOf(before.secrets.keys()))) {
      return { ...before.outcome, unchanged: true };
    }
    const secrets = new Map<string, string>();
    const readSecret = async (path: string) => {
      const found = await readMarked(path);
      secrets.set(path, digestOf(found));
      return found;
    };
    const common = { file, env, listen, now: now(), held, readSecret, pause };
    // The file is as bad as it was: then it is the keys of the last good one that are another.
    if (before && !before.accepted && good !== undefined) {
      const loaded = await loadPolicy({ ...common, text: good });
      if (loaded.held) held = loaded.held;
      last = { ...before, secrets };
      return { ...loaded, lastGood: true };
    }
    const loaded = await loadPolicy({ ...common, source });
    if (loaded.policy) {
      held = loaded.held ?? held;
      good = loaded.text;
    }
    const others = Array.from(held.keys()).filter((path) => !secrets.has(path));
    const { problems, unreadable } = loaded;
    last = {
      digest,
      secrets: new Map([...secrets, ...await digestsOf(others)]),
      outcome: { problems, ...(unreadable !== undefined && { unreadable }) },
      accepted: loaded.policy !== undefined,
    };
    return loaded;
  };
  return { load, seen: () => ({ configuration, marks }) };
}

function digestOfText(read: FileRead): string {
  return "failure" in read ? read.failure : sha256(read.text);
}

function digestOf(file: SecretFile): string {
  return sha256(JSON.stringify(file));
}

function isEqual(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && Array.from(one).every(([path, digest]) => other.get(path) === digest);
}
