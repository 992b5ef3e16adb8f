/**
 * What a refusal teaches: which field, which of its values, which limit. It is read from the field that the refusal
 * names and from how it begins, never from what it quotes, and teaches about nothing that the request did not have.
 */

import { EFFORTS } from "../../chat.ts";
import type { GatewayError, RefusedField } from "../../errors.ts";
import { asNumber, isObject, type Json, type JsonObject } from "../../json.ts";
import type { Correction } from "../dialect.ts";
import { leastLesson, limitLesson, valueLesson } from "../lessons.ts";
import { isAboutLimit, roomForAnswer, statedMost } from "../output-limits.ts";
import { withoutPrefix } from "../prefix.ts";
import { GIVEN_OUT, isLateSystem, isSchemaFormat, isStrictFormat, LIMITS, messagesOf } from "./learned.ts";
import { refusedFields } from "./refusal.ts";

/**
 * Whether a refused request may be sent once more without what its refusal names.
 * @returns undefined when the refusal names nothing that the request has and could do without
 */
export function correct(error: GatewayError, body: JsonObject): Correction | undefined {
  const failed = error.status === TEMPLATE_FAILED;
  if (error.source !== "upstream" || !(failed || STATUSES.has(error.status))) return undefined;
  const refusal = { words: withoutPrefix(error.message), param: error.param, fields: refusedFields(error) };
  if (failed) return lateSystem(refusal, body);
  for (const lesson of LESSONS) {
    const taught = lesson(refusal, body);
    if (taught) return taught;
  }
  return undefined;
}

/** Of refusals that are about the request; some say with 404 that no server of theirs takes it. */
const STATUSES: ReadonlySet<number> = new Set([400, 404, 422]);
/** Some servers fail on a template, where others refuse. */
const TEMPLATE_FAILED = 500;

interface Refusal {
  readonly words: string;
  readonly param: string | undefined;
  readonly fields: readonly RefusedField[];
}

type Lesson = (refusal: Refusal, body: JsonObject) => Correction | undefined;

/** The first that fits counts. */
const LESSONS: readonly Lesson[] = [
  effortWithTools,
  outputLimit,
  callIds,
  descriptionLimit,
  lateSystem,
  namedTool,
  forcedTool,
  thinking,
  penalties,
  schemaFormat,
  strictSchema,
  foreignProof,
  messageMembers,
  members,
];

/** Newer models reason or call functions here, not both; some want that said in so many words. */
function effortWithTools({ words }: Refusal, body: JsonObject): Correction | undefined {
  const refused = /^function tools with reasoning_effort are not supported/i.test(words);
  return refused && body.tools !== undefined ? { refuses: ["effort_with_tools"] } : undefined;
}

const LEAST =
  /(?:below minimum value.{0,20}|must be|should be).{0,20}(?:>=|greater than or equal to|at least) *(\d{1,9})\b/i;

/** `max_tokens` is larger than the model answers: it goes with the limit that the refusal names. */
function outputLimit({ words, param, fields }: Refusal, body: JsonObject): Correction | undefined {
  const field = LIMITS.find((name) => body[name] !== undefined);
  const asked = field === undefined ? undefined : asNumber(body[field]);
  if (asked === undefined) return undefined;
  const room = roomForAnswer(words);
  if (room !== undefined) {
    return room < asked ? { refuses: [limitLesson("max_tokens", room)], once: true } : undefined;
  }
  // A plain answer of this length is refused, a stream is not: no word about the model.
  const plain = /^requests with max_tokens > (\d{1,9}) must have stream=true/i.exec(words)?.[1];
  if (plain !== undefined && body.stream !== true && Number(plain) < asked) {
    return { refuses: [limitLesson("max_tokens", Number(plain))], once: true };
  }
  const named = LIMITS.some((name) => name === param || fields.some(({ path }) => path === name));
  const text = isAboutLimit(words) ? words : isAboutLimit(param ?? "") ? param ?? "" : named ? words : "";
  const least = Number(LEAST.exec(text)?.[1] ?? Number.NaN);
  // A probe asks for a token or two; what is far above that is no least.
  if (least > asked && least <= 64) return { refuses: [leastLesson("max_tokens", least)] };
  const most = statedMost(text, asked);
  return most === undefined ? undefined : { refuses: [limitLesson("max_tokens", most)] };
}

