/** The one hash of the project: a pure function, so that pure modules may use it too. */

import { createHash } from "node:crypto";

/** Lower-case hex SHA-256 of a text's UTF-8 bytes: 64 characters. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
