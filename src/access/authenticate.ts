/** Who is asking: by a key, or by a header that a trusted peer set. */

import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { sha256 } from "../digest.ts";
import { GatewayError } from "../errors.ts";
import { isKey } from "./keys.ts";
import { contains, type Network, parseAddress } from "./network.ts";
import type { Identity, Policy, Principal } from "./policy.ts";

export interface Caller {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The address of the socket's other end. */
  readonly peer: string;
}

/**
 * Finds who is asking.
 * @param now milliseconds since 1970
 * @throws GatewayError `invalid_api_key` for a key that is missing, malformed, unknown or expired, all alike;
 * `user_missing` and `user_unknown` where a header names the user
 */
export function authenticate(caller: Caller, policy: Policy, now: number): Principal {
  const { identity } = policy;
  switch (identity.mode) {
    case "keys":
      return byKey(caller, identity, now);
    case "header":
      return byHeader(caller, identity, policy);
    case "none":
      throw invalidKey();
  }
}

type KeyIdentity = Identity & { readonly mode: "keys" };
type HeaderIdentity = Identity & { readonly mode: "header" };

/** Compared where no key is found, so that the answer takes as long. */
const NO_DIGEST = "0".repeat(64);

function byKey(caller: Caller, identity: KeyIdentity, now: number): Principal {
  const key = presentedKey(caller) ?? "";
  // By the digest of the whole key: a look-up by a part of it let others in elsewhere (CVE-2026-35030).
  const digest = sha256(key);
  const holder = identity.keys.get(digest);
  const stored = holder?.digest ?? NO_DIGEST;
  const equal = timingSafeEqual(Buffer.from(digest, "latin1"), Buffer.from(stored, "latin1"));
  const expired = holder?.expires !== undefined && holder.expires <= now;
  if (!holder || !equal || expired || !isKey(key)) throw invalidKey();
  return holder.name === undefined ? { user: holder.user } : { user: holder.user, key: holder.name };
}

/** The headers in which clients of one API or another send their key; never a query, which ends up in logs. */
export const KEY_HEADERS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;

/**
 * The key of a request. What has not the form of a key does not count: a proxy in front may have a login of its own.
 * Undefined when there is none, or two that differ: who knows which of them somebody else has read?
 */
function presentedKey(caller: Caller): string | undefined {
  let key: string | undefined;
  for (const name of KEY_HEADERS) {
    const value = headerOf(caller, name);
    if (value === undefined) continue;
    const keys = credentialsOf(name, value).filter(isKey);
    const given = keys[0];
    if (given === undefined) continue;
    if (keys.length > 1) return undefined;
    if (key !== undefined && given !== key) return undefined;
    key = given;
  }
  return key;
}

/** All that a caller sent as a credential, whether or not it is one of ours: none of it is for a log. */
export function credentialsIn(headers: Caller["headers"]): string[] {
  const found: string[] = [];
  for (const name of KEY_HEADERS) {
    const value = headers[name];
    if (value === undefined || !Object.hasOwn(headers, name)) continue;
    for (const one of value.includes(",") ? value.split(",", MOST_CREDENTIALS) : [value]) {
      // Behind the scheme, if there is one.
      const credential = one.slice(one.trimEnd().lastIndexOf(" ") + 1).trimEnd();
      if (credential.length >= LEAST_LENGTH) found.push(credential);
    }
  }
  return found;
}

/** Of a list that somebody made up, so many are enough. */
const MOST_CREDENTIALS = 8;
/** What is shorter is no key, but a word that stands elsewhere too. */
const LEAST_LENGTH = 8;

/** What a header says, without the scheme before it; a header that came with two values is a list here. */
function credentialsOf(name: string, value: string): string[] {
  const values = value.includes(",") ? value.split(",").map((part) => part.trim()) : [value];
  return name === "authorization" ? values.map((one) => /^bearer +(\S+) *$/i.exec(one)?.[1] ?? "") : values;
}

function byHeader(caller: Caller, identity: HeaderIdentity, policy: Policy): Principal {
  const name = isTrusted(caller.peer, identity.trusted) ? headerOf(caller, identity.header) : undefined;
  if (name === undefined) throw new GatewayError("user_missing", "User not specified");
  if (!policy.users.has(name)) throw new GatewayError("user_unknown", "User not authorized");
  return { user: name };
}

/** An empty header is no header. */
function headerOf({ headers }: Caller, name: string): string | undefined {
  return Object.hasOwn(headers, name) && headers[name] !== "" ? headers[name] : undefined;
}

function isTrusted(peer: string, trusted: readonly Network[]): boolean {
  const address = parseAddress(peer);
  return address !== undefined && trusted.some((network) => contains(network, address));
}

function invalidKey(): GatewayError {
  return new GatewayError("invalid_api_key", "Invalid API key");
}
