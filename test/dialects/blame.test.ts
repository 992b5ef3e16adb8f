/** Whose fault a provider's error is: what a machine reads of it decides, and never a text that may quote a request. */

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import type { GatewayError } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";

const openai = (
  message: string,
  code: Json = null,
  param: string | null = null,
  type = "invalid_request_error",
) => ({
  error: { message, type, param, code },
});
const anthropic = (message: string, type: string, error_code?: string) => ({
  type: "error",
  error: { type, message, details: error_code === undefined ? null : { error_code } },
});

type Row = readonly [
  status: number,
  body: Json | undefined,
  blame: GatewayError["blame"],
  kind: GatewayError["kind"],
];

const OPENAI: readonly Row[] = [
  // The key, and its account.
  [401, openai("Incorrect API key provided", "invalid_api_key"), "credential", "authentication"],
  [401, openai("Access denied due to invalid subscription key", "401"), "credential", "authentication"],
  [401, undefined, "credential", "authentication"],
  [402, { error: { code: 402, message: "Insufficient credits" } }, "credential", "quota"],
  [402, openai("Insufficient Balance", "invalid_request_error"), "credential", "quota"],
  [402, undefined, "credential", "quota"],
  [429, openai("Quota", "insufficient_quota", null, "insufficient_quota"), "credential", "quota"],
  [429, openai("Quota", null, null, "insufficient_quota"), "credential", "quota"],
  [429, openai("Billing", "billing_not_active"), "credential", "quota"],
  [429, openai("Billing", "billing_hard_limit_reached"), "credential", "quota"],
  [429, openai("Quota", null, null, "exceeded_current_quota_error"), "credential", "quota"],
  [403, openai("Suspended", "account_suspended"), "credential", "quota"],
  [403, openai("Restricted", "organization_restricted"), "credential", "quota"],
  [403, openai("Ended", "access_terminated"), "credential", "quota"],
  // A limit, whatever it is called.
  [429, openai("Slow down", "rate_limit_exceeded", null, "requests"), "provider", "rate-limit"],
  [429, openai("Slow down", "token_quota_exceeded", null, "too_many_tokens_error"), "provider", "rate-limit"],
  [429, openai("Your credit balance is used up, billing is off"), "provider", "rate-limit"],
  // The model.
  [403, openai("No access to model `pro`", "model_not_found"), "model", "model-missing"],
  [403, openai("Blocked", "model_permission_blocked_org"), "model", "model-missing"],
  [404, openai("None", "model_not_found"), "model", "model-missing"],
  [
    404,
    { error: { code: "DeploymentNotFound", message: "The API deployment does not exist." } },
    "model",
    "model-missing",
  ],
  [404, openai("The model `x` does not exist.", 404, "model", "NotFoundError"), "model", "model-missing"],
  // Perhaps the model: a text says so.
  [404, openai("The model `x` does not exist.", 404, null, "NotFoundError"), "model", "not-found"],
  [
    404,
    openai('model "x" not found, try pulling it first', null, null, "not_found_error"),
    "model",
    "not-found",
  ],
  [404, { error: { code: 404, message: "No endpoints found for some/name." } }, "model", "not-found"],
  // Something that the caller asks for.
  [404, openai("No such File object: file-gone", null, "id"), "caller", "not-found"],
  [404, openai("No such File object: gpt-5", null, "id"), "caller", "not-found"],
  [404, openai("No thread found with id 'thread_x'."), "caller", "not-found"],
  [404, openai("None", "model_not_found", "tools[0].model"), "caller", "not-found"],
  [403, openai("No", "feature_not_enabled"), "caller", "permission"],
  [403, openai("No", null, "file_id"), "caller", "permission"],
  [403, openai("Flagged", "content_policy_violation"), "caller", "content-policy"],
  [400, openai("Your credit balance is too low"), "caller", "invalid-request"],
  [400, openai("No", "model_not_found"), "caller", "invalid-request"],
  [413, undefined, "caller", "too-large"],
  [422, { detail: [{ loc: ["body"], msg: "bad" }] }, "caller", "invalid-request"],
  // Not clear.
  [403, openai("You have insufficient permissions"), "provider", "permission"],
  [403, openai("Missing scopes: model.request", "missing_scope"), "provider", "permission"],
  [
    403,
    openai("Country", "unsupported_country_region_territory", null, "request_forbidden"),
    "provider",
    "permission",
  ],
  [
    403,
    { code: "The caller does not have permission", error: "No access to the model" },
    "provider",
    "permission",
  ],
  [403, { message: "Forbidden" }, "provider", "permission"],
  [403, undefined, "provider", "permission"],
  [404, undefined, "provider", "not-found"],
  [404, { detail: "Not Found" }, "provider", "not-found"],
  [404, { error: { code: "404", message: "Resource not found" } }, "provider", "not-found"],
  [
    404,
    { message: "Cannot POST /v1/chat/completions", error: "Not Found", statusCode: 404 },
    "provider",
    "not-found",
  ],
  [404, openai("Invalid URL (POST /v1/v1/chat/completions)"), "provider", "not-found"],
  [404, openai("None", "unknown_url"), "provider", "invalid-request"],
  [400, undefined, "provider", "invalid-request"],
  [409, openai("Conflict"), "provider", "conflict"],
  [500, openai("Oops", "insufficient_capacity"), "provider", "server"],
  [503, undefined, "provider", "overloaded"],
];

