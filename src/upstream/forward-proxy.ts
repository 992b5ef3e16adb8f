/**
 * Which forward proxy leads to an address, by the variables that curl reads (https://everything.curl.dev/usingcurl/proxies/env.html):
 * `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, each also in capitals; the small letters count first. Pure.
 */

import { contains, parseAddress, parseNetwork } from "../access/network.ts";
import { type Secret, secret } from "../secret.ts";

export interface ForwardProxy {
  /** Without credentials: `http://proxy.example:3128`. */
  readonly origin: string;
  /** The value of `proxy-authorization`. */
  readonly authorization?: Secret;
  /** The variable that names it. */
  readonly variable: string;
}

export type Route =
  | { readonly kind: "direct" }
  | { readonly kind: "proxy"; readonly proxy: ForwardProxy }
  | { readonly kind: "bad"; readonly message: string };

export type Environment = Readonly<Record<string, string | undefined>>;

const DIRECT: Route = { kind: "direct" };

/** The way to a URL. A message about a variable never quotes it: it may hold a password. */
export function routeTo(target: string, environment: Environment): Route {
  const url = new URL(target);
  const names = url.protocol === "https:" ? ["https_proxy", "all_proxy"] : ["http_proxy", "all_proxy"];
  const found = names.flatMap((name) => [name, name.toUpperCase()])
    .map((name) => ({ name, value: valueOf(environment, name) }))
    .find(({ value }) => value !== "");
  if (!found) return DIRECT;
  const excepted = valueOf(environment, "no_proxy") || valueOf(environment, "NO_PROXY");
  return isExcepted(url, excepted) ? DIRECT : readProxy(found.name, found.value);
}

function valueOf(environment: Environment, name: string): string {
  // A CGI server makes this one of a header that anybody may send (https://httpoxy.org).
  if (name === "HTTP_PROXY" && environment["REQUEST_METHOD"] !== undefined) return "";
  return environment[name]?.trim() ?? "";
}

function readProxy(variable: string, value: string): Route {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const bad = (why: string): Route => ({
    kind: "bad",
    message: `The environment variable ${variable} ${why}: write it as http://HOST:PORT`,
  });
  if (!URL.canParse(text)) return bad("is no address of a forward proxy");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return bad(`names a forward proxy of a kind that is not supported (${url.protocol.slice(0, -1)})`);
  }
  if (url.hostname === "") return bad("is no address of a forward proxy");
  let login: string;
  try {
    login = [url.username, url.password].map(decodeURIComponent).join(":");
  } catch {
    return bad("has a login with a % that encodes nothing");
  }
  const authorization = login === ":" ? undefined : secret(`Basic ${base64(login)}`);
  return { kind: "proxy", proxy: { origin: url.origin, variable, ...(authorization && { authorization }) } };
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** Whether a list of exceptions has the host: `*`, a name with all below it, an address, a network; a port narrows it. */
function isExcepted(url: URL, list: string): boolean {
  const host = bare(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).filter((entry) => entry !== "").some((entry) => {
    if (entry === "*") return true;
    const { name, port: only } = splitPort(entry.toLowerCase());
    return (only === undefined || only === port) && names(name, host);
  });
}

function names(entry: string, host: string): boolean {
  const address = parseAddress(host);
  if (address) {
    const network = parseNetwork(bare(entry));
    return network !== undefined && contains(network, address);
  }
  const name = bare(entry.replace(/^\*?\./, ""));
  return name !== "" && (host === name || host.endsWith(`.${name}`));
}

function splitPort(entry: string): { name: string; port?: string } {
  const found = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
  return found ? { name: found[1] ?? "", port: found[2] ?? "" } : { name: entry };
}

function bare(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}