/** Ids of tool calls that another model gave. */
function callIds({ words, param }: Refusal, body: JsonObject): Correction | undefined {
  if (!messagesOf(body).some((message) => message.tool_calls ?? message.tool_call_id)) return undefined;
  if (/^tool call id .{0,300}length of 9\b/is.test(words)) return { refuses: ["call_ids<=9"] };
  if (!/^messages.*(?:\.id|tool_call_id)$/.test(param ?? "")) return undefined;
  const most = /too long.{0,60}maximum length (\d{1,3})\b/i.exec(words)?.[1];
  return most === undefined || Number(most) < 32
    ? undefined
    : { refuses: [limitLesson("call_ids", Number(most))] };
}

function descriptionLimit({ words, param }: Refusal, body: JsonObject): Correction | undefined {
  if (body.tools === undefined || !/^tools\b.*\bdescription$/.test(param ?? "")) return undefined;
  const most = /too long.{0,60}maximum length (\d{1,6})\b/i.exec(words)?.[1];
  return most === undefined ? undefined : { refuses: [limitLesson("tools.description", Number(most))] };
}

/** The templates of many open models take instructions in the first place alone. */
const FIRST_ONLY =
  /^.{0,80}\bsystem (?:message|role|prompt)s? (?:must|should|can only|may only|has to|is only).{0,60}(?:begin|first|start|initial)|^.{0,40}unexpected role '?system'? after role|^.{0,40}only (?:the )?first message (?:can|may) be.{0,20}system/i;

function lateSystem({ words }: Refusal, body: JsonObject): Correction | undefined {
  const late = messagesOf(body).some((message, at) => isLateSystem(message, at));
  return late && FIRST_ONLY.test(words) ? { refuses: ["late_system"] } : undefined;
}

/** Servers that can make a model call some tool, and not one by its name. */
function namedTool({ words }: Refusal, body: JsonObject): Correction | undefined {
  const refused = /^invalid tool_choice type: '?object'?.{0,60}\brequired\b/i.test(words);
  return refused && isObject(body.tool_choice) ? { refuses: ["named_tool"] } : undefined;
}

const NO_FORCE =
  /^only '?auto'? tool_choice is supported|^no endpoints found that support the provided '?tool_choice|^.{0,100}\btool_choice\b.{0,120}(?:not support|unsupported|incompatible|not (?:compatible|allowed|available)|must be)|^.{0,100}(?:not support|unsupported|incompatible).{0,40}\btool_choice\b/i;

/** Models that think will not be made to call a tool; the choice is theirs then. */
function forcedTool({ words, param, fields }: Refusal, body: JsonObject): Correction | undefined {
  const choice = body.tool_choice;
  if (choice !== "required" && !isObject(choice)) return undefined;
  const named = fields.some(({ path }) => path === "tool_choice") ||
    (param === "tool_choice" && /not support|unsupported|incompatible|must be|invalid/i.test(words));
  return named || NO_FORCE.test(words) ? { refuses: ["forced_tool"] } : undefined;
}

