/** One call of one target: ready the request for it, exchange it, and once more where its refusal taught us how. */

import type { Policy, Principal, Target } from "../access/policy.ts";
import type { OpenEntry } from "../account/entry.ts";
import type { ChatRequest } from "../chat.ts";
import { type ClientRequest, prepare, type Prepared, preparing } from "../dialects/bridge.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { DIALECTS } from "../dialects/registry.ts";
import { amended, GatewayError } from "../errors.ts";
import { sendCorrected } from "./corrected.ts";
import { exchange, type Exchanged } from "./exchange.ts";
import { toldHeaders, withProviderHeaders } from "./provider-headers.ts";
import { keptFor, putBack } from "../recall.ts";
import { checkLeft } from "../http.ts";
import { redactError, redactHeaders, type Redactor } from "../redact.ts";
import type { Trial } from "../routing/health.ts";
import type { Services } from "../services.ts";
import { inSlices } from "../slices.ts";
import { SMALL } from "../work.ts";
import { REFUSED_KEYS } from "../upstream/providers.ts";

/** To whom an answer goes, in what words, and where it is written down. */
export interface Receiver {
  readonly dialect: Dialect;
  readonly principal: Principal;
  readonly policy: Policy;
  readonly entry: OpenEntry;
  /** Cuts credentials out of what the client and the log get to read. */
  readonly redactor: Redactor;
}

/** A request on its way. */
export interface Asked extends Receiver {
  readonly request: ClientRequest;
  /** Aborts when the client leaves. */
  readonly left: AbortSignal;
}

/** What a call gave. */
export interface Called extends Exchanged {
  readonly target: Target;
  /** The provider's dialect. */
  readonly upstream: Dialect;
}

/** An answer that will reach the client. */
export interface Answer extends Called {
  /** Told when the answer breaks off behind its beginning. */
  readonly trial: Trial;
}

/**
 * Calls a target.
 * @param last no other target is left
 * @throws GatewayError for every failure, the target's credential cut out of it
 */
export async function call(target: Target, last: boolean, asked: Asked, services: Services): Promise<Called> {
  const upstream = dialectOf(target);
  const credential = credentialOf(target);
  const ready = (refused: readonly string[]) => prepareFor(target, upstream, asked, services, refused);
  const send = async (prepared: Prepared): Promise<Called> => {
    const { request, entry, left } = asked;
    const { stream: streamed, includeUsage } = request.head;
    // A client of the provider's own dialect is shown no figure of ours.
    const { estimatesInput } = request.dialect;
    const estimatedInput = estimatesInput && upstream !== request.dialect ? request.estimate() : 0;
    const options = { requestId: entry.requestId, includeUsage, legacyFunctions: false, estimatedInput };
    const answer = await exchange(
      { prepared, target, upstream, credential, streamed, last, options, left },
      services,
    );
    entry.warned(prepared.warnings);
    const headers = redactHeaders(toldHeaders(answer.headers, upstream), asked.redactor);
    return { ...answer, headers, target, upstream };
  };
  try {
    return await sendCorrected(target, ready, send, services.learned);
  } catch (thrown) {
    const error = redactError(thrown, asked.redactor);
    if (!(error instanceof GatewayError)) throw error;
    throw withProviderHeaders(asRefusedKey(error), upstream, asked.dialect, services.clock.now());
  }
}

/** An error by which a vendor refuses the key is read as a 401, whatever its status. */
function asRefusedKey(error: GatewayError): GatewayError {
  const refused = error.said !== null &&
    REFUSED_KEYS.some(({ status, word }) => status === error.upstream?.status && word === error.said);
  if (!refused) return error;
  return amended(error, {
    status: 401,
    kind: "authentication",
    blame: "credential",
    failure: "401",
    final: true,
  });
}

/** The dialect that a target speaks. */
export function dialectOf(target: Target): Dialect {
  const dialect = DIALECTS.get(target.upstream.dialect);
  if (!dialect) throw new Error(`No dialect "${target.upstream.dialect}"`);
  return dialect;
}

/**
 * The credential that a target's provider wants, if it wants one.
 * @throws GatewayError `provider_key_missing`: an unset key is never sent as one
 */
export function credentialOf(target: Target): string | undefined {
  const { secret, name } = target.upstream;
  if (secret === "none") return undefined;
  if (secret !== "missing") return secret.reveal();
  throw new GatewayError("provider_key_missing", `The key of provider '${name}' is not configured`);
}

/**
 * The request as it goes to a target, thoughts of earlier turns put back; later for a large one, which takes turns with
 * others and is given up when its client leaves.
 * @param refused what the target refused in this very request, beside what is known of its model
 */
export function prepareFor(
  target: Target,
  upstream: Dialect,
  asked: Asked,
  services: Services,
  refused: readonly string[] = [],
): Prepared | Promise<Prepared> {
  const { upstreamModel: model, maxOutputTokens, options } = target;
  const known = services.learned.refuses(target);
  const refuses = refused.length === 0 ? known : new Set([...known, ...refused]);
  const limits = maxOutputTokens === undefined ? {} : { maxOutputTokens };
  const recall = (callId: string) =>
    keptFor(services.recall.find(asked.principal.user, model, callId), target.upstream.name);
  const { request } = asked;
  const wanted = { model, options, refuses, standsIn: target.model !== request.head.model, ...limits };
  const recalled = (chat: ChatRequest) => target.thinkingCache ? putBack(chat, recall) : chat;
  if (request.bytes.length <= SMALL) return prepare(request, upstream, wanted, recalled);
  return inSlices(preparing(request, upstream, wanted, recalled), () => checkLeft(asked.left));
}
