/** Structured answers: held to their schema where strict mode takes it, else asked for. */

import type { ResponseFormat } from "../../chat.ts";
import { type JsonObject, members } from "../../json.ts";
import { describe } from "../json-schema.ts";
import { modernSchema } from "../modern-schema.ts";
import type { MemberRules } from "../rewrite-members.ts";
import type { Encoding } from "./encoding.ts";
import { formInstruction } from "./learned.ts";
import { strictSchema } from "./strict-schema.ts";

export interface Formatting {
  /** `response_format`. */
  readonly format?: JsonObject;
  /** What to add to the instructions. */
  readonly instruction?: string;
  /** What the answer has that the client's schema has not. */
  readonly members?: MemberRules;
}

/** How the answer is brought into the form that the client wants. */
export function encodeFormat(format: ResponseFormat | undefined, { target, warn }: Encoding): Formatting {
  if (format === undefined) return {};
  if (format.type === "json") return { format: { type: "json_object" } };
  const { name = "response", description } = format;
  const schema = modernSchema(format.schema);
  const told = description ? describe(schema, description) : schema;
  if (target.refuses.has("response_format.json_schema")) {
    warn("json_schema_unenforced");
    const format = schema.type === "object" ? { format: { type: "json_object" } } : {};
    return { ...format, instruction: formInstruction(told) };
  }
  const written = (held: JsonObject, strict: boolean) => ({
    type: "json_schema",
    json_schema: members(Object.entries({ name, description, schema: held, strict })),
  });
  const wanted = format.strict !== false && !target.refuses.has("response_format.strict");
  const strict = wanted ? strictSchema(schema) : undefined;
  if (strict) {
    const { absent } = strict;
    return { format: written(strict.schema, true), ...(absent.size > 0 && { members: { absent } }) };
  }
  if (format.strict !== false) warn("json_schema_unenforced");
  if (schema.type === "object") return { format: written(schema, false) };
  // The API takes objects alone, held to or not: such a schema is asked for.
  warn("json_schema_unenforced");
  return { instruction: formInstruction(told) };
}
