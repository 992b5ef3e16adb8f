/** How much the model thinks: `thinking` and `output_config.effort`. */

import type { Effort, Reasoning } from "../../chat.ts";
import type { Capabilities } from "./models.ts";
import type { Warn } from "./warn.ts";
import type { ThinkingConfig, ThinkingMode, WireEffort } from "./wire.ts";

export interface Thought {
  readonly thinking?: ThinkingConfig;
  readonly effort?: WireEffort;
}

/** What the request gives thinking to go by. */
export interface ThinkingSetting {
  readonly model: Capabilities;
  readonly maxTokens: number;
  /** A budget may not be set: an assistant's turn of the tool loop lacks its thoughts. */
  readonly loopLacksThoughts: boolean;
}

/** The request's thinking, as near to what was asked as the model takes it. */
export function encodeThinking(
  reasoning: Reasoning | undefined,
  setting: ThinkingSetting,
  warn: Warn,
): Thought {
  if (reasoning === undefined) return {};
  const thought = reasoning.mode === undefined
    ? byEffort(reasoning.effort, setting, warn)
    : byMode(reasoning, reasoning.mode, setting, warn);
  if (thought.thinking?.type !== "enabled" || !setting.loopLacksThoughts) return thought;
  const field = reasoning.mode === undefined ? "reasoning_effort" : "thinking";
  warn(field);
  return thought.effort ? { effort: thought.effort } : {};
}

/** Reasoning effort, the only word that some clients have for it. */
function byEffort(effort: Effort | undefined, setting: ThinkingSetting, warn: Warn): Thought {
  const { model } = setting;
  if (effort === undefined) return {};
  if (effort === "none") return off("disabled", "reasoning_effort", undefined, model, warn);
  if (model.thinking.includes("adaptive")) {
    return {
      // From 4.7 on the text of thoughts is left out unless it is asked for.
      thinking: { type: "adaptive", display: "summarized" },
      ...fit(effort, model.efforts, warn),
    };
  }
  if (model.thinking.includes("enabled")) {
    const budget = budgetFor(effort, setting.maxTokens);
    if (budget === undefined) warn("reasoning_effort");
    return {
      ...(budget === undefined ? {} : { thinking: { type: "enabled", budget_tokens: budget } }),
      // The budget says what a weaker effort leaves out.
      ...(model.efforts.length > 0 ? { effort: nearest(effort, model.efforts) } : {}),
    };
  }
  warn("reasoning_effort");
  return {};
}

/** Thinking asked for in the API's own words, for whatever model. */
function byMode(reasoning: Reasoning, mode: ThinkingMode, setting: ThinkingSetting, warn: Warn): Thought {
  const { model, maxTokens } = setting;
  const effort = () => fit(reasoning.effort, model.efforts, warn);
  if (mode === "disabled" || mode === "between_tools") {
    return off(mode, "thinking", reasoning.effort, model, warn);
  }

  if (model.thinking.length === 0) {
    warn("thinking");
    return effort();
  }
  const accepted = model.thinking.includes(mode);
  if (!accepted) warn("thinking");
  const kind = accepted ? mode : mode === "enabled" ? "adaptive" : "enabled";
  if (!model.thinking.includes(kind)) return effort();
  if (kind === "adaptive") {
    // A thinking budget used to show its thoughts.
    const display = reasoning.display ?? (accepted ? undefined : "summarized");
    return { thinking: { type: "adaptive", ...(display === undefined ? {} : { display }) }, ...effort() };
  }
  return { ...byBudget(reasoning, maxTokens, warn), ...effort() };
}

function byBudget(reasoning: Reasoning, maxTokens: number, warn: Warn): Thought {
  const asked = reasoning.mode === "enabled" ? reasoning.budget : undefined;
  const budget = asked === undefined
    ? budgetFor(reasoning.effort ?? "high", maxTokens)
    : maxTokens > LEAST_BUDGET
    ? Math.max(LEAST_BUDGET, Math.min(asked, maxTokens - 1))
    : undefined;
  if (budget === undefined || (asked ?? budget) !== budget) warn("thinking");
  if (budget === undefined) return {};
  const display = reasoning.display === undefined ? {} : { display: reasoning.display };
  return { thinking: { type: "enabled", budget_tokens: budget, ...display } };
}

/** No thinking, or as little as the model can be brought to. */
function off(
  wanted: "disabled" | "between_tools",
  field: "thinking" | "reasoning_effort",
  effort: Effort | undefined,
  model: Capabilities,
  warn: Warn,
): Thought {
  const limit = model.offUpToHigh ? model.efforts.filter((each) => !STRONGEST.has(each)) : model.efforts;
  const rest = fit(effort, limit, warn);
  const type = OFF[wanted].find((mode) => model.thinking.includes(mode));
  if (type !== wanted && (field === "thinking" || type === undefined)) {
    // Without a word of it, models that take no adaptive thinking do not think.
    if (wanted === "disabled" && !model.thinking.includes("adaptive")) return rest;
    warn(field);
  }
  if (!model.thinking.includes("adaptive")) return rest;
  if (type) return { thinking: { type }, ...rest };
  return model.efforts.includes("low") ? { effort: "low" } : {};
}

/** What may stand for what, nearest first. */
const OFF = {
  disabled: ["disabled", "between_tools"],
  between_tools: ["between_tools", "disabled"],
} as const;

const STRONGEST: ReadonlySet<WireEffort> = new Set(["xhigh", "max"]);

/** The least budget that the API takes, in tokens. */
const LEAST_BUDGET = 1024;
/** Percent of the output tokens that may be thoughts. */
const SHARE = { minimal: 20, low: 20, medium: 50, high: 80, xhigh: 95, max: 95 } as const;

/** Tokens of thinking; undefined where none would be left for an answer. */
function budgetFor(effort: Effort, maxTokens: number): number | undefined {
  if (effort === "none" || maxTokens <= LEAST_BUDGET) return undefined;
  return Math.max(LEAST_BUDGET, Math.floor(maxTokens * SHARE[effort] / 100));
}

const ORDER = ["low", "medium", "high", "xhigh", "max"] as const;

/** The effort, or the nearest one that the model takes. */
export function fit(
  effort: Effort | undefined,
  accepted: readonly WireEffort[],
  warn: Warn,
): { readonly effort?: WireEffort } {
  if (effort === undefined || effort === "none") return {};
  const wanted = effort === "minimal" ? "low" : effort;
  if (accepted.includes(wanted)) return { effort: wanted };
  warn("reasoning_effort");
  return accepted.length === 0 ? {} : { effort: nearest(effort, accepted) };
}

/** The strongest accepted effort that is not above the one asked for, else the weakest. */
function nearest(effort: Exclude<Effort, "none">, accepted: readonly WireEffort[]): WireEffort {
  const limit = ORDER.indexOf(effort === "minimal" ? "low" : effort);
  return accepted.findLast((each) => ORDER.indexOf(each) <= limit) ?? accepted[0] ?? "low";
}
