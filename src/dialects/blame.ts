/**
 * Whose fault a provider's 402, 403, 404 or 429 is: statuses that say little by themselves. Only what a machine reads
 * decides, a code, a type, the field at fault; a text may quote what a user wrote.
 */

import type { Blame, ErrorKind } from "../errors.ts";

/** What an error says to machines, and its text. */
export interface Words {
  /** Codes and types, the most precise first. */
  readonly words: readonly string[];
  readonly param: string | undefined;
  readonly message: string;
}

export interface Meaning {
  readonly kind: ErrorKind;
  readonly blame: Blame;
}

/** What such a status means by its words; undefined for any other status, and for a 429 that is a mere limit. */
export function meaningOf(status: number, said: Words): Meaning | undefined {
  switch (status) {
    case 402:
      return ACCOUNT;
    case 429:
      return speaks(said, ACCOUNT_WORDS) ? ACCOUNT : undefined;
    case 403:
      return forbidden(said);
    case 404:
      return notFound(said);
    default:
      return undefined;
  }
}

/** What a status means when it came with no error of the provider's own: some server between, or none of its addresses. */
export function foreignMeaning(status: number, kind: ErrorKind): Meaning {
  if (status === 401) return { kind: "authentication", blame: "credential" };
  if (status === 402) return ACCOUNT;
  if (status === 404) return { kind: "not-found", blame: "provider" };
  return { kind, blame: status === 413 ? "caller" : "provider" };
}

const ACCOUNT: Meaning = { kind: "quota", blame: "credential" };
const MODEL: Meaning = { kind: "model-missing", blame: "model" };

/**
 * `insufficient_quota`, `billing_not_active`, `billing_hard_limit_reached`, `account_deactivated`, `exceeded_current_quota`,
 * `organization_restricted`, `access_terminated`, `Arrearage`: words of many vendors. A mere `quota_exceeded` is how
 * some call a limit of requests.
 */
const ACCOUNT_WORDS =
  /insufficient[_-]?(?:quota|balance|credit|fund)|exceeded[_-]current[_-]quota|billing|credit|(?:^|_)balance(?:_|$)|suspend|deactivat|arrear|payment|spend|access[_-]terminated|(?:organi[sz]ation|account)[_-]?(?:\w+[_-])?(?:restrict|disabl|block|inactive|not[_-]active)/i;
/** `model_not_found`, `DeploymentNotFound`, `model_permission_blocked_org`. */
const MODEL_WORDS = /model|deployment/i;
const POLICY_WORDS = /moderation|content[_-]?(?:policy|filter)|safety/i;
/** Where the proxy stands is neither the caller's affair nor the model's: `unsupported_country_region_territory`. */
const PLACE_WORDS = /country|region|territory|location|geo/i;
/** Words that say no more than the status does. */
const PLAIN_WORDS =
  /^(?:\d+|(?:request[_-]?)?forbidden(?:_?error)?|(?:\w+[_-])?(?:permission|access)[_-]?(?:denied|error)(?:_?error)?|insufficient[_-]?permissions?|missing[_-]?scopes?|(?:unauthori[sz]ed|authori[sz]ation|authentication)(?:_?error)?|invalid_request_error|invalid_api_key|api_error|error)$/i;

function forbidden(said: Words): Meaning {
  if (speaks(said, ACCOUNT_WORDS)) return ACCOUNT;
  if (speaksOfModel(said)) return MODEL;
  if (speaks(said, POLICY_WORDS)) return { kind: "content-policy", blame: "caller" };
  const other = said.param !== undefined ||
    said.words.some((word) => isWord(word) && !PLAIN_WORDS.test(word));
  return { kind: "permission", blame: other && !speaks(said, PLACE_WORDS) ? "caller" : "provider" };
}

function notFound(said: Words): Meaning {
  if (speaksOfModel(said)) return MODEL;
  if (said.param !== undefined) return { kind: "not-found", blame: "caller" };
  if (said.words.includes("unknown_url")) return { kind: "invalid-request", blame: "provider" };
  // A server that has nothing at this address: the provider's base URL is wrong, perhaps.
  if (NOTHING_THERE.test(said.message)) return { kind: "not-found", blame: "provider" };
  // The request may move on for what a text says, but nothing is learned from it.
  return { kind: "not-found", blame: MENTIONS_MODEL.test(said.message) ? "model" : "caller" };
}

/** The field `model` is the proxy's own; one further inside (of a tool, say) is the caller's. */
function speaksOfModel(said: Words): boolean {
  return said.param === undefined ? speaks(said, MODEL_WORDS) : said.param === "model";
}

function speaks({ words }: Words, pattern: RegExp): boolean {
  return words.some((word) => isWord(word) && pattern.test(word));
}

/** Some servers have a sentence for a code: that is a text. */
function isWord(word: string): boolean {
  return word.length <= LONGEST_WORD && /^[\w.:/-]+$/.test(word);
}

const LONGEST_WORD = 100;
const NOTHING_THERE =
  /^(?:(?:404:? )?(?:page |route |resource |url )?not found\.?$|(?:invalid url|unknown request url|no route matched|cannot post)\b)/i;
const MENTIONS_MODEL = /\b(?:models?|deployment|engine)\b|^no endpoints found\b/i;
