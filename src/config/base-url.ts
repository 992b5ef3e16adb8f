/** Base URLs of providers: as people write them, and as requests need them. Pure. */

import { isLoopback, isUnspecified, parseAddress } from "../access/network.ts";
import { quote } from "./problem.ts";

export type BaseURL =
  | { readonly ok: true; readonly url: string; readonly host: string; readonly port: number }
  | { readonly ok: false; readonly message: string };

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** `v1`, `v1beta`: after such a segment the path is complete. */
const VERSION = /^v\d+[a-z0-9]*$/i;

export interface BaseURLOptions {
  /** Where the provider's dialect sends requests below the base, in case that was written too. */
  readonly endpoint?: string | undefined;
  /** `false`: the provider's paths have no version, and the base is taken as it is. */
  readonly versionInPath?: boolean | undefined;
}

/**
 * Reads a base URL, written with or without a trailing slash and version. The result ends in the version, without a
 * slash; a path that has a version segment somewhere (`/v1beta/openai`) is taken as it is, and so is what comes before
 * the endpoint in the whole address of requests.
 */
export function parseBaseURL(text: string, { endpoint, versionInPath = true }: BaseURLOptions): BaseURL {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    return bad(`${quote(withoutCredentials(text))} is no URL: write it as https://HOST/v1`);
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    return bad("The URL holds credentials: put the key into apiKey");
  }
  if (/[?#]/.test(text)) {
    return bad(`${quote(text)} has a query or a fragment, which requests cannot carry: end it with the path`);
  }
  const path = url.pathname.replace(/\/+$/, "");
  const whole = endpoint !== undefined && path.endsWith(endpoint);
  const base = whole ? path.slice(0, -endpoint.length) : path;
  const complete = whole || !versionInPath || base.split("/").some((segment) => VERSION.test(segment));
  return {
    ok: true,
    url: `${url.origin}${base}${complete ? "" : "/v1"}`,
    host: bareHost(url.hostname),
    port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
  };
}

/** Whether a URL leads back to where this daemon listens. */
export function isOwnAddress(
  base: { readonly host: string; readonly port: number },
  listen: Listen,
): boolean {
  if (base.port !== listen.port) return false;
  const own = bareHost(listen.host);
  return base.host === own || (isThisMachine(base.host) && isThisMachine(own));
}

/** Whether a host reaches only this machine: what listens there is on no network. */
export function isLocalHost(host: string): boolean {
  const name = bareHost(host);
  const address = parseAddress(name);
  return address === undefined ? name === "localhost" || name.endsWith(".localhost") : isLoopback(address);
}

function isThisMachine(host: string): boolean {
  const address = parseAddress(host);
  return isLocalHost(host) || (address !== undefined && isUnspecified(address));
}

function bareHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

/** What stands between the scheme and an `@` may be a password. */
function withoutCredentials(text: string): string {
  return text.includes("@") ? `…${text.slice(text.lastIndexOf("@"))}` : text;
}

function bad(message: string): BaseURL {
  return { ok: false, message };
}
