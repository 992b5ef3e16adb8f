/**
 * What a relayed request of this API changes: the usage asked for in streams, and what another maker's model gave the
 * client and this one cannot read. A model that stands in for the one asked for gets what it is known to take.
 */

import { EFFORTS } from "../../chat.ts";
import { asNumber, isObject, type Json, type JsonObject, members } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import type { RelayEdits, TargetModel } from "../dialect.ts";
import { learnedLimit, withinLearned } from "../lessons.ts";
import { callIdEdits, longestId } from "./call-ids.ts";
import { sentEffort } from "./encode-settings.ts";
import { learnedEdits, learnedHistory, LIMITS, messagesOf } from "./learned.ts";
import { isKnown, type ModelTraits, traitsOf } from "./models.ts";
import { foreignProofs } from "./proofs.ts";

export function relayEdits(body: JsonObject, target: TargetModel): RelayEdits {
  const usage = usageEdit(body, target);
  if (!target.standsIn && !hasTraces(body)) return { edits: usage, warnings: [] };
  const traits = traitsOf(target.model);
  const proofs = foreignProofs(messagesOf(body), target);
  const parts: RelayEdits[] = [
    { edits: usage, warnings: [] },
    { edits: proofs, warnings: proofs.length > 0 ? ["thinking_dropped"] : [] },
    learnedHistory(body, target),
    { edits: idEdits(body, target, traits), warnings: [] },
    ...target.standsIn ? [learnedEdits(body, target), settingEdits(body, target, traits)] : [],
  ];
  return {
    edits: parts.flatMap(({ edits }) => edits),
    warnings: [...new Set(parts.flatMap(({ warnings }) => warnings))],
  };
}

/** Whether the history has more of an earlier model than its words. Most requests are done with here. */
function hasTraces({ messages }: JsonObject): boolean {
  if (!Array.isArray(messages)) return false;
  for (const message of messages) {
    if (!isObject(message)) continue;
    if (message.role === "tool") return true;
    if (message.role !== "assistant") continue;
    if (Array.isArray(message.content)) return true;
    for (const key in message) if (key !== "role" && key !== "content") return true;
  }
  return false;
}

/** A stream is asked for its usage, whatever else the client's options say. */
function usageEdit(body: JsonObject, { refuses }: TargetModel): Edit[] {
  if (body.stream !== true || refuses.has("stream_options")) return [];
  const options = body.stream_options ?? {};
  // What is malformed goes on as it is: the provider says what is wrong with it.
  if (!isObject(options) || options.include_usage === true) return [];
  return [{
    path: ["stream_options"],
    value: members([...Object.entries(options), ["include_usage", true]]),
  }];
}

/** Compatible servers take ids of many lengths, which may be their own. */
function idEdits(body: JsonObject, target: TargetModel, traits: ModelTraits): Edit[] {
  const longest = longestId(target);
  const strict = longest <= 9 || traits.completionTokens ||
    learnedLimit(target.refuses, "call_ids") < Infinity;
  return strict ? callIdEdits(body, longest) : [];
}

function settingEdits(body: JsonObject, target: TargetModel, traits: ModelTraits): RelayEdits {
  const parts = [
    limitEdits(body, target, traits),
    effortEdit(body, target, traits),
    dropped(body, traits.sampling ? [] : ["temperature", "top_p"], (value) => asNumber(value) === 1),
    dropped(body, traits.stop ? [] : ["stop"]),
    dropped(body, traits.safetyIdentifier ? [] : ["safety_identifier"]),
    { edits: traits.completionTokens ? [] : roleEdits(body), warnings: [] },
  ];
  return {
    edits: parts.flatMap(({ edits }) => edits),
    warnings: parts.flatMap(({ warnings }) => warnings),
  };
}

/** The limit under the name that the model knows, and no more than it answers. */
function limitEdits(body: JsonObject, target: TargetModel, traits: ModelTraits): RelayEdits {
  const [newer = "", older = ""] = LIMITS;
  const known = traits.completionTokens ? newer : older;
  const name = target.refuses.has(known) ? (known === newer ? older : newer) : known;
  const asked = asNumber(body[newer]) ?? asNumber(body[older]);
  if (asked === undefined) return { edits: [], warnings: [] };
  const limit = withinLearned(target.refuses, older, Math.min(asked, target.maxOutputTokens ?? Infinity));
  const others = LIMITS.filter((each) => each !== name && body[each] !== undefined);
  const same = asNumber(body[name]) === limit;
  return {
    edits: [
      ...others.map((each): Edit => ({ path: [each], value: undefined })),
      ...same ? [] : [{ path: [name], value: limit }],
    ],
    warnings: limit === asked ? [] : ["max_tokens"],
  };
}

function effortEdit(body: JsonObject, target: TargetModel, traits: ModelTraits): RelayEdits {
  const wanted = EFFORTS.find((effort) => effort === body.reasoning_effort);
  // A word that is no effort of the API's is the server's own.
  const foreign = typeof body.reasoning_effort === "string" && wanted === undefined;
  const tools = Array.isArray(body.tools) && body.tools.length > 0;
  const silent = tools && target.refuses.has("effort_with_tools");
  if (foreign || (!isKnown(traits) && !silent)) return { edits: [], warnings: [] };
  const effort = sentEffort(wanted, tools, { traits, target });
  if (effort === wanted) return { edits: [], warnings: [] };
  const harmless = wanted === "none" && effort === undefined;
  return {
    edits: [{ path: ["reasoning_effort"], value: effort }],
    warnings: harmless ? [] : ["reasoning_effort"],
  };
}

function dropped(
  body: JsonObject,
  names: readonly string[],
  isDefault: (value: Json | undefined) => boolean = () => false,
): RelayEdits {
  const sent = names.filter((name) => body[name] !== undefined && body[name] !== null);
  return {
    edits: sent.map((name) => ({ path: [name], value: undefined })),
    warnings: sent.filter((name) => !isDefault(body[name])),
  };
}

/** Compatible servers know instructions by their older name. */
function roleEdits(body: JsonObject): Edit[] {
  return messagesOf(body).flatMap((message, at): Edit[] =>
    message.role === "developer" ? [{ path: ["messages", at, "role"], value: "system" }] : []
  );
}
