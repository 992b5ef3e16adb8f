/** Which credentials are cut out of what one request brings about: those of the providers, and the caller's own. */

import { credentialsIn } from "../access/authenticate.ts";
import type { Policy } from "../access/policy.ts";
import type { Entry, Sink } from "../account/entry.ts";
import type { HeaderRecord } from "../dialects/dialect.ts";
import { createRedactor, isUnplain, type Redactor, redactTarget } from "../redact.ts";

/** By policy: a request that began under an old one may still meet its keys. */
const ofPolicies = new WeakMap<Policy, Redactor>();

/** Cuts the keys of all providers of a policy. */
export function policyRedactor(policy: Policy): Redactor {
  const known = ofPolicies.get(policy);
  if (known) return known;
  const secrets = Array.from(policy.models.values(), ({ upstream: { secret } }) => secret);
  const redactor = createRedactor(
    secrets.flatMap((secret) => typeof secret === "string" ? [] : [secret.reveal()]),
  );
  ofPolicies.set(policy, redactor);
  return redactor;
}

/** Cuts what the policy's redactor cuts, and the keys that the caller sent; made only when something is to be cut. */
export function requestRedactor(policy: Policy, headers: HeaderRecord): Redactor {
  let own: readonly string[] | undefined;
  let callers: Redactor | undefined;
  return {
    cut: (text) => {
      const left = policyRedactor(policy).cut(text);
      own ??= credentialsIn(headers);
      return mayHoldKey(left, own) ? (callers ??= createRedactor(own)).cut(left) : left;
    },
  };
}

/** What a log line has of the caller's, without the key that the caller may have written into it. */
export function withoutOwnKeys(headers: HeaderRecord, sink: Sink): Sink {
  return (entry) => {
    const own = credentialsIn(headers);
    sink(mayHoldKey(callersWords(entry), own) ? cutEntry(entry, createRedactor(own)) : entry);
  };
}

/** Whether an id that the caller chose can stand in a log line. */
export function holdsOwnKey(id: string, headers: HeaderRecord): boolean {
  const own = credentialsIn(headers);
  return mayHoldKey(id, own) && createRedactor(own).cut(id) !== id;
}

/** All that a line has of the caller's, as one text: with line ends between them no two make up a word. */
function callersWords({ target, referer, userAgent, forwardedFor, model, user }: Entry): string {
  return `${target}\n${referer ?? ""}\n${userAgent ?? ""}\n${forwardedFor ?? ""}\n${model ?? ""}\n${
    user ?? ""
  }`;
}

const PREFIX = 8;
/** A client's key is at least so long in base64; few lines have a word like that. */
const LONG_WORD = /[A-Za-z0-9+/_=-]{40}/;

/** A look at each line, so that the rest is for few. */
function mayHoldKey(words: string, own: readonly string[]): boolean {
  if (!isPlain(words)) return true;
  for (const key of own) if (words.includes(key.slice(0, PREFIX))) return true;
  return false;
}

/** The words that were found plain last: under load most lines share theirs with the one before. */
let latestPlain = "";
const MOST_KEPT = 1024;

function isPlain(words: string): boolean {
  if (words === latestPlain) return true;
  if (words.includes("?") || isUnplain(words) || (words.length >= 40 && LONG_WORD.test(words))) return false;
  if (words.length <= MOST_KEPT) latestPlain = words;
  return true;
}

function cutEntry(entry: Entry, redactor: Redactor): Entry {
  const cut = (text: string | undefined) => text === undefined ? text : redactor.cut(text);
  return {
    ...entry,
    target: redactTarget(entry.target, redactor),
    referer: entry.referer && redactTarget(entry.referer, redactor),
    userAgent: cut(entry.userAgent),
    forwardedFor: cut(entry.forwardedFor),
    model: cut(entry.model),
    user: cut(entry.user),
  };
}
