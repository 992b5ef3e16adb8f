/**
 * The neutral vocabulary: what a conversation is, whoever's wire format it came in. A dialect decodes its wire
 * format into these values and encodes them back; nothing here knows a provider.
 *
 * A request is in normal form: neighbouring messages of one role are one message, and the tool results of a user
 * message stand before its other parts.
 */

import type { GatewayError } from "./errors.ts";
import type { JsonObject } from "./json.ts";

// --- requests ---

export interface ChatRequest {
  /** The model's name as the client wrote it. */
  readonly model: string;
  /** In order; leading `system` messages are the instructions, later ones stay where they stood. */
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  /** The most tokens that the answer may have, thinking included. */
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  readonly reasoning?: Reasoning;
  readonly format?: ResponseFormat;
  /** An opaque id of the person behind the request, for the provider's abuse checks. */
  readonly endUser?: string;
  readonly serviceTier?: ServiceTier;
  /** A cache mark on the request as a whole: the provider marks the last part that it can. */
  readonly cache?: CacheMark;
  /** The client places its cache marks itself: the request as a whole gets none that it did not ask for. */
  readonly explicitCache?: true;
  /** Opt-in features that the client named for the provider (`anthropic-beta`). */
  readonly betas?: readonly string[];
  readonly stream: boolean;
  /** The client wants token usage in the stream. */
  readonly includeUsage: boolean;
  /** The client declared `functions`, not `tools`: its reply has the older shape. */
  readonly legacyFunctions: boolean;
  /** What the client asked for and this vocabulary has no word for. */
  readonly losses: readonly Loss[];
}

/** A field that cannot be carried to another dialect: refused with 400, or left out with a warning. */
export interface Loss {
  /** Where it stood, as the client wrote it: `n`, `messages[2].name`. */
  readonly field: string;
  /** The code of the warning, or of the refusal's error. */
  readonly code: string;
  readonly refuse: boolean;
  readonly message: string;
}

/** Something left out or changed on the way, by its code. */
export type Warning = string;

export type Role = "system" | "user" | "assistant";

export interface Message {
  readonly role: Role;
  readonly content: readonly Part[];
  /** What the provider attached to its message beside the parts and wants back with it, as its dialect wrote it. */
  readonly attached?: JsonObject;
}

export type Part =
  | TextPart
  | ImagePart
  | DocumentPart
  | ToolCallPart
  | ToolResultPart
  | ThinkingPart
  | RedactedThinkingPart;

export interface TextPart {
  readonly type: "text";
  readonly text: string;
  readonly cache?: CacheMark;
}

export interface ImagePart {
  readonly type: "image";
  readonly source: Source;
  /** The resolution asked for, where it is not the default: `low`, `high`, `original`. */
  readonly detail?: string;
  readonly cache?: CacheMark;
}

export interface DocumentPart {
  readonly type: "document";
  readonly source: Source;
  readonly title?: string;
  readonly cache?: CacheMark;
}

export interface ToolCallPart {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  /** The arguments as text: JSON for a function, anything for a custom tool. Byte for byte what the model wrote. */
  readonly input: string;
  readonly kind: ToolKind;
  readonly cache?: CacheMark;
  /** Unknown fields that the provider attached to the call and wants back with it (thought signatures). */
  readonly extra?: JsonObject;
}

export interface ToolResultPart {
  readonly type: "tool-result";
  readonly id: string;
  readonly content: readonly (TextPart | ImagePart | DocumentPart)[];
  readonly failed: boolean;
  readonly cache?: CacheMark;
}

export interface ThinkingPart {
  readonly type: "thinking";
  readonly text: string;
  /** The provider's proof that it wrote this; a thought without one is never sent back as a thought. */
  readonly signature?: string;
}

export interface RedactedThinkingPart {
  readonly type: "redacted-thinking";
  readonly data: string;
}

/** Where an image or a document comes from. Nothing is ever fetched by the proxy. */
export type Source =
  | { readonly type: "base64"; readonly mediaType: string; readonly data: string }
  | { readonly type: "url"; readonly url: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "file"; readonly id: string };

export interface CacheMark {
  /** How long the provider should keep it: `5m` (its default), `1h`. */
  readonly ttl?: string;
}

export type ToolKind = "function" | "custom";

export interface Tool {
  readonly kind: ToolKind;
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments; a custom tool has none. */
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
  /** A custom tool's grammar, as its dialect wrote it. */
  readonly format?: JsonObject;
  readonly cache?: CacheMark;
  /** Extension fields of the tool that pass as they are: `input_examples`, `defer_loading`, … */
  readonly extra?: JsonObject;
}

