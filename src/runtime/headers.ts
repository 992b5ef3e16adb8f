/** A request's headers by name, the same on every runtime. */

import type { IncomingMessage } from "node:http";
import { KEY_HEADERS } from "../access/authenticate.ts";
import type { Incoming } from "../http.ts";

/**
 * The headers of a request; one that came more than once is joined by ", ". Of two `authorization` the runtimes keep
 * the first, and a proxy in front may have read the other: all that say who asks are kept, each value once.
 */
export function headersOf({ rawHeaders, headers }: IncomingMessage): Incoming["headers"] {
  // Only `set-cookie` is ever a list, and no client sends it.
  const record = headers as Incoming["headers"];
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const place = placeOf(rawHeaders[at] ?? "");
    if (place === -1) continue;
    if (seen & (1 << place)) return withAll(rawHeaders, record);
    seen |= 1 << place;
  }
  return record;
}

function placeOf(name: string): number {
  return KEY_HEADERS.findIndex((known) => known.length === name.length && known === name.toLowerCase());
}

function withAll(rawHeaders: readonly string[], headers: Incoming["headers"]): Incoming["headers"] {
  const all = KEY_HEADERS.flatMap((name, place) => {
    const values = rawHeaders.filter((_, at) => at % 2 === 1 && placeOf(rawHeaders[at - 1] ?? "") === place);
    return values.length === 0 ? [] : [[name, [...new Set(values)].join(", ")]];
  });
  return { ...headers, ...Object.fromEntries(all) };
}
