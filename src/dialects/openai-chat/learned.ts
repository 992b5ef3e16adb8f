/**
 * What was learned of a model, applied to a request in this API's words, each at its place. The request may be one of
 * ours or one that a client wrote.
 */

import type { Warning } from "../../chat.ts";
import { isObject, type Json, type JsonObject, stringifyJson } from "../../json.ts";
import { type Edit, editedObject } from "../../json-edit.ts";
import type { RelayEdits, TargetModel } from "../dialect.ts";
import { learnedLimit, refusesField } from "../lessons.ts";

/** The names of the limit: a model that refuses one takes the other. */
export const LIMITS: readonly string[] = ["max_completion_tokens", "max_tokens"];

/** Members of messages, and of their tool calls, that answers have and strict servers refuse in a history. */
export const GIVEN_OUT: ReadonlySet<string> = new Set([
  ...["reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"],
  ...["annotations", "refusal", "extra_content", "index"],
]);

/** What the model refuses of this request, taken out or put otherwise. */
export function learnedEdits(body: JsonObject, { refuses }: TargetModel): RelayEdits {
  if (refuses.size === 0) return { edits: [], warnings: [] };
  const members = Object.entries(body)
    .filter(([name, value]) => !LIMITS.includes(name) && refusesField(refuses, name, value))
    .map(([name]): Edit => ({ path: [name], value: undefined }));
  const warnings: Warning[] = members.map(({ path }) => String(path[0]));
  const tools = [...withoutStrict(body, refuses), ...withShortDescriptions(body, refuses)];
  if (tools.length > 0) warnings.push("tools");
  const asked = refuses.has("response_format.json_schema") ? askedFor(body) : [];
  const held = asked.length === 0 && refuses.has("response_format.strict") && isStrictFormat(body);
  const format = held ? [UNENFORCED] : asked;
  if (format.length > 0) warnings.push("json_schema_unenforced");
  const choice = withoutForce(body, refuses);
  if (choice.length > 0) warnings.push("forced_tool_unsupported");
  // Nothing is lost by that.
  const name = refuses.has("named_tool") && choice.length === 0 ? withoutName(body) : [];
  const system = refuses.has("late_system") ? systemFirst(editedObject(body, asked)) : [];
  if (system.length > 0) warnings.push("mid_system");
  return { edits: [...members, ...tools, ...format, ...choice, ...name, ...system], warnings };
}

/** What of a history another model gave out and this one was found to refuse: rules of every target, relayed or not. */
export function learnedHistory(body: JsonObject, { refuses }: TargetModel): RelayEdits {
  if (refuses.size === 0) return { edits: [], warnings: [] };
  const names = [...GIVEN_OUT].filter((name) => refuses.has(`messages.${name}`));
  const members = names.length === 0 ? [] : withoutMembers(body, names);
  return {
    edits: members,
    warnings: [...new Set(members.map(({ path }) => warningOf(String(path.at(-1)))))],
  };
}

function warningOf(member: string): Warning {
  return member === "annotations" || member === "refusal" || member === "index"
    ? "messages"
    : "thinking_dropped";
}

export function messagesOf(body: JsonObject): readonly JsonObject[] {
  return Array.isArray(body.messages) ? body.messages.map((item: Json) => isObject(item) ? item : {}) : [];
}

