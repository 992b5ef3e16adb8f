/** The gateway: a request in, a response out, whatever happens; and an entry that says what did. */

import { type OpenEntry, openEntry } from "./account/entry.ts";
import { type Reply, warningsHeader } from "./bring-back.ts";
import type { Policy } from "./access/policy.ts";
import { corsHeaders, preflightHeaders, varyHeader } from "./cors.ts";
import type { Dialect } from "./dialects/dialect.ts";
import { clientDialect } from "./dialects/registry.ts";
import { findEndpoint, pathOf, type TakePlace } from "./endpoints/endpoints.ts";
import { asGatewayError, GatewayError, shortened } from "./errors.ts";
import { checkLeft, type Incoming, type Outgoing, type Sent } from "./http.ts";
import { tooMany } from "./in-flight.ts";
import { headerSafe } from "./attempt/provider-headers.ts";
import { holdsOwnKey, withoutOwnKeys } from "./attempt/redaction.ts";
import type { Services } from "./services.ts";

/** Never rejects: what cannot be answered is refused, in the client's dialect. */
export type Gateway = (request: Incoming) => Promise<Outgoing>;

export function createGateway(services: Services): Gateway {
  return async (request) => {
    const began = services.clock.monotonic();
    const entry = open(request, services);
    const endpoint = findEndpoint(request);
    const dialect = endpoint?.dialect ?? clientDialect(request.headers);
    let reply: Reply;
    let leave: (() => void) | undefined;
    let policy: Policy | undefined;
    try {
      policy = services.policy();
      if (request.fault) throw request.fault;
      const preflight = preflightHeaders(policy, request, endpoint?.methods);
      if (preflight) reply = { status: 204, headers: preflight, body: "" };
      else if (!endpoint) {
        throw new GatewayError("not_found", `Nothing is served at '${shortened(pathOf(request.target))}'`);
      } else if (!endpoint.methods.includes(request.method)) {
        reply = refuse(methodNotAllowed(request.method, endpoint.methods), dialect, entry);
        reply = { ...reply, headers: { ...reply.headers, allow: endpoint.methods.join(", ") } };
      } else {
        const takePlace: TakePlace = (user, alone) => leave = enter(request, user, alone, services);
        reply = await endpoint.answer({ request, dialect, entry, services, takePlace });
      }
    } catch (thrown) {
      const error = asGatewayError(thrown);
      if (error.code === "internal") {
        services.log.error(`Request ${entry.requestId} failed`, error.cause, "request_failed");
      }
      reply = refuse(error, dialect, entry);
    }
    const { status, body } = reply;
    const own = {
      "cache-control": PRIVATE,
      ...reply.headers,
      ...common(entry, dialect, services.clock.monotonic() - began),
      ...(policy && varyOf(policy)),
    };
    const headers = policy?.cors === undefined
      ? own
      : { ...own, ...corsHeaders(policy, request.headers, own) };
    const done = ({ stalled, ...sent }: Sent) => {
      leave?.();
      if (stalled) entry.failed(stalled);
      // As for a client that left: it has not got its answer.
      entry.close({ status: stalled ? 499 : status, ...sent });
    };
    return { status, headers, body, done };
  };
}

/** Answers differ per caller; what says otherwise of itself, a stream or a sign of health, knows better. */
const PRIVATE = "private, no-store";

function varyOf(policy: Policy): { vary?: string } {
  const vary = varyHeader(policy);
  return vary === undefined ? {} : { vary };
}

/** Takes a place among the requests that may be at providers at once. */
function enter(
  { crowded = false, left }: Incoming,
  user: string,
  alone: boolean,
  { inFlight, random }: Services,
): () => void {
  // One that waited for its turn, and whose client has not.
  checkLeft(left);
  if (crowded) throw tooMany(random);
  return inFlight.enter(user, alone);
}

function open(request: Incoming, { clock, newId, sink }: Services): OpenEntry {
  const { method, target, version, peer, headers } = request;
  const start = {
    requestId: saneId(headers) ?? newId(),
    method,
    target,
    version,
    peer,
    referer: headers["referer"],
    userAgent: headers["user-agent"],
    forwardedFor: headers["x-forwarded-for"],
    time: clock.now(),
  };
  return openEntry(start, clock.monotonic, withoutOwnKeys(headers, sink));
}

/** The caller's own id, if it can stand in a header and a log line as it is. */
function saneId(headers: Incoming["headers"]): string | undefined {
  const id = headers["x-request-id"];
  const sane = id !== undefined && /^[A-Za-z0-9._:/@-]{1,128}$/.test(id) && !holdsOwnKey(id, headers);
  return sane ? id : undefined;
}

/** A refusal or a failure as the client's dialect says it; an upstream's own words where it speaks the same one. */
function refuse(error: GatewayError, dialect: Dialect, entry: OpenEntry): Reply {
  entry.failed(error);
  const own = error.upstream;
  const { status, body } = dialect.encodeError(error, entry.requestId);
  return {
    status: own?.body === undefined ? status : own.status,
    headers: {
      ...error.headers,
      "content-type": "application/json",
      "x-ai-proxy-error-source": error.source,
      // Both official SDKs obey it; what we tried more than once they need not try again.
      ...((error.final || entry.tries > 1) && { "x-should-retry": "false" }),
      ...(error.retryAfter !== undefined && { "retry-after": `${Math.ceil(error.retryAfter)}` }),
      ...warningsHeader(entry.warnings),
    },
    body: own?.body ?? JSON.stringify(body),
  };
}

function methodNotAllowed(method: string, allowed: readonly string[]): GatewayError {
  return new GatewayError(
    "method_not_allowed",
    `Method '${method}' is not allowed here, only ${allowed.join(", ")}`,
  );
}

/** What every response carries. */
function common(entry: OpenEntry, dialect: Dialect, ms: number): Record<string, string> {
  const { requestId, tries, failover } = entry;
  const headers: Record<string, string> = {
    "x-request-id": requestId,
    "server-timing": serverTiming(ms, entry.upstreamMs),
  };
  headers[dialect.requestIdHeader] = requestId;
  if (tries > 0) headers["x-ai-proxy-attempts"] = `${tries}`;
  if (failover !== undefined) headers["x-ai-proxy-failover"] = headerSafe(failover);
  return headers;
}

/** What the proxy itself added, and what the provider took until it was sure to answer: milliseconds. */
function serverTiming(totalMs: number, upstreamMs: number): string {
  const proxy = Math.max(0, totalMs - upstreamMs).toFixed(1);
  return `proxy;dur=${proxy}, upstream;dur=${upstreamMs.toFixed(1)}`;
}
