/** Structured answers: by the API's own means where the schema allows, else by a tool, else by asking for it. */

import type { ResponseFormat } from "../../chat.ts";
import { type JsonObject, stringifyJson } from "../../json.ts";
import type { Undo } from "../dialect.ts";
import type { Warn } from "./warn.ts";
import { cleanSchema, describe, isEnforceable } from "./schema.ts";
import type { OutputConfig, WireTool } from "./wire.ts";

export interface Formatting {
  readonly format?: OutputConfig["format"];
  /** A tool whose input is the answer, to be forced. */
  readonly tool?: WireTool;
  /** What to add to the instructions. */
  readonly instruction?: string;
  readonly undo: Pick<Undo, "jsonTool" | "stripFence">;
}

export interface FormatSetting {
  /** The model takes `output_config.format`. */
  readonly structured: boolean;
  /** A tool of ours may be forced: the model can be made to call one and the request has none of its own. */
  readonly mayForceTool: boolean;
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
  if (setting.structured && isEnforceable(format.schema)) {
    const schema = cleanSchema(format.schema);
    const described = format.description ? describe(schema, format.description) : schema;
    return { format: { type: "json_schema", schema: described }, undo: {} };
  }
  if (setting.mayForceTool && isToolSchema(format.schema)) return byTool(format.schema, format.description);
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
