/** An answer that this API gives as a refusal. */

import type { GatewayError } from "../../errors.ts";
import { withoutPrefix } from "../prefix.ts";

/** Newer models think first; where the limit is reached by that, the plain answer is a 400 (litellm#35061). */
const CUT_SHORT = /^could not finish the message because max_tokens or model output limit was reached/i;

export function isCutShort(error: GatewayError): boolean {
  return error.source === "upstream" && error.status === 400 && CUT_SHORT.test(withoutPrefix(error.message));
}
