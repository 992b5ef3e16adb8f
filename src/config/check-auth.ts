/** Checks of how requests say who is asking. Pure. */

import { parseNetwork } from "../access/network.ts";
import { isLocalHost, type Listen } from "./base-url.ts";
import { type Finding, problem, quote, warning } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { Surroundings } from "./settings.ts";

/** Keys decide who is asking as soon as one user has a list of them, an empty one too: revoking the last key opens nothing. */
export function usesKeys(config: Config): boolean {
  return Object.values(config.users ?? {}).some((user) => user.keys !== undefined);
}

export function checkAuth(
  config: Config,
  { listen, broken }: Pick<Surroundings, "listen" | "broken">,
): Finding[] {
  const networks = checkNetworks(config);
  if (usesKeys(config)) return [...networks, ...checkIgnored(config)];
  // A user whose keys cannot be read was to have some.
  if (broken.some(([section, , part]) => section === "users" && (part === undefined || part === "keys"))) {
    return networks;
  }
  if (config.auth?.userHeader === false) {
    return [
      ...networks,
      warning(
        ["auth", "userHeader"],
        "Nobody can be known: no user has keys and userHeader is false. Add keys to a user",
      ),
    ];
  }
  return [...networks, ...checkHeaderMode(config, listen)];
}

function checkHeaderMode(config: Config, listen: Listen | undefined): Finding[] {
  const trusted = config.auth?.trustedProxies;
  const path = ["auth", "trustedProxies"];
  if (trusted?.length === 0) {
    return [
      warning(
        path,
        "No peer is trusted to name the user, so that every request is refused: list your proxies",
      ),
    ];
  }
  if (trusted !== undefined || !listen || isLocalHost(listen.host)) return [];
  return [
    problem(
      path,
      `Whoever reaches ${
        quote(listen.host)
      } could name any user in a header: give the users keys, or list the proxies whose header is to be believed`,
    ),
  ];
}

function checkIgnored(config: Config): Finding[] {
  const ignored = ["userHeader", "trustedProxies"] as const;
  return ignored
    .filter((name) => config.auth?.[name] !== undefined && config.auth[name] !== false)
    .map((name) =>
      warning(
        ["auth", name],
        `Has no effect, because users have keys: identity comes from the key alone. Remove ${name}`,
      )
    );
}

function checkNetworks(config: Config): Finding[] {
  return (config.auth?.trustedProxies ?? []).flatMap((text, index) => {
    const path = ["auth", "trustedProxies", index];
    if (!parseNetwork(text)) {
      return [
        problem(
          path,
          `${quote(text)} is no address or network: write it as 10.0.0.0/8, fd00::/8 or 192.0.2.7`,
        ),
      ];
    }
    if (!text.endsWith("/0")) return [];
    return [
      warning(
        path,
        `${quote(text)} is everybody, and whoever is in it can name any user: list your proxies alone`,
      ),
    ];
  });
}
