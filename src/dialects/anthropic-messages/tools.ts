/** Tool definitions: functions and custom tools with their schemas as the API takes them. */

import type { Message, Tool } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { type JsonObject, members, stringifyJson } from "../../json.ts";
import { mapped, type Work } from "../../work.ts";
import { inputSchema } from "../input-schema.ts";
import { isCall } from "../pairing.ts";
import {
  type NameRule,
  renameMembers,
  renameProperties,
  type Renames,
  renamesOf,
} from "../property-names.ts";
import { cacheControl } from "./cache-marks.ts";
import type { Warn } from "./warn.ts";
import { type Budget, isStrictSchema } from "./schema.ts";
import type { WireTool } from "./wire.ts";

export interface ToolSetting {
  /** The model takes strict tools. */
  readonly structured: boolean;
  /** What strict tools may still cost. */
  readonly budget: Budget;
  /** The properties that go by another name, by tool. */
  readonly renames: ReadonlyMap<string, Renames>;
}

/** @throws GatewayError `invalid_value` for a name that the API refuses or that stands twice */
export function* encodeTools(
  tools: readonly Tool[],
  setting: ToolSetting,
  warn: Warn,
): Work<WireTool[]> {
  const names = new Set<string>();
  return yield* mapped(tools, (tool, at) => {
    checkName(tool.name, `tools[${at}].name`);
    if (names.has(tool.name)) throw invalidValue(`tools[${at}].name`, `Two tools are named '${tool.name}'`);
    names.add(tool.name);
    return tool.kind === "custom" ? customTool(tool, warn) : functionTool(tool, setting, warn);
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

function functionTool(tool: Tool, setting: ToolSetting, warn: Warn): WireTool {
  const { schema: written, note } = inputSchema(tool.parameters, REFUSED_AT_ROOT);
  if (note !== undefined) warn("tools");
  const renames = setting.renames.get(tool.name);
  const schema = renames ? renameProperties(written, renames) : written;
  const description = [tool.description, note].filter((text) => text !== undefined && text !== "").join(
    "\n\n",
  );
  const strict = tool.strict === true && setting.structured && isStrictSchema(schema, setting.budget);
  if (tool.strict === true && !strict) warn("tools");
  return {
    ...extraOf(tool, renames),
    name: tool.name,
    ...(description === "" ? {} : { description }),
    input_schema: schema,
    ...(strict ? { strict } : {}),
    ...cacheControl(tool.cache),
  };
}

/** The extension fields as they are, but for the names in examples of the tool's input. */
function extraOf({ extra = {} }: Tool, renames: Renames | undefined): JsonObject {
  const { input_examples: examples } = extra;
  if (!renames || examples === undefined) return extra;
  return members([...Object.entries(extra), ["input_examples", renameMembers(examples, renames)]]);
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

/** Alternatives at the root, which the API refuses. */
const REFUSED_AT_ROOT: ReadonlySet<string> = new Set(["anyOf", "oneOf", "allOf"]);

/** https://platform.claude.com/docs/en/api/messages: the API checks the names of properties. */
export const PROPERTY_NAMES: NameRule = {
  accepted: /^[a-zA-Z0-9_.-]{1,64}$/,
  refused: /[^a-zA-Z0-9_.-]/g,
};

/** The properties of each tool's input that go by another name, for the tools that have such. */
export function toolRenames(tools: readonly Tool[]): ReadonlyMap<string, Renames> {
  const found = new Map<string, Renames>();
  for (const { name, parameters } of tools) {
    const renames = parameters && renamesOf(parameters, PROPERTY_NAMES);
    if (renames && renames.size > 0) found.set(name, renames);
  }
  return found;
}
