/** How an error begins, without what gateways and validators put before the words that say something. */

import { isObject, tryParseJson } from "../json.ts";

const PREFIX =
  /^(?:(?:litellm\.)?\w*(?:Error|Exception)\s*[:-]\s*|\[\d{3,5}\]\s*|<\d{3}>\s*[\w.]{1,80}:\s*|Error code: \d{3} - |Invalid JSON payload received\.\s*|(?:invalid|bad)[ _](?:request|params?)[:,]\s*|Failed to deserialize the JSON body into the target type:\s*|json:\s*|The model returned the following errors:\s*|Input validation error:\s*|(?:\w+: )?operation error [\w ]{1,40}: \w+, https response error StatusCode: \d{3}, RequestID: [\w-]{1,60},\s*)/i;

/** Characters of an error that are looked at. */
const MOST_WORDS = 4000;

/** Characters of an error within an error. */
const MOST_INNER = 16_000;

/** The error from where it says something. */
export function withoutPrefix(message: string): string {
  let words = message.slice(0, MOST_INNER).trim();
  for (let count = 0; count < 6; count++) {
    const found = PREFIX.exec(words);
    const rest = found ? words.slice(found[0].length) : innerWords(words);
    if (rest === undefined) break;
    words = rest;
  }
  return words.slice(0, MOST_WORDS);
}

/** Behind a body that a gateway hands on as text. */
const BEHIND_BODY = /\}\.? *(?:Received Model Group=[^}]{0,2000})?$/;

/**
 * The message of an error's body that stands in another's message, as gateways and clouds hand on what their provider
 * said. The body is all there is of the text: one that merely begins with a brace may quote what a user wrote.
 */
function innerWords(words: string): string | undefined {
  const end = words.startsWith("{") ? BEHIND_BODY.exec(words)?.index : undefined;
  const body = end === undefined ? undefined : tryParseJson(words.slice(0, end + 1));
  const error = isObject(body) ? body.error ?? body : undefined;
  if (typeof error === "string") return error.trim();
  return isObject(error) && typeof error.message === "string" ? error.message.trim() : undefined;
}
