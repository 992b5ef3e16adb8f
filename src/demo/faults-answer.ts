/** Faults of what is said: its usage, refusals, thoughts and tool calls, and requests that a model does not take. */

import { isObject, type JsonObject } from "../json.ts";
import { sha256 } from "../digest.ts";
import { type Answer, answerTo, type Prompt, sign, withUsage } from "./answers.ts";
import { type Exchange, framesOf, give, refuse } from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { objectsOf } from "./read.ts";
import type { Usage } from "./usage.ts";

const CREDENTIAL = /^(authorization|x-api-key|cookie|proxy-authorization)$/;
const HUGE = 1e15;

export const ANSWER_FAULTS: Readonly<Record<string, Fault>> = {
  "usage-none": { about: "no usage at all", play: (exchange) => say(exchange, withoutUsage) },
  "usage-zero": {
    about: "usage of zeros",
    play: (exchange) => say(exchange, (answer) => spending(answer, 0, 0)),
  },
  "usage-negative": {
    about: "negative usage",
    play: (exchange) => say(exchange, (answer) => spending(answer, -1, -5)),
  },
  "usage-huge": {
    about: "more tokens than any model has",
    play: (exchange) => say(exchange, (answer) => spending(answer, HUGE, HUGE)),
  },
  refusal: { about: "the model refuses", play: (exchange) => say(exchange, refused) },
  echo: {
    about: "answers with the headers (credentials as SHA-256) and the body that it got",
    play: (exchange) => say(exchange, (_, prompt) => plainAnswer(echoOf(exchange), prompt)),
  },
  redacted: { about: "the thought is redacted", play: (exchange) => say(exchange, redacted) },
  signature: {
    about: "a thought without text, with its signature",
    play: (exchange) => say(exchange, unshown),
  },
  "hidden-reasoning": {
    about: "thinking is paid for and not there",
    play: (exchange) => say(exchange, unthought),
  },
  "tool-empty": {
    about: "tool calls without arguments",
    play: (exchange) => say(exchange, withoutArguments),
  },
  "no-temperature": {
    about: "400 for temperature, top_p and top_k",
    play: (exchange) =>
      refuseFields(exchange, ["temperature", "top_p", "top_k"], "is deprecated for this model."),
  },
  "no-max-tokens": {
    about: "400 for max_tokens at OpenAI, in favour of max_completion_tokens",
    play: (exchange) =>
      refuseFields(
        exchange,
        exchange.api.name === "openai" ? ["max_tokens"] : [],
        "is not supported with this model. Use 'max_completion_tokens' instead.",
      ),
  },
  "no-prefill": { about: "400 for a conversation that ends with the assistant", play: refusePrefill },
};

async function say(exchange: Exchange, change: (answer: Answer, prompt: Prompt) => Answer): Promise<void> {
  const { prompt } = exchange;
  await give(exchange, framesOf(exchange, change(answerTo(prompt), prompt)));
}

function withoutUsage(answer: Answer): Answer {
  const { usage: _, ...rest } = answer;
  return rest;
}

function spending(answer: Answer, input: number, output: number): Answer {
  const usage: Usage = { input, output, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
  return { ...answer, usage };
}

function plainAnswer(text: string, prompt: Prompt): Answer {
  return withUsage({ text, calls: [], finish: "stop" }, prompt);
}

/** OpenAI's models say that they refuse; Anthropic's API stops before the first word. */
function refused(_: Answer, prompt: Prompt): Answer {
  const text = prompt.api === "openai" ? "I'm sorry, but I cannot help with that (simulated)." : "";
  return { ...plainAnswer(text, prompt), finish: "refusal" };
}

function echoOf(exchange: Exchange): string {
  const { method, path, headers, body } = exchange.attempt;
  const shown = Object.entries(headers).map(([name, value]) => [
    name,
    CREDENTIAL.test(name) ? `sha256:${sha256(value)}` : value,
  ]);
  const head = JSON.stringify({ method, path, headers: Object.fromEntries(shown) });
  // The body as it came, so that every digit of its numbers is still there.
  return `${head.slice(0, -1)},"body":${body}}`;
}

function redacted(answer: Answer): Answer {
  const { thinking } = answer;
  return thinking ? { ...answer, thinking: { ...thinking, text: "", redacted: true } } : answer;
}

function unshown(answer: Answer, prompt: Prompt): Answer {
  if (!answer.thinking) return answer;
  return { ...answer, thinking: { text: "", signature: sign(prompt.seed.slice(0, 16), "") } };
}

function unthought(answer: Answer): Answer {
  const { thinking: _, ...rest } = answer;
  return rest;
}

function withoutArguments(answer: Answer): Answer {
  return { ...answer, calls: answer.calls.map((call) => ({ ...call, input: "" })) };
}

async function refuseFields(exchange: Exchange, fields: readonly string[], words: string): Promise<void> {
  const body = bodyOf(exchange);
  const field = fields.find((name) => Object.hasOwn(body, name));
  if (field === undefined) return await give(exchange, framesOf(exchange));
  const message = exchange.api.name === "openai"
    ? `Unsupported parameter: '${field}' ${words}`
    : `\`${field}\` ${words}`;
  const problem = exchange.api.invalid(message, field);
  const code = exchange.api.name === "openai" ? { code: "unsupported_parameter" } : {};
  refuse(exchange, { ...problem, error: { ...problem.error, ...code } });
}

async function refusePrefill(exchange: Exchange): Promise<void> {
  const last = objectsOf(bodyOf(exchange)["messages"]).at(-1);
  if (last?.["role"] !== "assistant") return await give(exchange, framesOf(exchange));
  const message = "This model does not support assistant message prefill. The conversation must end with a " +
    "user message.";
  refuse(exchange, exchange.api.invalid(message));
}

function bodyOf(exchange: Exchange): JsonObject {
  const body = JSON.parse(exchange.attempt.body);
  return isObject(body) ? body : {};
}
