/** Sends a request to a provider: the only use of ofetch, which is given a `fetch` of ours (see `connect.ts`). */

import { createFetch } from "ofetch";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { GatewayError } from "../errors.ts";
import { type Connect, type ConnectOptions, createConnect } from "./connect.ts";
import { failureOf } from "./failures.ts";
import type { ForwardProxy } from "./forward-proxy.ts";

export interface UpstreamRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string | Uint8Array;
  /** Ends the exchange whenever it aborts; its reason, if it is a GatewayError, is what is thrown. */
  readonly signal: AbortSignal;
  /** Seconds that connecting may take, TLS included. */
  readonly connectTimeout: number;
  /** The forward proxy that leads there. */
  readonly proxy?: ForwardProxy | undefined;
  /** The answer may run for long: the body is let go once it is sent. */
  readonly stream: boolean;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: HeaderRecord;
  /** Bytes as they come, decoded if the provider compressed them; throws GatewayError when they break off. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** @throws GatewayError `upstream_unreachable` (nothing was answered), or the signal's reason */
export type Send = (request: UpstreamRequest) => Promise<UpstreamResponse>;

/** What every request says; a provider that compresses all the same is understood. */
const ALWAYS = {
  "content-type": "application/json",
  accept: "application/json",
  "accept-encoding": "identity",
};

/** The way to all providers. */
export interface Upstreams {
  readonly send: Send;
  /** Closes all connections; running exchanges fail. */
  close(): Promise<void>;
}

/** Requests go over connections that are kept and capped; there is none before the first request. */
export function openUpstreams(options: ConnectOptions): Upstreams {
  const connect = createConnect(options);
  return { send: createSend(connect), close: connect.close };
}

function createSend(connect: Connect): Send {
  const upstreamFetch = createFetch({ fetch: connect.fetch, Headers: connect.Headers });
  return async ({ url, headers, body, signal, connectTimeout, proxy, stream }) => {
    // ofetch passes on what it does not know.
    const own = { way: connect.way, connectTimeout, ...(proxy && { proxy }), ...(stream && { letGo: true }) };
    let response;
    try {
      response = await upstreamFetch.raw(url, {
        method: "POST",
        headers: { ...ALWAYS, ...headers },
        body,
        signal,
        responseType: "stream",
        // Deadlines, retries and what an error status means are decided by the line, not here.
        retry: false,
        ignoreResponseError: true,
        redirect: "manual",
        ...own,
      });
    } catch (thrown) {
      throw abortReason(signal) ?? failureOf(thrown);
    }
    const answer = connect.answerOf(response);
    if (answer.status >= 300 && answer.status < 400) {
      throw new GatewayError("upstream_invalid_response", "The provider answered with a redirect", {
        failure: "invalid",
        detail: "redirect",
      });
    }
    return { status: answer.status, headers: answer.headers, body: answer.body };
  };
}

function abortReason(signal: AbortSignal): unknown {
  return signal.aborted ? signal.reason : undefined;
}
