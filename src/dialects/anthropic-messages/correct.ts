/** What a refusal teaches about a model that the table of models did not know. */

import type { GatewayError } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import type { Correction } from "../dialect.ts";
import { limitLesson } from "../lessons.ts";
import { isAboutLimit, roomForAnswer, statedMost } from "../output-limits.ts";
import { withoutPrefix } from "../prefix.ts";
import { TOOL_SETTINGS } from "./learned.ts";
import type { Refusal } from "./models.ts";
import { legalId } from "./call-ids.ts";

/**
 * Whether a request that was refused with 400 may be sent once more without what its refusal names. It is read from
 * how the refusal begins, behind the place that it is about: what a user wrote and the refusal quotes stands further
 * inside.
 * @returns undefined when the refusal names nothing that the request has and could do without
 */
export function correct(error: GatewayError, body: JsonObject): Correction | undefined {
  if ((error.status !== 400 && error.status !== 422) || error.source !== "upstream") return undefined;
  const said = withoutPrefix(error.message).slice(0, LONGEST_REFUSAL);
  const place = PLACE.exec(said)?.[1] ?? "";
  const words = said.slice(place === "" ? 0 : place.length + 1).trimStart();
  const lesson = LESSONS.find((each) =>
    (each.place ?? PLACE_OF_ANY).test(place) && each.text.test(words) && each.has(body)
  );
  if (lesson) return { refuses: [lesson.refuses], ...(lesson.once ? { once: true } : {}) };
  return outputLimit(place, words, body) ?? noThinking(words, body) ?? unknownField(place, words, body);
}

/** Characters of a message that are looked at. */
const LONGEST_REFUSAL = 1000;

/** The place that a refusal is about: `messages.1.content.0.tool_use.id`, `tools.0.custom`; some servers mask it. */
const PLACE = /^((?:[a-z_]\w*|\*+)(?:\.(?:\w+|\*+))*):(?= )/;
const PLACE_OF_ANY = /^/;

interface Lesson {
  readonly refuses: Refusal;
  /** How the refusal begins. The API has no codes for these. */
  readonly text: RegExp;
  /** The place that it is about, where its beginning alone does not say it. */
  readonly place?: RegExp;
  /** The request has what was refused. */
  readonly has: (body: JsonObject) => boolean;
  /** The fault is the conversation's or the schema's, not the model's. */
  readonly once?: true;
}

