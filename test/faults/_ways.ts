/**
 * The ways that a request may take: which API its client speaks, which one its provider speaks, and whether it is
 * streamed; and what a client reads of the answer.
 */

import type { Providers } from "../../src/demo/providers.ts";
import type { Proxy } from "../tools/proxy.ts";
import type { RawReply } from "../tools/raw.ts";

type Api = "openai" | "anthropic";

export interface Way {
  readonly client: Api;
  readonly upstream: Api;
  readonly stream: boolean;
}

const APIS = ["openai", "anthropic"] as const;

export const WAYS: readonly Way[] = APIS.flatMap((client) =>
  APIS.flatMap((upstream) => [false, true].map((stream) => ({ client, upstream, stream })))
);

export const STREAMED: readonly Way[] = WAYS.filter(({ stream }) => stream);

/** Runs a check for several ways at once; what fails says on which of them. */
export async function each(ways: readonly Way[], check: (way: Way) => Promise<void>): Promise<void> {
  await Promise.all(ways.map(async (way) => {
    try {
      await check(way);
    } catch (thrown) {
      if (thrown instanceof Error) thrown.message = `${nameOf(way)}: ${thrown.message}`;
      throw thrown;
    }
  }));
}

export function nameOf({ client, upstream, stream }: Way): string {
  return `${stream ? "a stream" : "an answer"} of ${upstream} for a client of ${client}`;
}

/** The other provider: where a request goes on that the first has failed. */
export function other(api: Api): Api {
  return api === "openai" ? "anthropic" : "openai";
}

export const PATHS = { openai: "/v1/chat/completions", anthropic: "/v1/messages" } as const;

/** A request in the client's API. */
export function hello(way: Way, model: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    model,
    max_tokens: 64,
    messages: [{ role: "user", content: "Hello" }],
    ...(way.stream && { stream: true }),
    ...more,
  };
}

export interface Routes {
  /** What the first target is called at its provider. */
  readonly first: string;
  /** What follows it: `fine` at the other provider if absent. */
  readonly failover?: readonly string[];
  readonly timeouts?: Readonly<Record<string, number>>;
  readonly retries?: number;
  readonly further?: Readonly<Record<string, unknown>>;
  /** The first target's provider, if it is not one of the simulated ones. */
  readonly baseURL?: string;
}

/**
 * A configuration with two models: `alone`, and `first` which falls over to `fine` at the other provider. Both are the
 * same at their provider, which is called `primary`.
 */
export function routes(
  way: Way,
  { first, failover = ["fine"], timeouts, retries, further, baseURL }: Routes,
) {
  return (providers: Providers) => ({
    ...further,
    providers: {
      primary: {
        dialect: way.upstream === "openai" ? "openai-chat" : "anthropic-messages",
        baseURL: baseURL ?? (way.upstream === "openai" ? providers.openaiURL : providers.anthropicURL),
        apiKey: { env: way.upstream === "openai" ? "OPENAI_API_KEY" : "ANTHROPIC_API_KEY" },
        ...(retries !== undefined && { retries }),
        ...(timeouts && { timeouts }),
      },
    },
    models: {
      first: { provider: "primary", model: first },
      alone: { provider: "primary", model: first },
      fine: { provider: other(way.upstream), model: "healthy" },
      broken: { provider: other(way.upstream), model: "demo-500" },
    },
    users: { ann: { models: [{ name: "first", failover }, { name: "alone" }] } },
  });
}

/** Posts the usual request, or another, as the way's client. */
export function ask(proxy: Proxy, way: Way, model: string, more?: Readonly<Record<string, unknown>>) {
  return proxy.post("ann", PATHS[way.client], hello(way, model, more));
}

/** How many requests for an answer a provider got for a model of its own. */
export function asked({ providers }: Proxy, model: string): number {
  return providers.ledger.filter((entry) => entry.model === model).length;
}

/** What a client can tell of an answer without an SDK. */
export interface Read {
  readonly text: string;
  /** The error object, of the body or of an error event. */
  readonly error:
    | { readonly type: string; readonly message: string; readonly code?: string | null }
    | undefined;
  /** Something said that the answer is complete: a reason to finish, or the API's last event. */
  readonly complete: boolean;
  /** Lines of an event stream that are comments or pings. */
  readonly signs: number;
}

export function read(way: Way, reply: RawReply): Read {
  const streamed = reply.headers["content-type"]?.startsWith("text/event-stream") ?? false;
  const bodies = streamed ? eventsOf(reply.text) : [reply.json()];
  const texts = bodies.map((body) => way.client === "openai" ? openaiText(body) : anthropicText(body));
  return {
    text: texts.join(""),
    error: bodies.find((body) => body?.error)?.error,
    complete: streamed
      ? /"finish_reason":"|\[DONE\]|"stop_reason":"|message_stop/.test(reply.text)
      : texts[0] !== "",
    signs: [...reply.text.matchAll(/^(?::|event: ?ping)/gm)].length,
  };
}

// deno-lint-ignore no-explicit-any -- what is not there is read as undefined
type Body = any;

function eventsOf(text: string): Body[] {
  // U+2028 ends no line here, though it does for a regular expression.
  const datas = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:")).map((line) =>
    line.slice(5)
  );
  return datas.filter((data) => data.trim() !== "[DONE]").map((data) => JSON.parse(data));
}

function openaiText(body: Body): string {
  const choice = body?.choices?.[0];
  return choice?.message?.content ?? choice?.delta?.content ?? "";
}

function anthropicText(body: Body): string {
  if (body?.delta?.type === "text_delta") return body.delta.text;
  return (body?.content ?? []).map((block: Body) => block.text ?? "").join("");
}
