/** Tools and the choice among them, as this API declares them. */

import type { ChatRequest, Tool, ToolChoice } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { isObject, type Json, type JsonObject, members } from "../../json.ts";
import { inputSchema } from "../input-schema.ts";
import { hasType, mapSubschemas } from "../json-schema.ts";
import type { Encoding } from "./encoding.ts";
import { isStrict } from "./strict-schema.ts";

/** @throws GatewayError `invalid_value` for a choice of a tool that is not declared */
export function toolFields(chat: ChatRequest, encoding: Encoding): (readonly [string, Json | undefined])[] {
  if (chat.tools.length === 0) return [];
  return [
    ["tools", chat.tools.map((tool) => encodeTool(tool, encoding))],
    ["tool_choice", chat.toolChoice && encodeChoice(chat.toolChoice, chat.tools, encoding)],
    ["parallel_tool_calls", chat.parallelToolCalls],
  ];
}

function encodeTool(tool: Tool, encoding: Encoding): JsonObject {
  const { toolName, warn } = encoding;
  if (tool.extra) warn("tools");
  const name = toolName(tool.name);
  if (tool.kind === "custom") {
    const { description, format } = tool;
    return { type: "custom", custom: members(Object.entries({ name, description, format })) };
  }
  return { type: "function", function: members([["name", name], ...functionMembers(tool, encoding)]) };
}

/** Keywords that the API refuses at the root of a function's parameters. */
const REFUSED_AT_ROOT: ReadonlySet<string> = new Set(["anyOf", "oneOf", "allOf", "enum", "not"]);

function functionMembers(tool: Tool, { warn }: Encoding): [string, Json | undefined][] {
  const { schema, note } = inputSchema(tool.parameters, REFUSED_AT_ROOT);
  const parameters = withProperties(withItems(schema));
  const description = [tool.description, note].filter((text) => text !== undefined).join("\n\n");
  const strict = tool.strict === true && !isStrict(parameters) ? undefined : tool.strict;
  if (note !== undefined || strict !== tool.strict) warn("tools");
  return [
    ["description", tool.description === undefined && note === undefined ? undefined : description],
    ["parameters", tool.parameters && parameters],
    ["strict", strict],
  ];
}

/** An object schema that names no properties is refused ("object schema missing properties"). */
function withProperties(schema: JsonObject): JsonObject {
  if (isObject(schema.properties) || schema.type !== "object") return schema;
  return members([...Object.entries(schema), ["properties", {}]]);
}

/** So is, however deep, an array schema that does not say what is in it ("array schema missing items"). */
function withItems(schema: JsonObject): JsonObject {
  const inner = mapSubschemas(schema, withItems);
  if (!hasType(inner, "array") || inner.items !== undefined) return inner;
  return members([...Object.entries(inner), ["items", {}]]);
}

function encodeChoice(choice: ToolChoice, tools: readonly Tool[], { toolName }: Encoding): Json {
  const kinds = new Map(tools.map(({ name, kind }) => [name, kind]));
  const named = (name: string): JsonObject => {
    const kind = kinds.get(name);
    if (kind === undefined) {
      throw invalidValue("tool_choice", `The tool '${name.slice(0, 64)}' is not declared in 'tools'`);
    }
    return { type: kind, [kind]: { name: toolName(name) } };
  };
  switch (choice.type) {
    case "auto":
    case "required":
    case "none":
      return choice.type;
    case "tool":
      return named(choice.name);
    case "allowed":
      return {
        type: "allowed_tools",
        allowed_tools: { mode: choice.mode, tools: choice.names.map(named) },
      };
  }
}
