/** What a refusal teaches about a model that the table of models did not know. */

import type { GatewayError } from "../../errors.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Correction } from "../dialect.ts";
import type { Refusal } from "./models.ts";

/**
 * Whether a request that was refused with 400 may be sent once more without what its refusal names.
 * @returns undefined when the refusal names nothing that the request has and could do without
 */
export function correct(error: GatewayError, body: JsonObject): Correction | undefined {
  if (error.status !== 400 || error.source !== "upstream") return undefined;
  const said = error.message.slice(0, LONGEST_REFUSAL);
  const lesson = LESSONS.find(({ text, has }) => text.test(said) && has(body));
  return lesson && { refuses: [lesson.refuses], ...(lesson.once ? { once: true } : {}) };
}

/** Characters of a message that are looked at: on a long text some of the patterns take a time that grows with its cube. */
const LONGEST_REFUSAL = 1000;

interface Lesson {
  readonly refuses: Refusal;
  /** Words of the refusal. The API has no codes for these. */
  readonly text: RegExp;
  /** The request has what was refused. */
  readonly has: (body: JsonObject) => boolean;
  /** The fault is the conversation's or the schema's, not the model's. */
  readonly once?: true;
}

/** The only place where the words of refusals matter; the first that fits counts. */
const LESSONS: readonly Lesson[] = [
  {
    refuses: "thinking_blocks",
    text: /invalid [`'"]?signature[`'"]? in [`'"]?thinking[`'"]? block/i,
    has: (body) => messagesOf(body).some((message) => blocksOf(message).some(isThought)),
    once: true,
  },
  {
    refuses: "tool_loop_thinking",
    text: /expected [`'"]?thinking[`'"]? or [`'"]?redacted_thinking[`'"]?, but found/i,
    has: (body) => isObject(body.thinking) && body.thinking.type === "enabled",
    once: true,
  },
  {
    refuses: "temperature_with_top_p",
    text: /temperature.*top_p.*cannot both be specified/i,
    has: (body) => body.temperature !== undefined && body.top_p !== undefined,
  },
  {
    refuses: "sampling",
    text: /[`'"]?(temperature|top_p|top_k)[`'"]? is (deprecated|not supported)/i,
    has: (body) => body.temperature !== undefined || body.top_p !== undefined || body.top_k !== undefined,
  },
  ...(["enabled", "adaptive", "disabled", "between_tools"] as const).map((mode): Lesson => ({
    refuses: `thinking.${mode}`,
    text: new RegExp(
      `thinking\\.type\\.${mode}[\`'"]? is not supported|\\b${mode} thinking is not supported`,
      "i",
    ),
    has: (body) => isObject(body.thinking) && body.thinking.type === mode,
  })),
  {
    refuses: "effort",
    text: /does not support the [`'"]?effort[`'"]? parameter|effort[`'"]?:? (\S+ )?is not supported/i,
    has: (body) => isObject(body.output_config) && body.output_config.effort !== undefined,
  },
  {
    refuses: "forced_tool_with_thinking",
    text: /thinking may not be enabled when tool_choice forces/i,
    has: (body) => forcesTool(body) && body.thinking !== undefined,
  },
  {
    refuses: "forced_tool",
    text: /tool_choice.*not supported/i,
    has: forcesTool,
  },
  {
    refuses: "prefill",
    text: /does not support assistant message prefill/i,
    has: (body) => messagesOf(body).at(-1)?.role === "assistant",
  },
  {
    refuses: "mid_system",
    text: /role [`'"]?system[`'"]? is not supported/i,
    has: (body) => messagesOf(body).some((message) => message.role === "system"),
  },
  {
    refuses: "output_format",
    text: /compiled grammar is too large|too many optional parameters|schema is too complex/i,
    has: isHeldToSchema,
    once: true,
  },
  {
    refuses: "output_format",
    text: /(output_config\.format|output_format|output format|structured outputs?).*not support/i,
    has: isHeldToSchema,
  },
];

function forcesTool(body: JsonObject): boolean {
  return isObject(body.tool_choice) && (body.tool_choice.type === "any" || body.tool_choice.type === "tool");
}

function isHeldToSchema(body: JsonObject): boolean {
  const strict = Array.isArray(body.tools) &&
    body.tools.some((tool: Json) => isObject(tool) && tool.strict === true);
  return strict || (isObject(body.output_config) && body.output_config.format !== undefined);
}

function messagesOf(body: JsonObject): readonly JsonObject[] {
  return Array.isArray(body.messages) ? body.messages.filter(isObject) : [];
}

function blocksOf(message: JsonObject): readonly JsonObject[] {
  return Array.isArray(message.content) ? message.content.filter(isObject) : [];
}

function isThought(block: JsonObject): boolean {
  return block.type === "thinking" || block.type === "redacted_thinking";
}
