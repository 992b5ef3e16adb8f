/** What is served where: one line for each path. */

import type { Policy, Principal } from "../access/policy.ts";
import { authenticate } from "../access/authenticate.ts";
import type { OpenEntry } from "../account/entry.ts";
import { bringBack, bringBackLate, type Reply } from "../bring-back.ts";
import type { Answer, Asked, Receiver } from "../attempt/call.ts";
import { requestRedactor } from "../attempt/redaction.ts";
import { converse } from "../converse.ts";
import { countTokens } from "./count-tokens.ts";
import { clientRequest } from "../dialects/bridge.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { CLIENT_ENDPOINTS, clientDialect } from "../dialects/registry.ts";
import { GatewayError } from "../errors.ts";
import { type Incoming, readJsonObject } from "../http.ts";
import { listModels, showModel } from "./models.ts";
import type { Services } from "../services.ts";

export interface Endpoint {
  readonly methods: readonly string[];
  /** What its refusals are written in. */
  readonly dialect: Dialect;
  readonly answer: (visit: Visit) => Reply | Promise<Reply>;
}

/** A request at its endpoint. */
export interface Visit {
  readonly request: Incoming;
  readonly dialect: Dialect;
  readonly entry: OpenEntry;
  readonly services: Services;
  readonly takePlace: TakePlace;
}

/** Takes a place among the requests at providers until this one is over; `alone`: there is no other user. */
export type TakePlace = (user: string, alone: boolean) => void;

/**
 * The endpoint of a raw request target: by the exact path before the `?`, nothing decoded or normalised first.
 * @returns undefined where nothing is served
 */
export function findEndpoint(request: Incoming): Endpoint | undefined {
  const path = pathOf(request.target);
  const known = CALLS.get(path);
  if (known) return known;
  const dialect = clientDialect(request.headers);
  const get = (answer: Endpoint["answer"]) => ({ methods: ["GET", "HEAD"], dialect, answer });
  if (path === "/v1/models") return get(models);
  if (path.startsWith("/v1/models/")) return get(model);
  if (path === "/healthz") return get(() => plain(200, "ok"));
  if (path === "/readyz") {
    return get(({ services }) => services.phase() === "up" ? plain(200, "ok") : plain(503, "draining"));
  }
  if (path === "/") return { methods: ["HEAD"], dialect, answer: () => plain(200, "") };
  return undefined;
}

/** The endpoints whose requests go to providers. */
const CALLS: ReadonlyMap<string, Endpoint> = new Map(
  Array.from(CLIENT_ENDPOINTS, ([path, { kind, dialect }]) => {
    const answer = kind === "chat" ? chat : tokens;
    return [path, { methods: ["POST"], dialect, answer }];
  }),
);

/** The path of a raw request target. */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}

async function chat(visit: Visit): Promise<Reply> {
  const { services } = visit;
  const asked = await read(visit);
  const { dialect, principal, policy, entry, redactor } = asked;
  const receiver: Receiver = { dialect, principal, policy, entry, redactor };
  const coming = converse(asked, services);
  const silence = asked.request.head.stream ? policy.keepAlive * 1000 : 0;
  const answer = await inTime(coming, silence, services);
  return answer ? bringBack(answer, receiver, services) : bringBackLate(coming, receiver, services);
}

async function tokens(visit: Visit): Promise<Reply> {
  return countTokens(await read(visit), visit.services);
}

function models(visit: Visit): Reply {
  const { policy, principal } = identify(visit);
  return json(listModels(policy, principal));
}

function model(visit: Visit): Reply {
  const { policy, principal } = identify(visit);
  return json(showModel(policy, principal, pathOf(visit.request.target).slice("/v1/models/".length)));
}

/** Who is asking, under the policy that the whole request keeps. */
function identify({ request, entry, services }: Visit): { policy: Policy; principal: Principal } {
  const policy = services.policy();
  const principal = authenticate(request, policy, services.clock.now());
  entry.identified(principal.user, principal.key);
  return { policy, principal };
}

/** The body is read only once it is known who sends it. */
async function read(visit: Visit): Promise<Asked> {
  const { request, dialect, entry, services, takePlace } = visit;
  if (services.phase() === "stopping") {
    throw new GatewayError("draining", "The proxy is shutting down", { retryAfter: 1 });
  }
  const { policy, principal } = identify(visit);
  takePlace(principal.user, policy.users.size === 1);
  const body = await readJsonObject(
    request,
    (bytes) => entry.holds(services.bodies.take(principal.user, bytes)),
  );
  return {
    request: clientRequest(dialect, body, request.headers),
    dialect,
    principal,
    policy,
    entry,
    redactor: requestRedactor(policy, request.headers),
    left: request.left,
  };
}

/** The answer, or undefined if it is not there within so many milliseconds; 0 waits for it. */
function inTime(coming: Promise<Answer>, ms: number, { clock }: Services): Promise<Answer | undefined> {
  if (ms === 0) return coming;
  let cancel = () => {};
  const silence = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  return Promise.race([coming, silence]).finally(cancel);
}

function plain(status: number, text: string): Reply {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    body: text,
  };
}

function json(value: unknown): Reply {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
