/** The providers as they are in effect: sections of the file over what is built in, environment between. Pure. */

import { VENDORS } from "../upstream/providers.ts";
import type { Listen } from "./base-url.ts";
import type { Path } from "./problem.ts";
import type { Config, ProviderSection } from "./schema.ts";

export interface ProviderSettings {
  readonly name: string;
  /** The provider's section of the file; empty for one that is not listed. */
  readonly section: ProviderSection;
  readonly listed: boolean;
  /** Known without being listed. */
  readonly builtIn: boolean;
  readonly dialect: string | undefined;
  readonly baseURL: string | undefined;
  /** The environment variable that the base URL is from. */
  readonly baseURLFrom: string | undefined;
  /** Undefined for a provider that wants no key. */
  readonly apiKey: ProviderSection["apiKey"];
}

/** What the checks must know besides the file. */
export interface Surroundings {
  /** The known dialects, and where each sends requests below a base URL. */
  readonly dialects: ReadonlyMap<string, { readonly path: string }>;
  readonly settings: ReadonlyMap<string, ProviderSettings>;
  /** Where this daemon listens; undefined when none will. */
  readonly listen: Listen | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Places that are malformed: what follows from that alone is not worth a word. */
  readonly broken: readonly Path[];
  /** What malformed parts of users name, where that is known. */
  readonly named: ReadonlySet<string> | undefined;
  /** The process's variables. */
  readonly environment: Environment;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * All providers by name, listed and built in. An empty variable counts as unset.
 * @param environment the process's variables
 */
export function providerSettings(
  config: Config,
  environment: Environment,
): ReadonlyMap<string, ProviderSettings> {
  const sections = new Map(Object.entries(config.providers ?? {}));
  const names = new Set([...sections.keys(), ...VENDORS.keys()]);
  return new Map(Array.from(names, (name) => [name, settingsOf(name, sections.get(name), environment)]));
}

/** The names of the providers that some model uses or that the file lists: those whose settings matter. */
export function providersInEffect(
  config: Config,
  settings: ReadonlyMap<string, ProviderSettings>,
): ProviderSettings[] {
  const used = new Set(Object.values(config.models ?? {}).map((model) => model.provider));
  return Array.from(settings.values()).filter((provider) => provider.listed || used.has(provider.name));
}

function settingsOf(
  name: string,
  section: ProviderSection | undefined,
  environment: Environment,
): ProviderSettings {
  const vendor = VENDORS.get(name);
  const common = {
    name,
    section: section ?? {},
    listed: section !== undefined,
    builtIn: vendor !== undefined,
  };
  if (!vendor) {
    return {
      ...common,
      dialect: section?.dialect,
      baseURL: section?.baseURL,
      baseURLFrom: undefined,
      apiKey: section?.apiKey,
    };
  }
  const fromEnvironment = variable(environment, vendor.baseURLEnv);
  return {
    ...common,
    dialect: section?.dialect ?? vendor.dialect,
    baseURL: section?.baseURL ?? fromEnvironment ?? vendor.baseURL,
    baseURLFrom: section?.baseURL === undefined && fromEnvironment !== undefined
      ? vendor.baseURLEnv
      : undefined,
    apiKey: section?.apiKey ?? { env: vendor.apiKeyEnv },
  };
}

/** A variable's value, undefined when it is unset or empty. */
export function variable(environment: Environment, name: string): string | undefined {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  return value === "" ? undefined : value;
}