export type ToolChoice =
  | { readonly type: "auto" }
  | { readonly type: "required" }
  | { readonly type: "none" }
  | { readonly type: "tool"; readonly name: string }
  /** Only the named tools, of those declared. */
  | { readonly type: "allowed"; readonly mode: "auto" | "required"; readonly names: readonly string[] };

export const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export type Effort = (typeof EFFORTS)[number];

export interface Reasoning {
  readonly effort?: Effort;
  /** How the client asked for thinking in so many words, where it did. */
  readonly mode?: "enabled" | "adaptive" | "disabled" | "between_tools";
  /** Most tokens of thinking, with mode `enabled`. */
  readonly budget?: number;
  /** Whether the thinking's text is shown: `summarized`, `omitted`. */
  readonly display?: string;
}

export type ResponseFormat =
  | { readonly type: "json" }
  | {
    readonly type: "schema";
    readonly name?: string;
    readonly description?: string;
    readonly schema: JsonObject;
    readonly strict?: boolean;
  };

export type ServiceTier = "auto" | "default" | "priority" | "flex" | "fast" | "scale";

// --- replies ---

export interface ChatReply {
  /** The provider's id of the answer; empty if it sent none. */
  readonly id: string;
  /** The model that answered, as the provider names it; empty if it did not say. */
  readonly model: string;
  /** In the order that the provider sent; texts are one text, cut where the provider cut it. */
  readonly content: readonly ReplyPart[];
  readonly citations: readonly Citation[];
  /** What the provider attached beside the parts and wants back with the next turn, as its dialect wrote it. */
  readonly attached?: JsonObject;
  readonly finish: Finish;
  /** Absent when the provider sent none. */
  readonly usage?: Usage;
  readonly serviceTier?: string;
  readonly warnings: readonly Warning[];
}

export type ReplyPart = TextPart | ToolCallPart | ThinkingPart | RedactedThinkingPart;

/** A source of a range of the answer's text; `start` and `end` (exclusive) count UTF-16 units over all text parts. */
export interface Citation {
  readonly url: string;
  readonly title: string;
  readonly start: number;
  readonly end: number;
}

export type FinishReason = "stop" | "stop-sequence" | "length" | "tool-calls" | "refusal";

export interface Finish {
  readonly reason: FinishReason;
  /** The provider's own word, as it wrote it; absent when it gave none. */
  readonly native?: string;
  /** The stop sequence that was met, where the provider says which. */
  readonly stopSequence?: string;
  /** With reason `refusal`: what the model said of it. */
  readonly refusal?: { readonly explanation?: string; readonly category?: string };
}

/** No answer has this many tokens: a larger count is none. */
export const MOST_TOKENS = 100_000_000;

/** Tokens of one answer, each a total: `input` includes both cache figures, `output` includes `reasoning`. */
export interface Usage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** Parts of `cacheWrite` by lifetime, where the provider reports them. */
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  readonly output: number;
  readonly reasoning: number;
}

// --- streams ---

/**
 * One step of a streamed answer. A text or a thought runs until another kind begins; tool calls carry the number of
 * the call, dense from 0, and may interleave. `end` comes once, last, and only after `finish`; an `error` ends the
 * stream instead.
 */
export type ChatEvent =
  | { readonly type: "start"; readonly id: string; readonly model: string; readonly serviceTier?: string }
  | { readonly type: "text-delta"; readonly text: string }
  | { readonly type: "thinking-start" }
  | { readonly type: "thinking-delta"; readonly text: string }
  | { readonly type: "thinking-end"; readonly signature?: string }
  | { readonly type: "redacted-thinking"; readonly data: string }
  | {
    readonly type: "tool-call-start";
    readonly index: number;
    readonly id: string;
    readonly name: string;
    readonly kind: ToolKind;
    readonly extra?: JsonObject;
  }
  | { readonly type: "tool-call-delta"; readonly index: number; readonly input: string }
  | { readonly type: "tool-call-end"; readonly index: number }
  | { readonly type: "citation"; readonly citation: Citation }
  /** What the provider wants back with the next turn: all of it, once. */
  | { readonly type: "attached"; readonly attached: JsonObject }
  /** All that is known so far, not an addition to what came before. */
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "finish"; readonly finish: Finish }
  | { readonly type: "warning"; readonly warning: Warning }
  /** A sign of life. */
  | { readonly type: "ping" }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly error: GatewayError };

/** True for what commits the answer to its client: text, thinking or a tool call that is really there. */
export function isContent(event: ChatEvent): boolean {
  switch (event.type) {
    case "text-delta":
    case "thinking-delta":
      return event.text !== "";
    case "tool-call-start":
    case "redacted-thinking":
      return true;
    default:
      return false;
  }
}
