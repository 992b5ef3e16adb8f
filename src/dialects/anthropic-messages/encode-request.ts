/** A neutral request as a body of the Messages API, with what was left out on the way and what the reply must undo. */

import type { ChatRequest, Message, Part } from "../../chat.ts";
import { invalidValue } from "../../errors.ts";
import { type Allowance, allowance } from "../../json.ts";
import { editedObject } from "../../json-edit.ts";
import { REQUEST_LIMITS } from "../../json-scan.ts";
import { atOnce, mapped, mayPause, type Work } from "../../work.ts";
import type { EncodedRequest, TargetModel, Undo } from "../dialect.ts";
import { pairingOf, pairToolCalls } from "../pairing.ts";
import { backwards, type Renames } from "../property-names.ts";
import { cacheControl, limitMarks } from "./cache-marks.ts";
import { nameToolCalls } from "./call-ids.ts";
import { encodeFormat, type Formatting } from "./format.ts";
import { learnedEdits } from "./learned.ts";
import { endTurn, type History, readHistory } from "./history.ts";
import { encodeMessage, encodeText, type PartContext } from "./messages.ts";
import { type Capabilities, capabilitiesOf } from "./models.ts";
import { newBudget } from "./schema.ts";
import { encodeEndUser, encodeSampling, encodeServiceTier, encodeStop, outputLimit } from "./settings.ts";
import { encodeThinking, type Thought } from "./thinking.ts";
import { loopLacksThoughts, withSignedThoughts } from "./thoughts.ts";
import { type Chosen, encodeToolChoice, isForced } from "./tool-choice.ts";
import { encodeTools, toolRenames, toolsOfHistory } from "./tools.ts";
import { collectWarnings, type Warn } from "./warn.ts";
import type { MessagesRequest, TextBlock, WireMessage, WireTool } from "./wire.ts";

/** Above this many tokens an answer is streamed: it may take longer than connections are left silent. */
const LONGEST_SILENCE = 21_333;

/** As `encodingRequest`, without a pause. */
export function encodeRequest(chat: ChatRequest, target: TargetModel, json?: Allowance): EncodedRequest {
  return atOnce(encodingRequest(chat, target, json));
}

/**
 * A request for a model of this API. The same request gives the same bytes, and one that goes on from another begins
 * with the other's bytes.
 * @param json what may be read of tool arguments, which are JSON inside of strings
 * @throws GatewayError `invalid_value` or `unsupported_parameter` for what the model or the API cannot take
 */
export function* encodingRequest(
  chat: ChatRequest,
  target: TargetModel,
  json: Allowance = allowance(REQUEST_LIMITS),
): Work<EncodedRequest> {
  const { warn, codes } = collectWarnings();
  const model = capabilitiesOf(target.model, target.refuses);
  const maxTokens = outputLimit(chat.maxTokens, target, model, warn);
  const { system, messages } = yield* readConversation(chat, target, model, warn);
  if (mayPause()) yield;
  const undeclared = chat.tools.length > 0 ? [] : toolsOfHistory(messages);
  const thought = decideThinking(chat, target, { model, maxTokens, messages }, warn);
  const mayForce = model.forcedTool && !refusesForce(thought, target);
  // The form of the answer goes before that of calls where the provider cannot hold both.
  const budget = newBudget();
  const mayForceTool = mayForce && chat.tools.length === 0 && undeclared.length === 0;
  const formatting = encodeFormat(chat.format, { structured: model.structured, mayForceTool, budget }, warn);
  const renames = toolRenames(chat.tools);
  if (mayPause()) yield;
  const declared = yield* encodeTools(chat.tools, { structured: model.structured, budget, renames }, warn);
  const tools = declared.length > 0 ? declared : undeclared;
  const chosen = choose(chat, declared, { tools, formatting, mayForce }, warn);
  const prefill = model.prefill && !endsBlank(chat, messages) && thought.thinking?.type !== "enabled" &&
    formatting.format === undefined;
  const stream = chat.stream || maxTokens > LONGEST_SILENCE;

  const placeOf = (part: Part) => findPlace(chat.messages, part);
  const context: PartContext = { warn, placeOf, renames, json };
  if (mayPause()) yield;
  const turns = endTurn(messages, prefill, warn);
  const written = yield* mapped(turns, (message) => encodeMessage(message, context));
  if (mayPause()) yield;
  const body: MessagesRequest = {
    model: target.model,
    max_tokens: maxTokens,
    ...(stream ? { stream } : {}),
    ...encodeSampling(chat, model, thought.thinking, warn),
    ...encodeStop(chat.stop, warn),
    ...encodeEndUser(chat.endUser),
    ...encodeServiceTier(chat.serviceTier, warn),
    ...wholeMark(chat, target),
    ...(thought.thinking ? { thinking: thought.thinking } : {}),
    ...outputConfig(thought, formatting),
    ...(chosen.choice ? { tool_choice: chosen.choice } : {}),
    ...(chosen.tools.length > 0 ? { tools: chosen.tools } : {}),
    ...instructions(system.map(encodeText), formatting),
    messages: written,
  };
  // A schema that was refused is not enforced, by whatever other way it goes.
  if (target.refuses.has("output_format") && chat.format?.type === "schema") warn("json_schema_unenforced");
  const learned = learnedEdits(body, target.refuses);
  if (mayPause()) yield;
  for (const code of learned.warnings) warn(code);
  const limited = limitMarks(body, warn);
  if (mayPause()) yield;
  return {
    body: editedObject(limited, learned.edits),
    stream,
    headers: betaHeader(chat.betas ?? [], body.messages),
    warnings: codes,
    undo: undoOf(chat, target, formatting, renames),
  };
}

