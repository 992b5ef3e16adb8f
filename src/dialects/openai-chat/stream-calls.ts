/** Tool calls in a stream: which pieces belong to which call, however the server numbers them. */

import { append } from "../../append.ts";
import type { ChatEvent } from "../../chat.ts";
import { isObject, type JsonObject, stringifyJson } from "../../json.ts";
import { isAbsent } from "../absent.ts";
import { type ArgumentReader, isNoInput, readArguments, readText } from "../arguments.ts";
import type { Undo } from "../dialect.ts";
import { textOf } from "./content.ts";
import { callExtra } from "./decode-assistant.ts";
import { calledOf } from "./decode-reply.ts";
import { callId } from "./wire.ts";

export interface Calls {
  /** What one piece of a call adds. */
  push(delta: JsonObject): ChatEvent[];
  /** Ends every call: pieces of calls may alternate, so none is complete before the answer is. */
  close(): ChatEvent[];
  count(): number;
  /** Some call has arguments and never had a name. One that has neither is nothing. */
  nameless(): boolean;
  /** The arguments of some call break off. */
  cut(): boolean;
}

interface Call {
  id: string;
  /** Its number and its arguments; undefined as long as its name is not known. */
  begun: { readonly index: number; readonly input: ArgumentReader } | undefined;
  /** Arguments that came before the name. */
  held: string;
}

/** @param reply the answer's id, of which ids are made for calls that have none */
export function readCalls(reply: string, undo: Undo): Calls {
  const calls: Call[] = [];
  const byIndex = new Map<number, Call>();
  /** The first call of an id. */
  const byId = new Map<string, Call>();
  /** Those that were given out. */
  const ids = new Set<string>();
  let begun = 0;
  /** The call that began last. */
  let last: Call | undefined;

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
    const call: Call = { id, begun: undefined, held: "" };
    calls.push(call);
    if (typeof delta.index === "number") byIndex.set(delta.index, call);
    return call;
  };

  const begin = (call: Call, name: string, delta: JsonObject): ChatEvent[] => {
    const before = last?.begun ? added(last.begun.index, last.begun.input.pass()) : [];
    const index = begun++;
    last = call;
    const kind = isCustom(delta) ? "custom" : "function";
    // Some servers give one id to several calls.
    const id = call.id === "" || ids.has(call.id) ? callId(reply, index, name) : call.id;
    ids.add(id);
    call.begun = { index, input: kind === "custom" ? readText() : readArguments() };
    return [...before, {
      type: "tool-call-start",
      index,
      id,
      name: undo.toolNames?.get(name) ?? name,
      kind,
      ...callExtra(delta),
    }];
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
      const events: ChatEvent[] = !call.begun && name !== "" ? begin(call, name, delta) : [];
      const input = call.held + inputOf(delta);
      call.held = call.begun ? "" : input;
      if (call.begun) append(events, added(call.begun.index, call.begun.input.push(input)));
      return events;
    },
    close: () => {
      const known = calls.flatMap(({ begun }) => begun ? [begun] : []);
      return [
        ...known.flatMap(({ index, input }) => added(index, input.end())),
        ...known.map(({ index }): ChatEvent => ({ type: "tool-call-end", index })),
      ];
    },
    count: () => begun,
    nameless: () => calls.some(({ begun, held }) => !begun && !isNoInput(held)),
    cut: () => calls.some(({ begun }) => begun?.input.isCut()),
  };
}

function added(index: number, input: string): ChatEvent[] {
  return input === "" ? [] : [{ type: "tool-call-delta", index, input }];
}

function isCustom(delta: JsonObject): boolean {
  return (delta.type === "custom" && isAbsent(delta.function)) || calledOf(delta).kind === "custom";
}

/** A name of blanks is none. */
function nameOf(delta: JsonObject): string {
  const name = textOf(calledOf(delta).called.name);
  return name.trim() === "" ? "" : name;
}

function inputOf(delta: JsonObject): string {
  const { input } = calledOf(delta);
  if (typeof input === "string") return input;
  return isObject(input) ? stringifyJson(input) : "";
}
