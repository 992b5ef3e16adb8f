/**
 * The normal form of a conversation. Wire formats differ in how they cut one turn into messages; in normal form they
 * are alike: neighbouring messages of one role are one, and tool results come first in their user message, at once
 * behind the calls that they answer.
 */

import { append } from "../append.ts";
import type { Message, Part, ToolResultPart } from "../chat.ts";
import { atOnce, mapped, mayPause, type Work } from "../work.ts";

/**
 * Messages in normal form. Nothing is lost but messages without content; the same messages always give the same
 * result, and more messages behind them change only the last one.
 */
export function normalize(messages: readonly Message[]): Message[] {
  return atOnce(normalizing(messages));
}

/** `normalize` in steps. */
export function* normalizing(messages: readonly Message[]): Work<Message[]> {
  const placed = systemsBehindResults(messages);
  if (mayPause()) yield;
  const merged = merge(placed);
  if (mayPause()) yield;
  return yield* mapped(
    merged,
    (message, at) =>
      message.role === "user" && message.content.some(isResult)
        ? { role: "user", content: resultsFirst(message.content, merged[at - 1]) }
        : message,
  );
}

/** A system message that stands between tool calls and their results goes behind the results. */
function systemsBehindResults(messages: readonly Message[]): Message[] {
  const placed: Message[] = [];
  let held: Message[] = [];
  const open = new Set<string>();
  const release = () => {
    append(placed, held);
    held = [];
  };
  for (const message of messages) {
    if (message.role === "system" && open.size > 0) {
      held.push(message);
      continue;
    }
    if (message.role !== "user") {
      release();
      if (message.role === "assistant") {
        for (const part of message.content) if (part.type === "tool-call") open.add(part.id);
      }
      placed.push(message);
      continue;
    }
    // Most messages of a user answer no call, and stay as they are.
    if (!message.content.some(isResult)) {
      if (message.content.length > 0) open.clear();
      if (open.size === 0) release();
      placed.push(message);
      continue;
    }
    const results = message.content.filter(isResult);
    const rest = message.content.filter((part) => !isResult(part));
    placed.push({ role: "user", content: results });
    for (const { id } of results) open.delete(id);
    if (rest.length > 0) open.clear();
    if (open.size === 0) release();
    placed.push({ role: "user", content: rest });
  }
  release();
  return placed;
}

function merge(messages: readonly Message[]): Message[] {
  const merged: Message[] = [];
  /** The parts of the last one, where it was put together here and may grow. */
  let growing: Part[] | undefined;
  for (const message of messages) {
    if (message.content.length === 0) continue;
    const last = merged.at(-1);
    if (last?.role !== message.role) {
      merged.push(message);
      growing = undefined;
      continue;
    }
    if (!growing) {
      growing = [...last.content];
      merged[merged.length - 1] = { role: last.role, content: growing };
    }
    append(growing, message.content);
  }
  return merged;
}

/** Results before all else: in the order of the calls if each call has one, else as they came. */
function resultsFirst(content: readonly Part[], before: Message | undefined): Part[] {
  const results = content.filter(isResult);
  const rest = content.filter((part) => !isResult(part));
  const order = before?.role === "assistant" ? callIds(before) : [];
  const next = takeById(results);
  const ordered = order.map(next).filter((result) => result !== undefined);
  const complete = ordered.length === order.length && ordered.length === results.length;
  return [...(complete ? ordered : results), ...rest];
}

/** Gives the results of an id one by one, in their order: two calls may have one id, and each takes one result. */
export function takeById(results: readonly ToolResultPart[]): (id: string) => ToolResultPart | undefined {
  const byId = new Map<string, { readonly results: ToolResultPart[]; taken: number }>();
  for (const result of results) {
    const queue = byId.get(result.id);
    if (queue) queue.results.push(result);
    else byId.set(result.id, { results: [result], taken: 0 });
  }
  return (id) => {
    const queue = byId.get(id);
    return queue?.results[queue.taken++];
  };
}

function isResult(part: Part): part is ToolResultPart {
  return part.type === "tool-result";
}

function callIds(message: Message): string[] {
  return message.content.flatMap((part) => part.type === "tool-call" ? [part.id] : []);
}