/** A last turn of the user's that says nothing is dropped; the answer before it is complete all the same. */
function endsBlank(chat: ChatRequest, messages: readonly Message[]): boolean {
  return chat.messages.at(-1)?.role === "user" && messages.at(-1)?.role === "assistant";
}

/** The messages in the order and the shape that the API wants, tool calls paired and named. */
function* readConversation(
  chat: ChatRequest,
  target: TargetModel,
  model: Capabilities,
  warn: Warn,
): Work<History> {
  const signed = withSignedThoughts(chat.messages, model, target.refuses.has("thinking_blocks"), warn);
  if (mayPause()) yield;
  const { system, messages } = yield* readHistory(signed, model.midSystem, warn);
  if (mayPause()) yield;
  const paired = pairToolCalls(messages, pairingOf(chat.losses, target.options.repair), warn);
  if (mayPause()) yield;
  return { system, messages: nameToolCalls(paired) };
}

function decideThinking(
  chat: ChatRequest,
  target: TargetModel,
  given: { model: Capabilities; maxTokens: number; messages: readonly Message[] },
  warn: Warn,
): Thought {
  const lacks = target.refuses.has("tool_loop_thinking") || loopLacksThoughts(given.messages);
  const thought = encodeThinking(chat.reasoning, { ...given, loopLacksThoughts: lacks }, warn);
  const onlyByEffort = chat.reasoning?.mode === undefined;
  if (!onlyByEffort || thought.thinking?.type !== "enabled" || !isForced(chat.toolChoice)) return thought;
  // The client named the tool call and not the budget: the call goes first.
  warn("reasoning_effort");
  return thought.effort ? { effort: thought.effort } : {};
}

/** True when thinking, as the request has it, stands against making the model call a tool. */
function refusesForce({ thinking }: Thought, target: TargetModel): boolean {
  if (thinking?.type === "enabled") return true;
  return thinking?.type === "adaptive" && target.refuses.has("forced_tool_with_thinking");
}

/** The tools and the choice among them: the client's, those that its history names, or the one that holds the answer. */
function choose(
  chat: ChatRequest,
  declared: readonly WireTool[],
  given: { tools: readonly WireTool[]; formatting: Formatting; mayForce: boolean },
  warn: Warn,
): Chosen {
  const { tool } = given.formatting;
  const options = {
    forced: given.mayForce,
    parallel: chat.parallelToolCalls !== false && !chat.legacyFunctions,
  };
  if (declared.length > 0) return encodeToolChoice(chat.toolChoice, declared, options, warn);
  if (isForced(chat.toolChoice)) {
    throw invalidValue("tool_choice", "A tool must be called but none is declared");
  }
  if (tool) {
    return { tools: [tool], choice: { type: "tool", name: tool.name, disable_parallel_tool_use: true } };
  }
  return given.tools.length > 0 ? { tools: given.tools, choice: { type: "none" } } : { tools: [] };
}

function wholeMark(chat: ChatRequest, target: TargetModel): Pick<MessagesRequest, "cache_control"> {
  const mark = chat.cache ?? (target.options.autoCache && !chat.explicitCache ? {} : undefined);
  return cacheControl(mark);
}

function outputConfig(thought: Thought, formatting: Formatting): Pick<MessagesRequest, "output_config"> {
  const config = {
    ...(thought.effort ? { effort: thought.effort } : {}),
    ...(formatting.format ? { format: formatting.format } : {}),
  };
  return Object.keys(config).length > 0 ? { output_config: config } : {};
}

function instructions(system: readonly TextBlock[], formatting: Formatting): Pick<MessagesRequest, "system"> {
  const { instruction } = formatting;
  const blocks: TextBlock[] = instruction === undefined
    ? [...system]
    : [...system, { type: "text", text: instruction }];
  return blocks.length > 0 ? { system: blocks } : {};
}

const FILES_BETA = "files-api-2025-04-14";

function betaHeader(betas: readonly string[], messages: readonly WireMessage[]): Record<string, string> {
  const named = new Set(usesFiles(messages) ? [...betas, FILES_BETA] : betas);
  return named.size > 0 ? { "anthropic-beta": [...named].join(",") } : {};
}

function usesFiles(messages: readonly WireMessage[]): boolean {
  return messages.some(({ content }) =>
    content.some((block) => {
      const inner = block.type === "tool_result" && typeof block.content === "object"
        ? block.content
        : [block];
      return inner.some((each) => "source" in each && each.source.type === "file");
    })
  );
}

function undoOf(
  chat: ChatRequest,
  target: TargetModel,
  formatting: Formatting,
  renames: ReadonlyMap<string, Renames>,
): Undo {
  const custom = chat.tools.filter((tool) => tool.kind === "custom").map((tool) => tool.name);
  const { members: text, undo } = formatting;
  const tools = new Map([...renames].map(([tool, names]) => [tool, { names: backwards(names) }]));
  return {
    model: target.model,
    ...(custom.length > 0 ? { customTools: new Set(custom) } : {}),
    ...(tools.size > 0 || text
      ? { members: { ...(tools.size > 0 && { tools }), ...(text && { text }) } }
      : {}),
    ...undo,
  };
}

/** Where a part stands among the client's messages. */
function findPlace(messages: readonly Message[], sought: Part): string {
  for (const [at, { content }] of messages.entries()) {
    const index = content.findIndex((part) =>
      part === sought || (part.type === "tool-result" && part.content.some((inner) => inner === sought))
    );
    if (index !== -1) return `messages[${at}].content[${index}]`;
  }
  return "messages";
}
