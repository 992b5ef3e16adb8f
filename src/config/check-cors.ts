/** Checks of the web pages whose scripts may ask. Pure. */

import { usesKeys } from "./check-auth.ts";
import { type Finding, problem, quote, warning } from "./problem.ts";
import type { Config } from "./schema.ts";
import type { Surroundings } from "./settings.ts";

export function checkCors(config: Config, { broken }: Pick<Surroundings, "broken">): Finding[] {
  const { cors } = config;
  if (!cors) return [];
  const path = ["cors", "origins"];
  const findings = cors.origins.flatMap((origin, index) =>
    checkOrigin([...path, index], origin, cors.origins)
  );
  if (cors.origins.length === 0) findings.push(warning(path, "No page is listed: name one, or remove cors"));
  // A user whose keys cannot be read was to have some.
  const hidden = broken.some(([section]) => section === "users");
  if (!usesKeys(config) && !hidden && config.auth?.userHeader !== false) {
    findings.push(problem(
      ["cors"],
      "A page's script could name any user in a header: give the users keys, or remove cors",
    ));
  }
  return findings;
}

function checkOrigin(path: (string | number)[], origin: string, all: readonly string[]): Finding[] {
  if (all.indexOf(origin) !== path.at(-1)) return [warning(path, `${quote(origin)} is listed already`)];
  if (origin === "*") {
    return all.length > 1
      ? [
        problem(
          path,
          '"*" is every page, so that the others have no effect: leave it alone in the list, or out',
        ),
      ]
      : [];
  }
  if (origin === "null") {
    return [
      problem(
        path,
        '"null" is the origin of any page in a sandbox and of local files: list pages of your own',
      ),
    ];
  }
  if (origin.includes("*")) {
    return [
      problem(path, `${quote(origin)} is no origin: there are no patterns, list each origin by itself`),
    ];
  }
  const meant = originOf(origin);
  if (meant === origin) return [];
  const hint = meant === undefined ? "write it as https://app.example" : `did you mean ${quote(meant)}?`;
  return [
    problem(
      path,
      `${quote(origin)} is no origin as browsers send it, scheme and host with an optional port: ${hint}`,
    ),
  ];
}

/** The origin of an address; undefined for what is none that a page can have. */
function originOf(text: string): string | undefined {
  // An extension of a browser has an origin of its own kind.
  if (/^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9._-]+$/.test(text)) return text;
  try {
    const { origin } = new URL(text.includes("://") ? text : `https://${text}`);
    return origin === "null" ? undefined : origin;
  } catch {
    return undefined;
  }
}
