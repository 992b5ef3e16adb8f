/**
 * What a relayed request of this API changes. Its history may hold what another model gave the client through this
 * proxy: thoughts without a proof, and ids of calls that the API does not take. Both go on in a way that the model can
 * read; nobody's own words are touched.
 */

import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import type { RelayEdits, TargetModel } from "../dialect.ts";
import { type Capabilities, capabilitiesOf } from "./models.ts";
import { legalId, uniqueNames } from "./call-ids.ts";
import { takeBack } from "./handed-ids.ts";
import { standInEdits } from "./stand-in.ts";

export function relayEdits(body: JsonObject, target: TargetModel): RelayEdits {
  if (!target.standsIn && !hasTraces(body)) return { edits: [], warnings: [] };
  const model = capabilitiesOf(target.model, target.refuses);
  const thoughts = foreignThoughts(body, model, target);
  const history = [...thoughts.edits, ...model.proofs ? callIdEdits(body) : []];
  const foreign = thoughts.edits.length > 0 ? ["thinking_dropped"] : [];
  const lacking = thoughts.loopLacks && isObject(body.thinking) && body.thinking.type === "enabled";
  if (!target.standsIn) {
    const edits: Edit[] = lacking ? [...history, { path: ["thinking"], value: undefined }] : history;
    return { edits, warnings: lacking ? [...foreign, "thinking"] : foreign };
  }
  const settings = standInEdits(body, target, model, thoughts.loopLacks);
  return { edits: [...history, ...settings.edits], warnings: [...foreign, ...settings.warnings] };
}

/** Whether the history has more of an earlier model than its words. Most requests are done with here. */
function hasTraces({ messages }: JsonObject): boolean {
  if (!Array.isArray(messages)) return false;
  for (const message of messages) {
    if (!isObject(message) || !Array.isArray(message.content)) continue;
    for (const block of message.content) {
      if (isThought(block) || isCall(block) || isResult(block)) return true;
    }
  }
  return false;
}

interface Foreign {
  readonly edits: readonly Edit[];
  /** A turn of the open tool loop is without its thought now: a thinking budget would be refused (opencode#3077). */
  readonly loopLacks: boolean;
}

/**
 * Thoughts that the model cannot read: it signs its own, and one without a signature can only be another's. Where the
 * provider refused one of this conversation's signatures, they go all, as they are bound to each other.
 */
function foreignThoughts(
  body: JsonObject,
  model: Capabilities,
  { refuses, standsIn }: TargetModel,
): Foreign {
  const all = refuses.has("thinking_blocks") || model.thinking.length === 0;
  const messages: readonly Json[] = Array.isArray(body.messages) ? body.messages : [];
  const edits: Edit[] = [];
  /** Assistant's turns that end up without a thought, and would not have. */
  const bare = new Set<number>();
  messages.forEach((message, at) => {
    if (!isObject(message) || message.role !== "assistant" || !Array.isArray(message.content)) return;
    const blocks: readonly Json[] = message.content;
    const gone = blocks.map((block) => isForeign(block, model, all));
    if (!gone.includes(true)) return;
    if (!gone.includes(false)) {
      edits.push({ path: ["messages", at], value: undefined });
      return;
    }
    gone.forEach((is, number) => {
      if (is) edits.push({ path: ["messages", at, "content", number], value: undefined });
    });
    if (!blocks.some((block, number) => !gone[number] && isThought(block))) bare.add(at);
  });
  const lacks = standsIn
    ? openLoop(messages).some((at) => !blocksOf(messages[at]).some(isThought))
    : refuses.has("tool_loop_thinking") && loopIsForeign(messages);
  return { edits, loopLacks: lacks || openLoop(messages).some((at) => bare.has(at)) };
}

function isForeign(block: Json, model: Capabilities, all: boolean): boolean {
  if (all) return isThought(block);
  if (!model.proofs || !isObject(block) || block.type !== "thinking") return false;
  return typeof block.signature !== "string" || block.signature === "";
}

function isThought(block: Json): boolean {
  return isObject(block) && (block.type === "thinking" || block.type === "redacted_thinking");
}

/** The assistant's turns of the tool loop that the last message goes on with, from the last to the first. */
function openLoop(messages: readonly Json[]): number[] {
  const turns: number[] = [];
  for (let at = messages.length - 1; at > 0 && blocksOf(messages[at]).some(isResult); at -= 2) {
    turns.push(at - 1);
  }
  return turns;
}

/** The loop has calls of another model's. */
function loopIsForeign(messages: readonly Json[]): boolean {
  return openLoop(messages).some((at) =>
    blocksOf(messages[at]).some((block) => isCall(block) && !isOwnId(String(block.id)))
  );
}

/** This API's own ids begin with the name of what they are for; those that were made for other providers' calls do too. */
function isOwnId(id: string): boolean {
  return id.startsWith("toolu_") && takeBack(id) === id && !/^toolu_[0-9a-f]{24}$/.test(id);
}

/** Ids that the API refuses, and ids that stand twice, get others: calls and their results alike. */
function callIdEdits(body: JsonObject): Edit[] {
  const messages: readonly Json[] = Array.isArray(body.messages) ? body.messages : [];
  const unique = uniqueNames();
  const edits: Edit[] = [];
  /** Of the last assistant's turn, by the id that the client wrote: the names that its results take, in order. */
  let answers = new Map<string, { readonly names: string[]; next: number }>();
  messages.forEach((message, at) => {
    const role = isObject(message) ? message.role : undefined;
    if (role === "assistant") answers = new Map();
    blocksOf(message).forEach((block, number) => {
      const place = (key: string) => ["messages", at, "content", number, key];
      if (role === "assistant" && isCall(block) && typeof block.id === "string") {
        const name = unique(legalId(block.id));
        const given = answers.get(block.id);
        if (given) given.names.push(name);
        else answers.set(block.id, { names: [name], next: 0 });
        if (name !== block.id) edits.push({ path: place("id"), value: name });
      } else if (role === "user" && isResult(block) && typeof block.tool_use_id === "string") {
        const given = answers.get(block.tool_use_id);
        // A result that is given twice keeps the last name: the provider refuses it as it is.
        const name = given?.names[Math.min(given.next++, given.names.length - 1)] ??
          legalId(block.tool_use_id);
        if (name !== block.tool_use_id) edits.push({ path: place("tool_use_id"), value: name });
      }
    });
  });
  return edits;
}

function blocksOf(message: Json | undefined): readonly Json[] {
  return isObject(message) && Array.isArray(message.content) ? message.content : [];
}

function isCall(block: Json): block is JsonObject {
  return isObject(block) && block.type === "tool_use";
}

function isResult(block: Json): block is JsonObject {
  return isObject(block) && block.type === "tool_result";
}
