/** An answer step by step, whether its steps are the events of a stream or the fields of one whole message. */

import { type ChatEvent, isContent, type Warning } from "../../chat.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import type { Undo } from "../dialect.ts";
import { endWord, failureOf } from "../endings.ts";
import { pipe, type Stepper } from "../stepper.ts";
import { readBlocks } from "./decode-blocks.ts";
import { stripFence } from "./fence.ts";
import type { Malformed } from "./open-block.ts";
import { decodeStop } from "./stop-reasons.ts";
import { decodeUsage, mergeUsage } from "./usage.ts";

/** One step of an answer. */
export type AnswerStep =
  | { readonly type: "message"; readonly message: Json | undefined }
  | { readonly type: "block-start"; readonly index: Json | undefined; readonly block: Json | undefined }
  | { readonly type: "block-delta"; readonly index: Json | undefined; readonly delta: Json | undefined }
  | { readonly type: "block-stop"; readonly index: Json | undefined }
  | { readonly type: "stop-fields"; readonly fields: Json | undefined; readonly usage: Json | undefined }
  | { readonly type: "stop" };

/** Steps in, events out; its end is the end of the answer if a stop reason was seen, and nothing else. */
export function readAnswer(undo: Undo, malformed: Malformed): Stepper<AnswerStep, ChatEvent> {
  const steps = readSteps(undo, malformed);
  return undo.stripFence ? pipe(steps, stripFence()) : steps;
}

function readSteps(undo: Undo, malformed: Malformed): Stepper<AnswerStep, ChatEvent> {
  const blocks = readBlocks(undo, malformed);
  const warned = new Set<Warning>();
  let started = false;
  /** Something was answered. */
  let produced = false;
  let id: string | undefined;
  let usage: JsonObject = {};
  let stopFields: JsonObject | undefined;

  const start = (message: JsonObject): ChatEvent[] => {
    if (started) return [];
    started = true;
    const serviceTier = decodeServiceTier(message.usage);
    return [{
      type: "start",
      id: textOr(message.id, ""),
      model: textOr(message.model, undo.model),
      ...(serviceTier !== undefined && { serviceTier }),
    }];
  };

  const count = (update: Json | undefined): ChatEvent[] => {
    if (!isObject(update)) return [];
    usage = mergeUsage(usage, update, produced);
    const decoded = decodeUsage(usage);
    return [
      ...(decoded.usage ? [{ type: "usage", usage: decoded.usage } as const] : []),
      ...(decoded.suspect || decodeUsage(update).suspect ? [warning("usage_suspect")] : []),
    ];
  };

  const begin = (message: Json | undefined): ChatEvent[] => {
    if (isAbsent(message)) return start({});
    if (!isObject(message)) throw malformed("the answer begins without `message`");
    const given = textOr(message.id, "");
    if (id !== undefined && given !== id) throw malformed("a second answer begins inside the first");
    if (id !== undefined) return [];
    id = given;
    blocks.named(given);
    return [...start(message), ...count(message.usage)];
  };

  const finish = (): ChatEvent[] => {
    const closed = blocks.stopAll();
    produced ||= closed.some(isContent);
    const failure = failureOf(endWord(stopFields?.stop_reason).word, produced);
    if (failure) throw failure;
    const { finish, warnings } = decodeStop(stopFields ?? {}, blocks.answered());
    return [...start({}), ...closed, ...warnings.map(warning), { type: "finish", finish }, { type: "end" }];
  };

  const read = (step: AnswerStep): ChatEvent[] => {
    switch (step.type) {
      case "message":
        return begin(step.message);
      case "block-start":
        return [...start({}), ...blocks.start(step.index, step.block)];
      case "block-delta":
        return blocks.delta(step.index, step.delta);
      case "block-stop":
        return blocks.stop(step.index);
      case "stop-fields":
        // A later one may bring figures alone.
        if (isObject(step.fields) && !isAbsent(step.fields.stop_reason)) stopFields = step.fields;
        return [...start({}), ...count(step.usage)];
      case "stop":
        if (!started) throw malformed("the answer ends before it began");
        return finish();
    }
  };

  const once = (event: ChatEvent): boolean => {
    produced ||= isContent(event);
    if (event.type !== "warning") return true;
    const fresh = !warned.has(event.warning);
    warned.add(event.warning);
    return fresh;
  };

  return {
    push: (step) => read(step).filter(once),
    // What is no word says nothing of the end: the stream broke off.
    end: () => endWord(stopFields?.stop_reason).word === undefined ? [] : finish().filter(once),
  };
}

function warning(code: Warning): ChatEvent {
  return { type: "warning", warning: code };
}

function textOr(value: Json | undefined, otherwise: string): string {
  return typeof value === "string" && value !== "" ? value : otherwise;
}

function decodeServiceTier(usage: Json | undefined): string | undefined {
  const tier = isObject(usage) ? usage.service_tier : undefined;
  return tier === "standard" ? "default" : tier === "priority" ? "priority" : undefined;
}
