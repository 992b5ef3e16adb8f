/**
 * Answers as the Messages API has them on the wire (https://platform.claude.com/docs/en/api/messages): what the
 * encoders write. The decoders read more than this, by hand, because what a provider sends has no type yet.
 */

import type { JsonObject } from "../../json.ts";

export type MessageReply = {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
  readonly content: readonly ReplyBlock[];
  readonly stop_reason: string | null;
  readonly stop_sequence: string | null;
  readonly stop_details: StopDetails | null;
  readonly usage: MessageUsage;
};

export type ReplyBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "redacted_thinking"; readonly data: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: JsonObject };

export type StopDetails = {
  readonly type: "refusal";
  readonly category: string | null;
  readonly explanation: string | null;
};

/** Why the answer stopped, as a message and its `message_delta` have it. */
export type StopFields = {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly stop_details: StopDetails | null;
};

/** The figures of `message_delta`: each the total so far. */
export type DeltaUsage = {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
  readonly output_tokens_details: { readonly thinking_tokens: number };
};

export type MessageUsage = DeltaUsage & {
  /** Absent where the provider wrote to a cache and does not say for how long. */
  readonly cache_creation?: {
    readonly ephemeral_5m_input_tokens: number;
    readonly ephemeral_1h_input_tokens: number;
  };
};

export type BlockDelta =
  | { readonly type: "text_delta"; readonly text: string }
  | { readonly type: "thinking_delta"; readonly thinking: string }
  | { readonly type: "signature_delta"; readonly signature: string }
  | { readonly type: "input_json_delta"; readonly partial_json: string };

export type StreamEvent =
  | { readonly type: "message_start"; readonly message: MessageReply }
  | { readonly type: "ping" }
  | { readonly type: "content_block_start"; readonly index: number; readonly content_block: ReplyBlock }
  | { readonly type: "content_block_delta"; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: "content_block_stop"; readonly index: number }
  | {
    readonly type: "message_delta";
    readonly delta: StopFields;
    readonly usage: DeltaUsage;
  }
  | { readonly type: "message_stop" };
