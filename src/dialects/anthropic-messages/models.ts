/**
 * What each model accepts, as data. The provider lists the same at `GET /v1/models`; nothing is fetched, so what this
 * table does not know yet is learned from refusals (`correct.ts`).
 */

import type { ThinkingMode, WireEffort } from "./wire.ts";

export interface Capabilities {
  /** Most output tokens, thinking included. */
  readonly maxOutput: number;
  /** Values of `thinking.type` that are accepted; none means that the model does not think. */
  readonly thinking: readonly ThinkingMode[];
  /** Thinking may be turned off only up to effort `high`. */
  readonly offUpToHigh: boolean;
  /** A thinking block is bound to all that stands before it: they go back all or none. */
  readonly preservedThinking: boolean;
  /** Values of `output_config.effort`, weakest first; none means that the field is refused. */
  readonly efforts: readonly WireEffort[];
  /** `temperature`, `top_p`, `top_k`: refused, accepted but not both of the first two, or accepted. */
  readonly sampling: "none" | "one" | "all";
  /** `tool_choice` `any` and `tool`. */
  readonly forcedTool: boolean;
  /** A last message of the assistant's is continued. */
  readonly prefill: boolean;
  /** `output_config.format` and strict tools. */
  readonly structured: boolean;
  /** Messages of role `system` between the others. */
  readonly midSystem: boolean;
  /** Its thoughts need a proof, and its calls ids of the API's own pattern; other vendors' models have neither. */
  readonly proofs: boolean;
}

/** Names of what a model was found to refuse (`TargetModel.refuses`). */
export const REFUSALS = [
  "thinking.enabled",
  "thinking.adaptive",
  "thinking.disabled",
  "thinking.between_tools",
  "thinking_blocks",
  "tool_loop_thinking",
  "effort",
  "sampling",
  "temperature_with_top_p",
  "forced_tool",
  "forced_tool_with_thinking",
  "prefill",
  "output_format",
  "mid_system",
  "call_ids",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * What a model accepts, less what it was found to refuse. Models are told by a part of their name, so that the names
 * of other platforms (`us.anthropic.claude-opus-4-5-20251101-v1:0`) and dated ones are known too.
 */
export function capabilitiesOf(model: string, refuses: ReadonlySet<string>): Capabilities {
  const name = model.toLowerCase().replaceAll(".", "-");
  const row = ROWS.find(([part]) => name.includes(part))?.[1] ?? OTHER;
  return refuses.size === 0 ? row : without(row, (refusal) => refuses.has(refusal));
}

function without(row: Capabilities, refused: (refusal: Refusal) => boolean): Capabilities {
  return {
    ...row,
    thinking: row.thinking.filter((mode) => !refused(`thinking.${mode}`)),
    efforts: refused("effort") ? [] : row.efforts,
    sampling: refused("sampling")
      ? "none"
      : refused("temperature_with_top_p") && row.sampling === "all"
      ? "one"
      : row.sampling,
    forcedTool: row.forcedTool && !refused("forced_tool"),
    prefill: row.prefill && !refused("prefill"),
    structured: row.structured && !refused("output_format"),
    midSystem: row.midSystem && !refused("mid_system"),
    proofs: row.proofs || refused("call_ids"),
  };
}

const ALL_EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;

/** A current model: what its newer siblings accept, and where it differs. */
function current(differs: Partial<Capabilities> = {}): Capabilities {
  return {
    maxOutput: 128_000,
    thinking: ["adaptive"],
    offUpToHigh: false,
    preservedThinking: false,
    efforts: ALL_EFFORTS,
    sampling: "none",
    forcedTool: true,
    prefill: false,
    structured: true,
    midSystem: true,
    proofs: true,
    ...differs,
  };
}

/** A model of the 4 series up to 4.5: thinking by budget, prefill, sampling. */
function budget(maxOutput: number, differs: Partial<Capabilities> = {}): Capabilities {
  return {
    maxOutput,
    thinking: ["enabled", "disabled"],
    offUpToHigh: false,
    preservedThinking: false,
    efforts: [],
    sampling: "one",
    forcedTool: true,
    prefill: true,
    structured: true,
    midSystem: false,
    proofs: true,
    ...differs,
  };
}

const newest = current({ preservedThinking: true, forcedTool: false });
const offUpToHigh = { thinking: ["adaptive", "disabled"], offUpToHigh: true } as const;
const four6 = current({
  thinking: ["adaptive", "enabled", "disabled"],
  efforts: ["low", "medium", "high", "max"],
  sampling: "one",
  midSystem: false,
});
const first4 = { sampling: "all", structured: false } as const;
const old = budget(4096, { ...first4, thinking: [] });

const MODELS: Readonly<Record<string, Capabilities>> = {
  "fable-5-2": newest,
  "fable-5-1": newest,
  "mythos-5-2": newest,
  "mythos-5-1": newest,
  "fable-5": current(),
  "mythos-5": current(),
  "opus-5-5": newest,
  "sonnet-5-5": current({
    preservedThinking: true,
    forcedTool: false,
    thinking: ["adaptive", "between_tools"],
    offUpToHigh: true,
  }),
  "haiku-5-5": current({ preservedThinking: true, ...offUpToHigh }),
  "opus-5": current(offUpToHigh),
  "sonnet-5": current({ thinking: ["adaptive", "disabled"] }),
  "opus-4-8": current({ thinking: ["adaptive", "disabled"] }),
  "opus-4-7": current({ thinking: ["adaptive", "disabled"], midSystem: false }),
  "opus-4-6": four6,
  "sonnet-4-6": four6,
  "opus-4-5": budget(64_000, { efforts: ["low", "medium", "high"] }),
  "sonnet-4-5": budget(64_000),
  "haiku-4-5": budget(64_000),
  "opus-4-1": budget(32_000),
  "opus-4": budget(32_000, first4),
  "sonnet-4": budget(64_000, first4),
  "claude-3": old,
  "claude-2": old,
  "claude-instant": old,
  // A model newer than this table.
  "claude": current(),
};

/** Another vendor's model behind the same API: such servers follow its older form. */
const OTHER = budget(128_000, { ...first4, proofs: false });

/** Longest first: `opus-5-5` is not `opus-5`. */
const ROWS = Object.entries(MODELS).sort(([one], [other]) => other.length - one.length);
