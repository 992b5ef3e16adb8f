/** Tool calls and their results: each call answered in the very next turn, in the order of the calls. One rule for all dialects. */

import type { Loss, Message, Part, ToolCallPart, ToolResultPart, Warning } from "../chat.ts";
import { invalidValue } from "../errors.ts";
import { takeById } from "./normal-form.ts";

/** A client's message and its number in the client's list, which the normal form forgets. */
export interface NumberedMessage {
  readonly index: number;
  readonly message: Message;
}

/** What is not paired, and where. */
export type Unpaired =
  /** @param asked the message with the calls @param expected the message that stands where a result was expected */
  | { readonly kind: "unanswered"; readonly asked: number; readonly expected: number; readonly ids: string[] }
  | { readonly kind: "unasked"; readonly at: number; readonly id: string };

/**
 * The calls without a result and the results without a call. Messages of one role that follow each other are one turn;
 * system messages do not count.
 */
export function unpairedCalls(messages: readonly NumberedMessage[]): Unpaired[] {
  const found: Unpaired[] = [];
  if (!messages.some(({ message }) => isPaired(message))) return found;
  /** How many calls of an id wait for a result. */
  let open = new Map<string, number>();
  let answering = false;
  let asked = 0;
  /** The message that stands where a result was expected; the last one of the turn if nothing follows. */
  let blamed: number | undefined;
  let last = 0;
  const close = () => {
    const ids = [...open.keys()];
    if (ids.length > 0) found.push({ kind: "unanswered", asked, expected: blamed ?? last, ids });
    open = new Map();
    blamed = undefined;
  };
  const answer = (id: string): boolean => {
    const count = open.get(id);
    if (count === undefined) return false;
    if (count === 1) open.delete(id);
    else open.set(id, count - 1);
    return true;
  };
  for (const { index, message } of messages) {
    if (message.role === "system") continue;
    if (message.role === "assistant") {
      if (answering) close();
      answering = false;
      for (const { id } of message.content.filter(isCall)) {
        open.set(id, (open.get(id) ?? 0) + 1);
        asked = index;
      }
    } else {
      const results = message.content.filter(isResult);
      if (results.length === 0) blamed ??= index;
      for (const { id } of results) if (!answer(id)) found.push({ kind: "unasked", at: index, id });
      answering = true;
    }
    last = index;
  }
  close();
  return found;
}

export interface PairingOptions {
  /** Missing results are made up and stray ones left out, instead of a refusal. */
  readonly repair: boolean;
  /** What the decoder found amiss, in the client's own terms. */
  readonly loss: Loss | undefined;
}

/** How a conversation is paired for a target: what the decoder of the client's dialect found is told in its words. */
export function pairingOf(losses: readonly Loss[], repair: boolean | undefined): PairingOptions {
  return { repair: repair === true, loss: losses.find(({ code }) => code === "unpaired_tool_calls") };
}

/**
 * Pairs calls and results; afterwards the n-th result of a turn answers the n-th call of the turn before.
 * @throws GatewayError `invalid_value` for a call without a result or a result without a call
 */
export function pairToolCalls(
  messages: readonly Message[],
  options: PairingOptions,
  warn: (code: Warning) => void,
): readonly Message[] {
  if (!messages.some((message) => isPaired(message) || message.content.length === 0)) return messages;
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

/** The words of the OpenAI API, which most clients know. */
export const UNANSWERED =
  "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
  "The following tool_call_ids did not have response messages";
export const UNASKED =
  "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'";

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

/** Whether a message has a call or a result: a conversation in words alone has nothing to pair. */
function isPaired({ content }: Message): boolean {
  return content.some((part) => isCall(part) || isResult(part));
}

export function isCall(part: Part): part is ToolCallPart {
  return part.type === "tool-call";
}

export function isResult(part: Part): part is ToolResultPart {
  return part.type === "tool-result";
}
