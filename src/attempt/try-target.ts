/** A target tried: one call, after that the retries that its provider is configured for, and all of it on record. */

import type { Target } from "../access/policy.ts";
import { type Answer, type Asked, call, dialectOf } from "./call.ts";
import { whyLeft } from "../http.ts";
import { answerOnRecord, failureOnRecord, type OnRecord } from "./on-record.ts";
import { asGatewayError, type GatewayError, isUpstreams } from "../errors.ts";
import type { AttemptReason } from "../account/entry.ts";
import { judge, type Outcome, type PassedOver } from "../routing/attempt.ts";
import { retryDelay } from "../routing/retry.ts";
import type { Services } from "../services.ts";

/**
 * What trying a target gives.
 * @param last no other target is left
 */
export async function tryTarget(
  target: Target,
  last: boolean,
  asked: Asked,
  services: Services,
): Promise<Outcome<Answer>> {
  if (target.upstream.retries > 0) services.retries.earn(target.id);
  for (let tries = 1;; tries++) {
    const outcome = await once(target, last, asked, services);
    if (outcome.kind === "answered" || tries > target.upstream.retries || asked.left.aborted) return outcome;
    const delay = retryDelay(outcome.error, tries, services.random());
    if (delay === undefined || !services.retries.spend(target.id, services.clock.monotonic())) return outcome;
    await pause(delay, asked.left, services);
    if (asked.left.aborted) return { kind: "failed", error: whyLeft(asked.left), next: undefined };
  }
}

async function once(
  target: Target,
  last: boolean,
  asked: Asked,
  services: Services,
): Promise<Outcome<Answer>> {
  const { entry, policy, request } = asked;
  const { clock, health } = services;
  const began = clock.monotonic();
  const tried = (reason: AttemptReason, told: OnRecord) =>
    entry.tried({
      model: target.model,
      provider: target.upstream.name,
      ...told,
      reason,
      ms: clock.monotonic() - began,
    });
  const trial = health.begin(target, asked.principal.user);
  try {
    const answer = await call(target, last, asked, services);
    trial.end(clock.monotonic(), "answered");
    tried("ok", answerOnRecord(answer, answer.upstream));
    return { kind: "answered", answer: { ...answer, trial } };
  } catch (thrown) {
    const error = asGatewayError(thrown);
    const sent = isUpstreams(error);
    trial.end(clock.monotonic(), sent ? error : "unknown");
    if (error.code === "internal") throw error;
    const word = sent ? judge(error, policy) : undefined;
    const why = sent ? undefined : unasked(error, target.model === request.head.model);
    if (sent) tried(word ?? error.failure, failureOnRecord(error, dialectOf(target)));
    else if (error.code === "client_disconnect") tried("client_disconnect", {});
    else if (error.code !== "overloaded") {
      entry.skipped(target.model, target.upstream.name, why ?? "unsupported");
    }
    return { kind: "failed", error, next: word ?? why };
  }
}

/**
 * Nothing was sent: the key is missing, we have no connection left for any target, or the target cannot express the
 * request. The model that was asked for is refused for that; a fallback is passed over.
 */
function unasked(error: GatewayError, askedFor: boolean): PassedOver | undefined {
  if (error.code === "client_disconnect" || error.code === "overloaded") return undefined;
  if (error.code === "provider_key_missing") return "key_missing";
  return askedFor ? undefined : "unsupported";
}

/** Waits, but not for a client that has left. */
function pause(ms: number, left: AbortSignal, { clock }: Services): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      left.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    left.addEventListener("abort", done);
  });
}
