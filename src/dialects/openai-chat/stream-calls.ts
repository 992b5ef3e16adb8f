/** Tool calls in a stream: which pieces belong to which call, however the server numbers them. */

import type { ChatEvent, ToolKind } from "../../chat.ts";
import { isObject, type JsonObject } from "../../json.ts";
import type { Undo } from "../dialect.ts";
import { textOf } from "./content.ts";
import { callExtra } from "./decode-assistant.ts";
import { argumentsOf } from "./decode-reply.ts";
import { callId } from "./wire.ts";

export interface Calls {
  /** What one piece of a call adds. */
  push(delta: JsonObject): ChatEvent[];
  /** Ends every call: pieces of calls may alternate, so none is complete before the answer is. */
  close(): ChatEvent[];
  count(): number;
  /** Some call never had a name. */
  nameless(): boolean;
}

interface Call {
  id: string;
  kind: ToolKind;
  /** Its number among those that have begun; undefined as long as its name is not known. */
  index: number | undefined;
  /** Arguments that came before the name. */
  held: string;
}

/** @param reply the answer's id, of which ids are made for calls that have none */
export function readCalls(reply: string, undo: Undo): Calls {
  const calls: Call[] = [];
  const byIndex = new Map<number, Call>();
  /** The first call of an id. */
  const byId = new Map<string, Call>();
  let begun = 0;

  const find = (delta: JsonObject, id: string): Call | undefined => {
    if (typeof delta.index !== "number") {
      return id === "" ? calls.at(-1) : byId.get(id);
    }
    const found = byIndex.get(delta.index);
    // Some servers give every call the number 0: another id with a name is another call.
    const another = id !== "" && found !== undefined && found.id !== "" && found.id !== id &&
      nameOf(delta) !== "";
    return another ? undefined : found;
  };

  const add = (delta: JsonObject, id: string): Call => {
    const call: Call = { id, kind: isCustom(delta) ? "custom" : "function", index: undefined, held: "" };
    calls.push(call);
    if (typeof delta.index === "number") byIndex.set(delta.index, call);
    return call;
  };

  const begin = (call: Call, name: string, delta: JsonObject): ChatEvent => {
    const index = call.index = begun++;
    return {
      type: "tool-call-start",
      index,
      id: call.id || callId(reply, index, name),
      name: undo.toolNames?.get(name) ?? name,
      kind: call.kind,
      ...callExtra(delta),
    };
  };

  return {
    push(delta) {
      const id = textOf(delta.id);
      // A whole call in one piece, without number and id, is a call of its own.
      const anonymous = typeof delta.index !== "number" && id === "" && nameOf(delta) !== "";
      const call = (anonymous ? undefined : find(delta, id)) ?? add(delta, id);
      if (call.id === "") call.id = id;
      if (id !== "" && call.id === id && !byId.has(id)) byId.set(id, call);
      const name = nameOf(delta);
      const events: ChatEvent[] = call.index === undefined && name !== "" ? [begin(call, name, delta)] : [];
      const input = call.held + inputOf(delta);
      call.held = call.index === undefined ? input : "";
      if (call.index !== undefined && input !== "") {
        events.push({ type: "tool-call-delta", index: call.index, input });
      }
      return events;
    },
    close: () =>
      calls.flatMap(({ index }) => index === undefined ? [] : [{ type: "tool-call-end", index } as const]),
    count: () => begun,
    nameless: () => calls.some(({ index }) => index === undefined),
  };
}

function isCustom(delta: JsonObject): boolean {
  return delta.type === "custom" || isObject(delta.custom);
}

function nameOf(delta: JsonObject): string {
  const called = delta.function ?? delta.custom;
  return isObject(called) ? textOf(called.name) : "";
}

function inputOf({ function: called, custom }: JsonObject): string {
  if (isObject(called)) return argumentsOf(called.arguments);
  return isObject(custom) ? argumentsOf(custom.input) : "";
}
