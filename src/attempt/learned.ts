/**
 * What models were found to refuse, whatever is known of them otherwise: learned from an upstream's 400, so that the
 * next request does without at once. It is kept for the model at its provider in the provider's dialect, whoever asks.
 * Forgotten after a day, for models change.
 */

import type { Target } from "../access/policy.ts";

export interface Learned {
  /** What the target's model refuses: names that the dialect's `correct` gave. */
  refuses(target: Target): ReadonlySet<string>;
  add(target: Target, refuses: string): void;
  /** What was learned at a provider is out of date. */
  forget(provider: string): void;
  /** Forgets what was learned of all targets but these. */
  keep(targets: Iterable<Target>): void;
}

const KEPT_MS = 24 * 60 * 60 * 1000;
/** Refusals of one model; the oldest goes first. A provider decides what its refusals name. */
const MAX_REFUSALS = 64;
const NOTHING: ReadonlySet<string> = new Set();

/** One model, and until when each of its refusals is known. */
interface Model {
  readonly provider: string;
  readonly until: Map<string, number>;
}

/** @param clock milliseconds that only grow */
export function createLearned(clock: () => number): Learned {
  /** Only targets of the configuration have one. */
  const models = new Map<string, Model>();
  const drop = (out: (key: string, model: Model) => boolean) => {
    for (const [key, model] of models) if (out(key, model)) models.delete(key);
  };
  return {
    refuses: (target) => {
      const model = models.size === 0 ? undefined : models.get(keyOf(target));
      if (!model) return NOTHING;
      const now = clock();
      return new Set([...model.until].filter(([, until]) => until > now).map(([name]) => name));
    },
    add: (target, refuses) => {
      const key = keyOf(target);
      const model = models.get(key) ?? { provider: target.upstream.name, until: new Map() };
      models.set(key, model);
      // What is learned anew is the youngest.
      model.until.delete(refuses);
      model.until.set(refuses, clock() + KEPT_MS);
      if (model.until.size > MAX_REFUSALS) dropOldest(model.until);
    },
    forget: (provider) => drop((_, model) => model.provider === provider),
    keep: (targets) => {
      const kept = new Set(Array.from(targets, keyOf));
      drop((key) => !kept.has(key));
    },
  };
}

function keyOf({ upstream, upstreamModel }: Target): string {
  return JSON.stringify([upstream.name, upstream.dialect, upstreamModel]);
}

function dropOldest(map: Map<string, number>): void {
  for (const key of map.keys()) return void map.delete(key);
}
