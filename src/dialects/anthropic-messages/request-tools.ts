/** Tools and the choice among them, as a client of the Messages API declares them. */

import type { Loss, Tool, ToolChoice } from "../../chat.ts";
import { type JsonObject, members } from "../../json.ts";
import {
  boolean,
  type Field,
  field,
  given,
  list,
  malformed,
  object,
  oneOf,
  optional,
  shown,
  string,
} from "./read.ts";
import { type Lose, readCache } from "./request-parts.ts";

export interface ReadTools {
  readonly tools: readonly Tool[];
  readonly losses: readonly Loss[];
  /** The names of the provider's own tools, which are not among the others. */
  readonly leftOut: ReadonlySet<string>;
}

/** @throws GatewayError `invalid_value` with the path of the field */
export function readTools(tools: Field): ReadTools {
  const read = (optional(tools, list) ?? []).map(readTool);
  const kept = read.filter((each) => "tool" in each).map((each) => each.tool);
  const losses = read.filter((each) => "loss" in each).map((each) => each.loss);
  // A request whose only tools are the provider's own was made for them alone.
  const pointless = kept.length === 0 && losses.length > 0;
  return {
    tools: kept,
    losses: pointless ? losses.map((loss) => ({ ...loss, ...REFUSED })) : losses,
    leftOut: new Set(read.flatMap((each) => "loss" in each && each.name !== undefined ? [each.name] : [])),
  };
}

export interface ReadChoice {
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
}

/**
 * The choice among the tools. Where it names a tool of the provider's own that is left out, the model chooses among
 * the others.
 * @throws GatewayError `invalid_value` with the path of the field
 */
export function readToolChoice(
  choice: Field,
  { tools, leftOut }: Pick<ReadTools, "tools" | "leftOut">,
  lose: Lose,
): ReadChoice {
  return optional(choice, (given_): ReadChoice => {
    const value = object(given_);
    const at = (name: string) => field(value, name, given_.path);
    const single = optional(at("disable_parallel_tool_use"), boolean) === true;
    const toolChoice = readKind(at);
    const only = single ? { parallelToolCalls: false } : {};
    if (toolChoice.type === "tool" && !tools.some(({ name }) => name === toolChoice.name)) {
      const named = at("name");
      const name = shown(toolChoice.name);
      if (!leftOut.has(toolChoice.name)) {
        throw malformed(named.path, `Tool '${name}' not found in provided tools`);
      }
      const message = `${named.path}: The tool '${name}' exists only at its provider`;
      lose({ field: named.path, code: "tool_choice", refuse: false, message });
      return { toolChoice: { type: "auto" }, ...only };
    }
    if (toolChoice.type === "required" && tools.length === 0 && leftOut.size === 0) {
      throw malformed(given_.path, "A tool must be called but none is declared");
    }
    return { toolChoice, ...only };
  }) ?? {};
}

function readKind(at: (name: string) => Field): ToolChoice {
  switch (oneOf(at("type"), ["auto", "any", "tool", "none"])) {
    case "auto":
      return { type: "auto" };
    case "any":
      return { type: "required" };
    case "none":
      return { type: "none" };
    case "tool":
      return { type: "tool", name: string(at("name")) };
  }
}

function readTool(
  item: Field,
): { readonly tool: Tool } | { readonly loss: Loss; readonly name: string | undefined } {
  const value = object(item);
  const at = (name: string) => field(value, name, item.path);
  const type = optional(at("type"), string) ?? "custom";
  return type === "custom"
    ? { tool: clientTool(value, at, item.path) }
    : { loss: providerTool(type, at("type").path), name: optional(at("name"), string) };
}

/** Fields that say how the provider shall handle the tool. */
const EXTRAS = ["defer_loading", "allowed_callers", "input_examples", "eager_input_streaming"];

function clientTool(value: JsonObject, at: (name: string) => Field, path: string): Tool {
  const extra = members(EXTRAS.map((name) => [name, at(name).value]));
  return {
    kind: "function",
    name: string(at("name")),
    ...given("description", optional(at("description"), string)),
    parameters: object(at("input_schema")),
    ...given("strict", optional(at("strict"), boolean)),
    ...given("cache", readCache(value, path)),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** Tools that the provider runs itself: a request can do without them. */
const SERVER_TOOLS = /^(web_search|web_fetch|code_execution|tool_search_tool)_/;
const REFUSED = { code: "unsupported_parameter", refuse: true } as const;

/** Other tools without a schema are known to the provider's models alone, and the client waits for their calls. */
function providerTool(type: string, path: string): Loss {
  const message = `${path}: The tool type '${shown(type)}' exists only at its provider`;
  const left = SERVER_TOOLS.test(type);
  return { field: path, message, ...(left ? { code: "tools", refuse: false } : REFUSED) };
}
