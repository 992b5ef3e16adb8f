/**
 * What no single value shows: names that lead nowhere, chains that come back, addresses, keys and dates. Finds
 * everything at once; changes nothing. Pure.
 */

import { checkAuth } from "./check-auth.ts";
import { checkCors } from "./check-cors.ts";
import { checkModels } from "./check-models.ts";
import { checkProviders } from "./check-providers.ts";
import { checkTimes } from "./check-times.ts";
import { checkUsers } from "./check-users.ts";
import { type Finding, unlessBroken } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { Surroundings } from "./settings.ts";
import type { Pause } from "../slices.ts";
import { createSuggestions } from "./suggestions.ts";

/** Every problem and warning of a configuration whose values have the right types. */
export async function check(config: Config, surroundings: Surroundings, pause: Pause): Promise<Finding[]> {
  const suggest = createSuggestions(Object.keys(config.models ?? {}));
  // Which models are in use is known from the users.
  const users = await checkUsers(config, surroundings, suggest, pause);
  const models = await checkModels(config, surroundings, suggest, pause);
  const findings = [
    ...checkAuth(config, surroundings),
    ...checkCors(config, surroundings),
    ...checkProviders(config, surroundings),
    ...checkTimes(config),
    ...models,
    ...users,
  ];
  return unlessBroken(findings, surroundings.broken);
}
