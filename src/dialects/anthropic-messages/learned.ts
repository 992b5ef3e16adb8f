/** Fields that a model of this API was found not to know, taken out of a request: ours or one that a client wrote. */

import type { Warning } from "../../chat.ts";
import { isObject, type Json, type JsonObject } from "../../json.ts";
import type { Edit } from "../../json-edit.ts";
import type { RelayEdits } from "../dialect.ts";
import { refusesField } from "../lessons.ts";

/** Members of a tool that are settings: the tool is the same without them. */
export const TOOL_SETTINGS: readonly string[] = [
  "strict",
  "input_examples",
  "defer_loading",
  "allowed_callers",
  "eager_input_streaming",
  "cache_control",
];

export function learnedEdits(body: JsonObject, refuses: ReadonlySet<string>): RelayEdits {
  if (refuses.size === 0) return { edits: [], warnings: [] };
  const members = Object.entries(body)
    .filter(([name, value]) => refusesField(refuses, name, value))
    .map(([name]): Edit => ({ path: [name], value: undefined }));
  const warnings: Warning[] = members.map(({ path }) => String(path[0]));
  const settings = TOOL_SETTINGS.filter((name) => refuses.has(`tools.${name}`));
  const tools: readonly Json[] = settings.length > 0 && Array.isArray(body.tools) ? body.tools : [];
  const inner = tools.flatMap((tool, at) =>
    settings.filter((name) => isObject(tool) && Object.hasOwn(tool, name))
      .map((name): Edit => ({ path: ["tools", at, name], value: undefined }))
  );
  return { edits: [...members, ...inner], warnings: inner.length > 0 ? [...warnings, "tools"] : warnings };
}