/** The only place where the words of refusals matter; the first that fits counts. */
const LESSONS: readonly Lesson[] = [
  {
    refuses: "thinking_blocks",
    text:
      /^invalid [`'"]?(?:signature|data)[`'"]? in [`'"]?(?:redacted_)?thinking[`'"]? block|^[`'"]?thinking[`'"]? or [`'"]?redacted_thinking[`'"]? blocks in .{0,60} cannot be modified/i,
    has: (body) => messagesOf(body).some((message) => blocksOf(message).some(isThought)),
    once: true,
  },
  {
    // Bedrock says of a thought without a signature that it has none.
    refuses: "thinking_blocks",
    place: /^messages\.\d+\.content\.\d+\.(?:redacted_)?thinking\.(?:signature|data)$/,
    text: /^(?:field required|input should be|string should have at least)/i,
    has: (body) => messagesOf(body).some((message) => blocksOf(message).some(isThought)),
    once: true,
  },
  {
    refuses: "tool_loop_thinking",
    text: /^expected [`'"]?thinking[`'"]? or [`'"]?redacted_thinking[`'"]?, but found/i,
    has: (body) => isObject(body.thinking) && body.thinking.type === "enabled",
    once: true,
  },
  {
    refuses: "temperature_with_top_p",
    text: /^[`'"]?temperature[`'"]? and [`'"]?top_p[`'"]? cannot both be specified/i,
    has: (body) => body.temperature !== undefined && body.top_p !== undefined,
  },
  {
    refuses: "sampling",
    text: /^[`'"]?(temperature|top_p|top_k)[`'"]? is (deprecated|not supported)/i,
    has: (body) => body.temperature !== undefined || body.top_p !== undefined || body.top_k !== undefined,
  },
  ...(["enabled", "adaptive", "disabled", "between_tools"] as const).map((mode): Lesson => ({
    refuses: `thinking.${mode}`,
    text: new RegExp(
      `^[\`'"]?thinking\\.type\\.${mode}[\`'"]? is not supported|^[\`'"]?${mode}[\`'"]? thinking is not supported`,
      "i",
    ),
    has: (body) => isObject(body.thinking) && body.thinking.type === mode,
  })),
  ...(["enabled", "adaptive", "disabled", "between_tools"] as const).map((mode): Lesson => ({
    refuses: `thinking.${mode}`,
    place: /^thinking(?:\.type)?$/,
    text: new RegExp(`^(?:input should be|input tag '${mode}' found using 'type' does not match)`, "i"),
    has: (body) => isObject(body.thinking) && body.thinking.type === mode,
  })),
  {
    refuses: "effort",
    text:
      /^(?:this model|[\w.:-]{1,100}) does not support the [`'"]?effort[`'"]? parameter|^[`'"]?(?:output_config\.)?effort[`'"]?:? (\S{1,40} )?is not supported/i,
    has: (body) => isObject(body.output_config) && body.output_config.effort !== undefined,
  },
  {
    refuses: "forced_tool_with_thinking",
    text: /^thinking may not be enabled when tool_choice forces/i,
    has: (body) => forcesTool(body) && body.thinking !== undefined,
  },
  {
    refuses: "forced_tool",
    text:
      /^(?:forced |the )?[`'"]?tool[_ ]choice\b.{0,100}(?:not support|unsupported|incompatible)|^(?:type .{0,60}(?:are|is) not supported)|^(?:this model|thinking mode|[\w.:-]{1,100}) does not support (?:this |forced )?tool_choice/i,
    has: forcesTool,
  },
  {
    refuses: "prefill",
    text: /^(?:this model|[\w.:-]{1,100}) does not support assistant message prefill/i,
    has: (body) => messagesOf(body).at(-1)?.role === "assistant",
  },
  {
    refuses: "mid_system",
    text: /^role [`'"]?system[`'"]? is not supported/i,
    has: (body) => messagesOf(body).some((message) => message.role === "system"),
  },
  {
    refuses: "mid_system",
    place: /^messages(?:\.\d+\.role)?$/,
    text: /^(?:unexpected role [`'"]?system\b|input should be [`'"]?(?:user|assistant)[`'"]? or )/i,
    has: (body) => messagesOf(body).some((message) => message.role === "system"),
  },
  {
    refuses: "call_ids",
    text: /^string should match pattern .{0,10}\[a-zA-Z0-9_-\]/i,
    has: (body) => messagesOf(body).some((message) => blocksOf(message).some(hasOddId)),
  },
  {
    refuses: "output_format",
    text:
      /^(?:the )?(?:compiled grammar is too large|too many optional parameters|schemas? (?:is too complex|contains? too many)|for '[\w, ]{1,40}' type, (?:propert|'\w{1,40}' ))/i,
    has: isHeldToSchema,
    once: true,
  },
  {
    refuses: "output_format",
    text:
      /^(?:[`'"]?(?:output_config\.format|output_format)[`'"]?|(?:the )?output format|structured outputs?) (?:is|are) not (?:currently )?supported|^(?:this model|[\w.:-]{1,100}) does not support (?:[`'"]?(?:output_config\.format|output_format)|(?:the )?output format|structured outputs?)/i,
    has: isHeldToSchema,
  },
];

/** `max_tokens` is larger than the model answers, or than what the conversation leaves. */
function outputLimit(place: string, words: string, body: JsonObject): Correction | undefined {
  const asked = asNumber(body.max_tokens);
  if (asked === undefined) return undefined;
  const room = roomForAnswer(words);
  if (room !== undefined && room < asked) return { refuses: [limitLesson("max_tokens", room)], once: true };
  const bare = place === "max_tokens" ? /^\d+ > (\d{1,9})\b/.exec(words)?.[1] : undefined;
  const about = place === "max_tokens" || isAboutLimit(words);
  const most = bare !== undefined ? Number(bare) : about ? statedMost(words, asked) : undefined;
  if (most === undefined || most < 1 || most >= asked) return undefined;
  return { refuses: [limitLesson("max_tokens", most)] };
}

/** A model that does not think at all. */
function noThinking(words: string, body: JsonObject): Correction | undefined {
  const refused =
    /^(?:this model|[\w.:/-]{1,100}) does not support (?:extended )?thinking\b|^(?:extended )?[`'"]?thinking[`'"]? is not supported\b/i
      .test(words);
  return refused && body.thinking !== undefined ? { refuses: ["thinking"] } : undefined;
}

/** Without these the request would be another one, or the answer could not be read. */
const KEPT: ReadonlySet<string> = new Set([
  ...["model", "messages", "max_tokens", "system", "tools", "tool_choice", "stream"],
  ...["output_config", "output_format", "mcp_servers", "container", "thread"],
]);

/** A field that the server does not know: one of the request's own, or a tool's setting. */
function unknownField(place: string, words: string, body: JsonObject): Correction | undefined {
  if (!/^(?:extra (?:inputs|fields)|additional properties|unknown field)/i.test(words)) return undefined;
  const setting = TOOL_SETTINGS.find((name) => /^tools\.\d+\./.test(place) && place.endsWith(`.${name}`));
  if (setting !== undefined) return hasSetting(body, setting) ? { refuses: [`tools.${setting}`] } : undefined;
  const config = isObject(body.output_config) ? body.output_config : {};
  if (/^output_config(?:\.effort)?$/.test(place) && config.effort !== undefined) {
    return { refuses: ["effort"] };
  }
  if (/^output_config(?:\.format)?$/.test(place) && config.format !== undefined) {
    return { refuses: ["output_format"] };
  }
  return Object.hasOwn(body, place) && !KEPT.has(place) ? { refuses: [place] } : undefined;
}

function hasSetting(body: JsonObject, name: string): boolean {
  return Array.isArray(body.tools) &&
    body.tools.some((tool: Json) => isObject(tool) && Object.hasOwn(tool, name));
}

function hasOddId(block: JsonObject): boolean {
  const id = block.type === "tool_use"
    ? block.id
    : block.type === "tool_result"
    ? block.tool_use_id
    : undefined;
  return typeof id === "string" && legalId(id) !== id;
}

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
