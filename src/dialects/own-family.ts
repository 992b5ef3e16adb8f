/** The headers of a dialect's own family, which go on as they came, both ways. */

import type { Dialect, HeaderRecord } from "./dialect.ts";

export function ownFamily(headers: HeaderRecord, dialect: Dialect): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined && dialect.ownHeader(name)) own[name] = value;
  }
  return own;
}
