/**
 * A request that was written for one model and goes to another of this API: what the other is known to refuse is put
 * otherwise or left out, as a translation would do it, and nothing else.
 */

import { asNumber, isObject, type Json, type JsonObject, stringifyJson } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import type { RelayEdits, TargetModel } from "../dialect.ts";
import { learnedEdits } from "./learned.ts";
import type { Capabilities } from "./models.ts";
import { encodeSampling, outputLimit } from "./settings.ts";
import { encodeThinking, fit } from "./thinking.ts";
import { collectWarnings, type Warn } from "./warn.ts";
import type { ThinkingConfig, ThinkingMode, WireEffort } from "./wire.ts";

/** @param loopLacksThoughts a turn of the open tool loop is without its thought */
export function standInEdits(
  body: JsonObject,
  target: TargetModel,
  model: Capabilities,
  loopLacksThoughts: boolean,
): RelayEdits {
  const { warn, codes } = collectWarnings();
  const learned = learnedEdits(body, target.refuses);
  for (const code of learned.warnings) warn(code);
  const asked = asNumber(body.max_tokens);
  const limit = asked === undefined ? undefined : outputLimit(asked, target, model, warn);
  const thought = thinkingEdits(
    body,
    { model, maxTokens: limit ?? model.maxOutput, loopLacksThoughts },
    warn,
  );
  const thinks = thought.thinking === "enabled" ||
    (thought.thinking === "adaptive" && target.refuses.has("forced_tool_with_thinking"));
  const edits = [
    ...learned.edits,
    ...limit === asked ? [] : [{ path: ["max_tokens"], value: limit }],
    ...thought.edits,
    ...samplingEdits(body, model, thought.thinking, warn),
    ...choiceEdits(body, model.forcedTool && !thinks, warn),
    ...formatEdits(body, model, warn),
    ...turnEdits(body, model, model.prefill && thought.thinking !== "enabled", warn),
  ];
  return { edits, warnings: codes };
}

const MODES: ReadonlySet<Json | undefined> = new Set<ThinkingMode>([
  "enabled",
  "adaptive",
  "disabled",
  "between_tools",
]);
const EFFORTS: ReadonlySet<Json | undefined> = new Set<WireEffort>(["low", "medium", "high", "xhigh", "max"]);

function thinkingEdits(
  body: JsonObject,
  setting: { readonly model: Capabilities; readonly maxTokens: number; readonly loopLacksThoughts: boolean },
  warn: Warn,
): { readonly edits: readonly Edit[]; readonly thinking: ThinkingMode | undefined } {
  const given = isObject(body.thinking) ? body.thinking : {};
  const config = isObject(body.output_config) ? body.output_config : {};
  const mode = MODES.has(given.type) ? given.type as ThinkingMode : undefined;
  const asked = EFFORTS.has(config.effort) ? config.effort as WireEffort : undefined;
  if (mode === undefined) {
    const { effort } = fit(asked, setting.model.efforts, warn);
    return { edits: effortEdits(config, asked, effort), thinking: undefined };
  }
  const budget = asNumber(given.budget_tokens);
  const { thinking, effort } = encodeThinking(
    {
      mode,
      ...(budget === undefined ? {} : { budget }),
      ...(typeof given.display === "string" ? { display: given.display } : {}),
      ...(asked === undefined ? {} : { effort: asked }),
    },
    setting,
    warn,
  );
  const edits = [...modeEdits(given, thinking), ...effortEdits(config, asked, effort)];
  return { edits, thinking: thinking?.type };
}

/** A mode that stays keeps what else the client wrote beside it. */
function modeEdits(given: JsonObject, thinking: ThinkingConfig | undefined): Edit[] {
  if (thinking?.type !== given.type) return [{ path: ["thinking"], value: thinking && { ...thinking } }];
  if (thinking?.type !== "enabled" || thinking.budget_tokens === given.budget_tokens) return [];
  return [{ path: ["thinking", "budget_tokens"], value: thinking.budget_tokens }];
}

function effortEdits(
  config: JsonObject,
  asked: WireEffort | undefined,
  effort: WireEffort | undefined,
): Edit[] {
  if (asked === effort) return [];
  const alone = Object.keys(config).every((key) => key === "effort");
  return [{
    path: effort === undefined && alone ? ["output_config"] : ["output_config", "effort"],
    value: effort,
  }];
}

