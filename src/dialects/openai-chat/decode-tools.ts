/** Tools, functions of the older shape, and the choice among them. */

import type { Tool, ToolChoice } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { type JsonObject, members } from "../../json.ts";
import { mapped, type Work } from "../../work.ts";
import { cacheMark, type Losses } from "./decode-parts.ts";
import {
  arrayOf,
  booleanOf,
  member,
  objectOf,
  objectsOf,
  pathOf,
  type Place,
  requiredObject,
  requiredString,
  stringOf,
  wordOf,
} from "./fields.ts";

/**
 * The declared tools, in the client's order, those of the older shape behind.
 * @throws GatewayError `invalid_value` for a name that is malformed or stands twice, or another type of tool
 */
export function* decodeTools(body: Place, losses: Losses): Work<Tool[]> {
  const tools = yield* mapped(objectsOf(body, "tools") ?? [], (tool) => decodeTool(tool, losses));
  const functions = (objectsOf(body, "functions") ?? []).map((place) => functionTool(place, place, losses));
  const all = [...tools, ...functions];
  const names = new Set<string>();
  for (const { tool, path } of all) {
    if (names.has(tool.name)) throw invalidValue(path, `Invalid '${path}': '${tool.name}' is declared twice`);
    names.add(tool.name);
  }
  return all.map(({ tool }) => tool);
}

/**
 * What the client says of the choice; nothing if there is no tool to choose.
 * @throws GatewayError `invalid_value` for a choice that the tools do not allow
 */
export function decodeToolChoice(body: Place, tools: readonly Tool[]): ToolChoice | undefined {
  const key = member(body, "tool_choice") === undefined ? "function_call" : "tool_choice";
  const value = member(body, key);
  const names = new Set(tools.map(({ name }) => name));
  const choice = value === undefined ? undefined : readChoice(body, key, names);
  if (tools.length > 0 || choice === undefined) return choice;
  if (choice.type === "auto" || choice.type === "none") return undefined;
  throw invalidValue(key, `Invalid '${key}': it is only allowed when 'tools' are specified`);
}

interface DecodedTool {
  readonly tool: Tool;
  /** Where its name stands. */
  readonly path: string;
}

/** Extension members of a function that pass as they are. */
const EXTENSIONS = ["defer_loading", "allowed_callers", "input_examples", "eager_input_streaming"];
const FUNCTION_MEMBERS = new Set([
  "name",
  "description",
  "parameters",
  "strict",
  "cache_control",
  ...EXTENSIONS,
]);

/** The widest name that any dialect takes. */
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;

/** Clients of other servers leave the type out, or write the function's members without an object around them. */
function decodeTool(place: Place, losses: Losses): DecodedTool {
  const type = typeOf(place);
  if (type === "function") {
    const flat = member(place, "function") === undefined && member(place, "name") !== undefined;
    return functionTool(flat ? withoutType(place) : requiredObject(place, "function"), place, losses);
  }
  if (type === "custom") return customTool(requiredObject(place, "custom"), place, losses);
  throw invalidValue(
    pathOf(place, "type"),
    `Invalid value: '${type.slice(0, 64)}'. Supported values are: 'function' and 'custom'`,
  );
}

function typeOf(place: Place): string {
  const found = ["function", "custom"].filter((key) => member(place, key) !== undefined);
  const [only] = member(place, "type") === undefined && found.length === 1 ? found : [];
  return only ?? requiredString(place, "type");
}

function withoutType(place: Place): Place {
  const { type: _, ...value } = place.value;
  return { value, path: place.path };
}

function functionTool(place: Place, outer: Place, losses: Losses): DecodedTool {
  const name = toolName(place);
  const description = stringOf(place, "description");
  const parameters = objectOf(place, "parameters")?.value;
  const strict = booleanOf(place, "strict");
  const unknown = Object.keys(place.value).find((key) =>
    !FUNCTION_MEMBERS.has(key) && member(place, key) !== undefined
  );
  if (unknown !== undefined) losses.push(lostMember(pathOf(place, unknown)));
  const tool: Tool = {
    kind: "function",
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
    ...(strict !== undefined && { strict }),
    ...extensions(place.value),
    ...cacheMark(outer, losses),
    ...cacheMark(place, losses),
  };
  return { tool, path: pathOf(place, "name") };
}

function customTool(place: Place, outer: Place, losses: Losses): DecodedTool {
  const description = stringOf(place, "description");
  const format = objectOf(place, "format");
  const kept = format && wordOf(format, "type", ["text", "grammar"]) === "grammar" ? format.value : undefined;
  const tool: Tool = {
    kind: "custom",
    name: toolName(place),
    ...(description !== undefined && { description }),
    ...(kept !== undefined && { format: kept }),
    ...cacheMark(outer, losses),
  };
  return { tool, path: pathOf(place, "name") };
}

function toolName(place: Place): string {
  const name = requiredString(place, "name");
  if (NAME.test(name)) return name;
  const path = pathOf(place, "name");
  throw invalidValue(
    path,
    `Invalid '${path}': expected 1 to 128 letters, digits, '_' and '-', got '${name.slice(0, 64)}'`,
  );
}

function extensions(tool: JsonObject): { extra?: JsonObject } {
  const found = EXTENSIONS.filter((key) => Object.hasOwn(tool, key));
  return found.length === 0 ? {} : { extra: members(found.map((key) => [key, tool[key]])) };
}

function lostMember(field: string) {
  return { field, code: "tools", refuse: false, message: `'${field}' has no counterpart` };
}

/** `any` is what several servers, and the Messages API, call `required`. */
const WORDS = { auto: "auto", required: "required", any: "required", none: "none" } as const;
const CHOICES = ["auto", "required", "any", "none"] as const;

function readChoice(body: Place, key: string, tools: ReadonlySet<string>): ToolChoice {
  if (typeof member(body, key) === "string") {
    const word = wordOf(body, key, key === "tool_choice" ? CHOICES : ["auto", "none"]);
    return { type: WORDS[word ?? "auto"] };
  }
  const choice = requiredObject(body, key);
  if (key === "function_call") return named(choice, tools);
  const type = wordOf(choice, "type", [...CHOICES, "function", "tool", "custom", "allowed_tools"]) ??
    "function";
  switch (type) {
    case "allowed_tools":
      return allowed(requiredObject(choice, "allowed_tools"), tools);
    case "tool":
      return named(choice, tools);
    case "function":
    case "custom": {
      const flat = member(choice, type) === undefined && member(choice, "name") !== undefined;
      return named(flat ? choice : requiredObject(choice, type), tools);
    }
    default:
      return { type: WORDS[type] };
  }
}

function named(place: Place, declared: ReadonlySet<string>): ToolChoice {
  return { type: "tool", name: declaredName(place, declared) };
}

function allowed(place: Place, declared: ReadonlySet<string>): ToolChoice {
  const mode = wordOf(place, "mode", ["auto", "required"]) ?? "auto";
  if (arrayOf(place, "tools") === undefined) requiredObject(place, "tools");
  const names = (objectsOf(place, "tools") ?? []).map((tool) => {
    const type = wordOf(tool, "type", ["function", "custom"]) ?? "function";
    return declaredName(requiredObject(tool, type), declared);
  });
  return names.length === 0 ? { type: "none" } : { type: "allowed", mode, names };
}

/** A name that some declared tool has. */
function declaredName(place: Place, declared: ReadonlySet<string>): string {
  const name = requiredString(place, "name");
  if (declared.has(name)) return name;
  const path = pathOf(place, "name");
  throw invalidValue(path, `Invalid '${path}': '${name.slice(0, 64)}' is not among the declared tools`);
}