/** A model that does not think on request, or not as much as was asked for. */
function thinking({ words }: Refusal, body: JsonObject): Correction | undefined {
  const effort = body.reasoning_effort;
  if (typeof effort !== "string") return undefined;
  if (/^"?[\w.:/-]{1,100}"? does not support thinking\b/i.test(words)) {
    return { refuses: ["reasoning_effort"] };
  }
  const value = /^invalid (?:reasoning|think) value: ['"]?(\w{1,20})['"]?/i.exec(words)?.[1];
  return value === effort ? { refuses: [valueLesson("reasoning_effort", effort)] } : undefined;
}

/** Gemini names neither of the two. */
function penalties({ words }: Refusal, body: JsonObject): Correction | undefined {
  const sent = ["frequency_penalty", "presence_penalty"].filter((name) => Object.hasOwn(body, name));
  return sent.length > 0 && /^penalty is not enabled for /i.test(words) ? { refuses: sent } : undefined;
}

/** A proof of another maker's, or of another key's: this conversation goes without its proofs. */
function foreignProof({ words }: Refusal, body: JsonObject): Correction | undefined {
  const refused =
    /^(?:messages\.\d+\.content\.\d+: )?invalid [`'"]?(?:signature|data)[`'"]? in [`'"]?(?:redacted_)?thinking/i
      .test(words);
  const has = messagesOf(body).some((message) => Object.hasOwn(message, "reasoning_details"));
  return refused && has ? { refuses: ["messages.reasoning_details"], once: true } : undefined;
}

/** How servers say that they hold no answer to a schema, for all that they may know of JSON. */
const NO_SCHEMA =
  /^(?:this response_format type is unavailable|(?:this|the) model does not support response format [`'"]?json_schema|invalid parameter: 'response_format' of type 'json_schema' is not supported|response_format(?:\.type)?: unknown variant [`'"]?json_schema|response_format value as json_schema is enabled only|[`'"]?response_format[`'"]?.{0,40}\bjson_schema[`'"]? (?:is |are )?(?:not |un)support)/i;

function schemaFormat({ words, fields }: Refusal, body: JsonObject): Correction | undefined {
  if (!isSchemaFormat(body)) return undefined;
  const named = fields.some(({ path }) => path === "response_format.type");
  return named || NO_SCHEMA.test(words) ? { refuses: ["response_format.json_schema"] } : undefined;
}

/** A schema that is beyond strict mode in a way that nobody wrote down: this one goes without the word. */
function strictSchema({ words }: Refusal, body: JsonObject): Correction | undefined {
  if (/^invalid schema for response_format/i.test(words) && isStrictFormat(body)) {
    return { refuses: ["response_format.strict"], once: true };
  }
  if (!/^invalid schema for function/i.test(words) || !hasStrict(body)) return undefined;
  return { refuses: ["tools.strict"], once: true };
}

/** Members of messages that answers have and requests may not. */
function messageMembers({ fields }: Refusal, body: JsonObject): Correction | undefined {
  const found = new Set<string>();
  for (const { path, fault } of fields) {
    const name = fault === "unknown"
      ? path.split(/[.[\]]+/).findLast((step) => GIVEN_OUT.has(step))
      : undefined;
    const inMessage = path.startsWith("messages") || !Object.hasOwn(body, path);
    if (name !== undefined && inMessage && messagesOf(body).some((message) => hasMember(message, name))) {
      found.add(`messages.${name}`);
    }
  }
  return found.size === 0 ? undefined : { refuses: [...found] };
}

function hasMember(message: JsonObject, name: string): boolean {
  const calls: Json = message.tool_calls ?? null;
  return Object.hasOwn(message, name) ||
    (Array.isArray(calls) && calls.some((call: Json) => isObject(call) && Object.hasOwn(call, name)));
}

/** Without these the request would be another one, or the answer could not be read. */
const KEPT: ReadonlySet<string> = new Set([
  ...["model", "messages", "stream", "tools", "tool_choice", "functions", "function_call", "response_format"],
  ...["n", "logprobs", "top_logprobs", "modalities", "audio", "web_search_options", "moderation", "thinking"],
]);

/** Fields whose values are words of the API's, so that one of them can be told from the others. */
const WORDS: ReadonlySet<string> = new Set(["reasoning_effort", "service_tier", "verbosity"]);

function members({ words, fields }: Refusal, body: JsonObject): Correction | undefined {
  const refused = new Set<string>();
  const bad = new Set<string>();
  for (const { path, fault } of fields) {
    const name = memberOf(path, body);
    if (name === undefined) continue;
    if (name === "tools.strict") refused.add(name);
    else if (fault === "unknown") refused.add(name);
    else if (!LIMITS.includes(name)) bad.add(name);
  }
  if (refused.size > 0) return { refuses: [...refused] };
  const [name] = bad;
  if (name === undefined) return undefined;
  const value = body[name];
  if (!WORDS.has(name) || typeof value !== "string") return { refuses: [...bad], once: true };
  return { refuses: [valueLesson(name, value), ...otherEfforts(name, value, words)] };
}

/** The member of the request that a path is about; undefined for what the request lacks or cannot do without. */
function memberOf(path: string, body: JsonObject): string | undefined {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== "");
  const [first = ""] = steps;
  if (steps.at(-1) === "strict" && (steps.length === 1 || first === "tools")) {
    return hasStrict(body) ? "tools.strict" : undefined;
  }
  const name = [first, snake(first)].find((each) => Object.hasOwn(body, each));
  const whole = steps.length === 1 || name === "stream_options";
  return name !== undefined && whole && !KEPT.has(name) ? name : undefined;
}

function hasStrict({ tools }: JsonObject): boolean {
  return Array.isArray(tools) &&
    tools.some((tool: Json) =>
      isObject(tool) && isObject(tool.function) && tool.function.strict !== undefined
    );
}

/** Some servers name fields in their own spelling: `presencePenalty`. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Efforts that the refusal leaves out where it lists those that are accepted. */
function otherEfforts(name: string, refused: string, words: string): string[] {
  const list = name === "reasoning_effort"
    ? /(?:supported values|must be one of|input should be|expected one of)(.{1,200})$/is.exec(words)?.[1]
    : undefined;
  if (list === undefined) return [];
  const accepted = new Set(list.toLowerCase().match(/\b[a-z]+\b/g) ?? []);
  const others = EFFORTS.filter((effort) => !accepted.has(effort) && effort !== refused);
  return others.length + 1 < EFFORTS.length ? others.map((effort) => valueLesson(name, effort)) : [];
}
