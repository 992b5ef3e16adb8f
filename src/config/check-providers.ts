/** Checks of providers: dialect, address, and options that only some dialects have. Pure. */

import { didYouMean } from "../nearest.ts";
import { routeTo } from "../upstream/forward-proxy.ts";
import { HEADER_OPTION_NAMES, HEADER_OPTIONS } from "../upstream/providers.ts";
import { isOwnAddress, parseBaseURL } from "./base-url.ts";
import { checkName } from "./check-name.ts";
import { type Finding, type Path, problem, quote } from "./problem.ts";
import type { Config } from "./schema.ts";
import { type ProviderSettings, providersInEffect, type Surroundings } from "./settings.ts";

export function checkProviders(config: Config, surroundings: Surroundings): Finding[] {
  return providersInEffect(config, surroundings.settings).flatMap((provider) => {
    const here = ["providers", provider.name];
    return [
      ...checkName(here, provider.name),
      ...checkDialect(here, provider, surroundings),
      ...checkBaseURL(here, provider, surroundings),
      ...checkHeaderOptions(here, provider),
    ];
  });
}

function checkDialect(here: Path, { dialect }: ProviderSettings, { dialects }: Surroundings): Finding[] {
  if (dialect !== undefined && dialects.has(dialect)) return [];
  const known = Array.from(dialects.keys()).join(", ");
  if (dialect === undefined) {
    return [problem([...here, "dialect"], `The dialect is missing: one of ${known}`)];
  }
  const meant = didYouMean(dialect, dialects.keys()) || `: the dialects are ${known}`;
  return [problem([...here, "dialect"], `Unknown dialect ${quote(dialect)}${meant}`)];
}

function checkBaseURL(here: Path, provider: ProviderSettings, surroundings: Surroundings): Finding[] {
  const { dialects, listen, environment } = surroundings;
  const path = [...here, "baseURL"];
  if (provider.baseURL === undefined) {
    return [
      problem(
        path,
        "The base URL is missing: give the address of the provider's API, such as http://127.0.0.1:11434/v1",
      ),
    ];
  }
  const origin = provider.baseURLFrom === undefined
    ? ""
    : ` (from the environment variable ${provider.baseURLFrom})`;
  const base = parseBaseURL(provider.baseURL, {
    endpoint: dialects.get(provider.dialect ?? "")?.path,
    versionInPath: provider.section.versionInPath,
  });
  if (!base.ok) return [problem(path, base.message + origin)];
  const route = routeTo(base.url, environment);
  if (route.kind === "bad") return [problem(path, route.message)];
  if (!listen || !isOwnAddress(base, listen)) return [];
  const advice = origin === ""
    ? "give the provider's address"
    : "unset the variable, or give the provider's own baseURL";
  return [
    problem(
      path,
      `${
        quote(provider.baseURL)
      }${origin} is this daemon's own address, so that requests would go round in circles: ${advice}`,
    ),
  ];
}

function checkHeaderOptions(here: Path, { section, dialect }: ProviderSettings): Finding[] {
  return HEADER_OPTION_NAMES
    .filter((name) =>
      section[name] !== undefined && dialect !== undefined && dialect !== HEADER_OPTIONS[name].dialect
    )
    .map((name) =>
      problem(
        [...here, name],
        `Only providers with the dialect ${HEADER_OPTIONS[name].dialect} take ${name}: remove it`,
      )
    );
}
