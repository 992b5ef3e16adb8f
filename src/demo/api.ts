/** What the two simulated APIs have in common, so that a fault is written once for both. */

import type { JsonObject } from "../json.ts";
import type { Answer, Prompt } from "./answers.ts";
import type { Usage } from "./usage.ts";

export type Headers = Readonly<Record<string, string>>;

/** A simulated API: reads requests as the real one does and says answers in its words. */
export interface Api {
  readonly name: "openai" | "anthropic";
  /** Where answers are asked for. */
  readonly path: string;
  /** The credential that a request carries. */
  credential(headers: Headers): string | undefined;
  /** The problem with credentials that are missing or refused, and with headers that must be there. */
  authenticate(headers: Headers): Problem | undefined;
  /** What the real API would refuse the request for; the first counts. */
  check(body: JsonObject, headers: Headers): Iterable<Problem>;
  /** Reads a request that was checked; `seed` is what ids are made of. */
  read(body: JsonObject, seed: string): Prompt;
  /** Answers another endpoint; undefined if there is none. */
  other(method: string, path: string, body: JsonObject, headers: Headers): Other | undefined;
  /** Headers of every answer. */
  headers(requestId: string): Headers;

  plain(prompt: Prompt, answer: Answer): JsonObject;
  /** A streamed answer, piece by piece. */
  stream(prompt: Prompt, answer: Answer, style: Style): Frame[];
  /** Body of an error answer. */
  error(problem: Problem, requestId: string): JsonObject;
  /** An error inside a stream. */
  errorFrame(problem: Problem, requestId: string): string;
  /** What is said to a key that is refused. */
  badKey(key: string): Problem;
  /** A bad request, by the API's default words. */
  invalid(message: string, param?: string): Problem;
  notFound(message: string): Problem;
}

export type Other = { readonly body: JsonObject } | { readonly problem: Problem };

/** A piece of an answer on its way. */
export interface Frame {
  readonly text: string;
  /** Output tokens in it; 0 for what only opens or closes. */
  readonly tokens: number;
  /** What it reports of the cost. */
  readonly usage?: Usage;
  /** It says that the stream is complete. */
  readonly done?: boolean;
}

/** Choices between shapes that real servers have. */
export interface Style {
  /** Where a stream reports usage: at its end, in every chunk, or in the chunk that has the finish reason. */
  readonly usage: "end" | "every" | "finish";
  /** Characters in a piece of tool arguments. */
  readonly argumentSlice: number;
}

/** An error answer: the API's own error object, without what is around it. */
export interface Problem {
  readonly status: number;
  readonly error: JsonObject;
  readonly headers?: Headers;
}
