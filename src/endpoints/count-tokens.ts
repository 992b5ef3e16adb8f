/** How many tokens a request has, for clients that ask before they send it. It is not accounted. */

import { permit, type Target } from "../access/policy.ts";
import type { Reply } from "../bring-back.ts";
import { type Asked, credentialOf, dialectOf, prepareFor } from "../attempt/call.ts";
import { createDeadline } from "../attempt/deadline.ts";
import { unsupported } from "../errors.ts";
import { sendReady } from "../attempt/exchange.ts";
import { pieceOfWhole, readWhole } from "../attempt/read-answer.ts";
import { stringifyJson } from "../json.ts";
import { redactError } from "../redact.ts";
import type { Services } from "../services.ts";

/**
 * The count of the provider, where the model asked for speaks the client's dialect; else a local estimate, which counts
 * every part of the request and rather errs above: a client that is told too little never makes room.
 * @throws GatewayError `model_not_found`, what the request's dialect refuses, or the provider's error
 */
export async function countTokens(asked: Asked, services: Services): Promise<Reply> {
  const { request, principal, policy, entry } = asked;
  const { dialect } = request;
  entry.asked(request.head.model, request.estimate);
  const [target] = permit(policy, principal, request.head.model).targets;
  if (!dialect.countTokens) throw unsupported("model", `The ${dialect.name} API has no token count`);
  const body = target && dialectOf(target) === dialect
    ? await counted(target, dialect.countTokens.path, asked, services)
    : stringifyJson(dialect.countTokens.estimate(request.value, request.headers));
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

async function counted(
  target: Target,
  path: string,
  asked: Asked,
  services: Services,
): Promise<Uint8Array> {
  const { dialect } = asked.request;
  const credential = credentialOf(target);
  const deadline = createDeadline(services.clock, asked.left);
  try {
    deadline.arm(target.timeouts.firstByte, "answer");
    const ready = {
      prepared: prepareFor(target, dialect, asked, services),
      target,
      upstream: dialect,
      credential,
    };
    const response = await sendReady(ready, path, deadline, services.send);
    const bytes = await readWhole(response.body, pieceOfWhole(deadline, target.timeouts.idle));
    deadline.release();
    asked.entry.served(target.model, target.upstream.name, response.headers[dialect.requestIdHeader]);
    return bytes;
  } catch (thrown) {
    deadline.abandon();
    throw redactError(thrown, asked.redactor);
  }
}
