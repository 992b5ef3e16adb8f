/** Checks of models: their providers, and who may use them. Pure. */

import { didYouMean } from "../nearest.ts";
import { checkName } from "./check-name.ts";
import { type Finding, isBroken, problem, quote, warning } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { ProviderSettings, Surroundings } from "./settings.ts";
import type { Pause } from "../slices.ts";
import type { Suggestions } from "./suggestions.ts";

/** @param suggestions what unknown names of the users' models were taken for */
export async function checkModels(
  config: Config,
  { settings, broken, named }: Surroundings,
  { suggested }: Suggestions,
  pause: Pause,
): Promise<Finding[]> {
  const models = Object.entries(config.models ?? {});
  const findings: Finding[] = models.length === 0 && !isBroken("models", broken)
    ? [warning(["models"], "No model is configured: add one, with its provider")]
    : [];
  const knowsProviders = !broken.some((path) => path.length === 1 && path[0] === "providers");
  const used = await namedByUsers(config, pause);
  for (const [name, model] of models) {
    const here = ["models", name];
    findings.push(...checkName(here, name));
    if (knowsProviders && !settings.has(model.provider)) {
      findings.push(problem([...here, "provider"], unknownProvider(model.provider, settings)));
    }
    if (named && ![used, suggested, named].some((names) => names.has(name))) {
      const message = `No user may use ${quote(name)}: name it in a user's models, or remove it`;
      findings.push(warning(here, message, "unused model"));
    }
    const turn = pause();
    if (turn) await turn;
  }
  return findings;
}

function unknownProvider(name: string, settings: ReadonlyMap<string, ProviderSettings>): string {
  const meant = didYouMean(name, settings.keys());
  return `${quote(name)} is not in providers${meant || ": add it there, with its dialect and baseURL"}`;
}

async function namedByUsers(config: Config, pause: Pause): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const user of Object.values(config.users ?? {})) {
    for (const { name, failover = [] } of user.models ?? []) {
      used.add(name);
      if (typeof failover === "string") used.add(failover);
      else for (const target of failover) used.add(target);
    }
    const turn = pause();
    if (turn) await turn;
  }
  return used;
}
