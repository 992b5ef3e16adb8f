/** Structured answers: by the API's own means where the schema allows, else by a tool, else by asking for it. */

import type { ResponseFormat } from "../../chat.ts";
import { type JsonObject, stringifyJson } from "../../json.ts";
import type { Undo } from "../dialect.ts";
import type { MemberRules } from "../rewrite-members.ts";
import type { Warn } from "./warn.ts";
import { describe } from "../json-schema.ts";
import { modernSchema } from "../modern-schema.ts";
import { backwards, renameProperties, renamesOf } from "../property-names.ts";
import { type Budget, cleanSchema, isEnforceable } from "./schema.ts";
import { PROPERTY_NAMES } from "./tools.ts";
import type { OutputConfig, WireTool } from "./wire.ts";

export interface Formatting {
  readonly format?: OutputConfig["format"];
  /** A tool whose input is the answer, to be forced. */
  readonly tool?: WireTool;
  /** What to add to the instructions. */
  readonly instruction?: string;
  readonly undo: Pick<Undo, "jsonTool" | "stripFence">;
  /** What the answer's members are called there, if that is not what the client calls them. */
  readonly members?: MemberRules;
}

export interface FormatSetting {
  /** The model takes `output_config.format`. */
  readonly structured: boolean;
  /** A tool of ours may be forced: the model can be made to call one and the request has none of its own. */
  readonly mayForceTool: boolean;
  /** What schemas may still cost. */
  readonly budget: Budget;
}

/** How the answer is brought into the form that the client wants. */
export function encodeFormat(
  format: ResponseFormat | undefined,
  setting: FormatSetting,
  warn: Warn,
): Formatting {
  if (format === undefined) return { undo: {} };
  if (format.type === "json") {
    warn("response_format");
    return asked("Reply with one valid JSON object and nothing else.");
  }
  const written = modernSchema(format.schema);
  const renames = renamesOf(written, PROPERTY_NAMES);
  const sent = renameProperties(written, renames);
  const restored = renames.size === 0 ? {} : { members: { names: backwards(renames) } };
  if (setting.structured && isEnforceable(sent, setting.budget)) {
    const schema = cleanSchema(sent);
    const described = format.description ? describe(schema, format.description) : schema;
    return { format: { type: "json_schema", schema: described }, undo: {}, ...restored };
  }
  if (setting.mayForceTool && isToolSchema(sent)) {
    return { ...byTool(sent, format.description), ...restored };
  }
  warn("json_schema_unenforced");
  return asked(
    "Reply with one JSON value matching this schema and nothing else.\n" +
      stringifyJson(format.description ? describe(format.schema, format.description) : format.schema),
  );
}

function asked(instruction: string): Formatting {
  return { instruction, undo: { stripFence: true } };
}

const JSON_TOOL = "json_response";

function byTool(schema: JsonObject, description: string | undefined): Formatting {
  return {
    tool: { name: JSON_TOOL, description: description || "The answer.", input_schema: schema },
    undo: { jsonTool: JSON_TOOL },
  };
}

/** A tool's input is an object, without alternatives at its root. */
function isToolSchema(schema: JsonObject): boolean {
  return schema.type === "object" &&
    !["anyOf", "oneOf", "allOf", "$ref"].some((key) => schema[key] !== undefined);
}
