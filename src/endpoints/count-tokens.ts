/** How many tokens a request has, for clients that ask before they send it. It is not accounted. */

import { permit, type Target } from "../access/policy.ts";
import type { AttemptReason } from "../account/entry.ts";
import { answerHeaders, type Reply } from "../bring-back.ts";
import { type Asked, credentialOf, dialectOf, prepareFor } from "../attempt/call.ts";
import { sendCorrected } from "../attempt/corrected.ts";
import { createDeadline } from "../attempt/deadline.ts";
import { parsed, type Prepared } from "../dialects/bridge.ts";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { asGatewayError, isUpstreams, unsupported } from "../errors.ts";
import { sendReady } from "../attempt/exchange.ts";
import { pieceOfWhole, readWhole } from "../attempt/read-answer.ts";
import { withProviderHeaders } from "../attempt/provider-headers.ts";
import { answerOnRecord, failureOnRecord, type OnRecord } from "../attempt/on-record.ts";
import { stringifyJson } from "../json.ts";
import { redactError, redactHeaders } from "../redact.ts";
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
  const json = { "content-type": "application/json" };
  if (!target || dialectOf(target) !== dialect) {
    const estimate = stringifyJson(dialect.countTokens.estimate(request.value, request.headers));
    return { status: 200, headers: json, body: estimate };
  }
  const { body, headers } = await counted(target, dialect.countTokens.path, asked, services);
  entry.served(target.model, target.upstream.name, headers[dialect.requestIdHeader]);
  const told = answerHeaders({ headers, upstream: dialect, target }, asked, services);
  return { status: 200, headers: { ...json, ...told }, body };
}

interface Counted {
  readonly status: number;
  readonly body: Uint8Array;
  readonly headers: HeaderRecord;
}

/** One attempt, on record as any other; a count says nothing of how well the target answers. */
async function counted(target: Target, path: string, asked: Asked, services: Services): Promise<Counted> {
  const { clock } = services;
  const { dialect } = asked.request;
  const began = clock.monotonic();
  const tried = (reason: AttemptReason, told: OnRecord) =>
    asked.entry.tried({
      model: target.model,
      provider: target.upstream.name,
      ...told,
      reason,
      ms: clock.monotonic() - began,
    });
  try {
    // What goes without something that its target refuses is counted so too.
    const answer = await sendCorrected(
      target,
      (refused) => prepareFor(target, dialect, asked, services, refused),
      (prepared) => send(target, prepared, path, asked, services),
      services.learned,
    );
    tried("ok", answerOnRecord(answer, dialect));
    return answer;
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (isUpstreams(error)) tried(error.failure, failureOnRecord(error, dialect));
    else if (error.code === "client_disconnect") tried("client_disconnect", {});
    throw withProviderHeaders(error, dialect, dialect, clock.now());
  }
}

async function send(
  target: Target,
  prepared: Prepared,
  path: string,
  asked: Asked,
  services: Services,
): Promise<Counted> {
  const credential = credentialOf(target);
  const deadline = createDeadline(services.clock, asked.left);
  try {
    deadline.arm(target.timeouts.firstByte, "answer");
    const ready = { prepared, target, upstream: asked.request.dialect, credential };
    const response = await sendReady(ready, path, deadline, services.send);
    const body = await readWhole(response.body, pieceOfWhole(deadline, target.timeouts.idle));
    deadline.release();
    asked.request.dialect.countTokens?.check(parsed(body));
    asked.entry.warned(prepared.warnings);
    const headers = redactHeaders(response.headers, asked.redactor);
    return { status: response.status, body, headers };
  } catch (thrown) {
    deadline.abandon();
    throw redactError(thrown, asked.redactor);
  }
}
