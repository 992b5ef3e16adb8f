/** Tool definitions: functions and custom tools with their schemas as the API takes them. */

import type { Message, Tool } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { isObject, type Json, type JsonObject, members, stringifyJson } from "../../json.ts";
import { cacheControl } from "./cache-marks.ts";
import type { Warn } from "./warn.ts";
import { isCall } from "./pairing.ts";
import { isClosed, MOST_OPTIONAL, optionalProperties, resolve } from "./schema.ts";
import type { WireTool } from "./wire.ts";

/**
 * @param structured the model takes strict tools
 * @throws GatewayError `invalid_value` for a name that the API refuses or that stands twice
 */
export function encodeTools(tools: readonly Tool[], structured: boolean, warn: Warn): WireTool[] {
  const names = new Set<string>();
  return tools.map((tool, at) => {
    checkName(tool.name, `tools[${at}].name`);
    if (names.has(tool.name)) throw invalidValue(`tools[${at}].name`, `Two tools are named '${tool.name}'`);
    names.add(tool.name);
    return tool.kind === "custom" ? customTool(tool, warn) : functionTool(tool, structured, warn);
  });
}

/**
 * Definitions for the tools that a history calls, for a request that declares none: the API demands them.
 * @throws GatewayError `invalid_value` for a name that the API refuses
 */
export function toolsOfHistory(messages: readonly Message[]): WireTool[] {
  const names = new Set(
    messages.flatMap((message) => message.content.filter(isCall).map((call) => call.name)),
  );
  for (const name of names) checkName(name, "messages");
  return [...names].map((name) => ({ name, input_schema: { type: "object" } }));
}

function checkName(name: string, place: string): void {
  if (/^[a-zA-Z0-9_-]{1,128}$/.test(name)) return;
  throw invalidValue(place, `Tool name '${name}' must be 1 to 128 letters, digits, '_' or '-'`);
}

function functionTool(tool: Tool, structured: boolean, warn: Warn): WireTool {
  const { schema, note } = inputSchema(tool.parameters, warn);
  const description = [tool.description, note].filter((text) => text !== undefined && text !== "").join(
    "\n\n",
  );
  const strict = tool.strict === true && takesStrict(schema, structured, warn);
  return {
    ...tool.extra,
    name: tool.name,
    ...(description === "" ? {} : { description }),
    input_schema: schema,
    ...(strict ? { strict } : {}),
    ...cacheControl(tool.cache),
  };
}

/** A tool whose input is any text: one property holds it, and the reply's decoder takes it out again. */
function customTool(tool: Tool, warn: Warn): WireTool {
  const format = tool.format;
  const isGrammar = format?.type === "grammar";
  if (isGrammar) warn("tools");
  const note = isGrammar
    ? `The input must follow this grammar: ${stringifyJson(format?.grammar ?? format)}`
    : "The input is free text.";
  return {
    ...tool.extra,
    name: tool.name,
    description: [tool.description, note].filter((text) => text !== undefined && text !== "").join("\n\n"),
    input_schema: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
    ...cacheControl(tool.cache),
  };
}

function takesStrict(schema: JsonObject, structured: boolean, warn: Warn): true | undefined {
  if (structured && isClosed(schema) && optionalProperties(schema) <= MOST_OPTIONAL) return true;
  warn("tools");
  return undefined;
}

const COMBINED = ["anyOf", "oneOf", "allOf"] as const;

/** An object schema, every keyword kept; alternatives at its root, which the API refuses, become one object. */
function inputSchema(
  parameters: JsonObject | undefined,
  warn: Warn,
): { readonly schema: JsonObject; readonly note?: string } {
  if (parameters === undefined || Object.keys(parameters).length === 0) {
    return { schema: { type: "object", properties: {} } };
  }
  const typed = parameters.type === undefined
    ? members([["type", "object"], ...Object.entries(parameters)])
    : parameters;
  if (!COMBINED.some((key) => Array.isArray(parameters[key]))) return { schema: typed };
  warn("tools");
  return { schema: merged(typed), note: `Input schema: ${stringifyJson(parameters)}` };
}

function merged(schema: JsonObject): JsonObject {
  const properties: [string, Json | undefined][] = entriesOf(schema.properties);
  let required = namesOf(schema.required);
  for (const key of COMBINED) {
    const listed = schema[key];
    if (!Array.isArray(listed)) continue;
    // References may name one branch many times: it says no more than once.
    const branches = [...new Set(listed.map((branch: Json) => target(schema, branch)))].filter(isObject);
    const known = new Set(properties.map(([name]) => name));
    for (const [name, inner] of branches.flatMap((branch) => entriesOf(branch.properties))) {
      if (!known.has(name)) properties.push([name, inner]);
      known.add(name);
    }
    const demanded = branches.map((branch) => new Set(namesOf(branch.required)));
    const more = key === "allOf"
      ? demanded.flatMap((names) => [...names])
      : [...demanded[0] ?? []].filter((name) => demanded.every((names) => names.has(name)));
    required = [...new Set([...required, ...more])];
  }
  const rest = Object.entries(schema).filter(([key]) => !DROPPED.has(key));
  return members([
    ...rest,
    ["properties", members(properties)],
    ["required", required.length > 0 ? required : undefined],
  ]);
}

const DROPPED: ReadonlySet<string> = new Set([...COMBINED, "properties", "required"]);

function target(root: JsonObject, branch: Json): Json | undefined {
  return isObject(branch) && typeof branch.$ref === "string" ? resolve(root, branch.$ref) : branch;
}

function entriesOf(value: Json | undefined): [string, Json | undefined][] {
  return isObject(value) ? Object.entries(value) : [];
}

function namesOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((name: Json) => typeof name === "string") : [];
}
