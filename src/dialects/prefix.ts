/** How an error begins, without what gateways and validators put before the words that say something. */

const PREFIX =
  /^(?:(?:litellm\.)?\w*(?:Error|Exception)\s*[:-]\s*|<\d{3}>\s*[\w.]{1,80}:\s*|Error code: \d{3} - |Invalid JSON payload received\.\s*|(?:invalid|bad)[ _](?:request|params?)[:,]\s*|Failed to deserialize the JSON body into the target type:\s*|json:\s*|The model returned the following errors:\s*)/i;

/** Characters of an error that are looked at. */
const MOST_WORDS = 4000;

/** The error from where it says something. */
export function withoutPrefix(message: string): string {
  let words = message.slice(0, MOST_WORDS).trim();
  for (let count = 0; count < 4; count++) {
    const found = PREFIX.exec(words);
    if (!found) break;
    words = words.slice(found[0].length);
  }
  return words;
}
