/** Recorded answers of real providers: a gzip file with one JSON object per line. */

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";

export interface Recorded {
  readonly id: string;
  /** The dialect that it was recorded in. */
  readonly kind: "openai-chat" | "anthropic-messages";
  readonly stream: boolean;
  readonly status: number;
  readonly body: string;
}

interface Line extends Omit<Recorded, "kind" | "body"> {
  readonly kind: string;
  /** The body as it came, or, for a JSON body, its value. */
  readonly resp_text?: string;
  readonly resp?: unknown;
}

/** All recordings of the file in the two dialects. */
export async function readRecorded(file: string): Promise<Recorded[]> {
  const lines = gunzipSync(await readFile(file)).toString("utf8").split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Line).flatMap((line) => {
    const { id, kind, stream, status } = line;
    if (kind !== "openai-chat" && kind !== "anthropic-messages") return [];
    return [{ id, kind, stream, status, body: line.resp_text ?? JSON.stringify(line.resp) }];
  });
}