/** A refusal that says something is the turn's text; what else these members hold is no part of the conversation. */
function withoutMembers(body: JsonObject, names: readonly string[]): Edit[] {
  return messagesOf(body).flatMap((message, at) => {
    if (message.role !== "assistant") return [];
    const own = names.filter((name) =>
      Object.hasOwn(message, name) && !(name === "refusal" && message.refusal)
    )
      .map((name): Edit => ({ path: ["messages", at, name], value: undefined }));
    const calls: readonly Json[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
    const inner = calls.flatMap((call, number) =>
      names.filter((name) => isObject(call) && Object.hasOwn(call, name))
        .map((name): Edit => ({ path: ["messages", at, "tool_calls", number, name], value: undefined }))
    );
    return [...own, ...inner];
  });
}

function toolsOf(body: JsonObject): readonly Json[] {
  return Array.isArray(body.tools) ? body.tools : [];
}

/** The answer is held to a schema by strict mode. */
export function isStrictFormat({ response_format: format }: JsonObject): boolean {
  return isObject(format) && isObject(format.json_schema) && format.json_schema.strict === true;
}

/** The answer is to fit a schema. */
export function isSchemaFormat({ response_format: format }: JsonObject): boolean {
  return isObject(format) && format.type === "json_schema";
}

/** What asks for an answer of a form that the API does not hold it to. */
export function formInstruction(schema: Json): string {
  return `Reply with one JSON value matching this schema and nothing else.\n${stringifyJson(schema)}`;
}

/** The form in words, before all else that is said. */
function askedFor(body: JsonObject): Edit[] {
  const { response_format: format } = body;
  if (!isSchemaFormat(body) || !isObject(format)) return [];
  const schema = isObject(format.json_schema) ? format.json_schema.schema ?? {} : {};
  const [first] = messagesOf(body);
  const content = grown([formInstruction(schema)], first?.content, []);
  return [
    { path: ["response_format"], value: { type: "json_object" } },
    ...first === undefined ? [] : [{ path: ["messages", 0, "content"], value: content }],
  ];
}

const UNENFORCED: Edit = { path: ["response_format", "json_schema", "strict"], value: false };

function withoutStrict(body: JsonObject, refuses: ReadonlySet<string>): Edit[] {
  if (!refuses.has("tools.strict")) return [];
  return toolsOf(body).flatMap((tool, at): Edit[] =>
    isObject(tool) && isObject(tool.function) && tool.function.strict !== undefined
      ? [{ path: ["tools", at, "function", "strict"], value: undefined }]
      : []
  );
}

function withShortDescriptions(body: JsonObject, refuses: ReadonlySet<string>): Edit[] {
  const most = learnedLimit(refuses, "tools.description");
  if (most === Infinity) return [];
  return toolsOf(body).flatMap((tool, at): Edit[] => {
    const text = isObject(tool) && isObject(tool.function) ? tool.function.description : undefined;
    if (typeof text !== "string" || text.length <= most) return [];
    return [{ path: ["tools", at, "function", "description"], value: text.slice(0, most) }];
  });
}

/** The model chooses by itself: among all tools, or from the one that was named. */
function withoutForce(body: JsonObject, refuses: ReadonlySet<string>): Edit[] {
  const choice = body.tool_choice;
  if (!refuses.has("forced_tool") || (choice !== "required" && !isObject(choice))) return [];
  const auto: Edit = { path: ["tool_choice"], value: "auto" };
  if (!isObject(choice)) return [auto];
  if (isObject(choice.allowed_tools)) {
    if (choice.allowed_tools.mode !== "required") return [];
    return [{ path: ["tool_choice", "allowed_tools", "mode"], value: "auto" }];
  }
  return [auto, ...otherTools(body, choice)];
}

/** A tool that is named is the only one, where some tool has to be called. */
function withoutName(body: JsonObject): Edit[] {
  const choice = body.tool_choice;
  if (!isObject(choice) || isObject(choice.allowed_tools)) return [];
  return [{ path: ["tool_choice"], value: "required" }, ...otherTools(body, choice)];
}

/** Takes out the tools that were not chosen; none where the chosen one is not there. */
function otherTools(body: JsonObject, choice: JsonObject): Edit[] {
  const named = nameOf(choice);
  if (!toolsOf(body).some((tool) => nameOf(tool) === named)) return [];
  return toolsOf(body).flatMap((tool, at): Edit[] =>
    nameOf(tool) === named ? [] : [{ path: ["tools", at], value: undefined }]
  );
}

function nameOf(tool: Json): Json | undefined {
  if (!isObject(tool)) return undefined;
  const called = tool.function ?? tool.custom;
  return isObject(called) ? called.name : undefined;
}

/** An instruction that does not stand in the first place. */
export function isLateSystem(message: JsonObject, at: number): boolean {
  return at > 0 && (message.role === "system" || message.role === "developer");
}

/**
 * Late instructions as reminders in the neighbouring user's message; those right behind the first ones join them. The
 * same beginning gives the same beginning.
 */
function systemFirst(body: JsonObject): Edit[] {
  const messages = messagesOf(body);
  const edits: Edit[] = [];
  /** Texts by the index of the message that takes them. */
  const behind = new Map<number, string[]>();
  const before = new Map<number, string[]>();
  const next = nextOthers(messages);
  let last = 0;
  messages.forEach((message, at) => {
    if (!isLateSystem(message, at)) {
      last = at;
      return;
    }
    const text = textOf(message.content);
    const role = messages[last]?.role;
    const leads = role === "system" || role === "developer";
    const following = next[at] ?? messages.length;
    if (leads || role === "user") addTo(behind, last, leads ? text : reminder(text));
    else if (messages[following]?.role === "user") addTo(before, following, reminder(text));
    else {
      edits.push({ path: ["messages", at], value: { role: "user", content: reminder(text) } });
      return;
    }
    edits.push({ path: ["messages", at], value: undefined });
  });
  for (const at of new Set([...behind.keys(), ...before.keys()])) {
    const content = grown(before.get(at) ?? [], messages[at]?.content, behind.get(at) ?? []);
    edits.push({ path: ["messages", at, "content"], value: content });
  }
  return edits;
}

/** For each message the index of the next that is no late instruction. */
function nextOthers(messages: readonly JsonObject[]): number[] {
  const found: number[] = [];
  let next = messages.length;
  for (let at = messages.length - 1; at >= 0; at--) {
    found[at] = next;
    if (!isLateSystem(messages[at] ?? {}, at)) next = at;
  }
  return found;
}

function addTo(lists: Map<number, string[]>, at: number, text: string): void {
  const list = lists.get(at);
  if (list) list.push(text);
  else lists.set(at, [text]);
}

function reminder(text: string): string {
  return `<system-reminder>${text}</system-reminder>`;
}

function grown(before: readonly string[], content: Json | undefined, behind: readonly string[]): Json {
  if (Array.isArray(content)) return [...before.map(textPart), ...content, ...behind.map(textPart)];
  const own = typeof content === "string" && content !== "" ? [content] : [];
  return [...before, ...own, ...behind].join("\n\n");
}

function textPart(text: string): JsonObject {
  return { type: "text", text };
}

function textOf(content: Json | undefined): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: Json) => isObject(part) && typeof part.text === "string" ? part.text : "").join(
    "\n\n",
  );
}
