/** Ids of tool calls as a model takes them: calls and their results alike, and the same id in every turn. */

import { sha256 } from "../../digest.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import { learnedLimit } from "../lessons.ts";
import type { TargetModel } from "../dialect.ts";

/** Mistral's tokenizers take nine letters and digits and nothing else, wherever its models run. */
export const MISTRALS =
  /(?:^|[/:])(?:open-)?(?:mistral|mixtral|magistral|codestral|devstral|ministral|pixtral|voxtral|mathstral)/i;

/** Ids that are longer are refused by the models that this API is named after. */
const LONGEST = 40;

/** The most characters of an id that the model takes; 9 stands for nine letters and digits. */
export function longestId(target: TargetModel): number {
  const learned = learnedLimit(target.refuses, "call_ids");
  if (learned <= 9 || MISTRALS.test(target.model)) return 9;
  return Math.min(learned, LONGEST);
}

/** The id itself if the model takes it, else one that is made of it and of nothing else. */
export function sentId(id: string, longest: number): string {
  if (longest <= 9) return /^[a-zA-Z0-9]{9}$/.test(id) ? id : nineOf(id);
  if (id.length <= longest) return id;
  return `call_${sha256(id).slice(0, Math.min(32, longest - 5))}`;
}

const LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** 62^9 are enough that no two ids of a conversation meet. */
function nineOf(id: string): string {
  let rest = BigInt(`0x${sha256(id).slice(0, 16)}`);
  let text = "";
  for (let count = 0; count < 9; count++) {
    text += LETTERS[Number(rest % 62n)];
    rest /= 62n;
  }
  return text;
}

/** The ids in a request's history that have to be others. */
export function callIdEdits(body: JsonObject, longest: number): Edit[] {
  const messages: readonly Json[] = Array.isArray(body.messages) ? body.messages : [];
  const edits: Edit[] = [];
  const check = (id: Json | undefined, path: Edit["path"]) => {
    if (typeof id !== "string" || id === "") return;
    const sent = sentId(id, longest);
    if (sent !== id) edits.push({ path, value: sent });
  };
  messages.forEach((message, at) => {
    if (!isObject(message)) return;
    check(message.tool_call_id, ["messages", at, "tool_call_id"]);
    const calls: readonly Json[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
    calls.forEach((call, number) => {
      if (isObject(call)) check(call.id, ["messages", at, "tool_calls", number, "id"]);
    });
  });
  return edits;
}
