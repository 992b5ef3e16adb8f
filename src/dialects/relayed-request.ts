/** The bytes of a request that is relayed, with what has to be other in them. */

import { type JsonObject, stringifyJson } from "../json.ts";
import { type Edit, editedObject, editedText } from "../json-edit.ts";
import { type Members, withMembers } from "../json-scan.ts";
import type { Dialect, RelayEdits, RequestHead, TargetModel } from "./dialect.ts";

interface Request {
  readonly dialect: Dialect;
  readonly head: RequestHead;
  readonly bytes: Uint8Array;
  readonly members: Members;
  readonly value: JsonObject;
}

/** What changes on the way to a target: the model's name, and what the dialect says. */
export function relayedEdits({ dialect, head, value }: Request, target: TargetModel): RelayEdits {
  const { edits, warnings } = dialect.relayEdits(value, target);
  if (target.model === head.model) return { edits, warnings };
  return { edits: [...edits, { path: ["model"], value: target.model }], warnings };
}

/** The client's bytes with the edits in them; the very bytes that it sent, where there are none. */
export function editedBody({ bytes, members }: Request, edits: readonly Edit[]): Uint8Array {
  const replaced: Record<string, string> = {};
  for (const { path: [key, inner], value } of edits) {
    if (inner !== undefined || value === undefined) {
      return encoder.encode(editedText(decoder.decode(bytes), edits));
    }
    replaced[String(key)] = stringifyJson(value);
  }
  return withMembers(bytes, members, replaced);
}

/** Whether two lists of edits of one request give the same request. */
export function editAlike({ value }: Request, one: readonly Edit[], other: readonly Edit[]): boolean {
  return stringifyJson(editedObject(value, one)) === stringifyJson(editedObject(value, other));
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
