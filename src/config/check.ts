/**
 * What no single value shows: names that lead nowhere, chains that come back, addresses, keys and dates. Finds
 * everything at once; changes nothing. Pure.
 */

import { checkAuth } from "./check-auth.ts";
import { checkName } from "./check-name.ts";
import { checkProviders } from "./check-providers.ts";
import { checkUsers } from "./check-users.ts";
import { didYouMean } from "../nearest.ts";
import { type Finding, problem, quote, warning } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { ProviderSettings, Surroundings } from "./settings.ts";

/** Every problem and warning of a configuration whose values have the right types. */
export function check(config: Config, surroundings: Surroundings): Finding[] {
  return [
    ...checkAuth(config, surroundings.listen),
    ...checkProviders(config, surroundings),
    ...checkModels(config, surroundings.settings),
    ...checkUsers(config, surroundings.now),
  ];
}

function checkModels(config: Config, settings: ReadonlyMap<string, ProviderSettings>): Finding[] {
  const models = Object.entries(config.models ?? {});
  const used = namedByUsers(config);
  const findings: Finding[] = models.length === 0
    ? [warning(["models"], "No model is configured: add one, with its provider")]
    : [];
  for (const [name, model] of models) {
    const here = ["models", name];
    findings.push(...checkName(here, name));
    if (!settings.has(model.provider)) {
      findings.push(problem([...here, "provider"], unknownProvider(model.provider, settings)));
    }
    if (!used.has(name)) {
      findings.push(
        warning(here, `No user may use ${quote(name)}: name it in a user's models, or remove it`),
      );
    }
  }
  return findings;
}

function unknownProvider(name: string, settings: ReadonlyMap<string, ProviderSettings>): string {
  const meant = didYouMean(name, settings.keys());
  return `${quote(name)} is not in providers${meant || ": add it there, with its dialect and baseURL"}`;
}

function namedByUsers(config: Config): ReadonlySet<string> {
  const entries = Object.values(config.users ?? {}).flatMap((user) => user.models ?? []);
  return new Set(entries.flatMap((entry) => [entry.name, ...[entry.failover ?? []].flat()]));
}
