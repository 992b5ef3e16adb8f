/** The errors that the simulated APIs answer with on demand, each in both APIs' words. */

import type { Headers, Problem } from "./api.ts";

/** An error of the OpenAI API. */
export function openaiProblem(
  status: number,
  message: string,
  code: string | null = null,
  param: string | null = null,
  type = "invalid_request_error",
): Problem {
  return { status, error: { message, type, param, code } };
}

/** An error of the Anthropic API. */
export function anthropicProblem(status: number, message: string, type = "invalid_request_error"): Problem {
  return { status, error: { type, message } };
}

/** An error in the words of both APIs. */
export interface Trouble {
  readonly about: string;
  readonly openai: Problem;
  readonly anthropic: Problem;
}

const RETRY = { "retry-after": "2" };
const QUOTA = "You exceeded your current quota, please check your plan and billing details.";
const POLICY = "Your request was rejected as a result of our safety system (simulated).";

/** By the word that a model's name has behind `demo-`. */
export const TROUBLES: Readonly<Record<string, Trouble>> = {
  "400": same("an invalid request", 400, "invalid_request_error", "invalid_request_error"),
  "403": same("a key that lacks the permission", 403, "invalid_request_error", "permission_error"),
  "404": {
    about: "404, a model that the provider does not have",
    openai: openaiProblem(404, "The model does not exist (simulated).", "model_not_found"),
    anthropic: anthropicProblem(404, "model: simulated", "not_found_error"),
  },
  "408": same("a request that took too long", 408, "timeout", "timeout_error"),
  "409": same("a conflict", 409, "conflict_error", "conflict_error"),
  "413": same("a request that is too large", 413, "invalid_request_error", "request_too_large"),
  "422": same("a request that cannot be processed", 422, "invalid_request_error", "invalid_request_error"),
  "500": same("an internal error", 500, "server_error", "api_error"),
  "502": same("a bad gateway, as JSON", 502, "server_error", "api_error"),
  "503": same("an outage", 503, "server_error", "api_error", { "retry-after": "1" }),
  "504": same("a gateway timeout", 504, "server_error", "timeout_error"),
  "529": overload("529 (OpenAI: 503), overloaded"),
  overloaded: overload("the same as 529"),
  quota: {
    about: "credit is used up: 429 insufficient_quota, 400 at Anthropic",
    openai: openaiProblem(429, QUOTA, "insufficient_quota", null, "insufficient_quota"),
    anthropic: anthropicProblem(
      400,
      "Your credit balance is too low to access the Anthropic API (simulated).",
    ),
  },
  billing: {
    about: "402 billing_error (OpenAI: 429 billing_hard_limit_reached)",
    openai: openaiProblem(429, QUOTA, "billing_hard_limit_reached", null, "insufficient_quota"),
    anthropic: anthropicProblem(402, "Billing is disabled (simulated).", "billing_error"),
  },
  context: {
    about: "400, more tokens than the context window has",
    openai: openaiProblem(
      400,
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. " +
        "Please reduce the length of the messages.",
      "context_length_exceeded",
      "messages",
    ),
    anthropic: anthropicProblem(400, "prompt is too long: 209000 tokens > 200000 maximum"),
  },
  policy: {
    about: "400, refused by the provider's content policy",
    openai: openaiProblem(400, POLICY, "content_policy_violation"),
    anthropic: anthropicProblem(400, POLICY),
  },
};

/** Too many requests. */
export function rateLimit(retryAfter: string | undefined): Trouble {
  const headers = retryAfter === undefined ? {} : { headers: { "retry-after": retryAfter } };
  const message = "Rate limit reached (simulated).";
  return {
    about: "429",
    openai: { ...openaiProblem(429, message, "rate_limit_exceeded", null, "requests"), ...headers },
    anthropic: { ...anthropicProblem(429, message, "rate_limit_error"), ...headers },
  };
}

function same(
  what: string,
  status: number,
  openaiType: string,
  type: string,
  headers: Headers = {},
): Trouble {
  const message = `Simulated error ${status}: ${what}.`;
  return {
    about: `${status}, ${what}`,
    openai: { ...openaiProblem(status, message, null, null, openaiType), headers },
    anthropic: { ...anthropicProblem(status, message, type), headers },
  };
}

function overload(about: string): Trouble {
  const message = "The engine is currently overloaded, please try again later (simulated).";
  return {
    about,
    openai: { ...openaiProblem(503, message, "overloaded", null, "server_error"), headers: RETRY },
    anthropic: { ...anthropicProblem(529, "Overloaded", "overloaded_error"), headers: RETRY },
  };
}
