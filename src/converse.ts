/** The line: what happens to a request between its body and its answer. */

import { movesOn, permit, type Target } from "./access/policy.ts";
import type { Answer, Asked } from "./attempt/call.ts";
import { firstAnswer } from "./routing/attempt.ts";
import { plan } from "./routing/plan.ts";
import type { Services } from "./services.ts";
import { tryTarget } from "./attempt/try-target.ts";

/**
 * The answer to a request, from the first target of its route that gives one.
 * @throws GatewayError `model_not_found`, what the target that was asked for cannot express, or the last failure
 */
export async function converse(asked: Asked, services: Services): Promise<Answer> {
  const { request, principal, policy, entry } = asked;
  entry.asked(request.head.model, request.estimate);
  const route = permit(policy, principal, request.head.model);
  const { targets, passedOver } = plan(
    route,
    services.health,
    services.clock.monotonic(),
    principal.user,
  );
  for (const target of passedOver) {
    entry.skipped(target.model, target.upstream.name, "cooling");
    const reason = services.health.reason(target, services.clock.monotonic());
    if (reason !== undefined && target === route.targets[0]) entry.movedOn(movesOn(policy, reason) ?? reason);
  }
  const attempt = (target: Target, last: boolean) => tryTarget(target, last, asked, services);
  const answer = await firstAnswer(targets, attempt, entry.movedOn);
  // A target that has come back is told of what was answered in its place.
  for (const target of route.targets) {
    if (target === answer.target) break;
    services.health.moved(target, answer.target, services.clock.monotonic());
  }
  entry.served(
    answer.target.model,
    answer.target.upstream.name,
    answer.headers[answer.upstream.requestIdHeader],
  );
  // From here on nothing of the request is needed: what it took for itself may serve others.
  entry.release(isCounted(answer));
  return answer;
}

/** Whether the provider has said how many tokens the request has. */
function isCounted({ body }: Answer): boolean {
  if (body.kind === "whole") return body.brought.reply.usage !== undefined;
  return body.held.some(({ events }) => events.some(({ type }) => type === "usage"));
}
