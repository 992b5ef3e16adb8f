/** Which tools the model may or must call. */

import type { ToolChoice } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import type { Warn } from "./warn.ts";
import type { WireTool, WireToolChoice } from "./wire.ts";

export interface ChoiceOptions {
  /** The model may be made to call a tool in this request. */
  readonly forced: boolean;
  /** The model may call several tools at once. */
  readonly parallel: boolean;
}

export interface Chosen {
  readonly tools: readonly WireTool[];
  readonly choice?: WireToolChoice;
}

/** True for a choice that leaves the model none but to call. */
export function isForced(choice: ToolChoice | undefined): boolean {
  if (choice?.type === "allowed") return choice.mode === "required" && choice.names.length > 0;
  return choice?.type === "required" || choice?.type === "tool";
}

/**
 * The choice in the API's words, and the tools that are left to choose from.
 * @throws GatewayError `invalid_value` for a tool that is not declared
 */
export function encodeToolChoice(
  choice: ToolChoice | undefined,
  tools: readonly WireTool[],
  options: ChoiceOptions,
  warn: Warn,
): Chosen {
  if (tools.length === 0) {
    if (isForced(choice)) throw invalidValue("tool_choice", "A tool must be called but none is declared");
    return { tools };
  }
  const only = options.parallel ? {} : { disable_parallel_tool_use: true } as const;
  const unforced = () => warn("forced_tool_unsupported");
  switch (choice?.type) {
    case undefined:
      return options.parallel ? { tools } : { tools, choice: { type: "auto", ...only } };
    case "auto":
      return { tools, choice: { type: "auto", ...only } };
    case "none":
      return { tools, choice: { type: "none" } };
    case "required":
      if (!options.forced) unforced();
      return { tools, choice: { type: options.forced ? "any" : "auto", ...only } };
    case "tool": {
      const named = pick(tools, [choice.name]);
      if (options.forced) return { tools, choice: { type: "tool", name: choice.name, ...only } };
      unforced();
      return { tools: named, choice: { type: "auto", ...only } };
    }
    case "allowed": {
      if (choice.names.length === 0) return { tools, choice: { type: "none" } };
      const allowed = pick(tools, choice.names);
      warn("cache");
      return encodeToolChoice({ type: choice.mode }, allowed, options, warn);
    }
  }
}

/** The named ones of the tools, in the order in which they are declared. */
function pick(tools: readonly WireTool[], names: readonly string[]): readonly WireTool[] {
  const declared = new Set(tools.map(({ name }) => name));
  const unknown = names.find((name) => !declared.has(name));
  const wanted = new Set(names);
  if (unknown === undefined) return tools.filter(({ name }) => wanted.has(name));
  throw invalidValue("tool_choice", `The tool '${unknown}' is not declared in 'tools'`);
}
