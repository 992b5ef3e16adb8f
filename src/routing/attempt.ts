/** Trying targets in order until one answers. */

import { type FailureWord, movesOn, type Policy, type Target } from "../access/policy.ts";
import type { GatewayError } from "../errors.ts";

/** What trying a target gave. */
export type Outcome<Answer> =
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly error: GatewayError; readonly next: NextWord | undefined };

/** Why the next target is tried: a word of `failoverOn`, or why this one was not even asked. */
export type NextWord = FailureWord | PassedOver;
export type PassedOver = "cooling" | "key_missing" | "unsupported";

/**
 * Whether a failure moves on to the next target, and by which word of `failoverOn`: the provider's own status. What a
 * provider does not allow or find because of what the caller asks for (a file, a feature) moves on where a 400 would.
 */
export function judge({ blame, failure }: GatewayError, policy: Policy): FailureWord | undefined {
  const callers = blame === "caller" && (failure === "403" || failure === "404");
  if (callers && movesOn(policy, "400") === undefined) return undefined;
  return movesOn(policy, failure);
}

/**
 * The first answer, trying each target once, in order.
 * @param call tries one target; `last` says that no other is left
 * @throws GatewayError of the last target that was tried
 */
export async function firstAnswer<Answer>(
  targets: readonly Target[],
  call: (target: Target, last: boolean) => Promise<Outcome<Answer>>,
  movedOn: (word: NextWord) => void,
): Promise<Answer> {
  let failure: GatewayError | undefined;
  for (const [index, target] of targets.entries()) {
    const outcome = await call(target, index === targets.length - 1);
    if (outcome.kind === "answered") return outcome.answer;
    // A fallback that cannot express the request says nothing of why the request failed.
    if (outcome.next !== "unsupported" || !failure) failure = outcome.error;
    if (outcome.next === undefined) break;
    if (index < targets.length - 1) movedOn(outcome.next);
  }
  throw failure ?? new Error("A route has at least one target");
}
