/** What an attempt leaves on record, beside its target and its reason. */

import type { Attempt } from "../account/entry.ts";
import type { Dialect, HeaderRecord } from "../dialects/dialect.ts";
import type { GatewayError } from "../errors.ts";

export type OnRecord = Pick<Attempt, "status" | "code" | "requestId" | "detail">;

/** Of an answer: the provider's status, and its id of the request. */
export function answerOnRecord(
  { status, headers }: { readonly status: number; readonly headers: HeaderRecord },
  upstream: Dialect,
): OnRecord {
  return { status, requestId: headers[upstream.requestIdHeader] };
}

/** Of a failure: the provider's status, its own word for it (ours where it had none), and its id of the request. */
export function failureOnRecord(
  { upstream: answer, said, code, detail }: GatewayError,
  upstream: Dialect,
): OnRecord {
  const requestId = answer?.headers[upstream.requestIdHeader];
  return { status: answer?.status, code: said ?? code, requestId, detail };
}
