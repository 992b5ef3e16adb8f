/** What an error says of the target that it came from. */

import { type GatewayError, isUpstreams } from "../errors.ts";

/**
 * `failed`: the target is down, or might be · `unclear`: perhaps · `busy`: it is there and has too much to do · `model`:
 * the provider refuses the model · `key`, `account`: it refuses the credential · `alive`: it refuses the request alone ·
 * `silent`: nothing.
 */
export type Verdict = "failed" | "unclear" | "busy" | "model" | "key" | "account" | "alive" | "silent";

/**
 * It goes by the provider's status, and by the blame that its machine-readable words have. Its texts may quote what a
 * user wrote: they decide nothing that others feel.
 */
export function judgeHealth(error: GatewayError): Verdict {
  const { kind, blame, failure, upstream } = error;
  // A client that left, our own limits and our own faults say nothing of a provider.
  if (!isUpstreams(error)) return "silent";
  // Only the answer to a request tells of its key. An error inside of an answer may be that of a provider behind.
  const answer = upstream !== undefined && upstream.status >= 400;
  if (failure === "401") return answer ? "key" : "account";
  if (blame === "caller") return "alive";
  if (blame === "credential") return ACCOUNT_STATUSES.has(failure) ? "account" : "alive";
  if (blame === "model") return kind === "model-missing" && UNCLEAR_STATUSES.has(failure) ? "model" : "alive";
  const busy = kind === "rate-limit" || kind === "overloaded" || failure === "429" || failure === "529";
  // A 503 says more often that a service is down than that it has too much to do.
  if (busy && upstream?.status !== 503) return "busy";
  if (failure === "connect" || failure === "timeout" || failure === "invalid") return "failed";
  if (UNCLEAR_STATUSES.has(failure)) return "unclear";
  return Number(failure) >= 500 || FAILED_STATUSES.has(failure) ? "failed" : "alive";
}

const ACCOUNT_STATUSES: ReadonlySet<string> = new Set(["402", "403", "429"]);
/** A key's permission, an address without anything behind it, a firewall, and much else. */
const UNCLEAR_STATUSES: ReadonlySet<string> = new Set(["403", "404"]);
/** Further statuses below 500 that are not the caller's fault. */
const FAILED_STATUSES: ReadonlySet<string> = new Set(["408", "409"]);