const ANTHROPIC: readonly Row[] = [
  [401, anthropic("invalid x-api-key", "authentication_error"), "credential", "authentication"],
  [402, anthropic("Billing is disabled", "billing_error"), "credential", "quota"],
  [403, anthropic("Suspended", "permission_error", "account_suspended"), "credential", "quota"],
  [429, anthropic("Spent", "rate_limit_error", "enforced_spend_limit_reached"), "credential", "quota"],
  [429, anthropic("Slow", "rate_limit_error"), "provider", "rate-limit"],
  [429, anthropic("Your credit balance is too low", "rate_limit_error"), "provider", "rate-limit"],
  [404, anthropic("model: claude-9", "not_found_error"), "model", "model-missing"],
  [403, anthropic("No", "permission_error", "model_access_denied"), "model", "model-missing"],
  [404, anthropic("No such model here", "not_found_error"), "model", "not-found"],
  [404, anthropic("File not found: file_gone", "not_found_error"), "caller", "not-found"],
  [404, anthropic("messages.0.content.0.source.file_id: model: x", "not_found_error"), "caller", "not-found"],
  [403, anthropic("messages.0.content.0: no", "permission_error"), "caller", "permission"],
  [403, anthropic("No", "permission_error", "beta_not_enabled"), "caller", "permission"],
  [403, anthropic("Your organization does not have access", "permission_error"), "provider", "permission"],
  [404, anthropic("Not Found", "not_found_error"), "provider", "not-found"],
  [403, undefined, "provider", "permission"],
  [404, undefined, "provider", "not-found"],
  [
    400,
    anthropic("Input tag 'credit balance is too low' found", "invalid_request_error"),
    "caller",
    "invalid-request",
  ],
  [400, anthropic("x: prompt", "invalid_request_error"), "caller", "invalid-request"],
  [529, anthropic("Overloaded", "overloaded_error"), "provider", "overloaded"],
  [503, undefined, "provider", "server"],
];

for (const [dialect, rows] of [[openaiChat, OPENAI], [anthropicMessages, ANTHROPIC]] as const) {
  for (const [status, body, blame, kind] of rows) {
    test(`${dialect.name}: ${status} ${JSON.stringify(body)} is the ${blame}'s, as ${kind}`, () => {
      const error = dialect.decodeError(status, body, {});
      deepEqual({ blame: error.blame, kind: error.kind, failure: error.failure }, {
        blame,
        kind,
        failure: `${status}`,
      });
    });
  }
}

test("a finer reason among the details is the provider's word", () => {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }];
  const body = [{ error: { code: 400, message: "API key not valid.", status: "INVALID_ARGUMENT", details } }];
  deepEqual(openaiChat.decodeError(400, body, {}).said, "API_KEY_INVALID");
});
