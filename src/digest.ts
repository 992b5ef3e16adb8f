/** The one hash of the project: a pure function, so that pure modules may use it too. */

import { hash } from "node:crypto";

/** Lower-case hex SHA-256 of a text's UTF-8 bytes: 64 characters. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
