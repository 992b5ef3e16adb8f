/**
 * Requests as the Messages API has them on the wire (https://platform.claude.com/docs/en/api/messages): what the
 * encoder writes. The decoder reads more than this, by hand, because what a client sends has no type yet.
 */

import type { Json, JsonObject } from "../../json.ts";

export type MessagesRequest = {
  readonly model: string;
  readonly max_tokens: number;
  readonly stream?: true;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly stop_sequences?: readonly string[];
  readonly metadata?: { readonly user_id: string };
  readonly service_tier?: "auto" | "standard_only";
  readonly cache_control?: CacheControl;
  readonly thinking?: ThinkingConfig;
  readonly output_config?: OutputConfig;
  readonly tool_choice?: WireToolChoice;
  readonly tools?: readonly WireTool[];
  readonly system?: readonly TextBlock[];
  readonly messages: readonly WireMessage[];
};

export type WireMessage = {
  readonly role: "user" | "assistant" | "system";
  readonly content: readonly Block[];
};

export type CacheControl = { readonly type: "ephemeral"; readonly ttl?: "5m" | "1h" };

export type Block =
  | TextBlock
  | ImageBlock
  | DocumentBlock
  | ToolUseBlock
  | ToolResultBlock
  | ThinkingBlock
  | RedactedThinkingBlock;

export type TextBlock = {
  readonly type: "text";
  readonly text: string;
  readonly cache_control?: CacheControl;
};

export type ImageBlock = {
  readonly type: "image";
  readonly source: ImageSource;
  readonly cache_control?: CacheControl;
};

export type DocumentBlock = {
  readonly type: "document";
  readonly source: DocumentSource;
  readonly title?: string;
  readonly cache_control?: CacheControl;
};

export type ToolUseBlock = {
  readonly type: "tool_use";
  readonly id: string;
  readonly name: string;
  readonly input: JsonObject;
  readonly cache_control?: CacheControl;
};

export type ToolResultBlock = {
  readonly type: "tool_result";
  readonly tool_use_id: string;
  readonly content?: string | readonly ResultBlock[];
  readonly is_error?: true;
  readonly cache_control?: CacheControl;
};

export type ResultBlock = TextBlock | ImageBlock | DocumentBlock;

export type ThinkingBlock = {
  readonly type: "thinking";
  readonly thinking: string;
  readonly signature: string;
};

export type RedactedThinkingBlock = { readonly type: "redacted_thinking"; readonly data: string };

export const IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

export type ImageSource =
  | { readonly type: "base64"; readonly media_type: ImageType; readonly data: string }
  | UrlSource
  | FileSource;

export type DocumentSource =
  | { readonly type: "base64"; readonly media_type: "application/pdf"; readonly data: string }
  | { readonly type: "text"; readonly media_type: "text/plain"; readonly data: string }
  | UrlSource
  | FileSource;

export type UrlSource = { readonly type: "url"; readonly url: string };
export type FileSource = { readonly type: "file"; readonly file_id: string };

export type WireTool = {
  readonly name: string;
  readonly description?: string;
  readonly input_schema: JsonObject;
  readonly strict?: true;
  readonly cache_control?: CacheControl;
  /** Extension fields, as the client wrote them. */
  readonly [extra: string]: Json | undefined;
};

export type WireToolChoice =
  | { readonly type: "auto"; readonly disable_parallel_tool_use?: true }
  | { readonly type: "any"; readonly disable_parallel_tool_use?: true }
  | { readonly type: "tool"; readonly name: string; readonly disable_parallel_tool_use?: true }
  | { readonly type: "none" };

export type ThinkingMode = "enabled" | "adaptive" | "disabled" | "between_tools";

export type ThinkingConfig =
  | { readonly type: "enabled"; readonly budget_tokens: number; readonly display?: string }
  | { readonly type: "adaptive"; readonly display?: string }
  | { readonly type: "disabled" }
  | { readonly type: "between_tools" };

export type WireEffort = "low" | "medium" | "high" | "xhigh" | "max";

export type OutputConfig = {
  readonly effort?: WireEffort;
  readonly format?: { readonly type: "json_schema"; readonly schema: JsonObject };
};