function samplingEdits(
  body: JsonObject,
  model: Capabilities,
  mode: ThinkingMode | undefined,
  warn: Warn,
): Edit[] {
  const temperature = asNumber(body.temperature);
  const topP = asNumber(body.top_p);
  const topK = asNumber(body.top_k);
  // What is out of range is refused as it is.
  if (temperature !== undefined && !(temperature >= 0 && temperature <= 1)) return [];
  const asked = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
  };
  const thinking = mode === undefined ? undefined : { type: mode } as ThinkingConfig;
  const taken = encodeSampling(asked, model, thinking, warn);
  return (["temperature", "top_p", "top_k"] as const)
    .filter((name) => asNumber(body[name]) !== undefined && taken[name] === undefined)
    .map((name) => ({ path: [name], value: undefined }));
}

/** A tool that has to be called, where the model will not be made to: it chooses by itself, from that tool alone. */
function choiceEdits(body: JsonObject, mayForce: boolean, warn: Warn): Edit[] {
  const choice = body.tool_choice;
  if (mayForce || !isObject(choice) || (choice.type !== "any" && choice.type !== "tool")) return [];
  warn("forced_tool_unsupported");
  const auto: Edit[] = [
    { path: ["tool_choice", "type"], value: "auto" },
    ...choice.name === undefined ? [] : [{ path: ["tool_choice", "name"], value: undefined }],
  ];
  const tools: readonly Json[] = Array.isArray(body.tools) ? body.tools : [];
  const isNamed = (tool: Json) => isObject(tool) && tool.name === choice.name;
  if (choice.type !== "tool" || !tools.some(isNamed)) return auto;
  return [
    ...auto,
    ...tools.flatMap((tool, at): Edit[] => isNamed(tool) ? [] : [{ path: ["tools", at], value: undefined }]),
  ];
}

/** Structured answers and strict tools, where the model knows neither: the form is asked for in words. */
function formatEdits(body: JsonObject, model: Capabilities, warn: Warn): Edit[] {
  if (model.structured) return [];
  const edits: Edit[] = [];
  const config = isObject(body.output_config) ? body.output_config : {};
  const format = [config.format, body.output_format].find(isObject);
  if (format) {
    warn("json_schema_unenforced");
    const alone = Object.keys(config).every((key) => key === "format" || key === "effort");
    if (config.format !== undefined) {
      edits.push({
        path: alone && config.effort === undefined ? ["output_config"] : ["output_config", "format"],
        value: undefined,
      });
    }
    if (body.output_format !== undefined) edits.push({ path: ["output_format"], value: undefined });
    edits.push({ path: ["system"], value: withInstruction(body.system, format.schema ?? {}) });
  }
  const tools: readonly Json[] = Array.isArray(body.tools) ? body.tools : [];
  tools.forEach((tool, at) => {
    if (!isObject(tool) || tool.strict !== true) return;
    warn("tools");
    edits.push({ path: ["tools", at, "strict"], value: undefined });
  });
  return edits;
}

function withInstruction(system: Json | undefined, schema: Json): Json {
  const text = `Reply with one JSON value matching this schema and nothing else.\n${stringifyJson(schema)}`;
  if (Array.isArray(system)) return [...system, { type: "text", text }];
  return typeof system === "string" && system !== "" ? `${system}\n\n${text}` : text;
}

/** Instructions between the turns and a last turn of the assistant's, where the model takes neither. */
function turnEdits(body: JsonObject, model: Capabilities, prefill: boolean, warn: Warn): Edit[] {
  const messages: readonly Json[] = Array.isArray(body.messages) ? body.messages : [];
  const edits: Edit[] = [];
  messages.forEach((message, at) => {
    if (model.midSystem || !isObject(message) || message.role !== "system") return;
    warn("mid_system");
    edits.push({ path: ["messages", at], value: { role: "user", content: reminders(message.content) } });
  });
  const last = messages.at(-1);
  if (!prefill && isObject(last) && last.role === "assistant") {
    warn("prefill_unsupported");
    edits.push({ path: ["messages", messages.length], value: { role: "user", content: "Continue." } });
  }
  return edits;
}

function reminders(content: Json | undefined): Json {
  const reminder = (text: string) => `<system-reminder>${text}</system-reminder>`;
  if (typeof content === "string") return reminder(content);
  if (!Array.isArray(content)) return [];
  return content.map((block: Json) =>
    isObject(block) && typeof block.text === "string" ? { ...block, text: reminder(block.text) } : block
  );
}
