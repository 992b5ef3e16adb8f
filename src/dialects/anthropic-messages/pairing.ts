/** Tool calls and their results: each call answered in the very next turn, in the order of the calls, under ids that the API takes. */

import type { Loss, Message, Part, ToolCallPart, ToolResultPart } from "../../chat.ts";
import { sha256 } from "../../digest.ts";
import { invalidValue } from "../../errors.ts";
import { takeById } from "../normal-form.ts";
import type { Warn } from "./warn.ts";

export interface PairingOptions {
  /** Missing results are made up and stray ones left out, instead of a refusal. */
  readonly repair: boolean;
  /** What the decoder found amiss, in the client's own terms. */
  readonly loss: Loss | undefined;
}

/**
 * Pairs calls and results; afterwards the n-th result of a turn answers the n-th call of the turn before.
 * @throws GatewayError `invalid_value` for a call without a result or a result without a call
 */
export function pairToolCalls(
  messages: readonly Message[],
  options: PairingOptions,
  warn: Warn,
): readonly Message[] {
  const refuse = (at: number, reason: string): void => {
    if (!options.repair) {
      throw invalidValue(options.loss?.field ?? `messages.[${at}].role`, options.loss?.message ?? reason);
    }
    warn("unpaired_tool_calls");
  };

  const paired: Message[] = [];
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    const calls = message.role === "assistant" ? message.content.filter(isCall) : [];
    if (message.role !== "user") paired.push(message);
    if (message.role !== "user" && calls.length === 0) continue;

    const answering = calls.length > 0 ? at + 1 : at;
    const reply = messages[answering];
    const turn = reply?.role === "user" ? reply.content : [];
    const { results, missing, stray } = match(calls, turn.filter(isResult));
    if (missing.length > 0) refuse(at, `${UNANSWERED}: ${missing.join(", ")}`);
    if (stray) refuse(answering, UNASKED);
    const content = [...results, ...turn.filter((part) => !isResult(part))];
    if (content.length > 0) paired.push({ role: "user", content });
    if (turn.length > 0) at = answering;
  }
  return paired;
}

const UNANSWERED =
  "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
  "The following tool_call_ids did not have response messages";
const UNASKED = "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'";

/** For each call its result, by id, and in order where an id stands twice. */
function match(calls: readonly ToolCallPart[], results: readonly ToolResultPart[]) {
  const next = takeById(results);
  let taken = 0;
  const missing: string[] = [];
  const matched = calls.map((call): ToolResultPart => {
    const result = next(call.id);
    if (result) {
      taken++;
      return result;
    }
    missing.push(call.id);
    return {
      type: "tool-result",
      id: call.id,
      content: [{ type: "text", text: "No result was provided." }],
      failed: true,
    };
  });
  return { results: matched, missing, stray: taken < results.length };
}

/**
 * Gives every call of a paired conversation an id of its own that the API takes, and its result the same one. An id
 * depends on what stands before it alone.
 */
export function nameToolCalls(messages: readonly Message[]): readonly Message[] {
  const unique = uniqueNames();
  let answers: string[] = [];
  return messages.map((message) => {
    if (message.role === "system") return message;
    const ids = message.role === "assistant"
      ? message.content.filter(isCall).map((call) => unique(legalId(call.id)))
      : answers;
    answers = ids;
    const next = ids.values();
    const content = message.content.map((part): Part =>
      isCall(part) || isResult(part) ? { ...part, id: next.next().value ?? part.id } : part
    );
    return { role: message.role, content };
  });
}

/** Two ids that differ only in characters that the API refuses stay two. */
export function legalId(id: string): string {
  if (/^[a-zA-Z0-9_-]+$/.test(id)) return id;
  return `${id.replace(/[^a-zA-Z0-9_-]/gu, "_")}_${sha256(id).slice(0, 8)}`;
}

/** Gives a name that was not given before: `call`, `call_2`, `call_3`. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  /** For each name the next number to try: those below it are taken. */
  const numbers = new Map<string, number>();
  return (name) => {
    let free = name;
    let number = numbers.get(name) ?? 2;
    while (taken.has(free)) free = `${name}_${number++}`;
    numbers.set(name, number);
    taken.add(free);
    return free;
  };
}

export function isCall(part: Part): part is ToolCallPart {
  return part.type === "tool-call";
}

function isResult(part: Part): part is ToolResultPart {
  return part.type === "tool-result";
}
